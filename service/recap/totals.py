"""Totals of a region's parts, read and verified kept apart, in one query at every level.

Down to the kecamatan the parts are rolled up from one row of sums a kecamatan; below it from the stations' own rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
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
    if region.level < KECAMATAN_LEVEL:
        query = _above(election, region, len(fields))
    elif region.level < DESA_LEVEL:
        query = _desas(election, region, len(fields))
    else:
        query = _stations(election, region, len(fields))
    level = region.level + 1
    parts = [_part(row._mapping, level, fields) for row in session.execute(query)]
    return RegionTotals(region, parts, _add([part.totals for part in parts], fields))


def _above(election: Election, region: Region, slots: int) -> Select[*tuple[Any, ...]]:
    """Kecamatan rolled up to the level below the region; a kecamatan without a row still counts its stations."""
    part = aliased(Region)
    digits = LEVEL_DIGITS[region.level + 1]
    low, high = prefix_range(max(election.scope, region.code, key=len))
    sums = [
        *(_sum(recap_sum.c[name], name) for name in COUNTS),
        *(_sum(recap_sum.c[read_column(k)], read_column(k)) for k in range(slots)),
        *(_sum(recap_sum.c[verified_column(k)], verified_column(k)) for k in range(slots)),
    ]
    joined = and_(recap_sum.c.election_id == election.id, recap_sum.c.kecamatan == Region.code)
    return (
        select(part.code, part.name, _sum(Region.tps_count, "tps_total"), *sums)
        .select_from(Region)
        .join(part, part.code == func.substr(Region.code, 1, digits))
        .outerjoin(recap_sum, joined)
        .where(Region.level == KECAMATAN_LEVEL, Region.code >= low, Region.code < high)
        .group_by(part.code, part.name)
        .order_by(part.code)
    )


def _desas(election: Election, region: Region, slots: int) -> Select[*tuple[Any, ...]]:
    joined = and_(
        recap.c.election_id == election.id,
        recap.c.kecamatan == region.code,
        func.substr(recap.c.tps, 1, LEVEL_DIGITS[DESA_LEVEL]) == Region.code,
    )
    return (
        select(Region.code, Region.name, Region.tps_count.label("tps_total"), *_station_sums(slots))
        .select_from(Region)
        .outerjoin(recap, joined)
        .where(Region.parent == region.code)
        .group_by(Region.code, Region.name, Region.tps_count)
        .order_by(Region.code)
    )


def _stations(election: Election, region: Region, slots: int) -> Select[*tuple[Any, ...]]:
    joined = and_(recap.c.election_id == election.id, recap.c.tps == Tps.code)
    one = func.count(Tps.code.distinct()).label("tps_total")
    return (
        select(Tps.code, Tps.number.label("name"), one, *_station_sums(slots))
        .select_from(Tps)
        .outerjoin(recap, joined)
        .where(Tps.desa == region.code)
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


def _part(row: Mapping[Any, Any], level: int, fields: Sequence[str]) -> Part:
    read = {name: row[read_column(k)] for k, name in enumerate(fields)}
    verified = {name: row[verified_column(k)] for k, name in enumerate(fields)}
    counts = {name: row[name] for name in COUNTERS}
    name = row["name"]
    return Part(
        row["code"], name if isinstance(name, str) else f"TPS {name:03d}", level, Totals(counts, read, verified)
    )


def _add(totals: Sequence[Totals], fields: Sequence[str]) -> Totals:
    return Totals(
        {name: sum(each.counts[name] for each in totals) for name in COUNTERS},
        {name: sum(each.read[name] for each in totals) for name in fields},
        {name: sum(each.verified[name] for each in totals) for name in fields},
    )
