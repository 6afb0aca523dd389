"""``turus bench jobs``: what queue and store add to reading a photo, with the real worker on a real database.

Both times are of the same run: a reader says how long it read and drew, and what is left of the time between the first
and the last job's end was spent on everything else. A machine that is busy with something else slows both alike.
"""

import hashlib
import os
import resource
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from sqlalchemy import func, insert, select

from ocr_pipeline.forms.library import form_ids
from ocr_pipeline.imaging.probe import probe
from ocr_pipeline.revision import reader_revision
from service.access import Role
from service.blobs.port import original_key
from service.elections.draft import ElectionDraft
from service.elections.manage import create_election
from service.ids import new_id
from service.jobs.dbos_engine import DbosQueue
from service.jobs.reader_pool import PartRead, ReaderPool
from service.jobs.worker import Options, concurrency, run_worker
from service.regions.load import import_regions
from service.services import Services, build_services
from service.settings import MEGABYTE, Settings
from service.store.accounts import Account
from service.store.migrate import migrate
from service.store.photos import Photo
from service.store.readings import Job, Reading, StationReading

DESA: Final = "9999011001"
WARM_UP: Final = 2
"""Photos read before the clock starts: the first one starts a reader and fills caches."""

ALONE: Final = 5
"""Photos sent one by one, to see how long one that finds the queue empty waits."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Attributes:
        database: ``sqlite`` or ``postgresql``.
        photos: that were timed.
        wall_s: from the end of the first job to the end of the last one.
        reading_ms: of one photo, mean: reading it and drawing its view.
        added_ms: of one photo, mean: everything else, as far as the reader had to wait for it.
        overhead: ``added_ms`` as a share of ``reading_ms``.
        reading_cpu_ms: processor time of the reader for one photo.
        worker_cpu_ms: processor time of the worker process itself for one photo, its looking for work included.
        overhead_cpu: ``worker_cpu_ms`` as a share of ``reading_cpu_ms``: what is lost where readers use every core.
        alone_ms: of a photo that finds the queue empty: median time from stored to decided, less its reading.
        worker_rss_mib: of the worker process at the end.
        failed: photos that did not end as read.
    """

    database: str
    photos: int
    wall_s: float
    reading_ms: float
    added_ms: float
    overhead: float
    reading_cpu_ms: float
    worker_cpu_ms: float
    overhead_cpu: float
    alone_ms: float
    worker_rss_mib: float
    failed: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


