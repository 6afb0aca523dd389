import json
from pathlib import Path

import cv2

from ocr_pipeline.evaluation.labels import load_labels
from tests.cli.conftest import Turus


def test_photos_are_written_with_their_truth(turus: Turus, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"

    code, said, _ = turus(
        "synth",
        "--out",
        str(out),
        "--tps",
        "2",
        "--seed",
        "7",
        "--page",
        "3",
        "--megapixels",
        "0.4",
        "--preset",
        "easy",
    )

    labels = load_labels(out / "truth.jsonl")
    assert code == 0
    assert str(out / "truth.jsonl") in said
    assert [(one.page, set(one.values)) for one in labels] == [(3, {"sah", "tidak_sah", "total"})] * 2
    picture = cv2.imread(labels[0].path)
    assert picture is not None
    assert 0.2 < picture.shape[0] * picture.shape[1] / 1e6 < 0.5


def test_the_same_seed_gives_the_same_photo(turus: Turus, tmp_path: Path) -> None:
    for name in ("a", "b"):
        turus("synth", "--out", str(tmp_path / name), "--page", "3", "--megapixels", "0.3", "--turned")

    (first,), (second,) = (list((tmp_path / name).glob("*.jpg")) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_mistakes_are_made_and_told(turus: Turus, tmp_path: Path) -> None:
    turus("synth", "--out", str(tmp_path), "--megapixels", "0.3", "--mistake", "left_empty")

    entries = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    empty = [(entry, field) for entry in entries for kind, field in entry.get("mistakes", []) if kind == "left_empty"]
    assert empty
    assert all(entry["values"][field] is None for entry, field in empty)


def test_a_phone_photo_can_be_asked_for_in_another_size(turus: Turus, tmp_path: Path) -> None:
    turus("synth", "--out", str(tmp_path), "--page", "3", "--preset", "phone", "--megapixels", "0.75")

    picture = cv2.imread(str(next(tmp_path.glob("*.jpg"))))
    assert picture is not None
    assert picture.shape[:2] == (1000, 750)
