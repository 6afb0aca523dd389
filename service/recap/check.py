"""Does the recap still follow from the decisions? Looking changes nothing; rebuilding says what it corrected."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from service.access import Actor
from service.audit import Act, append
from service.decisions.ranking import Saying
from service.elections.manage import find_election
from service.recap.apply import EMPTY_ROW, columns_of, row_of, rules_of, saying_of, zero_sum
from service.recap.rows import Rules, StationRow, compute_row, contribution
from service.regions.codes import KECAMATAN_LEVEL, prefix_range
from service.services import Services
from service.store.insert import insert_for
from service.store.photos import Photo
from service.store.readings import Decision
from service.store.recap import recap, recap_sum
from service.store.regions import Region

Progress = Callable[[int, int], None]
"""Told how many of how many kecamatan are done."""

_SUM_KEYS: Final = ("election_id", "kecamatan")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the recap says otherwise than the decisions.

    Attributes:
        place: code of the station, or of the kecamatan for its sums.
        what: attribute of the row, or column of the sums.
        stored: what the recap says.
        expected: what follows from the decisions.
    """

    place: str
    what: str
    stored: object
    expected: object

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.place} {self.what}: {self.stored} is stored, {self.expected} follows from the decisions"


@dataclass(frozen=True, slots=True)
class _Kecamatan:
    """Rows and sums of a kecamatan, stored and expected."""

    code: str
    stored: Mapping[str, StationRow]
    expected: Mapping[str, StationRow]
    sums_stored: Mapping[str, int]
    sums_expected: Mapping[str, int]

    def differences(self) -> Iterator[Difference]:
        """What is stored otherwise than expected."""
        for tps in sorted(self.expected):
            yield from row_differences(tps, self.stored.get(tps), self.expected[tps])
        for name in sorted({*self.sums_stored, *self.sums_expected}):
            stored, expected = self.sums_stored.get(name, 0), self.sums_expected.get(name, 0)
            if stored != expected:
                yield Difference(self.code, name, stored, expected)


def check_recap(
    services: Services, election_id: str, region: str = "", progress: Progress | None = None
) -> tuple[Difference, ...]:
    """Compares the recap with what follows from the decisions, kecamatan by kecamatan, each at one point in time.

    Args:
        services: the process's services.
        election_id: election.
        region: region-code prefix to look at.
        progress: told how far it is.

    Returns:
        Every difference; none when all is well.

    Raises:
        ServiceError: ``unknown_election``.
    """
    found: list[Difference] = []
    codes = _kecamatan_codes(services, election_id, region)
    for done, code in enumerate(codes, start=1):
        with services.store.read() as session:
            if not services.store.is_sqlite:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            found += _examine(session, election_id, code).differences()
        if progress is not None:
            progress(done, len(codes))
    return tuple(found)


