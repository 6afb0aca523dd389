"""Keeping the recap in step with the decisions, within the transaction that made them.

Order of locks, everywhere: a pleno's row, then the stations' rows of ``recap`` in the order of their codes, then
``recap_sum``, then the audit's heads. Two transactions that keep it never wait for each other in a circle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, text, update
from sqlalchemy.orm import Session

from service.decisions.ranking import Saying
from service.elections.fields import forms_of
from service.elections.manage import find_election
from service.pleno.state import FINALISED, hold_pleno
from service.recap.anomalies import Limits
from service.recap.rows import Rules, StationRow, compute_row, contribution, difference
from service.regions.codes import KECAMATAN_DIGITS
from service.store.insert import insert_for
from service.store.photos import Photo
from service.store.readings import Decision
from service.store.recap import SLOTS, Pleno, recap, recap_sum, value_column
from service.store.regions import Candidate, Election

EMPTY_ROW = StationRow(0, False, "incomplete", "none", 0, 0, 0, (), (None,) * SLOTS)
"""The row of a station of which nothing is known; it adds nothing."""

_VALUES = tuple(value_column(slot) for slot in range(SLOTS))
_NO_VALUES: Mapping[str, None] = dict.fromkeys(_VALUES)

# Built once: putting fifty columns together takes longer than writing them.
_UPDATE_ROW = (
    update(recap)
    .where(recap.c.election_id == bindparam("b_election"), recap.c.tps == bindparam("b_tps"))
    .values({c.name: bindparam(c.name) for c in recap.c if c.name not in ("election_id", "tps", "kecamatan")})
)


def rules_of(session: Session, election: Election) -> Rules:
    """What the recap needs to know of an election."""
    votes = session.scalars(
        select(Candidate.field).where(Candidate.election_id == election.id).order_by(Candidate.number)
    ).all()
    return Rules(tuple(election.recap_fields), tuple(votes), forms_of(election.forms), Limits.of(election.limits))


@dataclass(slots=True)
class OpenStation:
    """A station whose row is locked until the transaction ends.

    Attributes:
        election: the election.
        rules: what the recap needs of it.
        tps: the station.
        row: its row as it is stored.
        sayings: field -> everything that was said, in order.
        pleno: the kecamatan's meeting, held as it is; ``None``: it has not begun.
    """

    election: Election
    rules: Rules
    tps: str
    row: StationRow
    sayings: dict[str, list[Saying]]
    pleno: Pleno | None

    @property
    def is_final(self) -> bool:
        """Whether the pleno was finalised: then no value of the recap may change."""
        return self.pleno is not None and self.pleno.state == FINALISED

    @property
    def seq(self) -> int:
        """Number of the last decision; 0: none."""
        return max((said[-1].seq for said in self.sayings.values()), default=0)


def lock_station(session: Session, election_id: str, tps: str, at: datetime) -> None:
    """Locks a station's row of the recap until the transaction ends, making it when it is not there.

    Everything that decides about a station locks it first. Several stations: in the order of their codes.
    """
    election = find_election(session, election_id)
    hold_pleno(session, election_id, tps)
    _locked_row(session, election, tps, at)


def open_station(session: Session, election_id: str, tps: str, at: datetime) -> OpenStation:
    """Locks a station and fetches what is known of it.

    Raises:
        ServiceError: ``unknown_election``.
    """
    session.flush()
    election = find_election(session, election_id)
    pleno = hold_pleno(session, election_id, tps)
    row = _locked_row(session, election, tps, at)
    return OpenStation(election, rules_of(session, election), tps, row, sayings_of(session, election_id, tps), pleno)


def settle_station(session: Session, station: OpenStation, at: datetime) -> StationRow:
    """Recomputes the row from ``station.sayings`` and moves the kecamatan's sums by the difference.

    Returns:
        The row as it is stored now.
    """
    election_id, tps, full = station.election.id, station.tps, station.rules.full
    before = station.row
    row = compute_row(station.sayings, station.rules, has_photo(session, election_id, tps))
    if row != before:
        session.execute(
            _UPDATE_ROW, {"b_election": election_id, "b_tps": tps, **_NO_VALUES, **columns_of(row), "updated_at": at}
        )
    moved = difference(contribution(before, full), contribution(row, full))
    if moved:
        add_to_sum(session, election_id, tps[:KECAMATAN_DIGITS], moved)
    station.row = row
    return row


def apply_station(session: Session, election_id: str, tps: str, at: datetime) -> StationRow:
    """Recomputes a station's row from the decisions in the database, and its kecamatan's sums with it.

    Args:
        session: an open write transaction; what it added is flushed.
        election_id: election.
        tps: station.
        at: server time.

    Returns:
        The row as it is now.
    """
    return settle_station(session, open_station(session, election_id, tps, at), at)


def sayings_of(session: Session, election_id: str, tps: str) -> dict[str, list[Saying]]:
    """Everything that was said about a station's numbers, by field, in order."""
    query = (
        select(
            Decision.id,
            Decision.field,
            Decision.seq,
            Decision.kind,
            Decision.outcome,
            Decision.value,
            Decision.why,
            Decision.as_written,
        )
        .where(Decision.election_id == election_id, Decision.tps == tps)
        .order_by(Decision.seq)
    )
    found: dict[str, list[Saying]] = {}
    for row in session.execute(query):
        found.setdefault(row.field, []).append(saying_of(row))
    return found


