"""How fast totals come at the size of the country while results arrive (``turus bench recap``)."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from service.audit.verify import verify_database
from service.elections.manage import find_election
from service.recap.apply import row_of, rules_of, sayings_of
from service.recap.bench_load import ELECTION, Arrived, Through, Writers, fill, open_bench_election
from service.recap.rows import compute_row
from service.recap.totals import region_totals
from service.regions.load import import_regions
from service.services import Services, build_services
from service.settings import Settings
from service.store.migrate import migrate
from service.store.recap import COUNTS, read_column, recap, recap_sum, value_column
from service.store.regions import Region, Tps

LEVELS: Final = ("nation", "province", "city", "kecamatan", "desa")
QUIET_TIMES: Final = 40

_SLICES = 20  # statistics.quantiles(n=20): its last cut is the 95th percentile

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of one thing done often, ms."""

    median_ms: float
    p95_ms: float
    worst_ms: float
    times: int


@dataclass(frozen=True, slots=True)
class LevelTimes:
    """Times of the totals of one region, with nothing else going on and while results arrive."""

    level: str
    region: str
    parts: int
    quiet: Timing
    loaded: Timing


@dataclass(frozen=True, slots=True)
class RecapTimes:
    """What the bench found.

    Attributes:
        stations: stations in the country.
        rows: rows of the recap before the run.
        levels: times by level, the nation first; the largest region of each.
        due_per_s: results due a second.
        written_per_s: results recorded a second, each with 28 decisions, recap, sums and audit in one transaction.
        write: from when a result was due to when it was committed, ms.
        written: results recorded in all.
        errors: results that failed, as text.
        sums_equal: every kecamatan's sums equal a fresh addition of its stations' rows, and the row of every station
            written equals what follows from its decisions; and the audit's chains fit.
    """

    stations: int
    rows: int
    levels: Sequence[LevelTimes]
    due_per_s: float
    written_per_s: float
    write: Timing
    written: int
    errors: Sequence[str]
    sums_equal: bool


def bench_recap(
    settings: Settings,
    regions: bytes,
    rate: float,
    seconds: float,
    writers: int,
    seed: int,
    tell: Tell,
    through: Through = "service",
) -> RecapTimes:
    """Loads a country into an empty PostgreSQL database and measures.

    Args:
        settings: with the address of an empty database.
        regions: a file of regions.
        rate: results due a second.
        seconds: how long they arrive.
        writers: processes that record them.
        seed: of stations and values.
        tell: told each step.
        through: who records them.
    """
    services = build_services(settings)
    try:
        migrate(services.store)
        tell("regions and stations")
        import_regions(services, regions)
        open_bench_election(services)
        tell("results of 97 % of the stations")
        rows = fill(services, seed)
        places = _places(services)
        with services.store.read() as session:
            stations = session.scalars(select(Tps.code).order_by(Tps.code)).all()
        tell("quiet")
        quiet = [timing([_time(services, region) for _ in range(QUIET_TIMES)]) for region in places]
        tell(f"{rate:g} results a second for {seconds:g} s")
        with Writers(settings, stations, rate, seconds, writers, seed, through) as arriving:
            loaded = _time_while(services, places, arriving.is_running)
            arrived = arriving.results()
        tell("comparing")
        touched = sorted({tps for each in arrived for tps in each.stations})
        equal = _sums_equal(services) and _rows_equal(services, touched) and _chains_fit(services)
        parts = [_parts(services, region) for region in places]
    finally:
        services.store.close()
    levels = zip(LEVELS, places, parts, quiet, loaded, strict=True)
    return _times(len(stations), rows, [LevelTimes(*each) for each in levels], rate, arrived, equal)


def timing(took_ms: Sequence[float]) -> Timing:
    """Median, 95th percentile and worst of at least two times."""
    if len(took_ms) < 2:
        raise ValueError("too few times for a percentile")
    cuts = statistics.quantiles(took_ms, n=_SLICES, method="inclusive")
    return Timing(statistics.median(took_ms), cuts[-1], max(took_ms), len(took_ms))


