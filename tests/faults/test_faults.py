"""Ten of the fault runs, five on each database; ``make faults`` does 200 on each."""

from pathlib import Path

import pytest

from tests.faults.run import all_runs


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_photo_sent_is_a_photo_kept(kind: str, tmp_path: Path) -> None:
    """Web and worker are killed at five places each; every photo is there once, read once, with the same recap."""
    results = all_runs(kind, runs=5, seed=11, out=tmp_path, say=print)
    assert [(result["point"], result["problems"]) for result in results if result["problems"]] == []
    assert sum(result["kills"] for result in results) >= 4, "a run in which nothing dies proves nothing"
    assert results[0]["end"] == []
