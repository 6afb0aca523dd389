"""Reference logits beside a model: what the torch net says of cells drawn by this project alone.

``python -m models.train.reference models/digits-2.onnx build/train-digits-2/checkpoint.pt`` writes
``models/digits-2.npz``. The cells are shipped, so nothing in them comes from the training data: a plain frame, with
the handwriting of :mod:`ocr_pipeline.synthesis`. The same seed gives the same cells for every net.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from models.train.degrade import Strength, random_view
from models.train.net import DigitNet
from ocr_pipeline.forms.definition import Box
from ocr_pipeline.recognition.card import DigitCard
from ocr_pipeline.recognition.digits import DigitModel, prepare_cell
from ocr_pipeline.synthesis.handwriting import random_writer, write_symbol
from ocr_pipeline.synthesis.ink import lay_ink
from ocr_pipeline.values import CLASSES

_SEED = 5_000_001
_WRITERS = 3
_LOGIT_TOLERANCE = 1e-3
_BOX_MM, _RULE_MM, _CROP_MM = 21.0, 1.05, 24.0
_PX_PER_MM = 64 / _CROP_MM


def reference_cells() -> NDArray[np.float16]:
    """Every class by three writers, each photographed once; the same for every net.

    Returns:
        (39, 1, 40, 40) float16 prepared cells, in the order of :data:`CLASSES`, over and over. Half precision keeps the
        file small; the logits are those of the halved cells.
    """
    rng = np.random.default_rng(_SEED)
    views = [random_view(_written_box(symbol, rng), rng, Strength()) for _ in range(_WRITERS) for symbol in CLASSES]
    return np.stack([prepare_cell(view) for view in views])[:, np.newaxis].astype(np.float16)


def write_reference(net: DigitNet, onnx_path: Path) -> float:
    """Write the torch logits of :func:`reference_cells` beside a model that gives the same ones.

    Args:
        net: the net that the model was exported from, in evaluation mode.
        onnx_path: the model; ``.npz`` of the same name is written.

    Returns:
        The largest difference between torch and ONNX logits.

    Raises:
        RuntimeError: a logit differs by more than 0.001: another net, or a faulty export. Nothing is written then.
    """
    cells = reference_cells()
    with torch.no_grad():
        logits = net(torch.from_numpy(cells.astype(np.float32))).numpy().astype(np.float32)
    session = onnxruntime.InferenceSession(onnx_path.read_bytes(), providers=["CPUExecutionProvider"])
    # No card yet: it is written once the figures are measured, and logits need none.
    model = DigitModel(DigitCard(onnx_path.stem, "", 1.0, 1.0), session)
    gap = float(np.abs(model.logits(cells.astype(np.float32)) - logits).max())
    if gap > _LOGIT_TOLERANCE:
        raise RuntimeError(f"{onnx_path} differs from the torch net by {gap}")
    np.savez_compressed(onnx_path.with_suffix(".npz"), cells=cells, logits=logits)
    return gap


def load_checkpoint(path: Path) -> DigitNet:
    """The averaged net of a training run, in evaluation mode.

    Args:
        path: ``checkpoint.pt`` of :mod:`models.train.digits`.
    """
    state = torch.load(path, weights_only=True)["average"]
    net = DigitNet()
    net.load_state_dict(
        {name.removeprefix("module."): value for name, value in state.items() if name.startswith("module.")}
    )
    return net.eval()


def _written_box(symbol: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A printed box with one symbol by a new writer: (64, 64) uint8 grey, cut about as the reader cuts."""
    paper = int(rng.integers(190, 245))
    picture = np.full((64, 64, 3), paper, np.uint8)
    edge = (_CROP_MM - _BOX_MM) / 2
    ends = [round(mm * _PX_PER_MM * 16) for mm in (edge + _RULE_MM / 2, edge + _BOX_MM - _RULE_MM / 2)]
    frame = (ends[0], ends[0]), (ends[1], ends[1])
    cv2.rectangle(picture, *frame, (60, 60, 60), round(_RULE_MM * _PX_PER_MM), cv2.LINE_AA, 4)
    box = Box(edge + _RULE_MM, edge + _RULE_MM, _BOX_MM - 2 * _RULE_MM, _BOX_MM - 2 * _RULE_MM)
    writer = random_writer(rng)
    lay_ink(picture, _PX_PER_MM, write_symbol(writer, symbol, box, True, rng), writer.ink_bgr)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def main(arguments: list[str] | None = None) -> int:
    """The command; see the module's docstring.

    Returns:
        0 when the reference logits were written.
    """
    parser = argparse.ArgumentParser(prog="python -m models.train.reference", description=__doc__)
    parser.add_argument("model", type=Path, help="ONNX file; the .npz beside it is written anew")
    parser.add_argument("checkpoint", type=Path, help="checkpoint.pt of the run that the model comes from")
    options = parser.parse_args(arguments)
    gap = write_reference(load_checkpoint(options.checkpoint), options.model)
    print(f"largest difference between torch and ONNX logits: {gap:.2e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
