"""The bench of damaged files: what it makes, how it counts, and a small share of it through the real reader."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ocr_pipeline.errors import REASONS
from ocr_pipeline.evaluation.mutations import (
    CONTAINERS,
    MUTATIONS,
    Case,
    Finding,
    Sample,
    examine,
    load_samples,
    main,
    mutated,
    no_forms,
    report,
)
from ocr_pipeline.evaluation.non_forms import NON_FORMS, PAGE_PX, drawn_non_forms, packaged_pictures
from ocr_pipeline.imaging.files import sniff
from ocr_pipeline.reader import Reader
from ocr_pipeline.values import PageRead
from tests.cli.fake_reader import number, page_read, rejected


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return load_samples()


def test_the_samples_are_the_drawn_photos_and_one_heic(samples: list[Sample]) -> None:
    assert Counter(sniff(s.data) for s in samples) == {"jpeg": 8, "heic": 1}
    assert all(s.form == "c-hasil-ppwp-2024" and s.values for s in samples)


def test_every_kind_of_file_is_made(samples: list[Sample]) -> None:
    from ocr_pipeline.evaluation.mutations import _picture

    small = _picture(samples[0]).reduce(8)
    made = {extension: sniff(write(small)) for extension, write in CONTAINERS.items()}
    assert set(made.values()) | {"heic"} == {
        *("avif", "bmp", "gif", "heic", "jpeg", "jpeg2000", "pdf", "png", "tiff", "webp")
    }


def test_the_same_seed_makes_the_same_files(samples: list[Sample]) -> None:
    few = samples[:1]
    one, two, other = (list(mutated(few, 3, seed)) for seed in (3, 3, 4))
    assert [c.data for c in one] == [c.data for c in two]
    assert [c.data for c in one] != [c.data for c in other]
    assert [c.kind for c in one] == list(MUTATIONS)[:3]


def test_the_same_seed_draws_the_same_pictures_of_every_kind() -> None:
    one, two = (list(drawn_non_forms(len(NON_FORMS) + 1, 5)) for _ in range(2))
    assert [name.rsplit("-", 1)[0] for name, _ in one] == [*NON_FORMS, "text-photo"]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(one, two, strict=True))
    assert all(picture.shape[:2] == PAGE_PX[::-1] for _, picture in one[:-1])
    assert len({picture.tobytes() for _, picture in one}) == len(one)


def test_pictures_of_packages_are_not_the_only_ones() -> None:
    cases = list(no_forms(8, 1))
    assert len(cases) == 8
    assert sum(c.name.startswith("packaged") for c in cases) == len(packaged_pictures(most=2))
    assert all(c.truth is None for c in cases)


TRUTH = Sample("a.jpg", b"", "c-hasil-ppwp-2024", 2, {"paslon_1": 92, "paslon_3": 0})


def found(page: PageRead, truth: Sample | None, folder: Path) -> Finding:
    return examine(lambda path: [page], Case("cut", "a.jpg", b"x", truth), folder)


def test_an_accepted_number_that_is_not_what_was_written_is_silent(tmp_path: Path) -> None:
    right = page_read("a.jpg")
    assert (found(right, TRUTH, tmp_path).numbers, found(right, TRUTH, tmp_path).accepted) == (2, 2)
    assert not found(right, TRUTH, tmp_path).failed
    wrong = page_read("a.jpg", (number("paslon_1", 93, "X93"),))
    assert (found(wrong, TRUTH, tmp_path).silent, found(wrong, TRUTH, tmp_path).failed) == (1, True)
    unsure = page_read("a.jpg", (number("paslon_1", 93, "X93", why=("low_confidence",)),))
    assert (found(unsure, TRUTH, tmp_path).silent, found(unsure, TRUTH, tmp_path).failed) == (0, False)
    elsewhere = page_read("a.jpg", (number("paslon_1", 92, "X92"),), page=3)
    assert found(elsewhere, TRUTH, tmp_path).failed


def test_a_number_out_of_nothing_fails_even_if_a_person_would_look(tmp_path: Path) -> None:
    unsure = page_read("a.jpg", (number("paslon_1", 92, "X92", why=("low_confidence",)),))
    assert found(unsure, None, tmp_path).failed
    assert not found(rejected("a.jpg", "not_a_form"), None, tmp_path).failed
    assert found(rejected("a.jpg", "entah"), None, tmp_path).failed


def test_a_crash_is_counted_and_named(tmp_path: Path) -> None:
    def crash(path: str) -> list[PageRead]:
        raise ValueError("a bug in the reader")

    finding = examine(crash, Case("cut", "0001-cut.jpg", b"x", TRUTH), tmp_path)
    assert finding.failed
    assert "FAILED 0001-cut.jpg: ValueError: a bug in the reader" in report([finding])
    assert list(tmp_path.iterdir()) == []


def test_a_share_of_the_bench_through_the_real_reader(samples: list[Sample], tmp_path: Path) -> None:
    reader = Reader.load()
    cases = [*mutated(samples, len(MUTATIONS), 11), *no_forms(3, 11)]
    findings = [examine(lambda path: [r.read for r in reader.read_file(path)], case, tmp_path) for case in cases]
    assert [f"{f.case.name} {f}" for f in findings if f.failed] == []
    assert any(f.accepted for f in findings)
    assert {r for f in findings for r in f.reasons} <= REASONS.keys()
    assert "refusal of pictures" in report(findings)


def test_the_command_prints_a_table_and_fails_when_something_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ocr_pipeline.evaluation.mutations.examine", lambda *_: Finding(CASE, (), 0, 1, 1, None, 0.1))
    assert main(["--files", "1", "--pictures", "0"]) == 1
    assert "FAILED a.jpg" in capsys.readouterr().out
    assert main(["--files", "0", "--pictures", "0"]) == 0


CASE = Case("cut", "a.jpg", b"x", TRUTH)
