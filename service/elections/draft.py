"""What an election is made of, checked before it is stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from ocr_pipeline.errors import UnknownFormError
from service.elections.fields import ElectionForms, forms_of
from service.errors import register
from service.regions.codes import KECAMATAN_DIGITS, is_code
from service.store.recap import SLOTS

register(
    {
        "bad_election": (
            422,
            "Data pemilihan salah; lihat rinciannya. Tidak ada yang disimpan.",
            "The election's data are wrong; see the details. Nothing was stored.",
        ),
        "election_exists": (
            409,
            "Pemilihan dengan kode ini sudah ada. Pilih kode lain.",
            "There is an election with this id already. Choose another id.",
        ),
        "election_in_use": (
            409,
            "Pemilihan sudah dibuka; formulir, wilayah, calon, dan kolom rekap tidak dapat diubah lagi.",
            "The election was opened; its forms, area, candidates and recap fields can no longer change.",
        ),
    }
)

ID_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{1,62}$"
MAX_NAME: Final = 200
ERASE_AFTER_DAYS: Final = 365
"""How long after an election closes its personal data are kept unless it says otherwise; docs/privacy.md."""

LIMITS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {"tps_max_voters": (1, 10_000), "reserve_rate": (0, 1)}
)
"""Limits an election may set, with the smallest and largest value: registered voters of one station, and the share of
reserve ballots on top of the permanent list (Perpu 1/2014 article 87; 2 % in general elections, 2.5 % in Pilkada)."""

DEFAULT_RESERVE_RATE: Final = 0.02


@dataclass(frozen=True, slots=True)
class CandidateDraft:
    """A candidate pair: its number on the ballot, its name, and the field with its votes (default ``paslon_<n>``)."""

    number: int
    name: str
    field: str | None = None

    @property
    def votes_field(self) -> str:
        """The field of the form that holds its votes."""
        return self.field or f"paslon_{self.number}"


@dataclass(frozen=True, slots=True)
class ElectionDraft:
    """An election as somebody wants it.

    Attributes:
        id: slug, :data:`ID_PATTERN`.
        name: what people call it.
        forms: form ids of the library.
        scope: region-code prefix of its area: "" the nation, or 2, 4 or 6 digits.
        candidates: candidate pairs.
        recap_fields: which numbers are added up; ``None``: candidates first, then all others of the forms.
        limits: see :data:`LIMITS`.
        opens_at: photos are taken from then on; ``None``: as soon as it is opened.
        closes_at: until then; ``None``: until it is closed.
        erase_after: when personal data and original photos may go.
    """

    id: str
    name: str
    forms: Sequence[str]
    scope: str
    candidates: Sequence[CandidateDraft]
    recap_fields: Sequence[str] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    erase_after: datetime | None = None


def recap_fields_of(draft: ElectionDraft) -> list[str]:
    """The fields that the recap adds up, in the order of their slots."""
    if draft.recap_fields is not None:
        return list(draft.recap_fields)
    votes = [c.votes_field for c in sorted(draft.candidates, key=lambda c: c.number)]
    return list(dict.fromkeys([*votes, *forms_of(draft.forms).numbers]))[:SLOTS]


def problems_of(draft: ElectionDraft) -> list[dict[str, Any]]:
    """Everything that is wrong with it: ``{"field": ..., "problem": ...}`` each; the region is not looked up."""
    found: list[tuple[str, str]] = []
    if not re.fullmatch(ID_PATTERN, draft.id):
        found.append(("id", f"must match {ID_PATTERN}"))
    if not draft.name.strip() or len(draft.name) > MAX_NAME:
        found.append(("name", f"must be 1 to {MAX_NAME} characters"))
    if not is_code(draft.scope) or len(draft.scope) > KECAMATAN_DIGITS:
        found.append(("scope", "must be a region code of 2, 4 or 6 digits, or the nation"))
    found += _limit_problems(draft.limits) + _time_problems(draft)
    try:
        forms = forms_of(draft.forms)
    except UnknownFormError as error:
        found.append(("forms", error.message_en))
    else:
        found += _field_problems(draft, forms)
    return [{"field": name, "problem": problem} for name, problem in found]


def _limit_problems(limits: Mapping[str, float]) -> list[tuple[str, str]]:
    found = []
    for name, value in limits.items():
        if name not in LIMITS:
            found.append((f"limits.{name}", f"unknown; known are {', '.join(LIMITS)}"))
        elif isinstance(value, bool) or not LIMITS[name][0] <= value <= LIMITS[name][1]:
            found.append((f"limits.{name}", f"must be {LIMITS[name][0]:g} to {LIMITS[name][1]:g}"))
    return found


def _time_problems(draft: ElectionDraft) -> list[tuple[str, str]]:
    times = {"opens_at": draft.opens_at, "closes_at": draft.closes_at, "erase_after": draft.erase_after}
    found = [(name, "needs a time zone") for name, at in times.items() if at is not None and at.tzinfo is None]
    if not found:
        given = [(name, at) for name, at in times.items() if at is not None]
        found = [(b[0], f"must be after {a[0]}") for a, b in pairwise(given) if b[1] <= a[1]]
    return found


def _field_problems(draft: ElectionDraft, forms: ElectionForms) -> list[tuple[str, str]]:
    found = []
    if not draft.forms:
        found.append(("forms", "at least one"))
    numbers = [c.number for c in draft.candidates]
    votes = [c.votes_field for c in draft.candidates]
    if len(set(numbers)) < len(numbers) or len(set(votes)) < len(votes):
        found.append(("candidates", "every number and every field once"))
    for candidate in draft.candidates:
        if not 1 <= candidate.number <= 999 or not candidate.name.strip() or len(candidate.name) > MAX_NAME:
            found.append((f"candidates.{candidate.number}", "needs a number from 1 to 999 and a name"))
        if candidate.votes_field not in forms.numbers:
            found.append((f"candidates.{candidate.number}", f"the forms have no field {candidate.votes_field}"))
    if draft.recap_fields is not None:
        fields = list(draft.recap_fields)
        if not 1 <= len(set(fields)) == len(fields) <= SLOTS:
            found.append(("recap_fields", f"1 to {SLOTS} fields, each once"))
        found += [("recap_fields", f"the forms have no field {name}") for name in fields if name not in forms.numbers]
        found += [("recap_fields", f"lacks the votes {name}") for name in votes if name not in fields]
    return found


def default_erase_after(closes_at: datetime | None) -> datetime | None:
    """When data may go unless the election says otherwise."""
    return None if closes_at is None else closes_at + timedelta(days=ERASE_AFTER_DAYS)
