"""Totals of a region's parts, read and verified kept apart, in one query at every level.

Down to the kecamatan the parts are rolled up from one row of sums a kecamatan; below it from the stations' own rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import Session, aliased

from service.errors import ServiceError
from service.regions.codes import DESA_LEVEL, KECAMATAN_LEVEL, LEVEL_DIGITS, prefix_range
from service.regions.queries import get_region
from service.store.recap import COUNTS, read_column, recap, recap_sum, value_column, verified_column
from service.store.regions import Election, Region, Tps

COUNTERS: Final = ("tps_total", *COUNTS)
"""Stations in all; with a photo; with every number known; with a number for a person; all verified; with an anomaly."""

_ZERO: Final = literal_column("0", Integer)
_ONE: Final = literal_column("1", Integer)


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of one region.

    Attributes:
        counts: the :data:`COUNTERS`.
        read: field -> sum of all numbers known, the machine's and people's.
        verified: field -> sum of the numbers that a person decided; always part of ``read``.
    """

    counts: Mapping[str, int]
    read: Mapping[str, int]
    verified: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a region with its totals; ``level`` 5 is a station, whose name is its number."""

    code: str
    name: str
    level: int
    totals: Totals


@dataclass(frozen=True, slots=True)
class RegionTotals:
    """A region, its parts, and their sum."""

    region: Region
    parts: Sequence[Part]
    sum: Totals


def region_totals(session: Session, election: Election, region_code: str) -> RegionTotals:
    """The totals of a region's parts.

    A region that is larger than the election's area shows only what lies in it.

    Raises:
        ServiceError: ``unknown_region``, also for one outside the election's area.
    """
    region = get_region(session, region_code)
    if not (region_code.startswith(election.scope) or election.scope.startswith(region_code)):
        raise ServiceError("unknown_region", details={"region": region_code, "scope": election.scope})
    fields = list(election.recap_fields)
    level = region.level + 1
    low, high = prefix_range(max(election.scope, region.code, key=len))
    given = {"election": election.id, "region": region.code, "scope": election.scope, "low": low, "high": high}
    if region.level < KECAMATAN_LEVEL:
        holds_area = len(election.scope) > len(region.code)
        if holds_area:
            given["part"] = election.scope[: LEVEL_DIGITS[level]]
        query = _above(LEVEL_DIGITS[level], len(fields), holds_area)
    elif region.level < DESA_LEVEL:
        query = _desas(len(fields))
    else:
        query = _stations(len(fields))
    parts = [_part(row, level, fields) for row in session.execute(query, given)]
    return RegionTotals(region, parts, _add([part.totals for part in parts], fields))


# Statements are built once: putting 60 sums together takes longer than PostgreSQL needs to answer.
Statement = Select[*tuple[Any, ...]]


@lru_cache(maxsize=64)
def _above(digits: int, slots: int, holds_area: bool) -> Statement:
    """Kecamatan rolled up to the parts of that many digits; a part of which nothing is known still has its stations.

    Args:
        digits: digits of a part's code.
        slots: recap fields.
        holds_area: the election's area is smaller than the region: only the part that holds it, and of that part only
            the area's stations.
    """
    names = [*COUNTS, *(read_column(k) for k in range(slots)), *(verified_column(k) for k in range(slots))]
    part = func.substr(recap_sum.c.kecamatan, 1, digits).label("part")
    sums = (
        select(part, *(func.sum(recap_sum.c[name]).label(name) for name in names))
        .where(
            recap_sum.c.election_id == bindparam("election"),
            recap_sum.c.kecamatan >= bindparam("low"),
            recap_sum.c.kecamatan < bindparam("high"),
        )
        .group_by(part)
        .subquery()
    )
    area = aliased(Region)
    of_area = select(area.tps_count).where(area.code == bindparam("scope")).scalar_subquery()
    query = (
        select(
            Region.code,
            Region.name,
            (of_area if holds_area else Region.tps_count).label("tps_total"),
            *(func.coalesce(sums.c[name], _ZERO).label(name) for name in names),
        )
        .select_from(Region)
        .outerjoin(sums, sums.c.part == Region.code)
        .where(Region.parent == bindparam("region"))
        .order_by(Region.code)
    )
    return query.where(Region.code == bindparam("part")) if holds_area else query


@lru_cache(maxsize=64)
def _desas(slots: int) -> Statement:
    joined = and_(
        recap.c.election_id == bindparam("election"),
        recap.c.kecamatan == bindparam("region"),
        func.substr(recap.c.tps, 1, LEVEL_DIGITS[DESA_LEVEL]) == Region.code,
    )
    return (
        select(Region.code, Region.name, Region.tps_count.label("tps_total"), *_station_sums(slots))
        .select_from(Region)
        .outerjoin(recap, joined)
        .where(Region.parent == bindparam("region"))
        .group_by(Region.code, Region.name, Region.tps_count)
        .order_by(Region.code)
    )


@lru_cache(maxsize=64)
def _stations(slots: int) -> Statement:
    joined = and_(recap.c.election_id == bindparam("election"), recap.c.tps == Tps.code)
    one = func.count(Tps.code.distinct()).label("tps_total")
    return (
        select(Tps.code, Tps.number.label("name"), one, *_station_sums(slots))
        .select_from(Tps)
        .outerjoin(recap, joined)
        .where(Tps.desa == bindparam("region"))
        .group_by(Tps.code, Tps.number)
        .order_by(Tps.code)
    )


def _station_sums(slots: int) -> list[ColumnElement[int]]:
    full = (1 << slots) - 1
    flags = {
        "tps_seen": recap.c.seen == 1,
        "tps_read": recap.c.known == full,
        "tps_review": recap.c.review != 0,
        "tps_verified": recap.c.verified == full,
        "tps_anomaly": cast(recap.c.anomalies, String) != "[]",
    }
    values = [recap.c[value_column(k)] for k in range(slots)]
    verified = [recap.c.verified.bitwise_and(literal_column(str(1 << k), BigInteger)) != _ZERO for k in range(slots)]
    return [
        *(_sum(case((flags[name], _ONE), else_=_ZERO), name) for name in COUNTS),
        *(_sum(values[k], read_column(k)) for k in range(slots)),
        *(_sum(case((verified[k], values[k]), else_=_ZERO), verified_column(k)) for k in range(slots)),
    ]


def _sum(column: Any, name: str) -> ColumnElement[int]:
    """A sum that is 0 where there is nothing (of counted things; an unread number is simply not part of it)."""
    return cast(func.coalesce(func.sum(column), _ZERO), BigInteger).label(name)


def _part(row: Sequence[Any], level: int, fields: Sequence[str]) -> Part:
    """A row of any of the statements: code, name, counters, sums read, sums verified."""
    code, name, *amounts = row
    counters, slots = len(COUNTERS), len(fields)
    totals = Totals(
        dict(zip(COUNTERS, amounts[:counters], strict=True)),
        dict(zip(fields, amounts[counters : counters + slots], strict=True)),
        dict(zip(fields, amounts[counters + slots :], strict=True)),
    )
    return Part(code, name if isinstance(name, str) else f"TPS {name:03d}", level, totals)


def _add(totals: Sequence[Totals], fields: Sequence[str]) -> Totals:
    return Totals(
        {name: sum(each.counts[name] for each in totals) for name in COUNTERS},
        {name: sum(each.read[name] for each in totals) for name in fields},
        {name: sum(each.verified[name] for each in totals) for name in fields},
    )
