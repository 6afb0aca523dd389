"""``turus reprocess`` on a real database."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.store.readings import Batch
from tests.service.batches.test_batches import old_photo, run
from tests.service.jobs.world import REPO, World


def reprocess(world: World, *options: str) -> "subprocess.CompletedProcess[str]":
    settings = world.services.settings
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TURUS_")},
        "TURUS_DATA_DIR": str(settings.data_dir),
        "TURUS_DATABASE_URL": settings.database,
    }
    return subprocess.run(
        [sys.executable, "-m", "service.cli.main", "reprocess", *options],
        cwd=REPO,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_looks_begins_and_reports(world: World, recorded: Path, tmp_path: Path) -> None:
    photo = old_photo(world, recorded, "tps-a-hal2")
    looked = reprocess(world, "--not-current", "--region", "1871", "--dry-run")
    assert looked.returncode == 0, looked.stderr
    assert looked.stdout.startswith("1 foto cocok")
    assert "300 ms" in looked.stdout
    unsure = reprocess(world, "--not-current")
    assert (unsure.returncode, world.rows(Batch)) == (1, [])
    begun = reprocess(world, "--not-current", "--yes", "--no-wait")
    assert begun.returncode == 0, begun.stderr
    (batch,) = world.rows(Batch)
    assert batch.created_by == "command-line"
    assert reprocess(world, "--pause", batch.id).stdout == f"{batch.id}: paused\n"
    assert reprocess(world, "--resume", batch.id).stdout == f"{batch.id}: running\n"
    run(world)
    report = tmp_path / "report.csv"
    watched = reprocess(world, "--watch", batch.id, "--report", str(report))
    assert watched.returncode == 0, watched.stderr
    assert "done: done 1" in watched.stdout
    assert "paslon_1: None (unknown) ->" in watched.stdout
    with report.open(newline="") as lines:
        assert {line["photo"] for line in csv.DictReader(lines)} == {photo}


def test_nothing_that_fits_is_said_and_no_batch_is_made(world: World) -> None:
    done = reprocess(world, "--failed", "--yes")
    assert done.returncode == 0
    assert done.stdout.startswith("0 foto")
    assert world.rows(Batch) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_makes_no_sense_is_refused_in_two_languages(world: World) -> None:
    for options in (["--region", "187"], ["--model-older-than", "digits"], ["--watch", "0" * 32]):
        done = reprocess(world, *options)
        assert done.returncode == 2
        assert done.stderr.startswith("turus: ")
        assert "Traceback" not in done.stderr
