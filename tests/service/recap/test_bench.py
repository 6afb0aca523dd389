"""The bench itself, small: what it loads, that it notices, and that nothing fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.recap.bench import LEVELS, bench_recap
from service.recap.bench_load import DESAS, STATIONS, Through, made_up_country
from service.regions.files import parse_regions
from service.settings import Settings
from tests.service.places import COUNTRY_CSV


@pytest.mark.parametrize("through", ["service", "sql"])
def test_it_measures_every_level_and_the_sums_agree(
    postgres: Callable[[], str], tmp_path: Path, through: Through
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=postgres(), min_free_bytes=0)
    steps: list[str] = []
    found = bench_recap(settings, COUNTRY_CSV.encode(), 40, 1, 2, 3, steps.append, through)
    assert [level.level for level in found.levels] == list(LEVELS)
    assert [level.parts for level in found.levels] == [1, 1, 2, 2, 3]
    assert found.errors == []
    assert found.written == 6
    assert found.sums_equal


def test_the_made_up_country_is_as_large_as_the_real_one() -> None:
    file = parse_regions(made_up_country())
    assert len(file.stations) == DESAS
    assert sum(1 for _ in file.tps_codes()) == STATIONS
    by_digits = [sum(len(code) == digits for code in file.names) for digits in (2, 4, 6, 10)]
    assert by_digits == [38, 514, 7_277, 83_731]
