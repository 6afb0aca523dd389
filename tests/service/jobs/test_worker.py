"""Real worker processes on real databases: killed, stopped, side by side."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.audit.verify import verify_database
from service.services import Services, build_services
from service.store.audit import AuditEvent
from service.store.readings import Decision, Job, Reading, StationReading, Worker
from tests.service.jobs.world import REPO, SAMPLES, World, make_world

WAIT_S = 120
WORKER_POINTS = ("job.taken", "read.before_record", "decide.before_commit", "decide.committed")
"""Of :data:`service.faults.POINTS`; the fault runs of tests/load try them all."""


@pytest.fixture
def world(services: Services, stub: tuple[str, ...]) -> Iterator[World]:
    """With a true clock: the processes have one."""
    real = build_services(services.settings)
    with make_world(real, stub) as made:
        yield made
    real.store.close()


def environment(world: World, **more: str) -> Mapping[str, str]:
    settings = world.services.settings
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("TURUS_")},
        "PYTHONPATH": str(REPO),
        "OMP_NUM_THREADS": "1",
        "TURUS_DATA_DIR": str(settings.data_dir),
        "TURUS_DATABASE_URL": settings.database,
        "TURUS_READERS": "1",
        "TURUS_READ_TIMEOUT_S": "60",
        **more,
    }


def start(world: World, command: Sequence[str], **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *command],
        env=environment(world, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def stub_worker(world: World, recorded: Path, slot: int = 1, **more: str) -> "subprocess.Popen[str]":
    return start(world, ["-m", "tests.service.jobs.stub_worker", str(recorded), str(slot)], **more)


def turus_worker(world: World, *options: str) -> "subprocess.Popen[str]":
    return start(world, ["-m", "service.cli.main", "worker", "--slot", "1", *options])


def finish(process: "subprocess.Popen[str]") -> str:
    """Waits for the end; whatever a test does, no process stays."""
    try:
        return process.communicate(timeout=WAIT_S)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"did not end: {process.communicate()[0][-4000:]}")


def wait_until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def result(world: World) -> dict[str, Any]:
    """What must be equal however often workers died."""
    readings = [(r.photo_id, r.part, r.outcome, r.page) for r in world.rows(Reading)]
    assert len(readings) == len(set(readings))
    station = world.station()
    assert station is not None
    row = world.recap_row()
    return {
        "jobs": {(j.photo_id, j.state, j.error) for j in world.rows(Job)},
        "readings": {reading[1:] for reading in readings},
        "station": station.body["numbers"],
        "recap": {name: value for name, value in row.items() if name not in ("seq", "updated_at")},
    }


def photos(world: World) -> list[str]:
    return [world.photo({"sample": f"tps-a-hal{page}", "sleep_s": 0.05}) for page in (1, 2, 3)]


@pytest.mark.parametrize("point", WORKER_POINTS)
def test_killed_at_any_point_and_started_again_ends_as_if_nothing_happened(
    world: World, recorded: Path, point: str
) -> None:
    ids = photos(world)
    killed = stub_worker(world, recorded, TURUS_FAULT=f"{point}:1")
    log = finish(killed)
    assert killed.returncode == -signal.SIGKILL, log
    again = stub_worker(world, recorded)
    log = finish(again)
    assert again.returncode == 0, log
    assert "Traceback" not in log
    found = result(world)
    assert found["jobs"] == {(photo, "done", None) for photo in ids}
    assert found["readings"] == {(0, "review", 1), (0, "accepted", 2), (0, "review", 3)}
    assert found["recap"]["v00"] is not None
    said = world.rows(Decision)
    assert len({(d.field, d.value, d.outcome, tuple(d.why)) for d in said}) == len(said)
    stations = world.rows(StationReading)
    assert len({s.inputs for s in stations}) == len(stations)
    received = world.rows(AuditEvent, AuditEvent.action == "photo.read")
    assert len(received) == 3
    with world.services.store.read() as session:
        assert not verify_database(session).flaws


def test_the_real_worker_killed_in_mid_read_and_started_again(world: World) -> None:
    ids = [world.photo((SAMPLES / f"tps-b-hal{page}.jpg").read_bytes()) for page in (2, 3)]
    killed = turus_worker(world)
    wait_until(lambda: world.rows(Job, Job.tries > 0))
    children = _children(killed.pid)
    killed.kill()
    finish(killed)
    wait_until(lambda: not any(_lives(child) for child in children))
    again = turus_worker(world, "--until-idle")
    log = finish(again)
    assert again.returncode == 0, log
    assert {(job.photo_id, job.state) for job in world.rows(Job)} == {(photo, "done") for photo in ids}
    assert sorted((r.page, r.outcome) for r in world.rows(Reading)) == [(2, "accepted"), (3, "review")]


def test_sigterm_lets_what_runs_finish_and_leaves_the_rest(world: World) -> None:
    pages = [(SAMPLES / f"tps-b-hal{page}.jpg").read_bytes() for page in (2, 3)]
    ids = [world.photo(pages[n % 2], world.places.tps[n // 2]) for n in range(8)]
    process = turus_worker(world)
    wait_until(lambda: world.rows(Reading))
    process.send_signal(signal.SIGTERM)
    log = finish(process)
    assert process.returncode == 0, log
    assert "Traceback" not in log
    states = {job.photo_id: job.state for job in world.rows(Job)}
    assert set(states.values()) == {"done", "queued"}
    (worker,) = world.rows(Worker)
    assert worker.stopped_at is not None
    again = turus_worker(world, "--until-idle")
    log = finish(again)
    assert again.returncode == 0, log
    assert {job.photo_id: job.state for job in world.rows(Job)} == dict.fromkeys(ids, "done")
    assert len(world.rows(Reading)) == 8


def test_another_worker_takes_over_what_a_dead_one_had_begun(world: World, recorded: Path) -> None:
    ids = photos(world)
    dead = stub_worker(world, recorded, 1, TURUS_FAULT="read.before_record:2")
    finish(dead)
    assert dead.returncode == -signal.SIGKILL
    with world.services.store.write() as session:
        (row,) = session.scalars(select(Worker)).all()
        row.beat_at -= timedelta(hours=1)  # half a minute has gone by
    other = stub_worker(world, recorded, 2)
    log = finish(other)
    assert other.returncode == 0, log
    assert {(job.photo_id, job.state) for job in world.rows(Job)} == {(photo, "done") for photo in ids}
    assert len(world.rows(Reading)) == 3
    assert "jobs.resumed" in log


def test_two_workers_share_the_work_and_double_nothing(world: World, recorded: Path) -> None:
    ids = [world.photo({"sample": f"tps-a-hal{1 + n % 3}", "sleep_s": 0.2}) for n in range(9)]
    both = [stub_worker(world, recorded, slot) for slot in (1, 2)]
    logs = [finish(process) for process in both]
    assert [process.returncode for process in both] == [0, 0], logs
    assert {(job.photo_id, job.state) for job in world.rows(Job)} == {(photo, "done") for photo in ids}
    assert len(world.rows(Reading)) == 9
    with world.services.store.read() as session:
        assert len(session.scalars(select(Worker.id)).all()) == 2


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


def _lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
