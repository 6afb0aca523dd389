"""Invented results of a polling station (TPS) that obey every rule of the form definition.

The story is told with the field ids of the reading contract (registered voters, those who came, ballots, votes); no
form's layout is used. Nobody's real result is used either.
"""

from collections.abc import Mapping

import numpy as np

from ocr_pipeline.errors import TurusError
from ocr_pipeline.forms.definition import FormDefinition

ATTEMPTS = 60


class ResultsError(TurusError):
    """No results can be invented for this form."""

    def __init__(self, form_id: str, detail_id: str, detail_en: str) -> None:
        super().__init__(
            "no_results",
            f"Isian contoh untuk formulir {form_id} tidak dapat dibuat: {detail_id}.",
            f"Example figures for form {form_id} cannot be made: {detail_en}.",
        )


def random_results(definition: FormDefinition, rng: np.random.Generator) -> dict[str, int]:
    """Figures of one station for every number of the form; all rules hold, warnings too.

    Args:
        definition: the form.
        rng: source of chance.

    Returns:
        Field id -> value, every field of the form.

    Raises:
        ResultsError: a field id is unknown to the story, or the form's rules contradict it.
    """
    fields = [number.field for number in definition.numbers]
    for _ in range(ATTEMPTS):
        told = _story(sorted(f for f in fields if _is_choice(f)), rng)
        unknown = [field for field in fields if field not in told]
        if unknown:
            listed = ", ".join(unknown)
            raise ResultsError(definition.id, f"ruas {listed} tidak dikenal", f"fields {listed} are unknown")
        values = {field: told[field] for field in fields}
        fits = all(values[n.field] <= min(n.largest, _tally_capacity(definition, n.field)) for n in definition.numbers)
        if fits and all(rule.check(values) for rule in definition.rules):
            return values
    raise ResultsError(definition.id, "aturannya tidak terpenuhi", "its rules do not let any of the figures through")


def _is_choice(field: str) -> bool:
    return field.startswith(("paslon_", "calon_")) or field == "partai"


def _tally_capacity(definition: FormDefinition, field: str) -> int:
    tally = definition.number(field).tally
    return 10**9 if tally is None else 5 * (len(tally.x_mm) - 1) * (len(tally.y_mm) - 1)


def _story(choices: list[str], rng: np.random.Generator) -> Mapping[str, int]:
    """Every field of the reading contract, told once; sums are taken, never drawn."""
    dpt = int(np.clip(rng.normal(238, 42), 40, 300))
    men = int(rng.binomial(dpt, rng.uniform(0.46, 0.53)))
    registered = {"l": men, "p": dpt - men}
    turnout = rng.uniform(0.68, 0.93)
    values: dict[str, int] = {}
    for sex, count in registered.items():
        own = int(rng.binomial(count, np.clip(turnout + rng.normal(0, 0.03), 0.3, 0.97)))
        moved, extra = int(rng.poisson(0.9)), int(rng.poisson(1.6))
        came = own + moved + extra
        values |= {f"dpt_{sex}": count, f"dptb_{sex}": moved, f"dpk_{sex}": extra}
        values |= {f"pemilih_{sex}": count + moved + extra, f"pengguna_dpt_{sex}": own}
        values |= {f"pengguna_dptb_{sex}": moved, f"pengguna_dpk_{sex}": extra, f"pengguna_{sex}": came}
        values[f"disabilitas_{sex}"] = min(int(rng.poisson(0.7)), came)
    stems = sorted({field[:-2] for field in values})
    values |= {f"{stem}_j": values[f"{stem}_l"] + values[f"{stem}_p"] for stem in stems}
    values |= _ballots(dpt, values["pengguna_j"], rng)
    return values | _votes(choices, values["pengguna_j"], rng)


def _ballots(dpt: int, used: int, rng: np.random.Generator) -> dict[str, int]:
    received = dpt + -(-dpt * 2 // 100)
    returned = min(int(rng.poisson(0.8)), max(0, received - used))
    return {
        "surat_diterima": received,
        "surat_digunakan": used,
        "surat_dikembalikan": returned,
        "surat_tidak_digunakan": received - used - returned,
    }


def _votes(choices: list[str], cast: int, rng: np.random.Generator) -> dict[str, int]:
    invalid = int(rng.binomial(cast, rng.uniform(0.0, 0.05)))
    valid = cast - invalid
    # A low concentration gives landslides and close races alike.
    shares = rng.dirichlet(np.full(max(1, len(choices)), 1.2))
    votes = [int(v) for v in rng.multinomial(valid, shares)]
    counted = {"sah": valid, "tidak_sah": invalid, "total": cast, "jumlah": valid}
    counted |= {f"recap_{name}": counted[name] for name in ("sah", "tidak_sah", "total")}
    return counted | dict(zip(choices, votes, strict=False))
