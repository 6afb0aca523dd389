"""What the machine read, into the decisions: only what is new, and never over a person."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from ocr_pipeline.values import NumberRead
from service.audit import Act, append, kecamatan_of
from service.decisions.ranking import (
    HELD,
    SaidOutcome,
    Saying,
    Standing,
    current,
    differs,
    latest,
    latest_machine,
    stand,
)
from service.elections.fields import forms_of
from service.ids import new_id
from service.photos.alarms import raise_alarm
from service.recap.apply import OpenStation, open_station, settle_station
from service.regions.codes import prefix_range
from service.services import Services
from service.store.readings import Decision, StationReading


class Decoded(Protocol):
    """What deciding a station gives, as far as it is recorded (:class:`ocr_pipeline.values.DecodedNumbers`)."""

    @property
    def numbers(self) -> Mapping[str, NumberRead]:
        """Field -> number; a field that no photo shows is not there."""


@dataclass(frozen=True, slots=True)
class NumberChange:
    """How one number stood before and after a reading was recorded."""

    field: str
    before: Standing
    after: Standing


def record_machine(
    session: Session,
    services: Services,
    election_id: str,
    tps: str,
    station_reading: StationReading,
    station: Decoded,
    photos: Mapping[str, str] | None = None,
    acts: Sequence[Act] = (),
) -> tuple[NumberChange, ...]:
    """Records what the machine read of a station, in the transaction that holds the reading.

    One machine decision is written for each number whose outcome, value, writing or reasons differ from the machine's
    latest, and one ``absent`` for each number of the reading's form that no photo shows any more. The same reading
    again writes nothing. People's decisions stay in force; where the machine now accepts something else than a person
    confirmed, or where no photo shows a confirmed number any more, an alarm says so. After the pleno was finalised
    readings are recorded and held back: no value of the recap changes.

    Args:
        session: an open write transaction; the photo and job rows it touches are already locked.
        services: the process's services.
        election_id: election.
        tps: station.
        station_reading: the reading as stored (added to the session).
        station: its numbers.
        photos: field -> id of the photo that the number was read from.
        acts: further events to append; pass them here, for the audit's locks come last.

    Returns:
        The numbers that stand otherwise than before.
    """
    at = services.now()
    opened = open_station(session, election_id, tps, at)
    before = {name: stand(said) for name, said in opened.sayings.items()}
    fresh = _fresh(opened, station.numbers, station_reading.form_id, at)
    for row in fresh:
        row["station_reading_id"] = station_reading.id
        row["photo_id"] = (photos or {}).get(row["field"])
    if fresh:
        write_decisions(session, fresh)
    alarms = _alarms(session, opened, fresh, station_reading, at)
    add_sayings(opened, fresh)
    settle_station(session, opened, at)
    recorded = [_recorded(opened, fresh, station_reading)] if fresh else []
    append(session, [*acts, *recorded, *alarms], at)
    unknown = stand(())
    changes = ((name, before.get(name, unknown), stand(opened.sayings[name])) for name in _fields(fresh))
    return tuple(NumberChange(name, was, now) for name, was, now in changes if _facts(was) != _facts(now))


def release_held(session: Session, election_id: str, kecamatan: str, at: datetime) -> list[Act]:
    """Lets readings count that were held back while the pleno was final; people's decisions stay in force.

    Args:
        session: an open write transaction in which the pleno was reopened.
        election_id: election.
        kecamatan: where.
        at: server time.

    Returns:
        Events for the caller to append last, one a station.
    """
    acts: list[Act] = []
    for tps in sorted(_stations_with_held(session, election_id, kecamatan)):
        opened = open_station(session, election_id, tps, at)
        held = [(name, latest_machine(said)) for name, said in sorted(opened.sayings.items())]
        rows: list[dict[str, Any]] = []
        for name, said in held:
            if said is not None and HELD in said.why:
                was = session.get_one(Decision, said.id)
                rows.append(
                    decision_row(
                        opened,
                        opened.seq + len(rows) + 1,
                        at,
                        field=name,
                        kind="machine",
                        outcome=said.outcome,
                        value=said.value,
                        as_written=said.as_written,
                        p=was.p,
                        why=[why for why in said.why if why != HELD],
                        station_reading_id=was.station_reading_id,
                        photo_id=was.photo_id,
                    )
                )
        write_decisions(session, rows)
        add_sayings(opened, rows)
        settle_station(session, opened, at)
        details = {"election": election_id, "fields": _fields(rows), "seq": [rows[0]["seq"], rows[-1]["seq"]]}
        acts.append(Act("numbers.released", f"tps:{tps}", kecamatan_of(tps), None, None, details))
    return acts


def _stations_with_held(session: Session, election_id: str, kecamatan: str) -> set[str]:
    """Stations where the machine's latest word on some number was held back."""
    low, high = prefix_range(kecamatan)
    query = select(Decision.tps, Decision.field, Decision.why).where(
        Decision.election_id == election_id, Decision.tps >= low, Decision.tps < high, Decision.kind == "machine"
    )
    last = {(row.tps, row.field): row.why for row in session.execute(query.order_by(Decision.tps, Decision.seq))}
    return {tps for (tps, _field), why in last.items() if HELD in why}


