"""Which job is handed over when."""

from datetime import timedelta

from sqlalchemy import update

from service.jobs.queue import Run
from service.jobs.rows import BATCH
from service.store.readings import Job
from tests.service.jobs.world import World, job_id


def change(world: World, photo: str, **values: object) -> None:
    with world.services.store.write() as session:
        session.execute(update(Job).where(Job.id == job_id(photo)).values(**values))


def test_live_photos_first_then_the_older(world: World) -> None:
    now = world.services.now()
    batch, second, first = (world.photo({"sample": "tps-a-hal2"}) for _ in range(3))
    change(world, batch, priority=BATCH, created_at=now - timedelta(hours=3))
    change(world, first, created_at=now - timedelta(hours=2))
    change(world, second, created_at=now - timedelta(hours=1))
    order = [run for _ in range(3) for run in (world.dispatcher(depth=10).turn() and world.queue.runs) or []]
    assert [run.job_id for run in order] == [job_id(photo) for photo in (first, second, batch)]
    assert world.job(first).state == "queued"


def test_the_queue_stays_shallow(world: World) -> None:
    for _ in range(5):
        world.photo({"sample": "tps-a-hal2"})
    dispatcher = world.dispatcher(depth=2)
    assert [dispatcher.turn() for _ in range(2)] == [2, 0]
    change(world, world.queue.runs[0].job_id.partition(":")[0], state="running")
    assert dispatcher.turn() == 1


def test_a_job_waits_for_its_time(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    change(world, photo, not_before=world.services.now() + timedelta(seconds=5))
    assert world.take() == []
    world.services.now.advance(seconds=5)  # type: ignore[attr-defined]
    assert world.take() == [Run(job_id(photo), 1)]


def test_a_worker_takes_only_what_its_reader_can_do(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    other = world.dispatcher(rev="2+digits-7")
    assert other.turn() == 0
    # What was read needs no reader: any worker can decide it.
    change(world, photo, read_at=world.services.now())
    assert other.turn() == 1


def test_two_dispatchers_never_take_the_same_job(world: World) -> None:
    photos = [world.photo({"sample": "tps-a-hal2"}) for _ in range(4)]
    for worker in ("a-1", "b-1"):
        world.dispatcher(depth=2, worker=worker).turn()
    assert sorted(run.job_id for run in world.queue.runs) == sorted(job_id(photo) for photo in photos)
    assert {job.worker for job in world.rows(Job)} == {"a-1", "b-1"}