class _Timed(ReaderPool):
    """Readers that note how long each photo took them."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(1, timeout_s)
        self.took_ms: dict[str, float] = {}

    def read(self, path: Path, part: int, name: str) -> PartRead:
        found = super().read(path, part, name)
        self.took_ms[name] = found.took_ms + found.view_ms
        return found


def measure(settings: Settings, files: Sequence[Path], photos: int) -> Figures:
    """Reads photos with one reader process on an empty database.

    Args:
        settings: of the installation to fill; its database must be empty.
        files: photos, taken in turn.
        photos: how many to time.
    """
    services = build_services(settings)
    migrate(services.store)
    sender = _prepare(services, photos + WARM_UP + ALONE)
    worker_id = "bench-1"
    readers = _Timed(settings.read_timeout_s)
    queue = DbosQueue(
        settings.jobs_database, worker_id, reader_revision(), concurrency=concurrency(1), stop_timeout_s=60
    )
    stop = threading.Event()
    options = Options(worker_id, readers=1)
    worker = threading.Thread(target=run_worker, args=(services, queue, options, stop, readers))
    worker.start()
    try:
        _wait(services, _store(services, sender, files, range(WARM_UP)))
        alone = [_alone_ms(services, sender, files, number, readers) for number in range(WARM_UP, WARM_UP + ALONE)]
        before = _cpu_s(readers)
        ids = _store(services, sender, files, range(WARM_UP + ALONE, WARM_UP + ALONE + photos))
        _wait(services, ids)
        after = _cpu_s(readers)
    finally:
        stop.set()
        worker.join()
    cpu_ms = [(end - begin) * 1000 / photos for begin, end in zip(before, after, strict=True)]
    figures = _figures(services, ids, readers.took_ms, cpu_ms, median(alone))
    services.store.close()
    return figures


def _figures(
    services: Services, ids: Sequence[str], took_ms: dict[str, float], cpu_ms: Sequence[float], alone_ms: float
) -> Figures:
    with services.store.read() as session:
        ends = session.execute(
            select(Job.finished_at, Job.photo_id).where(Job.photo_id.in_(ids)).order_by(Job.finished_at)
        ).all()
        read = session.scalar(select(func.count()).select_from(Photo).where(Photo.id.in_(ids), Photo.state == "read"))
        readings = session.scalar(select(func.count()).select_from(Reading).where(Reading.photo_id.in_(ids)))
        stations = session.scalar(select(func.count()).select_from(StationReading)) or 0
    assert readings == len(ids)
    assert stations
    first, last = ends[0].finished_at, ends[-1].finished_at
    assert first is not None
    assert last is not None
    wall_s = (last - first).total_seconds()
    timed = [took_ms[row.photo_id] for row in ends[1:]]
    reading_ms = sum(timed) / len(timed)
    added_ms = wall_s * 1000 / len(timed) - reading_ms
    return Figures(
        database="sqlite" if services.store.is_sqlite else "postgresql",
        photos=len(timed),
        wall_s=round(wall_s, 2),
        reading_ms=round(reading_ms, 1),
        added_ms=round(added_ms, 1),
        overhead=round(added_ms / reading_ms, 4),
        reading_cpu_ms=round(cpu_ms[1], 1),
        worker_cpu_ms=round(cpu_ms[0], 1),
        overhead_cpu=round(cpu_ms[0] / cpu_ms[1], 4),
        alone_ms=round(alone_ms, 1),
        worker_rss_mib=round(_rss_mib(), 1),
        failed=len(ids) - (read or 0),
    )


def _prepare(services: Services, stations: int) -> str:
    """A made-up desa, an election for each station (so that the same file twice is no alarm), one sender."""
    rows = ["code,name,tps", "99,BENCH,", "9999,BENCH,", "999901,BENCH,", f"{DESA},BENCH,{stations}"]
    import_regions(services, "\n".join(rows).encode())
    for number in range(stations):
        draft = ElectionDraft(id=_election(number), name="Bench", forms=(form_ids()[0],), scope="99", candidates=())
        create_election(services, draft)
    sender = new_id()
    account = Account(id=sender, role=Role.ADMIN.value, scope="", state="active", created_at=services.now())
    with services.store.write() as session:
        session.add(account)
    return sender


def _election(number: int) -> str:
    return f"bench-{number}"


def _store(services: Services, sender: str, files: Sequence[Path], numbers: Sequence[int]) -> list[str]:
    """Stores photos with their jobs in one commit, as the group commit of a busy web process does."""
    photos, jobs = [], []
    for number in numbers:
        path = files[number % len(files)]
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        services.blobs.put_bytes(original_key(sha256), data)
        photo_id, now, tps = new_id(), services.now(), f"{DESA}{number + 1:03}"
        photos.append(
            {
                "id": photo_id,
                "election_id": _election(number),
                "tps_sent": tps,
                "tps": tps,
                "kecamatan": DESA[:6],
                "sha256": sha256,
                "size_bytes": len(data),
                "format": probe(path).format,
                "received_at": now,
                "sender_id": sender,
                "on_behalf": False,
                "channel": "put",
                "state": "received",
                "capture": {},
            }
        )
        rev = reader_revision()
        jobs.append(
            {
                "id": f"{photo_id}:{rev}",
                "photo_id": photo_id,
                "reader_rev": rev,
                "state": "waiting",
                "created_at": now,
            }
        )
    with services.store.write() as session:
        session.execute(insert(Photo), photos)
        session.execute(insert(Job), jobs)
    return [str(photo["id"]) for photo in photos]


def _wait(services: Services, ids: Sequence[str]) -> None:
    left = select(Job.id).where(Job.photo_id.in_(ids), Job.state.not_in(("done", "failed"))).limit(1)
    while True:
        with services.store.read() as session:
            if session.scalar(left) is None:
                return
        time.sleep(0.1)


def _alone_ms(services: Services, sender: str, files: Sequence[Path], number: int, readers: _Timed) -> float:
    (photo_id,) = _store(services, sender, files, [number])
    _wait(services, [photo_id])
    with services.store.read() as session:
        row = session.execute(select(Job.created_at, Job.finished_at).where(Job.photo_id == photo_id)).one()
    assert row.finished_at is not None
    whole_ms: float = (row.finished_at - row.created_at).total_seconds() * 1000
    return whole_ms - readers.took_ms[photo_id]


def _cpu_s(readers: ReaderPool) -> tuple[float, float]:
    """Processor time so far of this process and of the one reader, which does not change in between."""
    (reader,) = readers.processes()
    fields = Path(f"/proc/{reader}/stat").read_text().rpartition(")")[2].split()
    own_s = time.process_time() - time.thread_time()  # this thread only waits for the worker's
    return own_s, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return float(pages * resource.getpagesize() / MEGABYTE)
