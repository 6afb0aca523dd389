"""Invented results of a polling station (TPS) that obey every rule of the form definition.

A story is told with the field ids of the reading contract (registered voters, those who came, ballots, votes); what it
says is settled within the rules of the form, and so is any other field. No form's layout is used, and nobody's real
result.
"""

from collections.abc import Sequence

import numpy as np

from ocr_pipeline.errors import TurusError
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.synthesis.settle import settle

ATTEMPTS = 60
USUAL_LIMIT = 300
"""Voters of the largest stations, where the form's rules do not say."""


class ResultsError(TurusError):
    """No results can be invented for this form."""

    def __init__(self, form_id: str) -> None:
        super().__init__(
            "no_results",
            f"Isian contoh untuk formulir {form_id} tidak dapat dibuat: aturannya tidak terpenuhi.",
            f"Example figures for form {form_id} cannot be made: its rules do not let any through.",
        )


def random_results(definition: FormDefinition, rng: np.random.Generator) -> dict[str, int]:
    """Figures of one station for every number of the form; all rules hold, warnings too.

    Args:
        definition: the form.
        rng: source of chance.

    Returns:
        Field id -> value, every field of the form.

    Raises:
        ResultsError: the form's rules contradict each other.
    """
    fields = [number.field for number in definition.numbers]
    largest = _largest_station(definition)
    for _ in range(ATTEMPTS):
        values = settle(definition, _story(fields, largest, rng), rng)
        if values is not None:
            return values
    raise ResultsError(definition.id)


def _is_choice(field: str) -> bool:
    return field.startswith(("paslon_", "calon_")) or field == "partai"


def _largest_station(definition: FormDefinition) -> float:
    limits = [r.params["max"] for r in definition.rules if r.kind == "limit" and r.terms == ("dpt_j",)]
    return min(limits, default=USUAL_LIMIT)


def _story(fields: Sequence[str], largest: float, rng: np.random.Generator) -> dict[str, int]:
    """Every field of the reading contract, told once; sums are taken, never drawn."""
    dpt = int(np.clip(rng.normal(238, 42) * largest / USUAL_LIMIT, 40, largest))
    men = int(rng.binomial(dpt, rng.uniform(0.46, 0.53)))
    registered = {"l": men, "p": dpt - men}
    turnout = rng.uniform(0.68, 0.93)
    # The laws of regional and of general elections name these two lists differently, and DPTb means another in each.
    moved_in, with_card = ("dpph", "dptb") if "dpph_j" in fields else ("dptb", "dpk")
    values: dict[str, int] = {}
    for sex, count in registered.items():
        own = int(rng.binomial(count, np.clip(turnout + rng.normal(0, 0.03), 0.3, 0.97)))
        moved, extra = int(rng.poisson(0.9)), int(rng.poisson(1.6))
        came = own + moved + extra
        values |= {f"dpt_{sex}": count, f"{moved_in}_{sex}": moved, f"{with_card}_{sex}": extra}
        values |= {f"pemilih_{sex}": count + moved + extra, f"pengguna_dpt_{sex}": own}
        values |= {f"pengguna_{moved_in}_{sex}": moved, f"pengguna_{with_card}_{sex}": extra, f"pengguna_{sex}": came}
        values[f"disabilitas_{sex}"] = min(int(rng.poisson(0.7)), came)
    stems = sorted({field[:-2] for field in values})
    values |= {f"{stem}_j": values[f"{stem}_l"] + values[f"{stem}_p"] for stem in stems}
    values |= _ballots(dpt, values["pengguna_j"], rng)
    return values | _votes(sorted(f for f in fields if _is_choice(f)), values["pengguna_j"], rng)


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
