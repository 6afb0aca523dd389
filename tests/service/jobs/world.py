"""Stored photos with their jobs, as an upload leaves them, and ways to work on them without a queue."""

import hashlib
import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ocr_pipeline.revision import reader_revision
from service.access import Role
from service.blobs.port import original_key
from service.ids import new_id
from service.jobs.deciding import decide_photo
from service.jobs.dispatcher import Dispatcher
from service.jobs.queue import Handler, Run, RunState
from service.jobs.reader_pool import ReaderPool
from service.jobs.reading import Tools, read_photo
from service.jobs.worker import Steps
from service.services import Services
from service.store.base import Base
from service.store.photos import Photo
from service.store.readings import Job, Reading, StationReading
from service.store.recap import recap
from tests.service.people import make_account
from tests.service.places import Places, open_election, small_country
from tests.service.sayings import add_photo

REPO = Path(__file__).resolve().parents[3]
SAMPLES = REPO / "samples"
WORKER = "test-1"


class ListQueue:
    """A queue in memory: what the steps do is tested without an engine, which has tests of its own."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.states: dict[Run, RunState] = {}
        self.forgotten: list[Run] = []
        self.holders: dict[str, int] = {}
        self.resumed: list[str] = []
        self.over: list[Run] = []

    def start(self, handler: Handler) -> None: ...

    def stop(self) -> None: ...

    def submit(self, runs: Sequence[Run]) -> None:
        self.runs += runs
        self.states |= dict.fromkeys(runs, "waiting")

    def status(self, runs: Sequence[Run]) -> Mapping[Run, RunState]:
        return {run: self.states.get(run, "unknown") for run in runs}

    def in_flight(self) -> Mapping[str, int]:
        return self.holders

    def resume_dead(self, workers: Collection[str]) -> Sequence[Run]:
        self.resumed += sorted(workers)
        return [Run("any", 1) for _ in workers]

    def ended(self, before: datetime, limit: int) -> Sequence[Run]:
        return self.over[:limit]

    def forget(self, runs: Sequence[Run]) -> None:
        self.forgotten += runs


@dataclass
class World:
    """A small country with an open election, one sender, and readers."""

    services: Services
    places: Places
    election: str
    sender: str
    readers: ReaderPool
    queue: ListQueue = field(default_factory=ListQueue)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def tools(self) -> Tools:
        return Tools(self.services, self.readers, WORKER, self.stop)

    def photo(self, content: bytes | Mapping[str, Any], tps: str | None = None, **changes: Any) -> str:
        """A stored photo with a waiting job; returns its id."""
        data = content if isinstance(content, bytes) else json.dumps({"id": new_id(), **content}).encode()
        sha256 = hashlib.sha256(data).hexdigest()
        self.services.blobs.put_bytes(original_key(sha256), data)
        usual = {"sha256": sha256, "size_bytes": len(data), "state": "received"}
        tps = tps or self.places.tps[0]
        photo_id = add_photo(self.services, self.election, tps, self.sender, **{**usual, **changes})
        job = Job(
            id=job_id(photo_id),
            photo_id=photo_id,
            reader_rev=reader_revision(),
            state="waiting",
            created_at=self.services.now(),
        )
        with self.services.store.write() as session:
            session.add(job)
        return photo_id

    def dispatcher(self, depth: int = 100, rev: str | None = None, worker: str = WORKER) -> Dispatcher:
        return Dispatcher(self.services, self.queue, worker, rev or reader_revision(), depth)

    def take(self, depth: int = 100) -> list[Run]:
        """What the dispatcher hands over now."""
        self.queue.runs = []
        self.dispatcher(depth).turn()
        return self.queue.runs

    def work(self, rounds: int = 1) -> None:
        """Hands over and runs whatever waits, ``rounds`` times; photos to be tried later wait for a later clock."""
        steps = Steps(self.tools)
        for _ in range(rounds):
            for run in self.take():
                if steps.read(run):
                    steps.decide(run)

    def read(self, run: Run) -> bool:
        return read_photo(self.tools, run)

    def decide(self, run: Run) -> str:
        return decide_photo(self.tools, run)

    def job(self, photo_id: str) -> Job:
        with self.services.store.read() as session:
            return session.get_one(Job, job_id(photo_id))

    def get(self, photo_id: str) -> Photo:
        with self.services.store.read() as session:
            return session.get_one(Photo, photo_id)

    def rows(self, table: type[Base], *conditions: Any) -> list[Any]:
        with self.services.store.read() as session:
            return list(session.scalars(select(table).where(*conditions)))

    def readings(self, photo_id: str) -> list[Reading]:
        return sorted(self.rows(Reading, Reading.photo_id == photo_id), key=lambda r: (r.created_at, r.part))

    def station(self, tps: str | None = None) -> StationReading | None:
        """What was decided last about a station."""
        tps = tps or self.places.tps[0]
        found = self.rows(StationReading, StationReading.tps == tps)
        return max(found, key=lambda each: each.seq, default=None)

    def recap_row(self, tps: str | None = None) -> dict[str, Any]:
        query = select(recap).where(recap.c.tps == (tps or self.places.tps[0]))
        with self.services.store.read() as session:
            return dict(session.execute(query).mappings().one())


def job_id(photo_id: str, rev: str | None = None) -> str:
    return f"{photo_id}:{rev or reader_revision()}"


@contextmanager
def make_world(services: Services, program: Sequence[str], timeout_s: float = 30) -> Iterator[World]:
    places = small_country(services)
    election = open_election(services)
    sender = make_account(services, Role.KPPS, places.tps[0])
    readers = ReaderPool(2, timeout_s, program)
    try:
        yield World(services, places, election, sender, readers)
    finally:
        readers.close()
