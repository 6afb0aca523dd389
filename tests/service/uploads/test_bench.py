"""``turus bench uploads`` and what web processes load."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli.main import main

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("database_url", "way"), [("sqlite", "put"), ("postgresql", "tus")], indirect=["database_url"])
def test_the_bench_measures_what_it_kept(
    way: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "uploads", "--rate", "10", "--seconds", "2", "--size", "60000", "--json"]
    place = ["--folder", str(tmp_path), "--database-url", database_url]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(sys, "argv", ["turus", *command, *place, "--way", way])
    assert main() == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["accepted"] == figures["sent"] > 0
    assert figures["photos_kept"] == figures["photos_expected"] >= figures["sent"]
    assert figures["errors"] == {}
    assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    assert not list(tmp_path.glob("turus-bench-*"))


def test_taking_photos_loads_no_reader_and_no_job_engine() -> None:
    code = (
        "import sys, service.api.uploads, service.api.receipts, service.uploads.sweep; "
        "from ocr_pipeline.revision import reader_revision; reader_revision(); "
        "print([name for name in ('cv2', 'onnxruntime', 'dbos', 'obstore') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]", done.stderr
