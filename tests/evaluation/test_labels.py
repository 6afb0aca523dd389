from pathlib import Path

import pytest

from ocr_pipeline.errors import LabelsError
from ocr_pipeline.evaluation.labels import load_labels

GOOD = '{"file": "a.jpg", "form": "f", "page": 2, "values": {"x": 1, "y": null}, "as_written": {"x": "XX1"}}'
REJECT = '{"file": "b.jpg", "expect": "rejected"}'


def write(folder: Path, *lines: str) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_labels_are_read_with_paths_beside_the_file(tmp_path: Path) -> None:
    first, second = load_labels(write(tmp_path, GOOD, "", REJECT))

    assert first.path == str(tmp_path / "a.jpg")
    assert first.values == {"x": 1, "y": None}
    assert first.as_written == {"x": "XX1"}
    assert not first.must_reject
    assert first.rotation_deg is None
    assert second.must_reject
    assert second.values == {}


def test_the_turn_of_the_page_is_read_where_it_was_labelled(tmp_path: Path) -> None:
    (one,) = load_labels(write(tmp_path, GOOD.replace('"page": 2', '"page": 2, "rotation_deg": 180')))

    assert one.rotation_deg == 180


def test_a_form_keeps_its_labels_and_everything_that_must_be_rejected(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, GOOD.replace('"f"', '"g"'), REJECT)

    assert [(one.form, one.must_reject) for one in load_labels(path, "g")] == [("g", False), (None, True)]


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"form": "f", "values": {}}',
        '{"file": "a.jpg", "values": {}}',
        '{"file": "a.jpg", "form": "f"}',
        '{"file": "a.jpg", "form": "f", "values": {"x": "12"}}',
        '{"file": "a.jpg", "form": "f", "values": {"x": true}}',
        '{"file": "a.jpg", "form": "f", "values": {"x": -1}}',
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(LabelsError) as caught:
        load_labels(write(tmp_path, GOOD, line))

    assert "labels.jsonl:2" in caught.value.message_id
    assert "labels.jsonl:2" in caught.value.message_en


def test_a_file_that_is_missing_or_holds_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="cannot be read"):
        load_labels(tmp_path / "missing.jsonl")
    with pytest.raises(LabelsError, match="no label"):
        load_labels(write(tmp_path, GOOD), "other")
