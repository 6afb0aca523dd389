"""The shipped digit model: equal to the torch model it was exported from, and what its card says of it."""

import hashlib
import tomllib
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocr_pipeline.recognition.digits import DigitModel, load_digit_model
from ocr_pipeline.values import CLASSES

TOLERANCE = 2e-3
"""Between torch and onnxruntime, on logits of about ten; another machine may sum in another order."""


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_digit_model()


@pytest.fixture(scope="module")
def card(model: DigitModel) -> dict[str, Any]:
    return tomllib.loads((files("models") / f"{model.card.name}.toml").read_text(encoding="utf-8"))


def test_logits_equal_those_of_the_torch_model(model: DigitModel) -> None:
    with (
        as_file(files("models") / f"{model.card.name}.npz") as path,
        np.load(path) as reference,
    ):
        cells, logits = reference["cells"].astype(np.float32), reference["logits"]
    assert len(cells) >= 39
    assert model.logits(cells) == pytest.approx(logits, abs=TOLERANCE)
    # Reference cells of every class, or a dead output would pass.
    assert set(logits.argmax(axis=1)) == set(range(len(CLASSES)))


def test_the_card_names_the_file_it_lies_beside(model: DigitModel, card: dict[str, Any]) -> None:
    assert card["name"] == model.card.name
    assert card["sha256"] == hashlib.sha256((files("models") / f"{card['name']}.onnx").read_bytes()).hexdigest()


def test_the_figures_of_the_card_reach_their_targets(card: dict[str, Any]) -> None:
    figures = card["figures"]
    test = figures["boxes_2024_test"]
    assert test["n"] >= 1200
    assert 1 - test["errors"] / test["n"] >= 0.997
    for label, row in figures["boxes_2024_test_per_class"].items():
        assert row["n"] < 50 or row["accuracy"] >= 0.99, label
    assert test["no_digit_accepted_as_digit"] == 0


def test_boxes_left_out_of_training_read_as_the_card_says(
    shared_dir: Path, model: DigitModel, card: dict[str, Any]
) -> None:
    from models.train.measure import read_boxes
    from models.train.sources import load_boxes_2024

    test = [box for box in load_boxes_2024(shared_dir / "digits") if box.part == "test"]
    blocks = "\n".join(sorted({box.group for box in test}))
    assert hashlib.sha256(blocks.encode()).hexdigest() == card["split"]["test_blocks_sha256"]
    outcome = read_boxes(model, test)
    assert int((outcome.labels != outcome.reads).sum()) == card["figures"]["boxes_2024_test"]["errors"]


def test_scan_forms_left_out_of_training_read_as_the_card_says(
    shared_dir: Path, model: DigitModel, card: dict[str, Any]
) -> None:
    from models.train.measure import read_boxes
    from models.train.sampler import SCANS
    from models.train.sources import load_npz_boxes

    for stem in SCANS:
        test = [box for box in load_npz_boxes(shared_dir / "digits", stem) if box.part == "test"]
        outcome = read_boxes(model, test)
        figures = card["figures"][f"{stem}_test"]
        wrong = outcome.labels != outcome.reads
        assert (len(test), int(wrong.sum())) == (figures["n"], figures["errors"])
        assert not (wrong & (outcome.probabilities >= model.card.accept_probability)).any()
