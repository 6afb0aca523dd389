"""Digit boxes -> calibrated log probabilities of 13 classes.

One preparation (:func:`prepare_cell`) serves training, ``turus eval boxes`` and the reader, so that what was measured
is what runs. The net knows X (filler), dash and blank as classes of their own; an illegible box is a low probability,
never a class that could turn into a zero.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.errors import ModelError
from ocr_pipeline.recognition.calibration import log_softmax
from ocr_pipeline.recognition.card import DigitCard, parse_card
from ocr_pipeline.recognition.shipped import newest_digit_file
from ocr_pipeline.values import CLASSES

if TYPE_CHECKING:
    import onnxruntime

CELL_SIDE_PX = 40
"""Side of the prepared cell."""

_LOW_PERCENTILE = 2.0
_HIGH_PERCENTILE = 90.0
_FLAT_LEVELS = 4.0
_CLIP_LOW = -0.5
_CLIP_HIGH = 1.5


def prepare_cell(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale a box crop to 40 x 40 and make ink 1 and paper 0.

    The 2nd percentile (printed frame or ink) maps to 1 and the 90th (paper) to 0, so brightness and contrast of the
    photo drop out. A crop with less than four grey levels between the two is left faint instead of being blown up to
    noise.

    Args:
        crop: (h, w) uint8 grey, any h and w >= 1; the printed box with a little of its surroundings.

    Returns:
        (40, 40) float32 in [-0.5, 1.5]; all zero for a constant crop.

    Raises:
        ValueError: the crop is not a two-dimensional uint8 array with at least one pixel.
    """
    import cv2

    if crop.ndim != 2 or crop.dtype != np.uint8 or crop.size == 0:
        raise ValueError(f"a crop must be grey uint8 with at least one pixel, not {crop.dtype} {crop.shape}")
    height_px, width_px = crop.shape
    shrinks = height_px * width_px > CELL_SIDE_PX * CELL_SIDE_PX
    # Floats before the resize: rounding to bytes again would cost the faint boxes their few grey levels.
    cell = cv2.resize(
        crop.astype(np.float32),
        (CELL_SIDE_PX, CELL_SIDE_PX),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    ordered = np.sort(cell, axis=None)
    low = float(ordered[int(_LOW_PERCENTILE / 100 * (ordered.size - 1))])
    high = float(ordered[int(_HIGH_PERCENTILE / 100 * (ordered.size - 1))])
    scaled = (high - cell) / max(high - low, _FLAT_LEVELS)
    return np.asarray(np.clip(scaled, _CLIP_LOW, _CLIP_HIGH), dtype=np.float32)


class DigitModel:
    """A verified digit net. Make one with :func:`load_digit_model`; one thread, deterministic."""

    __slots__ = ("_session", "card")

    def __init__(self, card: DigitCard, session: "onnxruntime.InferenceSession") -> None:
        self.card = card
        self._session = session

    def logits(self, cells: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw scores of prepared cells.

        Args:
            cells: (n, 1, 40, 40) float32 of :func:`prepare_cell`.

        Returns:
            (n, 13) float32, uncalibrated.
        """
        if len(cells) == 0:
            return np.zeros((0, len(CLASSES)), np.float32)
        (scores,) = self._session.run(["logits"], {"cells": cells})
        return np.asarray(scores, dtype=np.float32)

    def log_probs(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Calibrated log probabilities of box crops.

        Args:
            crops: n grey uint8 crops of any size, as :func:`prepare_cell` takes them.

        Returns:
            (n, 13) float64, natural logarithms in the order of :data:`CLASSES`; rows sum to 1 after exp.

        Raises:
            ValueError: a crop is not a grey uint8 array.
        """
        if not crops:
            return np.zeros((0, len(CLASSES)), np.float64)
        return self.cell_log_probs(np.stack([prepare_cell(crop) for crop in crops]))

    def cell_log_probs(self, cells: NDArray[np.float32]) -> NDArray[np.float64]:
        """As :meth:`log_probs`, of cells that are prepared already, (n, 40, 40)."""
        return log_softmax(self.logits(cells[:, np.newaxis]), self.card.temperature)


def load_digit_model(path: Path | None = None) -> DigitModel:
    """Load the shipped digit model, or the one at a path, and check it against its card.

    Args:
        path: the ``.onnx`` file; its card is the ``.toml`` of the same name beside it. None takes the newest revision
            among the package data of ``models``.

    Returns:
        The model, on one CPU thread.

    Raises:
        ModelError: no model or card, a card that lacks a field, a SHA-256 that differs, or a file that is no such net.
    """
    onnx_file: Traversable = newest_digit_file() if path is None else path
    name = onnx_file.name.removesuffix(".onnx")
    try:
        model_bytes = onnx_file.read_bytes()
        # A Traversable has no parent, hence the two ways to the card.
        card_file = files("models") / f"{name}.toml" if path is None else path.with_suffix(".toml")
        card = parse_card(name, card_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"berkas {onnx_file.name} atau kartunya tidak ada", f"{name}: {error}") from error
    if hashlib.sha256(model_bytes).hexdigest() != card.sha256:
        raise ModelError(
            f"isi {onnx_file.name} tidak cocok dengan kartunya",
            f"{onnx_file.name} is not the file its card describes (SHA-256 differs)",
        )
    return DigitModel(card, _open_session(name, model_bytes))


def _open_session(name: str, model_bytes: bytes) -> "onnxruntime.InferenceSession":
    # Imported here: onnxruntime costs most of the start-up, and `turus --help` needs none of it.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])
        shapes = json.dumps([list(item.shape[1:]) for item in (*session.get_inputs(), *session.get_outputs())])
    except Exception as error:
        # onnxruntime raises its own types, which it does not export.
        raise ModelError(f"{name}.onnx bukan model yang sah", f"{name}.onnx: {error}") from error
    if shapes != json.dumps([[1, CELL_SIDE_PX, CELL_SIDE_PX], [len(CLASSES)]]):
        raise ModelError(f"{name}.onnx bukan model angka", f"{name}.onnx has the wrong shapes: {shapes}")
    return session
