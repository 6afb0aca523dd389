"""A station's row of the recap from what was said about its numbers, and what a row adds to its kecamatan. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from service.decisions.ranking import Saying, Standing, stand
from service.elections.fields import ElectionForms
from service.recap.anomalies import Limits, find_anomalies
from service.store.recap import read_column, verified_column

Source = Literal["none", "machine", "person", "pleno"]

_FORM_INCONSISTENT: Final = "form_inconsistent"


@dataclass(frozen=True, slots=True)
class Rules:
    """What of an election the recap needs.

    Attributes:
        recap_fields: field of each slot.
        vote_fields: fields with candidates' votes.
        forms: numbers and rules of its forms.
        limits: its limits.
    """

    recap_fields: tuple[str, ...]
    vote_fields: tuple[str, ...]
    forms: ElectionForms
    limits: Limits

    @property
    def full(self) -> int:
        """A bit for every slot in use."""
        return (1 << len(self.recap_fields)) - 1


@dataclass(frozen=True, slots=True)
class StationRow:
    """A row of the recap, without its key.

    Attributes:
        seq: number of the station's last decision; 0: none.
        seen: whether a photo lies here that was not withdrawn.
        verdict: ``consistent``, ``reading_uncertain``, ``form_inconsistent`` or ``incomplete``, on the numbers that
            count now.
        source: who spoke last in rank: nobody, the machine, a person, the pleno.
        verified: bit k: slot k was decided by a person.
        review: bit k: slot k waits for a person.
        known: bit k: slot k is settled, with a value or known to hold none.
        anomalies: codes, sorted.
        values: value of each slot; ``None``: adds nothing.
    """

    seq: int
    seen: bool
    verdict: str
    source: Source
    verified: int
    review: int
    known: int
    anomalies: tuple[str, ...]
    values: tuple[int | None, ...]


def standings_of(sayings: Mapping[str, Sequence[Saying]]) -> dict[str, Standing]:
    """How things stand with every number that something was said about."""
    return {name: stand(said) for name, said in sayings.items()}


def compute_row(sayings: Mapping[str, Sequence[Saying]], rules: Rules, seen: bool) -> StationRow:
    """The row that follows from everything that was said.

    Args:
        sayings: field -> what was said, in any order.
        rules: of the election.
        seen: whether a photo lies here.
    """
    standings = standings_of(sayings)
    values = {name: standing.value for name, standing in standings.items()}
    slots = [standings.get(name) for name in rules.recap_fields]
    anomalies = find_anomalies(values, rules.forms, rules.vote_fields, rules.limits)
    return StationRow(
        seq=max((s.seq for said in sayings.values() for s in said), default=0),
        seen=seen,
        verdict=_verdict(standings, values, rules.forms),
        source=_source(standings),
        verified=_bits(s is not None and s.state == "verified" for s in slots),
        review=_bits(s is not None and s.state == "review" for s in slots),
        known=_bits(s is not None and s.is_known for s in slots),
        anomalies=anomalies,
        values=tuple(None if s is None else s.value for s in slots),
    )


def contribution(row: StationRow, full: int) -> dict[str, int]:
    """What the row adds to its kecamatan: column of ``recap_sum`` -> amount, zeros left out.

    Args:
        row: a station's row.
        full: a bit for every slot in use.
    """
    amounts = {
        "tps_seen": int(row.seen),
        "tps_read": int(row.known == full),
        "tps_review": int(row.review != 0),
        "tps_verified": int(row.verified == full),
        "tps_anomaly": int(bool(row.anomalies)),
    }
    for slot, value in enumerate(row.values):
        if value:
            amounts[read_column(slot)] = value
            if row.verified >> slot & 1:
                amounts[verified_column(slot)] = value
    return {name: amount for name, amount in amounts.items() if amount}


def difference(old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, int]:
    """New minus old, zeros left out."""
    changed = {name: new.get(name, 0) - old.get(name, 0) for name in {*old, *new}}
    return {name: changed[name] for name in sorted(changed) if changed[name]}


def _verdict(standings: Mapping[str, Standing], values: Mapping[str, int | None], forms: ElectionForms) -> str:
    if any(rule.severity == "error" and rule.check(values) is False for rule in forms.rules):
        return _FORM_INCONSISTENT
    waiting = [standing for standing in standings.values() if standing.state == "review"]
    if waiting:
        said = any(_FORM_INCONSISTENT in standing.why for standing in waiting)
        return _FORM_INCONSISTENT if said else "reading_uncertain"
    known = {name for name, standing in standings.items() if standing.is_known}
    return "consistent" if known >= forms.numbers.keys() else "incomplete"


def _source(standings: Mapping[str, Standing]) -> Source:
    kinds = {standing.counts.kind for standing in standings.values() if standing.counts is not None}
    if "change" in kinds:
        return "pleno"
    if "confirmation" in kinds:
        return "person"
    return "machine" if "machine" in kinds else "none"


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << k for k, flag in enumerate(flags) if flag)
