"""What looks wrong in a station's numbers, judged on the numbers that count now (people's included).

An anomaly is a reason to look, never a reason to change a number. Error rules of the form that are broken are named
``rule:<id>``; warnings and the election's own limits have names of their own. Sources: docs/forms.md (rule book),
docs/recap.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ocr_pipeline.forms.rules import ArithmeticRule, Kind
from service.elections.draft import DEFAULT_RESERVE_RATE
from service.elections.fields import ElectionForms
from service.report.words import Words, rule_text

ANOMALIES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "all_votes_one": Words("Semua suara sah untuk satu calon", "All valid votes went to one candidate"),
        "many_invalid": Words("Suara tidak sah luar biasa banyak", "Unusually many invalid votes"),
        "more_votes_than_voters": Words(
            "Suara lebih banyak dari pengguna hak pilih", "More votes than people who voted"
        ),
        "over_tps_limit": Words("Melebihi batas pemilih satu TPS", "More than a polling station may have"),
        "reserve_off": Words(
            "Surat suara diterima tidak sesuai DPT dan cadangannya",
            "Ballots received do not match the list and reserve",
        ),
        "users_equal_dpt": Words("Semua pemilih DPT memilih (100 %)", "Everybody on the list voted (100 %)"),
        "votes_over_dpt": Words("Suara jauh melebihi DPT", "Votes well above the permanent list"),
        "zero_votes": Words("Tidak ada suara sama sekali", "No votes at all"),
    }
)
"""Names of the anomalies that are no broken rule of the form."""

RULE_PREFIX: Final = "rule:"

_WARNINGS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "not_all": "all_votes_one",
        "share_at_most": "many_invalid",
        "limit": "over_tps_limit",
        "reserve": "reserve_off",
        "differs": "users_equal_dpt",
        "ratio_at_most": "votes_over_dpt",
        "positive": "zero_votes",
    }
)
"""Which anomaly a broken warning of a form is, by the kind of the rule."""

# Field ids of the reading contract (docs/cli.md).
_LIST, _VOTED, _VALID, _ALL = "dpt_j", "pengguna_j", "sah", "total"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an election: registered voters of one station (``None``: the form's own), share of reserve ballots."""

    tps_max_voters: int | None = None
    reserve_rate: float = DEFAULT_RESERVE_RATE

    @classmethod
    def of(cls, limits: Mapping[str, float]) -> "Limits":
        """From ``Election.limits``."""
        most = limits.get("tps_max_voters")
        return cls(None if most is None else int(most), float(limits.get("reserve_rate", DEFAULT_RESERVE_RATE)))


def find_anomalies(
    values: Mapping[str, int | None], forms: ElectionForms, vote_fields: Sequence[str], limits: Limits
) -> tuple[str, ...]:
    """Codes of everything that looks wrong, sorted. A number that is not known accuses nobody.

    Args:
        values: field -> the value that counts now.
        forms: the election's forms.
        vote_fields: fields with candidates' votes.
        limits: the election's limits.
    """
    found: set[str] = set()
    for rule in forms.rules:
        if rule.check(values) is False:
            code = anomaly_of(rule)
            if not (code == "over_tps_limit" and limits.tps_max_voters is not None):
                found.add(code)
    known = {name: value for name, value in values.items() if value is not None}
    votes = [known[name] for name in vote_fields if name in known]
    voted = known.get(_VOTED)
    if voted is not None and max(sum(votes), known.get(_VALID, 0), known.get(_ALL, 0)) > voted:
        found.add("more_votes_than_voters")
    if limits.tps_max_voters is not None:
        most = limits.tps_max_voters
        # The station has its list's ballots and the reserve, rounded up, give or take one: more cannot be cast.
        ballots = most + math.ceil(round(most * limits.reserve_rate, 6)) + 1
        cast = max([*votes, sum(votes), voted or 0, known.get(_VALID, 0), known.get(_ALL, 0)])
        if known.get(_LIST, 0) > most or cast > ballots:
            found.add("over_tps_limit")
    return tuple(sorted(found))


def anomaly_of(rule: ArithmeticRule) -> str:
    """The anomaly that a broken rule is."""
    if rule.severity == "warning" and rule.kind in _WARNINGS:
        return _WARNINGS[rule.kind]
    return f"{RULE_PREFIX}{rule.id}"


def anomaly_words(code: str, forms: ElectionForms) -> Words:
    """What an anomaly is called; for a broken rule, the rule itself."""
    if code in ANOMALIES:
        return ANOMALIES[code]
    rule = next((r for r in forms.rules if f"{RULE_PREFIX}{r.id}" == code), None)
    if rule is None:
        return Words(code, code)
    return Words(
        f"Tidak cocok: {rule_text(rule, lambda name: forms.numbers[name].label_id, 'id')}",
        f"Does not hold: {rule_text(rule, lambda name: forms.numbers[name].label_en, 'en')}",
    )
