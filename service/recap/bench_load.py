"""A country full of results, and processes that record more of them at a given rate; for ``turus bench recap``."""

import json
import multiprocessing
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from types import TracebackType
from typing import Final, Literal

import numpy as np
from sqlalchemy import func, select, text

import service.store.tables  # noqa: F401 - a writer has nothing else that knows every table
from ocr_pipeline.values import DecodedNumbers, NumberRead
from service.audit.chain import GENESIS
from service.decisions.record import record_machine
from service.elections.draft import CandidateDraft, ElectionDraft
from service.elections.manage import create_election, find_election, open_election
from service.ids import new_id
from service.recap.apply import rules_of
from service.recap.bench_sql import SqlWriter
from service.services import Services, build_services
from service.settings import Settings
from service.store.readings import StationReading
from service.store.recap import COUNTS, read_column, recap, recap_sum, value_column

ELECTION: Final = "bench-recap"
FORM: Final = "c-hasil-ppwp-2024"
Through = Literal["service", "sql"]
"""Whether results are recorded by the service's own code or as the same rows in plain SQL (bench_sql.py)."""

FILLED: Final = 0.97
"""Share of stations with a result before the run begins."""

PROVINCES, CITIES, KECAMATAN, DESAS, STATIONS = 38, 514, 7_277, 83_731, 820_161
"""Size of the country in 2024, stations abroad left out."""


