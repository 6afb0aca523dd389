"""``turus eval boxes``: a folder of labelled crops."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocr_pipeline.errors import LabelsError
from ocr_pipeline.evaluation.boxes import evaluate_boxes


def _box(stroke: bool) -> NDArray[np.uint8]:
    box = np.full((48, 48), 210, np.uint8)
    box[3:45, 3:45] = 60
    box[5:43, 5:43] = 210
    if stroke:
        box[11:38, 23:26] = 70
    return box


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "one.png"), _box(stroke=True))
    cv2.imwrite(str(tmp_path / "empty.png"), _box(stroke=False))
    (tmp_path / "labels.csv").write_text(
        "file,label,block\none.png,1,a\nempty.png,blank,a\none.png,7,b\none.png,?,b\nempty.png,_,b\n", encoding="utf-8"
    )
    return tmp_path


def test_counts_accuracy_and_wrong_ones(folder: Path) -> None:
    result = evaluate_boxes(folder)
    assert result["n"] == 4
    assert result["accuracy"] == 0.75
    assert result["per_class"] == {
        "1": {"n": 1, "right": 1, "accuracy": 1.0},
        "7": {"n": 1, "right": 0, "accuracy": 0.0},
        "blank": {"n": 2, "right": 2, "accuracy": 1.0},
    }
    ((name, label, read, probability),) = result["wrong"]
    assert (name, label, read) == ("one.png", "7", "1")
    assert 0 < probability <= 1
    json.dumps(result)


def test_only_undecided_labels_give_no_accuracy(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,label\none.png,?\n", encoding="utf-8")
    result = evaluate_boxes(folder)
    assert (result["n"], result["accuracy"], result["wrong"]) == (0, None, [])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name,label\none.png,1\n", "columns"),
        ("file,label\none.png,11\n", "unknown labels"),
        ("file,label\nnowhere.png,1\n", "nowhere.png"),
        ("file,label\nlabels.csv,1\n", "not an image"),
    ],
)
def test_wrong_labels_files_are_named(folder: Path, text: str, match: str) -> None:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(LabelsError, match=match):
        evaluate_boxes(folder)


def test_a_folder_without_labels_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"labels\.csv"):
        evaluate_boxes(tmp_path)
