"""What a change asks of the workers, with the real queue's table."""

from typing import Any

import pytest

from ocr_pipeline.revision import reader_revision
from service.access import Role
from service.services import Services
from service.store.readings import Job
from tests.service.photos.stand import World, make_world, number
from tests.service.photos.test_change import change


@pytest.fixture
def world(services: Services, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(services, monkeypatch, with_jobs=True)


def job_of(world: World, photo: str) -> Job | None:
    with world.services.store.read() as session:
        return session.get(Job, f"{photo}:{reader_revision()}")


@pytest.mark.parametrize("what", ["move", "withdraw"])
def test_a_change_makes_the_photos_job_wait_again(world: World, what: str) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    photo = world.photo(sender, world.places.tps[0])
    world.reading(photo, {"paslon_1": number(92)})
    body: dict[str, Any] = {"tps": world.places.tps[1]} if what == "move" else {}
    assert change(world, what, photo, headers, **body).status_code == 200
    job = job_of(world, photo)
    assert job is not None
    assert (job.state, job.priority, job.tries) == ("waiting", 0, 0)


def test_a_refused_change_asks_for_nothing(world: World) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    photo = world.photo(sender, world.places.tps[0])
    assert change(world, "move", photo, headers, rev=7, page=2).status_code == 412
    assert job_of(world, photo) is None
