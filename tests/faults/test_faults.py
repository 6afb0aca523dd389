"""Ten of the fault runs, five on each database; ``make faults`` does 200 on each."""

from collections import Counter
from pathlib import Path

import pytest

from service.faults import POINTS
from tests.faults.run import AT_RANDOM, all_runs, plan


@pytest.mark.parametrize(("kind", "seed"), [("sqlite", 5), ("postgresql", 7)])
def test_a_photo_sent_is_a_photo_kept(kind: str, seed: int, tmp_path: Path) -> None:
    """Web and worker die at five places, others on each database; every photo is there once, read once."""
    results = all_runs(kind, runs=5, seed=seed, out=tmp_path, say=print)
    assert [(result["point"], result["problems"]) for result in results if result["problems"]] == []
    assert sum(result["kills"] for result in results) >= 4, "a run in which nothing dies proves nothing"
    assert results[0]["end"] == []


def test_a_campaign_visits_every_point_equally_often() -> None:
    visits = Counter(fault.partition(":")[0] for _, fault in plan(200, seed=1))
    assert visits.pop(AT_RANDOM) == 40
    assert set(visits) == set(POINTS)
    assert max(visits.values()) - min(visits.values()) <= 1
