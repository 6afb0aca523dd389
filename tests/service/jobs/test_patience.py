"""What is away is waited for, and no photo is blamed."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from service.errors import ServiceError
from service.jobs import patience
from service.jobs.patience import Stopping, is_away, patiently
from service.jobs.reader_pool import ReaderBroke, ReaderUnavailable
from service.jobs.reading import Tools
from service.jobs.worker import Steps
from service.services import Services
from tests.service.jobs.world import WORKER, World

AWAY = [
    ServiceError("database_away"),
    ServiceError("storage_away"),
    ServiceError("disk_full"),
    ReaderUnavailable("no memory"),
    OperationalError("SELECT 1", {}, Exception("gone")),
]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_WAIT_S", 0.001)


@pytest.mark.parametrize("error", AWAY)
def test_what_is_away_is_tried_until_it_is_back(error: Exception) -> None:
    left = [error, error, error]

    def act() -> str:
        if left:
            raise left.pop()
        return "done"

    assert is_away(error)
    assert patiently(act, "test", threading.Event()) == "done"


@pytest.mark.parametrize("error", [ValueError("a fault"), ServiceError("blob_missing"), ReaderBroke("reader_crashed")])
def test_what_is_wrong_is_not_waited_for(error: Exception) -> None:
    def act() -> None:
        raise error

    with pytest.raises(type(error)):
        patiently(act, "test", threading.Event())


def test_a_worker_that_stops_waits_no_longer() -> None:
    stop = threading.Event()
    stop.set()

    def act() -> None:
        raise ServiceError("database_away")

    with pytest.raises(Stopping):
        patiently(act, "test", stop)


class Hiccups:
    """A blob store that is away the first times it is asked."""

    def __init__(self, blobs: Any, times: int) -> None:
        self._blobs = blobs
        self.left = times

    def local_path(self, key: str, scratch: Path) -> Path:
        if self.left:
            self.left -= 1
            raise ServiceError("storage_away")
        found: Path = self._blobs.local_path(key, scratch)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)


def with_hiccups(world: World, times: int) -> Tools:
    s = world.services
    blobs: Any = Hiccups(s.blobs, times)
    return Tools(Services(s.settings, s.store, blobs, s.keys, s.now), world.readers, WORKER, world.stop)


def test_a_storage_that_was_away_costs_no_try(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    (run,) = world.take()
    assert Steps(with_hiccups(world, 5)).read(run)
    assert (world.job(photo).tries, world.job(photo).breaks) == (1, 0)


def test_a_worker_that_stops_meanwhile_puts_the_job_back(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    (run,) = world.take()
    world.stop.set()
    assert not Steps(with_hiccups(world, 5)).read(run)
    job = world.job(photo)
    assert (job.state, job.tries, job.breaks, job.worker) == ("waiting", 0, 0, None)


def test_a_fault_of_our_own_ends_as_a_coded_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    good = world.photo({"sample": "tps-b-hal2"}, world.places.tps[1])

    def fault(*_: Any, **__: Any) -> None:
        raise ValueError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr("service.jobs.deciding.decide_pages", fault)
        for _ in range(3):
            for run in world.take():
                steps = Steps(world.tools)
                if run.job_id.startswith(photo):
                    assert steps.read(run) and steps.decide(run) == "again"  # noqa: PT018
            world.services.now.advance(minutes=2)  # type: ignore[attr-defined]
    job = world.job(photo)
    assert (job.state, job.error) == ("failed", "reading_fault")
    assert len(world.readings(photo)) == 1
    assert (world.get(photo).state, world.get(photo).failure) == ("failed", "reading_fault")
    assert world.job(good).state == "queued"