def _times(
    stations: int, rows: int, levels: Sequence[LevelTimes], rate: float, arrived: Sequence[Arrived], equal: bool
) -> RecapTimes:
    took = [ms for each in arrived for ms in each.took_ms]
    errors = [error for each in arrived for error in each.errors]
    if len(took) < 2:
        raise RuntimeError(f"hardly any result was recorded: {errors[:1]}")
    return RecapTimes(
        stations=stations,
        rows=rows,
        levels=levels,
        due_per_s=rate,
        written_per_s=sum(len(each.took_ms) / each.lasted_s for each in arrived),
        write=timing(took),
        written=len(took),
        errors=errors,
        sums_equal=equal,
    )


def _places(services: Services) -> list[str]:
    """The region with most stations of each level."""
    with services.store.read() as session:
        found = []
        for level in range(len(LEVELS)):
            query = select(Region.code).where(Region.level == level).order_by(Region.tps_count.desc(), Region.code)
            found.append(session.scalars(query.limit(1)).one())
        return found


def _time(services: Services, region: str) -> float:
    """One set of totals as the API computes it, with the look-up of election and region, ms."""
    start = time.perf_counter()
    with services.store.read() as session:
        region_totals(session, find_election(session, ELECTION), region)
    return (time.perf_counter() - start) * 1000


def _time_while(services: Services, places: Sequence[str], is_running: Callable[[], bool]) -> list[Timing]:
    """One region after the other, each level once a round, with a pause between as people make it."""
    took: list[list[float]] = [[] for _ in places]
    while is_running() or any(len(each) < 2 for each in took):
        for region, times in zip(places, took, strict=True):
            times.append(_time(services, region))
            time.sleep(0.02)
    return [timing(times) for times in took]


def _parts(services: Services, region: str) -> int:
    with services.store.read() as session:
        return len(region_totals(session, find_election(session, ELECTION), region).parts)


def _sums_equal(services: Services) -> bool:
    """Whether each kecamatan's sums are those of its stations' rows, every slot and counter."""
    with services.store.read() as session:
        slots = len(find_election(session, ELECTION).recap_fields)
        full = (1 << slots) - 1
        counts = {
            "tps_seen": func.sum(recap.c.seen),
            "tps_read": func.count().filter(recap.c.known == full),
            "tps_review": func.count().filter(recap.c.review != 0),
            "tps_verified": func.count().filter(recap.c.verified == full),
            "tps_anomaly": func.count().filter(func.jsonb_array_length(recap.c.anomalies) > 0),
        }
        read = [func.coalesce(func.sum(recap.c[value_column(k)]), 0) for k in range(slots)]
        fresh = select(recap.c.kecamatan, *(counts[name] for name in COUNTS), *read).group_by(recap.c.kecamatan)
        columns = [recap_sum.c[name] for name in COUNTS] + [recap_sum.c[read_column(k)] for k in range(slots)]
        added = {row[0]: tuple(row[1:]) for row in session.execute(fresh)}
        kept = {row[0]: tuple(row[1:]) for row in session.execute(select(recap_sum.c.kecamatan, *columns))}
    return added == kept


def _chains_fit(services: Services) -> bool:
    with services.store.read() as session:
        return not verify_database(session).flaws


def _rows_equal(services: Services, stations: Sequence[str]) -> bool:
    """Whether the row of each of these stations is what follows from its decisions."""
    with services.store.read() as session:
        rules = rules_of(session, find_election(session, ELECTION))
        for tps in stations:
            stored = session.execute(select(recap).where(recap.c.tps == tps)).one()
            expected = compute_row(sayings_of(session, ELECTION, tps), rules, seen=False)
            if row_of(stored, len(rules.recap_fields)) != expected:
                return False
    return True
