"""Torch net -> verified ONNX file, calibration, figures, card and reference logits."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.train.card import toml_text, write_card
from models.train.degrade import FIXED
from models.train.measure import confusion_text, drawn_boxes, measure, read_boxes, table_boxes
from models.train.net import DigitNet
from models.train.reference import write_reference
from models.train.sampler import SCANS
from models.train.sources import (
    CALIBRATION_GROUPS_2019_EVERY,
    CALIBRATION_INDICES,
    TEST_GROUPS_2019_EVERY,
    TEST_INDICES,
    load_boxes_2024,
    load_npz_boxes,
    load_symbols,
    sha256_of,
)
from ocr_pipeline.recognition.calibration import Threshold, choose_threshold, fit_temperature, log_softmax
from ocr_pipeline.recognition.digits import DigitModel, load_digit_model, prepare_cell
from ocr_pipeline.values import CLASSES

_CALIBRATION_SEED = 6_000_001
_OPSET = 18
_MAX_ERROR_BOUND = 0.005
_DATA_FILES = (
    "boxes-2024.zip",
    "boxes-2024-photos.npz",
    "boxes-c1-2019-aceh.npz",
    "boxes-c1-2019-mixed.npz",
    "boxes-2014-2019-mixed.npz",
    "mnist.npz",
    "usps.npz",
    "semeion.npz",
    "optdigits.npz",
    "hwd1000.npz",
    "chars74k-hand.npz",
    "cursive62.npz",
    "math-symbols.npz",
)


def export_and_measure(net: DigitNet, data_dir: Path, out_dir: Path, name: str, recipe: Mapping[str, object]) -> None:
    """Write ``name.onnx``, ``name.npz`` (reference) and ``name.toml`` (card), and print the figures.

    The card is written twice: the temperature and the threshold must be known before the figures are measured, and they
    are measured through the same :class:`DigitModel` that the reader uses.

    Args:
        net: trained net in evaluation mode.
        data_dir: folder of the digit data.
        out_dir: existing folder.
        name: file stem.
        recipe: how the net was trained, for the card.

    Raises:
        RuntimeError: the exported net's logits differ from the torch net's.
    """
    onnx_path = out_dir / f"{name}.onnx"
    write_onnx(net, onnx_path)
    print(f"largest difference between torch and ONNX logits: {write_reference(net, onnx_path):.2e}")
    card = _card_head(onnx_path, data_dir, recipe)
    card["calibration"] = {"temperature": 1.0, "accept_probability": 1.0}
    write_card(onnx_path.with_suffix(".toml"), card)
    card["calibration"] = calibrate(load_digit_model(onnx_path), data_dir)
    write_card(onnx_path.with_suffix(".toml"), card)
    model = load_digit_model(onnx_path)
    card["figures"] = measure(model, data_dir)
    write_card(onnx_path.with_suffix(".toml"), card)
    test = [box for box in load_boxes_2024(data_dir) if box.part == "test"]
    print(toml_text({"calibration": card["calibration"], "figures": card["figures"]}))
    print(confusion_text(read_boxes(model, test)))


def write_onnx(net: DigitNet, path: Path) -> None:
    """Export with a free batch size; input ``cells``, output ``logits``."""
    plain = net.to(memory_format=torch.contiguous_format).float().eval()
    example = (torch.zeros(2, 1, 40, 40),)
    batch = torch.export.Dim("n", min=1, max=4096)
    program = torch.onnx.export(
        plain,
        example,
        input_names=["cells"],
        output_names=["logits"],
        opset_version=_OPSET,
        dynamo=True,
        dynamic_shapes=({0: batch},),
        external_data=False,
        verbose=False,
    )
    assert program is not None
    program.save(path, external_data=False)


def calibrate(model: DigitModel, data_dir: Path) -> dict[str, object]:
    """Temperature and acceptance threshold on the calibration boxes of all forms, every fixed degradation included.

    Drawn boxes are added: X, dashes and blanks, because the blocks of 2024 hold no dash and hardly a blank, and boxes
    of tables, because there are few scans.

    Returns:
        The card's ``calibration`` table.
    """
    boxes = [box for box in load_boxes_2024(data_dir) if box.part == "calibration"]
    scans = [box for stem in SCANS for box in load_npz_boxes(data_dir, stem) if box.part == "calibration"]
    symbols = load_symbols(data_dir)
    drawn, drawn_labels = drawn_boxes(symbols, _CALIBRATION_SEED, 100, degraded=True)
    tables, table_labels = table_boxes(symbols, _CALIBRATION_SEED, 20)
    real = [*boxes, *scans]
    logits = [_logits(model, [change(box.image) for box in real]) for change in FIXED.values()]
    logits.append(_logits(model, [*drawn, *tables]))
    scores = np.concatenate(logits)
    truth = np.array([box.label for box in real] * len(FIXED) + drawn_labels + table_labels, np.int64)
    units = np.concatenate([np.tile(np.arange(len(real)), len(FIXED)), len(real) + np.arange(len(drawn) + len(tables))])
    temperature = fit_temperature(scores, truth)
    log_probs = log_softmax(scores, temperature)
    probabilities, right = np.exp(log_probs.max(axis=1)), log_probs.argmax(axis=1) == truth
    threshold = choose_threshold(probabilities, right, units, _MAX_ERROR_BOUND)
    taken = probabilities >= threshold.probability
    of_scans = (units >= len(boxes)) & (units < len(real))
    return {
        "temperature": round(temperature, 4),
        **_threshold_table(threshold),
        "boxes": len(boxes),
        "scans": len(scans),
        "scan_units": len(np.unique(units[taken & of_scans])),
        "scan_units_wrong": len(np.unique(units[taken & of_scans & ~right])),
        "drawn": len(drawn),
        "drawn_tables": len(tables),
    }


def _threshold_table(threshold: Threshold) -> dict[str, object]:
    return {
        # Rounded up, or the last error it excludes would slip back in.
        "accept_probability": float(np.ceil(threshold.probability * 1e4) / 1e4),
        "units": threshold.accepted,
        "units_wrong": threshold.errors,
        "error_bound_95": round(threshold.upper_bound, 5),
        "unit": "one box with all its degraded copies; wrong when any accepted copy is wrong",
    }


def _logits(model: DigitModel, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    cells = np.stack([prepare_cell(image) for image in images])[:, np.newaxis]
    return np.concatenate([model.logits(cells[start : start + 256]) for start in range(0, len(cells), 256)])


def _card_head(onnx_path: Path, data_dir: Path, recipe: Mapping[str, object]) -> dict[str, object]:
    blocks = sorted({box.group for box in load_boxes_2024(data_dir) if box.part == "test"})
    return {
        "name": onnx_path.stem,
        "sha256": hashlib.sha256(onnx_path.read_bytes()).hexdigest(),
        "classes": CLASSES,
        "licence": "Apache-2.0",
        "input": {
            "name": "cells",
            "shape": ["n", 1, 40, 40],
            "dtype": "float32",
            "preparation": "ocr_pipeline.recognition.digits.prepare_cell",
            "crop": "the printed box and a tenth of its shorter side around it, rules visible, squashed to a square",
        },
        "training": {**recipe, "torch": torch.__version__, "python": platform.python_version()},
        "split": {
            "rule": "boxes-2024.zip by block index over all classes; 2019 scans by form",
            "test_indices": sorted(TEST_INDICES),
            "calibration_indices": sorted(CALIBRATION_INDICES),
            "test_blocks_sha256": hashlib.sha256("\n".join(blocks).encode()).hexdigest(),
            "scan_forms_left_out": f"every {TEST_GROUPS_2019_EVERY}rd by name",
            "scan_forms_for_calibration": f"every {CALIBRATION_GROUPS_2019_EVERY}th by name, from the second",
            "photo_boxes": "not trained on: every labelled 2024 photo is unseen",
        },
        "data": {name: sha256_of(data_dir / name) for name in _DATA_FILES},
    }
