"""Stations one by one: the list with filters, and everything about one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from service.decisions.ranking import Saying, Standing, stand
from service.elections.fields import forms_of
from service.elections.manage import find_election
from service.errors import ServiceError
from service.pleno.state import find_pleno
from service.recap.apply import row_of, saying_of
from service.recap.rows import StationRow
from service.regions.codes import prefix_range
from service.regions.queries import get_tps
from service.services import Services
from service.store.photos import Alarm, Photo
from service.store.readings import Decision
from service.store.recap import Pleno, recap
from service.store.regions import Election, Tps

StationState = Literal["unseen", "waiting", "review", "read", "verified"]
"""No photo; a number is not known yet; a number waits for a person; all known; all verified by people."""

STATES: Final[tuple[StationState, ...]] = get_args(StationState)


@dataclass(frozen=True, slots=True)
class StationFilter:
    """Which stations to list.

    Attributes:
        region: region-code prefix.
        state: only stations in that state; ``None``: all.
        anomaly: only stations with that anomaly, ``any`` for any; ``None``: all.
    """

    region: str
    state: StationState | None = None
    anomaly: str | None = None


@dataclass(frozen=True, slots=True)
class StationLine:
    """A station in a list; ``row`` is ``None`` where nothing is known of it."""

    tps: str
    number: int
    row: StationRow | None
    state: StationState
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class StationView:
    """Everything about one station.

    Attributes:
        election: the election.
        tps: the station.
        row: its row of the recap; ``None``: nothing is known.
        state: as in the list.
        standings: field -> how the number stands, for every number of the forms.
        decisions: id -> decision, for those that count or state something.
        statements: field -> the KPPS's latest word.
        photos: photos under this station, withdrawn ones included, in the order they came.
        alarms: open alarms.
        pleno: the kecamatan's meeting.
    """

    election: Election
    tps: Tps
    row: StationRow | None
    state: StationState
    standings: Mapping[str, Standing]
    decisions: Mapping[str, Decision]
    statements: Mapping[str, Decision]
    photos: Sequence[Photo]
    alarms: Sequence[Alarm]
    pleno: Pleno | None

    @property
    def seq(self) -> int:
        """Version: number of the last decision."""
        return 0 if self.row is None else self.row.seq


def state_of(row: StationRow | None, full: int) -> StationState:
    """Where a station is on its way.

    Args:
        row: its row of the recap.
        full: a bit for every slot in use.
    """
    if row is None:
        return "unseen"
    if row.review:
        return "review"
    if row.verified == full:
        return "verified"
    if row.known == full:
        return "read"
    return "waiting" if row.seen or row.known else "unseen"


def list_stations(
    session: Session, election: Election, wanted: StationFilter, after: str | None, limit: int
) -> Sequence[StationLine]:
    """Stations by code, beginning after one.

    Args:
        session: a session.
        election: election; only stations in its area.
        wanted: which.
        after: code of the last station of the page before.
        limit: how many at most.
    """
    slots = len(election.recap_fields)
    full = (1 << slots) - 1
    if not (wanted.region.startswith(election.scope) or election.scope.startswith(wanted.region)):
        return ()
    low, high = prefix_range(max(election.scope, wanted.region, key=len))
    query = (
        select(Tps.code.label("station"), Tps.number, recap)
        .select_from(Tps)
        .outerjoin(recap, and_(recap.c.election_id == election.id, recap.c.tps == Tps.code))
        .where(Tps.code >= low, Tps.code < high)
        .order_by(Tps.code)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Tps.code > after)
    if wanted.state is not None:
        query = query.where(_in_state(wanted.state, full))
    if wanted.anomaly is not None:
        query = query.where(_has_anomaly(session, wanted.anomaly))
    lines = []
    for found in session.execute(query):
        row = None if found._mapping["tps"] is None else row_of(found, slots)
        state = state_of(row, full)
        lines.append(StationLine(found.station, found.number, row, state, found._mapping["updated_at"]))
    return lines


def view_station(services: Services, election_id: str, tps: str) -> StationView:
    """Everything about one station, at one point in time.

    Raises:
        ServiceError: ``unknown_election``, ``unknown_tps``, also for one outside the election's area.
    """
    with services.store.read() as session:
        election, station = find_place(session, election_id, tps)
        slots = len(election.recap_fields)
        found = session.execute(select(recap).where(recap.c.election_id == election_id, recap.c.tps == tps)).first()
        row = None if found is None else row_of(found, slots)
        decisions = decisions_of(session, election_id, tps)
        sayings: dict[str, list[Saying]] = {}
        for decision in decisions:
            sayings.setdefault(decision.field, []).append(saying_of(decision))
        alarms = select(Alarm).where(
            Alarm.election_id == election_id,
            or_(Alarm.tps == tps, Alarm.tps_other == tps),
            Alarm.cleared_at.is_(None),
        )
        photos = select(Photo).where(Photo.election_id == election_id, Photo.tps == tps).order_by(Photo.id)
        return StationView(
            election=election,
            tps=station,
            row=row,
            state=state_of(row, (1 << slots) - 1),
            standings={name: stand(sayings.get(name, ())) for name in forms_of(election.forms).numbers},
            decisions={decision.id: decision for decision in decisions},
            statements={decision.field: decision for decision in decisions if decision.kind == "statement"},
            photos=session.scalars(photos).all(),
            alarms=session.scalars(alarms.order_by(Alarm.id)).all(),
            pleno=find_pleno(session, election_id, tps),
        )


def number_history(session: Session, election_id: str, tps: str, field: str) -> Sequence[Decision]:
    """Everything that was said about one number, in order.

    Raises:
        ServiceError: ``unknown_election``, ``unknown_tps``, ``unknown_field``.
    """
    election, _station = find_place(session, election_id, tps)
    if field not in forms_of(election.forms).numbers:
        raise ServiceError("unknown_field", details={"field": field[:64]})
    return [decision for decision in decisions_of(session, election_id, tps) if decision.field == field]


def find_place(session: Session, election_id: str, tps: str) -> tuple[Election, Tps]:
    """An election and a station of its area.

    Raises:
        ServiceError: ``unknown_election``, ``unknown_tps``.
    """
    election = find_election(session, election_id)
    station = get_tps(session, tps)
    if not tps.startswith(election.scope):
        raise ServiceError("unknown_tps", details={"tps": tps, "scope": election.scope})
    return election, station


def decisions_of(session: Session, election_id: str, tps: str) -> Sequence[Decision]:
    """All decisions of a station, in order."""
    query = select(Decision).where(Decision.election_id == election_id, Decision.tps == tps).order_by(Decision.seq)
    return session.scalars(query).all()


def _in_state(state: StationState, full: int) -> ColumnElement[bool]:
    nothing = or_(recap.c.tps.is_(None), and_(recap.c.seen == 0, recap.c.known == 0, recap.c.review == 0))
    settled = and_(recap.c.review == 0, recap.c.tps.is_not(None))
    conditions: dict[StationState, ColumnElement[bool]] = {
        "unseen": nothing,
        "waiting": and_(settled, recap.c.known != full, or_(recap.c.seen == 1, recap.c.known != 0)),
        "review": recap.c.review != 0,
        "read": and_(settled, recap.c.known == full, recap.c.verified != full),
        "verified": and_(settled, recap.c.verified == full),
    }
    return conditions[state]


def _has_anomaly(session: Session, code: str) -> ColumnElement[bool]:
    if code == "any":
        return cast(recap.c.anomalies, String) != "[]"
    if session.get_bind().dialect.name == "postgresql":
        return func.jsonb_exists(recap.c.anomalies, code).is_(True)
    listed: Any = func.json_each(recap.c.anomalies).table_valued("value")
    return select(1).select_from(listed).where(listed.c.value == code).correlate(recap).exists()
