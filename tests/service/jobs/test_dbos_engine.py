"""The queue on DBOS itself, on both databases."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from service.jobs.dbos_engine import DbosQueue
from service.jobs.queue import Run
from service.settings import Settings


class Echo:
    """Steps that note what they are asked; the second photo is held until it may go on."""

    def __init__(self) -> None:
        self.read_runs: list[Run] = []
        self.decided: list[Run] = []
        self.go_on = threading.Event()

    def read(self, run: Run) -> bool:
        self.read_runs.append(run)
        if run.job_id == "held":
            self.go_on.wait(30)
        return run.job_id != "nothing"

    def decide(self, run: Run) -> str:
        self.decided.append(run)
        return "done"


def wait_until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_runs_are_run_once_known_and_forgotten(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    echo, queue = Echo(), DbosQueue(settings.jobs_database, "t-1", "rev", concurrency=4, stop_timeout_s=5)
    queue.start(echo)
    try:
        runs = [Run(job_id, 1) for job_id in ("a", "nothing", "held")]
        queue.submit(runs)
        queue.submit(runs)
        wait_until(lambda: [queue.status(runs)[run] for run in runs[:2]] == ["ended", "ended"])
        wait_until(lambda: runs[2] in echo.read_runs)
        assert queue.status([*runs, Run("a", 2)]) == {
            runs[0]: "ended",
            runs[1]: "ended",
            runs[2]: "running",
            Run("a", 2): "unknown",
        }
        assert queue.in_flight() == {"t-1": 1}
        assert queue.resume_dead({"t-1"}) == []  # never what is its own
        now = datetime.now(UTC)
        assert queue.ended(now - timedelta(hours=1), 10) == []
        assert set(queue.ended(now + timedelta(hours=1), 10)) == set(runs[:2])
        queue.forget(runs[:2])
        assert queue.status(runs[:2]) == dict.fromkeys(runs[:2], "unknown")
        echo.go_on.set()
        wait_until(lambda: queue.status(runs)[runs[2]] == "ended")
    finally:
        echo.go_on.set()
        queue.stop()
    assert sorted(echo.read_runs, key=lambda run: run.job_id) == [runs[0], runs[2], runs[1]]
    assert echo.decided == [runs[0], runs[2]]


def test_runs_of_another_reader_are_foreign(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    run = Run("held", 1)
    echo = Echo()
    old = DbosQueue(settings.jobs_database, "t-1", "old", concurrency=4, stop_timeout_s=1)
    old.start(echo)
    old.submit([run])
    wait_until(lambda: echo.read_runs)
    old.stop()  # gives up waiting for it
    new = DbosQueue(settings.jobs_database, "t-2", "new", concurrency=4, stop_timeout_s=5)
    new.start(Echo())
    try:
        assert new.status([run]) == {run: "foreign"}
        assert new.in_flight() == {"t-1": 1}
        assert new.resume_dead({"t-1"}) == []
    finally:
        echo.go_on.set()
        new.stop()