def write_decisions(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Appends decisions; on PostgreSQL all of them as one parameter of one statement."""
    if session.get_bind().dialect.name == "postgresql":
        names = ", ".join(rows[0])
        whole = text(
            f"INSERT INTO decision ({names}) "
            f"SELECT {names} FROM jsonb_populate_recordset(NULL::decision, CAST(:rows AS jsonb))"
        )
        session.execute(whole, {"rows": json.dumps(list(rows), default=datetime.isoformat)})
    else:
        session.execute(insert(Decision), list(rows))


def add_sayings(station: OpenStation, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds decisions that were just written to what was said."""
    for row in rows:
        said = Saying(
            row["seq"], row["kind"], row["outcome"], row["value"], tuple(row["why"]), row["as_written"], row["id"]
        )
        station.sayings.setdefault(row["field"], []).append(said)


def decision_row(opened: OpenStation, seq: int, at: datetime, **values: Any) -> dict[str, Any]:
    """A row of the decision table with everything that is not said left empty."""
    return {
        "id": new_id(),
        "election_id": opened.election.id,
        "tps": opened.tps,
        "seq": seq,
        "value": None,
        "as_written": None,
        "p": None,
        "why": [],
        "station_reading_id": None,
        "photo_id": None,
        "pleno_id": None,
        "account_id": None,
        "role": None,
        "reason": None,
        "remark": None,
        "at": at,
        **values,
    }


def _fresh(
    opened: OpenStation, numbers: Mapping[str, NumberRead], form_id: str | None, at: datetime
) -> list[dict[str, Any]]:
    """The decisions to write: what differs from the machine's latest word on each number of the form."""
    of_form = opened.sayings.keys() if form_id is None else forms_of((form_id,)).numbers.keys()
    held = (HELD,) if opened.is_final else ()
    rows: list[dict[str, Any]] = []
    seq = opened.seq
    for field in sorted({*numbers, *(opened.sayings.keys() & of_form)}):
        read = numbers.get(field)
        said = latest_machine(opened.sayings.get(field, ()))
        if read is None and (said is None or said.outcome == "absent"):
            continue
        outcome, value, as_written, why = _facts_of(read)
        if said is not None and _same(said, (outcome, value, as_written, (*why, *held)), opened.is_final):
            continue
        seq += 1
        rows.append(
            decision_row(
                opened,
                seq,
                at,
                field=field,
                kind="machine",
                outcome=outcome,
                value=value,
                as_written=as_written,
                p=None if read is None else read.p,
                why=[*why, *held],
            )
        )
    return rows


Facts = tuple[SaidOutcome, int | None, str | None, tuple[str, ...]]


def _facts_of(read: NumberRead | None) -> Facts:
    if read is None:
        return "absent", None, None, ()
    if read.decision == "review":
        return "review", read.value, read.as_written, tuple(read.why)
    return ("blank" if read.value is None else "accepted"), read.value, read.as_written, ()


def _same(said: Saying, facts: Facts, is_final: bool) -> bool:
    """While readings are held back, one that repeats what counts already need not be recorded again."""
    was = (said.outcome, said.value, said.as_written, said.why)
    return was == facts or (is_final and (*was[:3], (*said.why, HELD)) == facts)


def _alarms(
    session: Session, opened: OpenStation, fresh: Sequence[Mapping[str, Any]], reading: StationReading, at: datetime
) -> list[Act]:
    acts: list[Act] = []
    for row in fresh:
        read = Saying(row["seq"], "machine", row["outcome"], row["value"])
        confirmed = latest(opened.sayings.get(row["field"], ()), "confirmation")
        if confirmed is not None and differs(confirmed, read):
            key = f"machine_differs:{confirmed.id}:{read.value}"
            details = {"field": row["field"], "machine": read.value, "person": confirmed.value, "seq": read.seq}
            acts += raise_alarm(session, "machine_differs", key, opened.election.id, opened.tps, details, at)
    unseen = [row["field"] for row in fresh if row["outcome"] == "absent" and _is_confirmed(opened, row["field"])]
    if unseen:
        key = f"confirmed_unseen:{reading.id}"
        details = {"fields": unseen, "station_reading": reading.id}
        acts += raise_alarm(session, "confirmed_unseen", key, opened.election.id, opened.tps, details, at)
    if fresh and opened.is_final:
        key = f"reading_held:{reading.id}"
        details = {"fields": _fields(fresh), "station_reading": reading.id}
        acts += raise_alarm(session, "reading_held", key, opened.election.id, opened.tps, details, at)
    return acts


def _is_confirmed(opened: OpenStation, field: str) -> bool:
    """Whether what counts is what a person saw on a photo; a pleno's change needs none."""
    said = current(opened.sayings.get(field, ()))
    return said is not None and said.kind == "confirmation"


def _recorded(opened: OpenStation, fresh: Sequence[Mapping[str, Any]], reading: StationReading) -> Act:
    outcomes = [row["outcome"] for row in fresh]
    details = {
        "election": opened.election.id,
        "station_reading": reading.id,
        "seq": [fresh[0]["seq"], fresh[-1]["seq"]],
        "outcomes": {name: outcomes.count(name) for name in sorted(set(outcomes))},
        "held": opened.is_final,
    }
    return Act("numbers.read", f"tps:{opened.tps}", kecamatan_of(opened.tps), None, None, details)


def _fields(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({row["field"] for row in rows})


def _facts(standing: Standing) -> tuple[Any, ...]:
    return standing.state, standing.value, standing.why
