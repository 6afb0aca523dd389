import pytest

from service.services import Services
from tests.service.places import Places, open_election, small_country


@pytest.fixture
def places(services: Services) -> Places:
    return small_country(services)


@pytest.fixture
def election(services: Services, places: Places) -> str:
    return open_election(services)
