import pytest

from service.services import Services
from tests.service.photos.stand import World, make_world


@pytest.fixture
def world(services: Services, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(services, monkeypatch)