def rebuild_recap(
    services: Services,
    election_id: str,
    region: str = "",
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> tuple[Difference, ...]:
    """Writes the recap anew from the decisions, one kecamatan a transaction.

    While a kecamatan is written nobody else decides about a number (a few milliseconds). What was corrected goes to
    the kecamatan's audit chain.

    Returns:
        Every difference that was corrected.

    Raises:
        ServiceError: ``unknown_election``.
    """
    found: list[Difference] = []
    codes = _kecamatan_codes(services, election_id, region)
    for done, code in enumerate(codes, start=1):
        with services.store.write() as session:
            if not services.store.is_sqlite:
                session.execute(text("LOCK TABLE recap IN EXCLUSIVE MODE"))
            kecamatan = _examine(session, election_id, code)
            corrected = list(kecamatan.differences())
            if corrected:
                _write(session, election_id, kecamatan, services.now())
                details = {"election": election_id, "corrected": len(corrected)}
                act = Act("recap.rebuilt", f"election:{election_id}", code, actor, None, details)
                append(session, [act], services.now())
            found += corrected
        if progress is not None:
            progress(done, len(codes))
    return tuple(found)


def row_differences(tps: str, stored: StationRow | None, expected: StationRow) -> Iterator[Difference]:
    """Attribute by attribute; no row is the same as an empty one."""
    slots = len(expected.values)
    empty = replace(EMPTY_ROW, values=(None,) * slots)
    for each in fields(StationRow):
        was, should = getattr(stored or empty, each.name), getattr(expected, each.name)
        if was != should:
            yield Difference(tps, each.name, was, should)


def _kecamatan_codes(services: Services, election_id: str, region: str) -> Sequence[str]:
    """Every kecamatan of the election that anything was stored for."""
    with services.store.read() as session:
        scope = find_election(session, election_id).scope
        low, high = prefix_range(max(scope, region, key=len))
        query = select(Region.code).where(Region.level == KECAMATAN_LEVEL, Region.code >= low, Region.code < high)
        touched = set(session.scalars(select(recap.c.kecamatan).where(recap.c.election_id == election_id).distinct()))
        touched.update(session.scalars(select(recap_sum.c.kecamatan).where(recap_sum.c.election_id == election_id)))
        touched.update(session.scalars(select(Photo.kecamatan).where(Photo.election_id == election_id).distinct()))
        return [code for code in session.scalars(query.order_by(Region.code)) if code in touched]


def _examine(session: Session, election_id: str, code: str) -> _Kecamatan:
    rules = rules_of(session, find_election(session, election_id))
    here = (recap.c.election_id == election_id, recap.c.kecamatan == code)
    slots = len(rules.recap_fields)
    stored = {row._mapping["tps"]: row_of(row, slots) for row in session.execute(select(recap).where(*here))}
    sayings = _sayings(session, election_id, code)
    seen = set(
        session.scalars(
            select(Photo.tps)
            .where(Photo.election_id == election_id, Photo.kecamatan == code, Photo.state != "withdrawn")
            .distinct()
        )
    )
    expected = {
        tps: compute_row(sayings.get(tps, {}), rules, tps in seen) for tps in sorted({*stored, *sayings, *seen})
    }
    return _Kecamatan(code, stored, expected, _stored_sums(session, election_id, code), _sum(expected, rules))


def _sayings(session: Session, election_id: str, code: str) -> dict[str, dict[str, list[Saying]]]:
    low, high = prefix_range(code)
    query = (
        select(Decision)
        .with_only_columns(
            Decision.tps, Decision.id, Decision.field, Decision.seq, Decision.kind, Decision.outcome, Decision.value,
            Decision.why, Decision.as_written,
        )
        .where(Decision.election_id == election_id, Decision.tps >= low, Decision.tps < high)
    )  # fmt: skip
    found: dict[str, dict[str, list[Saying]]] = {}
    for row in session.execute(query):
        found.setdefault(row.tps, {}).setdefault(row.field, []).append(saying_of(row))
    return found


def _stored_sums(session: Session, election_id: str, code: str) -> dict[str, int]:
    query = select(recap_sum).where(recap_sum.c.election_id == election_id, recap_sum.c.kecamatan == code)
    row = session.execute(query).one_or_none()
    found = {} if row is None else dict(row._mapping)
    return {name: amount for name, amount in found.items() if name not in _SUM_KEYS and amount}


def _sum(rows: Mapping[str, StationRow], rules: Rules) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows.values():
        for name, amount in contribution(row, rules.full).items():
            sums[name] = sums.get(name, 0) + amount
    return sums


def _write(session: Session, election_id: str, kecamatan: _Kecamatan, at: datetime) -> None:
    wrong = [tps for tps in sorted(kecamatan.expected) if kecamatan.stored.get(tps) != kecamatan.expected[tps]]
    for tps in wrong:
        key = {"election_id": election_id, "tps": tps, "kecamatan": kecamatan.code}
        values: dict[str, Any] = {**columns_of(kecamatan.expected[tps]), "updated_at": at}
        session.execute(
            insert_for(session, recap)
            .values(**key, **values)
            .on_conflict_do_update(index_elements=["election_id", "tps"], set_=values)
        )
    here = (recap_sum.c.election_id == election_id, recap_sum.c.kecamatan == kecamatan.code)
    session.execute(delete(recap_sum).where(*here))
    sums = {**zero_sum(election_id, kecamatan.code), **kecamatan.sums_expected}
    session.execute(insert_for(session, recap_sum).values(sums))
