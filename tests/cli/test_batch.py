import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from ocr_pipeline.errors import TurusError
from ocr_pipeline.forms.library import use_folder
from service.cli.batch import Job, PhotoReader, Task, process_count, read_batch
from tests.cli.fake_reader import load_broken, load_dead, load_fake, load_knowing
from tests.forms.text import SOUND


def outcomes(paths: list[str], processes: int, load: Callable[[], PhotoReader] = load_fake) -> list[tuple[str, str]]:
    results = read_batch([Task(path) for path in paths], Job(load), processes)
    return [(page.read.photo, page.read.reason or page.read.outcome) for pages in results for page in pages]


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_paths(processes: int) -> None:
    paths = ["slow-a.jpg", "b.jpg", "c.pdf", "missing-d.jpg", "slow-e.jpg", "f.jpg"]

    assert outcomes(paths, processes) == [
        ("slow-a.jpg", "review"),
        ("b.jpg", "review"),
        ("c.pdf#1", "review"),
        ("c.pdf#2", "review"),
        ("missing-d.jpg", "missing"),
        ("slow-e.jpg", "review"),
        ("f.jpg", "review"),
    ]


def test_a_file_that_kills_its_worker_is_refused_and_the_rest_is_read(capfd: pytest.CaptureFixture[str]) -> None:
    paths = ["a.jpg", "crash-1.jpg", "slow-b.jpg", "crash-2.jpg", "c.jpg", "crash-3.jpg"]

    found = outcomes(paths, 2)

    assert [path for path, _ in found] == paths
    assert [path for path, said in found if said == "unreadable_file"] == ["crash-1.jpg", "crash-2.jpg", "crash-3.jpg"]
    assert capfd.readouterr().err.count("turus: worker_lost") == 3


def test_a_file_whose_worker_dies_once_is_tried_again(tmp_path: Path) -> None:
    path = str(tmp_path / "once.jpg")

    assert outcomes([path, "b.jpg"], 2) == [(path, "review"), ("b.jpg", "review")]


@pytest.mark.parametrize("processes", [1, 2])
def test_an_unexpected_error_refuses_its_file_and_says_where(processes: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert outcomes(["a.jpg", "bug.jpg", "c.jpg"], processes) == [
        ("a.jpg", "review"),
        ("bug.jpg", "unreadable_file"),
        ("c.jpg", "review"),
    ]
    said = capfd.readouterr().err
    assert "turus: internal" in said
    assert "a bug in the reader" in said


@pytest.mark.usefixtures("fresh_library")
@pytest.mark.parametrize("processes", [1, 2])
def test_processes_know_the_forms_that_this_one_knows(processes: int, tmp_path: Path) -> None:
    (tmp_path / "uji.toml").write_text(SOUND, encoding="utf-8")
    with pytest.raises(TurusError, match="unknown_form"):
        outcomes(["a.jpg", "b.jpg"], processes, load_knowing)

    use_folder(tmp_path)

    assert len(outcomes(["a.jpg", "b.jpg"], processes, load_knowing)) == 2


def test_a_reader_that_cannot_be_loaded_ends_the_batch_with_its_own_error() -> None:
    with pytest.raises(TurusError) as caught:
        outcomes(["a.jpg", "b.jpg"], 2, load_broken)

    assert caught.value.code == "bad_model"
    assert "damaged" in caught.value.message_en


def test_workers_that_cannot_start_end_the_batch() -> None:
    with pytest.raises(TurusError) as caught:
        outcomes(["a.jpg", "b.jpg"], 2, load_dead)

    assert caught.value.code == "worker_lost"


def test_no_worker_outlives_a_batch_that_is_given_up() -> None:
    batch = read_batch([Task("a.jpg"), Task("slow-b.jpg"), Task("slow-c.jpg")], Job(load_fake), 2)
    next(batch)

    batch.close()  # type: ignore[attr-defined]

    assert multiprocessing.active_children() == []


def test_process_count_follows_the_wish_and_else_the_batch() -> None:
    assert process_count(1, 500) == 1
    assert process_count(4, 500) == 4
    assert process_count(4, 2) == 2
    assert process_count(None, 3) == 1
    assert process_count(None, 10_000) >= 1


def test_a_picture_that_cannot_be_written_costs_no_reading(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.report.overlay.save_overlays", full_disk)
    results = list(read_batch([Task("a.jpg", tmp_path / "a")], Job(load_fake), 1))

    assert [page.read.outcome for pages in results for page in pages] == ["review"]
    assert "turus: overlay_not_written" in capfd.readouterr().err
