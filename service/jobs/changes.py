"""What one deciding changed in a station's numbers, for the list of a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.decisions.ranking import Kind, SaidOutcome, Saying, stand
from service.store.readings import Decision


@dataclass(frozen=True, slots=True)
class NumberNow:
    """How one number stands.

    Attributes:
        value: what goes into the sums, ``None`` for nothing.
        state: ``unknown``, ``review``, ``read`` or ``verified``.
        machine: what the machine said last, whether it counts or not; in review its best guess.
    """

    value: int | None
    state: str
    machine: int | None


_UNKNOWN = NumberNow(None, "unknown", None)


def numbers_of(session: Session, election_id: str, tps: str) -> Mapping[str, NumberNow]:
    """Every number of a station about which anything was said, by field."""
    session.flush()
    rows = session.execute(
        select(Decision.field, Decision.seq, Decision.kind, Decision.outcome, Decision.value, Decision.why)
        .where(Decision.election_id == election_id, Decision.tps == tps)
        .order_by(Decision.field, Decision.seq)
    ).all()
    return {field: _now([_saying(row) for row in group]) for field, group in groupby(rows, key=lambda row: row.field)}


def changes_between(
    before: Mapping[str, NumberNow], after: Mapping[str, NumberNow], tps: str
) -> list[dict[str, object]]:
    """The numbers that stand otherwise than before, one plain JSON object each, in the order of their fields."""
    found: list[dict[str, object]] = []
    for field in sorted(before.keys() | after.keys()):
        old, new = before.get(field, _UNKNOWN), after.get(field, _UNKNOWN)
        if old != new:
            found.append({"tps": tps, "field": field, "before": _plain(old), "after": _plain(new)})
    return found


def _now(sayings: Sequence[Saying]) -> NumberNow:
    standing = stand(sayings)
    machine = [saying for saying in sayings if saying.kind == "machine"]
    return NumberNow(standing.value, standing.state, machine[-1].value if machine else None)


def _saying(row: Any) -> Saying:
    return Saying(row.seq, cast(Kind, row.kind), cast(SaidOutcome, row.outcome), row.value, tuple(row.why))


def _plain(number: NumberNow) -> dict[str, object]:
    return {"value": number.value, "state": number.state, "machine": number.machine}
