"""The preparation of a digit box, and the digit net as the reader uses it."""

import hashlib
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from ocr_pipeline.errors import ModelError
from ocr_pipeline.recognition.card import parse_card
from ocr_pipeline.recognition.digits import DigitModel, load_digit_model, prepare_cell
from ocr_pipeline.values import CLASSES

SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))
GREY = SHAPES.flatmap(lambda shape: hnp.arrays(np.uint8, shape))


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load_digit_model()


@pytest.fixture
def model_copy(tmp_path: Path, model: DigitModel) -> Path:
    for suffix in (".onnx", ".toml"):
        with as_file(files("models") / f"{model.card.name}{suffix}") as source:
            shutil.copy(source, tmp_path)
    return tmp_path / f"{model.card.name}.onnx"


def printed_box() -> NDArray[np.uint8]:
    """An empty printed box on paper, 48 px a crop."""
    box = np.full((48, 48), 210, np.uint8)
    box[3:45, 3:45] = 60
    box[5:43, 5:43] = 210
    return box


def one() -> NDArray[np.uint8]:
    box = printed_box()
    box[11:38, 23:26] = 70
    return box


@given(GREY)
def test_any_crop_becomes_a_finite_cell_in_range(crop: NDArray[np.uint8]) -> None:
    cell = prepare_cell(crop)
    assert cell.shape == (40, 40)
    assert cell.dtype == np.float32
    assert np.isfinite(cell).all()
    assert cell.min() >= -0.5
    assert cell.max() <= 1.5


@given(SHAPES, st.integers(0, 255))
def test_a_constant_crop_is_all_paper(shape: tuple[int, int], grey: int) -> None:
    assert np.abs(prepare_cell(np.full(shape, grey, np.uint8))).max() < 1e-3


@given(st.floats(0.3, 1.0), st.floats(0, 60), st.integers(0, 2**32 - 1))
def test_brightness_and_contrast_drop_out(contrast: float, brightness: float, seed: int) -> None:
    crop = np.random.default_rng(seed).integers(0, 190, (44, 44)).astype(np.uint8)
    changed = np.round(crop * contrast + brightness).astype(np.uint8)
    # What is left is the rounding of the changed crop to whole grey levels.
    assert np.abs(prepare_cell(crop) - prepare_cell(changed)).max() < 0.05


def test_ink_is_one_and_paper_is_zero() -> None:
    cell = prepare_cell(one())
    assert cell[20, 12] == pytest.approx(0, abs=0.05)
    assert cell[20, 20] == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("crop", [np.zeros((0, 5), np.uint8), np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4))])
def test_what_is_no_grey_crop_is_refused(crop: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="grey uint8"):
        prepare_cell(crop)


def test_log_probabilities_are_normalised_and_in_input_order(model: DigitModel) -> None:
    log_probs = model.log_probs([printed_box(), one(), printed_box()])
    assert log_probs.shape == (3, len(CLASSES))
    assert log_probs.dtype == np.float64
    assert np.exp(log_probs).sum(axis=1) == pytest.approx([1, 1, 1])
    assert [CLASSES[best] for best in log_probs.argmax(axis=1)] == ["_", "1", "_"]


@pytest.mark.parametrize("size_px", [(24, 50), (54, 90), (36, 72), (60, 36)])
def test_a_tall_or_wide_box_reads_as_a_square_one(model: DigitModel, size_px: tuple[int, int]) -> None:
    crops = [cv2.resize(crop, size_px, interpolation=cv2.INTER_AREA) for crop in (printed_box(), one())]
    log_probs = model.log_probs([np.asarray(crop, np.uint8) for crop in crops])
    assert [CLASSES[best] for best in log_probs.argmax(axis=1)] == ["_", "1"]


def test_a_batch_reads_as_its_boxes_one_by_one(model: DigitModel) -> None:
    crops = [printed_box(), one(), one()[:, ::-1].copy(), one().T.copy()]
    together = model.log_probs(crops)
    apart = np.concatenate([model.log_probs([crop]) for crop in crops])
    assert together == pytest.approx(apart, abs=1e-4)


def test_no_boxes_give_no_rows(model: DigitModel) -> None:
    assert model.log_probs([]).shape == (0, len(CLASSES))


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_featureless_crop_is_never_an_accepted_digit(model: DigitModel, grey: int) -> None:
    probs = np.exp(model.log_probs([np.full((40, 40), grey, np.uint8)])[0])
    assert probs[:10].max() < model.card.accept_probability


def test_a_model_loads_from_a_path(model_copy: Path, model: DigitModel) -> None:
    loaded = load_digit_model(model_copy)
    assert loaded.card == model.card
    assert loaded.log_probs([one()]) == pytest.approx(model.log_probs([one()]))


def test_a_tampered_model_is_refused(model_copy: Path) -> None:
    changed = bytearray(model_copy.read_bytes())
    changed[len(changed) // 2] ^= 1
    model_copy.write_bytes(changed)
    with pytest.raises(ModelError, match="SHA-256") as caught:
        load_digit_model(model_copy)
    assert "tidak cocok" in caught.value.message_id


def test_a_file_that_is_no_net_is_refused_even_with_its_own_sha(model_copy: Path) -> None:
    card = model_copy.with_suffix(".toml")
    old = hashlib.sha256(model_copy.read_bytes()).hexdigest()
    model_copy.write_bytes(b"not a net")
    new = hashlib.sha256(b"not a net").hexdigest()
    card.write_text(card.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ModelError):
        load_digit_model(model_copy)


@pytest.mark.parametrize("suffix", [".onnx", ".toml"])
def test_a_missing_file_is_a_model_error(model_copy: Path, suffix: str) -> None:
    model_copy.with_suffix(suffix).unlink()
    with pytest.raises(ModelError):
        load_digit_model(model_copy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "= no toml",
        'sha256 = "a"\nclasses = "0123456789X-_"',
        'sha256 = "a"\nclasses = "0123456789"\n[calibration]\ntemperature = 1.0\naccept_probability = 0.9',
        'sha256 = "a"\nclasses = "0123456789X-_"\n[calibration]\ntemperature = 0.0\naccept_probability = 0.9',
    ],
)
def test_a_damaged_card_is_refused(text: str) -> None:
    with pytest.raises(ModelError):
        parse_card("digits-x", text)
