"""What each part of the recipe is worth: short runs with one part left out, measured on the calibration boxes.

``python -m models.train.ablation --data ../shared/digits --card models/digits-2.toml`` trains them and writes the table
``ablation`` of the card. Test boxes are not touched, so that choosing a recipe by these figures does not use them up.
"""

import argparse
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import torch

from models.train.card import write_card
from models.train.degrade import FIXED, Strength
from models.train.digits import SEED, STAGES, Stage, train
from models.train.net import DigitNet
from models.train.sampler import SCANS, Mixture, load_pools
from models.train.sources import Box, load_boxes_2024, load_npz_boxes
from ocr_pipeline.recognition.digits import prepare_cell

STEPS = 1_000

VARIANTS: dict[str, Mixture] = {
    "the recipe": Mixture(),
    "without blur, motion, noise and low resolution": Mixture(strength=Strength(clean_share=1.0)),
    "without drawn boxes of tables": Mixture(real=0.6, scans=0.18, table=0.0),
    "without drawn boxes and junk": Mixture(real=0.78, scans=0.22, table=0.0, junk=0.0),
}


def errors(net: DigitNet, boxes: list[Box], names: tuple[str, ...]) -> int:
    """Boxes read wrongly, summed over the named degradations."""
    wrong = 0
    for name in names:
        cells = np.stack([prepare_cell(FIXED[name](box.image)) for box in boxes])[:, np.newaxis]
        with torch.no_grad():
            reads = torch.cat([net(part) for part in torch.from_numpy(cells).split(256)]).argmax(dim=1).numpy()
        wrong += int((reads != np.array([box.label for box in boxes])).sum())
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """The command; see the module's docstring.

    Returns:
        0 when every variant was trained and the table written.
    """
    parser = argparse.ArgumentParser(prog="python -m models.train.ablation", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the digit data")
    parser.add_argument("--card", type=Path, required=True, help="card that gets the table")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args(arguments)
    pools = load_pools(options.data)
    boxes = [box for box in load_boxes_2024(options.data) if box.part == "calibration"]
    scans = [box for stem in SCANS for box in load_npz_boxes(options.data, stem) if box.part == "calibration"]
    degraded = tuple(name for name in FIXED if name != "as cut")
    table: dict[str, object] = {"steps": options.steps, "boxes": len(boxes), "copies": len(boxes) * len(degraded)}
    for name, mixture in VARIANTS.items():
        with tempfile.TemporaryDirectory() as work_dir:
            net = train(pools, Stage(options.steps, STAGES[0].rate, mixture), SEED, Path(work_dir))
        table[name] = {
            "errors_as_cut": errors(net, boxes, ("as cut",)),
            "errors_degraded": errors(net, boxes, degraded),
            "errors_scans": errors(net, scans, ("as cut",)),
            "scans": len(scans),
        }
        print(name, table[name], flush=True)
        card = tomllib.loads(options.card.read_text(encoding="utf-8"))
        write_card(options.card, {**card, "ablation": table})
    return 0


if __name__ == "__main__":
    sys.exit(main())
