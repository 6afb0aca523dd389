from collections.abc import Iterator

import pytest

from service.services import Services
from tests.service.client.stand import Stand, standing


@pytest.fixture
def stand(services: Services) -> Iterator[Stand]:
    with standing(services) as made:
        yield made