def made_up_country() -> bytes:
    """A file of regions as large as the country, for where the real one is not at hand."""
    names: dict[str, str] = {}
    desas: list[str] = []
    for k in range(DESAS):
        kecamatan = k * KECAMATAN // DESAS
        city = kecamatan * CITIES // KECAMATAN
        province = city * PROVINCES // CITIES
        above = f"{province + 11:02d}"
        city_code = f"{above}{city - -(-province * CITIES // PROVINCES) + 1:02d}"
        kecamatan_code = f"{city_code}{kecamatan - -(-city * KECAMATAN // CITIES) + 1:02d}"
        desa = f"{kecamatan_code}{k - -(-kecamatan * DESAS // KECAMATAN) + 1:04d}"
        for code in (above, city_code, kecamatan_code, desa):
            names.setdefault(code, f"WILAYAH {code}")
        desas.append(desa)
    counts = {desa: [STATIONS * (k + 1) // DESAS - STATIONS * k // DESAS] for k, desa in enumerate(desas)}
    return json.dumps({"id2name": names, "tps": counts}).encode()


def open_bench_election(services: Services) -> None:
    """A national election with the form's three candidates."""
    candidates = tuple(CandidateDraft(n, f"Calon {n}") for n in (1, 2, 3))
    create_election(services, ElectionDraft(ELECTION, "Bench", (FORM,), "", candidates))
    open_election(services, ELECTION)


def fill(services: Services, seed: int) -> int:
    """Rows of the recap for most stations, and their sums, written by the database itself; no decisions behind them.

    Returns:
        How many rows there are.
    """
    with services.store.write() as session:
        slots = len(find_election(session, ELECTION).recap_fields)
        full = (1 << slots) - 1
        columns = ", ".join(value_column(k) for k in range(slots))
        values = ", ".join("floor(random() * 120)::int" for _ in range(slots))
        session.execute(text("SELECT setseed(:seed)"), {"seed": (seed % 1000) / 1000})
        session.execute(
            text(
                "INSERT INTO recap (election_id, tps, kecamatan, seq, seen, verdict, source, verified, review, known, "
                f"anomalies, updated_at, {columns}) SELECT :election, code, kecamatan, 0, 0, 'consistent', 'machine', "
                f"0, 0, {full}, '[]', now(), {values} FROM tps WHERE random() < :filled"
            ),
            {"election": ELECTION, "filled": FILLED},
        )
        sums = ", ".join(f"coalesce(sum({value_column(k)}), 0)" for k in range(slots))
        names = ", ".join([*COUNTS, *(read_column(k) for k in range(slots))])
        rest = ", ".join(c for c in _sum_columns() if c not in {*COUNTS, *(read_column(k) for k in range(slots))})
        zeros = ", ".join("0" for _ in rest.split(", "))
        session.execute(
            text(
                f"INSERT INTO recap_sum (election_id, kecamatan, {names}, {rest}) SELECT :election, kecamatan, 0, "
                f"count(*), 0, 0, 0, {sums}, {zeros} FROM recap GROUP BY kecamatan"
            ),
            {"election": ELECTION},
        )
        session.execute(
            text("INSERT INTO audit_head (chain, seq, hash) SELECT code, 0, :genesis FROM region WHERE level = 3"),
            {"genesis": GENESIS},
        )
        rows = session.scalar(select(func.count()).select_from(recap)) or 0
    with services.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return rows


def _sum_columns() -> list[str]:
    return [column.name for column in recap_sum.c if column.name not in ("election_id", "kecamatan")]


@dataclass(frozen=True, slots=True)
class Arrived:
    """What one writer did.

    Attributes:
        stations: those it wrote.
        took_ms: from when each result was due to when it was committed.
        lasted_s: from the first due time to the last commit.
        errors: results that failed, as text.
    """

    stations: Sequence[str]
    took_ms: Sequence[float]
    lasted_s: float
    errors: Sequence[str]


class Writers:
    """Processes that record results while the block runs."""

    def __init__(
        self,
        settings: Settings,
        stations: Sequence[str],
        rate: float,
        seconds: float,
        writers: int,
        seed: int,
        through: Through,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Queue[Arrived | str] = context.Queue()
        self._go = context.Event()
        # Every station once: the same one twice at the same moment is not what a country does.
        drawn = random.Random(seed).sample(stations, min(len(stations), int(rate * seconds * 1.5) + writers))
        parts = [drawn[k::writers] for k in range(writers)]
        self._processes: list[SpawnProcess] = []
        for k in range(writers):
            own = parts[k]
            job = (settings, own, rate / writers, seconds, seed + k, through, self._queue, self._go)
            self._processes.append(context.Process(target=_write, args=job, daemon=True))
        self._found: list[Arrived] = []

    def __enter__(self) -> "Writers":
        """Starts them, and lets them write when all are ready."""
        for process in self._processes:
            process.start()
        for _ in self._processes:
            self._queue.get(timeout=120)
        self._go.set()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends those that are still there."""
        for process in self._processes:
            process.join(10)
            process.kill()

    def is_running(self) -> bool:
        """Whether any of them still writes."""
        while not self._queue.empty():
            self._take()
        return len(self._found) < len(self._processes)

    def results(self) -> Sequence[Arrived]:
        """What each did, when all are done."""
        while len(self._found) < len(self._processes):
            self._take()
        return self._found

    def _take(self) -> None:
        found = self._queue.get(timeout=600)
        if isinstance(found, str):
            raise RuntimeError(f"a writer failed: {found}")
        self._found.append(found)


def _write(
    settings: Settings,
    stations: Sequence[str],
    rate: float,
    seconds: float,
    seed: int,
    through: Through,
    queue: "Queue[Arrived | str]",
    go: "multiprocessing.synchronize.Event",
) -> None:
    """A writer: its results are due at random times (Poisson) whether or not it keeps up."""
    services = build_services(settings)
    numbers = random.Random(seed)
    with services.store.read() as session:
        rules = rules_of(session, find_election(session, ELECTION))
    raw = SqlWriter(settings.database, ELECTION, rules) if through == "sql" else None
    queue.put("ready")
    go.wait()
    took: list[float] = []
    written: list[str] = []
    errors: list[str] = []
    start = time.perf_counter()
    due = 0.0
    for tps in stations:
        due += numbers.expovariate(rate)
        if due > seconds:
            break
        time.sleep(max(0.0, start + due - time.perf_counter()))
        try:
            if raw is None:
                _record(services, tps, _result(numbers))
            else:
                raw.record(tps, _result(numbers), services.now())
        except Exception as error:  # kept and shown: one failure must not hide the others
            errors.append(repr(error))
            continue
        took.append((time.perf_counter() - start - due) * 1000)
        written.append(tps)
    lasted_s = time.perf_counter() - start
    if raw is not None:
        raw.close()
    services.store.close()
    queue.put(Arrived(written, took, lasted_s, errors))


def _record(services: Services, tps: str, values: Mapping[str, int]) -> None:
    """One result as a worker records it: reading, decisions, recap, sums, audit, in one transaction."""
    numbers = {
        name: NumberRead(name, value, str(value).rjust(3, "X"), 0.9999, "accepted", (), {}, np.zeros((4, 2)))
        for name, value in values.items()
    }
    now = services.now()
    with services.store.write() as session:
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(tps, 0))))  # as the worker does
        mine = (StationReading.election_id == ELECTION, StationReading.tps == tps)
        reading = StationReading(
            id=new_id(),
            election_id=ELECTION,
            tps=tps,
            seq=(session.scalar(select(func.max(StationReading.seq)).where(*mine)) or 0) + 1,
            inputs=new_id(),
            form_id=FORM,
            reader_rev="bench",
            verdict="consistent",
            body={},
            created_at=now,
        )
        session.add(reading)
        record_machine(session, services, ELECTION, tps, reading, DecodedNumbers(numbers, (), "consistent"))


def _result(numbers: random.Random) -> dict[str, int]:
    """A station's 28 numbers, with all arithmetic in order."""
    women, men = numbers.randint(60, 150), numbers.randint(60, 150)
    votes = [numbers.randint(1, 60) for _ in range(3)]
    valid, invalid = sum(votes), numbers.randint(0, 5)
    total = valid + invalid
    voted_men = min(men, total // 2)
    received = women + men + -(-(women + men) * 2 // 100)
    values = {f"paslon_{k + 1}": vote for k, vote in enumerate(votes)}
    values |= {"sah": valid, "tidak_sah": invalid, "total": total}
    values |= {"dpt_l": men, "dpt_p": women, "dpt_j": men + women}
    for row, (left, right) in {
        "pengguna_dpt": (voted_men, total - voted_men),
        "pengguna_dptb": (0, 0),
        "pengguna_dpk": (0, 0),
        "pengguna": (voted_men, total - voted_men),
        "disabilitas": (0, 0),
    }.items():
        values |= {f"{row}_l": left, f"{row}_p": right, f"{row}_j": left + right}
    values |= {"surat_diterima": received, "surat_digunakan": total}
    return values | {"surat_dikembalikan": 0, "surat_tidak_digunakan": received - total}