def saying_of(row: Any) -> Saying:
    """A row of the decision table, as far as ranking goes."""
    return Saying(row.seq, row.kind, row.outcome, row.value, tuple(row.why), row.as_written, row.id)


def row_of(row: Row[Any], slots: int) -> StationRow:
    """A row of the recap table."""
    found = row._mapping
    return StationRow(
        seq=found["seq"],
        seen=bool(found["seen"]),
        verdict=found["verdict"],
        source=found["source"],
        verified=found["verified"],
        review=found["review"],
        known=found["known"],
        anomalies=tuple(found["anomalies"]),
        values=tuple(found[name] for name in _VALUES[:slots]),
    )


def _locked_row(session: Session, election: Election, tps: str, at: datetime) -> StationRow:
    election_id, slots = election.id, len(election.recap_fields)
    query = select(recap).where(recap.c.election_id == election_id, recap.c.tps == tps).with_for_update()
    found = session.execute(query).one_or_none()
    if found is None:
        session.execute(
            insert_for(session, recap)
            .values(
                election_id=election_id,
                tps=tps,
                kecamatan=tps[:KECAMATAN_DIGITS],
                updated_at=at,
                **columns_of(EMPTY_ROW),
            )
            .on_conflict_do_nothing()
        )
        found = session.execute(query).one()
    return row_of(found, slots)


def columns_of(row: StationRow) -> dict[str, Any]:
    """A row as columns of the recap table, without key and time."""
    return {
        "seq": row.seq,
        "seen": int(row.seen),
        "verdict": row.verdict,
        "source": row.source,
        "verified": row.verified,
        "review": row.review,
        "known": row.known,
        "anomalies": list(row.anomalies),
        **dict(zip(_VALUES, row.values, strict=False)),
    }


def has_photo(session: Session, election_id: str, tps: str) -> bool:
    """Whether a photo lies under the station that was not withdrawn."""
    query = select(Photo.id).where(Photo.election_id == election_id, Photo.tps == tps, Photo.state != "withdrawn")
    return session.execute(query.limit(1)).first() is not None


def add_to_sum(session: Session, election_id: str, kecamatan: str, moved: Mapping[str, int]) -> None:
    """Adds the difference in the database itself, so that nobody's change is lost."""
    added = ", ".join(f"{name} = {name} + :{name}" for name in moved)
    change = text(f"UPDATE recap_sum SET {added} WHERE election_id = :election AND kecamatan = :kecamatan")
    amounts = {**moved, "election": election_id, "kecamatan": kecamatan}
    if session.execute(change, amounts).rowcount == 0:  # type: ignore[attr-defined]
        session.execute(
            insert_for(session, recap_sum).values(zero_sum(election_id, kecamatan)).on_conflict_do_nothing()
        )
        session.execute(change, amounts)


def zero_sum(election_id: str, kecamatan: str) -> dict[str, Any]:
    """A kecamatan's row of sums before anything was added."""
    keys: Sequence[str] = ("election_id", "kecamatan")
    zeros = {column.name: 0 for column in recap_sum.c if column.name not in keys}
    return {"election_id": election_id, "kecamatan": kecamatan, **zeros}
