"""The real photos beside the project: measured, never stored here."""

import json
from pathlib import Path
from typing import Any

import pytest

from ocr_pipeline.reader import PageResult, Reader

FORM_ID = "c-hasil-ppwp-2024"
Case = tuple[dict[str, Any], PageResult]


@pytest.fixture(scope="module")
def labels(shared_dir: Path) -> list[dict[str, Any]]:
    text = (shared_dir / "realforms" / "labels.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def cases(labels: list[dict[str, Any]], shared_dir: Path, reader: Reader) -> list[Case]:
    """Label and reading of every photo of the 2024 form."""
    found = []
    for label in labels:
        if label["form"] == FORM_ID:
            (result,) = reader.read_file(str(shared_dir / "realforms" / label["file"]))
            found.append((label, result))
    return found


def test_all_ten_photos_are_named_form_and_page(cases: list[Case]) -> None:
    assert len(cases) == 10
    for label, result in cases:
        assert (result.read.form, result.read.page) == (FORM_ID, label["page"]), label["file"]


def test_every_decided_value_equals_the_label(cases: list[Case]) -> None:
    wrong = [
        (label["file"], field, number.value)
        for label, result in cases
        for field, number in result.read.numbers.items()
        if number.value is not None and number.value != label["values"][field]
    ]
    assert wrong == []


def test_every_value_is_decided(cases: list[Case]) -> None:
    unread = [
        (label["file"], field)
        for label, result in cases
        for field, value in label["values"].items()
        if value is not None and result.read.numbers[field].value is None
    ]
    assert unread == []


def test_no_wrong_number_is_accepted(cases: list[Case]) -> None:
    """The one failure that nobody downstream can notice."""
    silent = [
        (label["file"], field, number.value, label["values"][field])
        for label, result in cases
        for field, number in result.read.numbers.items()
        if number.decision == "accepted" and number.value != label["values"][field]
    ]
    assert silent == []


def test_most_numbers_of_page_2_need_no_person(cases: list[Case]) -> None:
    decisions = [n.decision for label, r in cases if label["page"] == 2 for n in r.read.numbers.values()]
    assert decisions.count("accepted") >= 0.95 * len(decisions)


def test_bubbles_say_what_was_labelled(cases: list[Case]) -> None:
    checked = 0
    for label, result in cases:
        for field, marks in label.get("bubbles", {}).items():
            seen = result.evidence[field].bubble_marks
            assert seen is not None
            assert all(s in (m, "?") for s, m in zip(seen, marks, strict=True)), (label["file"], field, seen)
            checked += 1
    assert checked >= 27


def test_pictures_that_are_no_such_form_are_refused(
    labels: list[dict[str, Any]], shared_dir: Path, reader: Reader
) -> None:
    rejects = [label["file"] for label in labels if label.get("expect") == "rejected"]
    assert len(rejects) == 6
    for file in rejects:
        for result in reader.read_file(str(shared_dir / "realforms" / file)):
            assert result.read.outcome == "rejected", file
            assert result.read.numbers == {}
