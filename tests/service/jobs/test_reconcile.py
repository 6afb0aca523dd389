"""What a crash left behind is put right."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from ocr_pipeline.revision import reader_revision
from service.jobs import reconcile
from service.jobs.queue import Run, RunState
from service.store.readings import Job, Worker
from tests.service.jobs.world import WORKER, World, job_id

OLD = "0+digits-0"


def later(world: World, **parts: float) -> None:
    world.services.now.advance(**parts)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("state", "back"),
    [("waiting", False), ("running", False), ("ended", True), ("unknown", True), ("foreign", True)],
)
def test_a_job_that_the_queue_lost_waits_again(world: World, state: RunState, back: bool) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    with world.services.store.write() as session:
        session.execute(update(Job).values(reader_rev=OLD, read_at=None))
    world.dispatcher(rev=OLD).turn()
    (run,) = world.queue.runs
    world.queue.states[run] = state
    assert reconcile.put_back_lost(world.services, world.queue) == 0  # too fresh to ask
    later(world, minutes=1)
    assert reconcile.put_back_lost(world.services, world.queue) == int(back)
    assert world.job(photo).state == ("waiting" if back else "queued")


def test_a_run_of_another_version_is_left_to_its_living_workers(world: World) -> None:
    world.photo({"sample": "tps-a-hal2"})
    (run,) = world.take()
    world.queue.states[run] = "foreign"
    later(world, minutes=1)
    reconcile.beat(world.services, "other-1", reader_revision())
    assert reconcile.put_back_lost(world.services, world.queue) == 0


def test_a_worker_asks_for_its_own_at_once_when_it_starts(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    world.take()
    world.queue.states.clear()
    assert reconcile.put_back_lost(world.services, world.queue, "other-1") == 0
    assert reconcile.put_back_lost(world.services, world.queue, WORKER) == 1
    assert world.job(photo).state == "waiting"


def test_what_dead_workers_had_begun_goes_to_the_living(world: World) -> None:
    world.queue.holders = {"dead-1": 2, "alive-1": 1, "stopped-1": 1, "unheard-1": 1}
    reconcile.beat(world.services, "dead-1", "r")
    later(world, minutes=1)
    for worker in ("alive-1", "stopped-1"):
        reconcile.beat(world.services, worker, "r")
    reconcile.say_stopped(world.services, "stopped-1")
    assert reconcile.reap(world.services, world.queue) == 3
    assert world.queue.resumed == ["dead-1", "stopped-1", "unheard-1"]


def test_a_worker_that_comes_back_is_alive_again(world: World) -> None:
    reconcile.beat(world.services, "a-1", "r1")
    reconcile.say_stopped(world.services, "a-1")
    later(world, hours=1)
    reconcile.beat(world.services, "a-1", "r2")
    (row,) = world.rows(Worker)
    assert (row.stopped_at, row.reader_rev, row.started_at) == (None, "r2", world.services.now())


def test_a_photo_without_a_job_gets_one(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    assert reconcile.adopt(world.services) == 0
    with world.services.store.write() as session:
        session.execute(delete(Job))
    assert reconcile.adopt(world.services) == 1
    world.work()
    assert world.get(photo).state == "read"
    assert reconcile.adopt(world.services) == 0


def test_jobs_of_a_reader_that_nobody_has_any_more_go_to_this_one(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    with world.services.store.write() as session:
        session.execute(update(Job).values(id=job_id(photo, OLD), reader_rev=OLD))
    reconcile.beat(world.services, "old-1", OLD)
    assert reconcile.supersede(world.services, reader_revision()) == 0
    later(world, minutes=1)
    assert reconcile.supersede(world.services, reader_revision()) == 1
    old, new = sorted(world.rows(Job), key=lambda job: job.reader_rev != OLD)
    assert (old.state, old.error) == ("done", "superseded")
    assert (new.id, new.state) == (job_id(photo), "waiting")
    world.work()
    assert world.get(photo).state == "read"


def test_a_photo_is_read_also_when_the_versions_went_back_and_forth(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    with world.services.store.write() as session:
        session.execute(update(Job).values(state="done", error="superseded"))
    assert reconcile.adopt(world.services) == 1
    world.work()
    assert world.get(photo).state == "read"


def test_the_queue_is_cleaned_of_what_our_rows_call_over(world: World) -> None:
    done, busy = (world.photo({"sample": "tps-a-hal2"}) for _ in range(2))
    world.take()
    with world.services.store.write() as session:
        session.execute(update(Job).where(Job.id == job_id(done)).values(state="done"))
    world.queue.over = [Run(job_id(done), 1), Run(job_id(busy), 1), Run(job_id(busy), 0), Run("gone", 1)]
    reconcile.beat(world.services, "gone-1", "r")
    later(world, days=8)
    reconcile.beat(world.services, WORKER, "r")
    assert reconcile.clean(world.services, world.queue) == 3
    assert [worker.id for worker in world.rows(Worker)] == [WORKER]
    assert Run(job_id(busy), 1) not in world.queue.forgotten


def test_the_wait_before_a_worker_counts_as_dead_is_longer_than_its_beat() -> None:
    assert timedelta(seconds=3 * reconcile.BEAT_S) < reconcile.DEAD_AFTER
