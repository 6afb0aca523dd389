"""Training batches: real boxes and drawn boxes, each seen through a random camera.

Every batch has its own generator, seeded by (seed, step): a run stopped at a step goes on exactly as it would have.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.train.degrade import Strength, random_view
from models.train.drawn import draw_box
from models.train.ink import Symbols
from models.train.junk import draw_junk
from models.train.sources import Box, load_boxes_2024, load_npz_boxes, load_symbols
from models.train.table import draw_table_box
from ocr_pipeline.recognition.digits import CELL_SIDE_PX, prepare_cell
from ocr_pipeline.values import CLASSES

SCANS = ("boxes-c1-2019-aceh", "boxes-c1-2019-mixed", "boxes-2014-2019-mixed")
PHOTOS = "boxes-2024-photos"

_DRAWN_WEIGHTS = np.array([6.0] * 10 + [12.0, 14.0, 14.0])
"""Share of each class among drawn boxes: X, dash and blank are what the real boxes lack."""


_TABLE_STRENGTH = Strength(
    blur=1.7, motion=5.0, smallest_px=15, shift=0.09, zoom_low=0.82, zoom_high=1.14, clean_share=0.42, aspect=0.25
)
"""The camera for boxes of tables: crops of scans are cut tighter already, and where neighbours begin at the edge a
larger shift would show too much of them."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """What a batch is made of.

    Attributes:
        real: share of boxes of the 2024 form.
        scans: share of boxes of other forms.
        table: share of drawn boxes of tables.
        junk: share of crops without a right answer; the rest is drawn as on the 2024 form.
        strength: limits of the camera for boxes of the 2024 form.
        table_strength: limits of the camera for boxes of tables.
    """

    real: float = 0.42
    scans: float = 0.12
    table: float = 0.26
    junk: float = 0.09
    strength: Strength = field(default_factory=Strength)
    table_strength: Strength = _TABLE_STRENGTH


@dataclass(frozen=True, slots=True)
class Pools:
    """What batches are drawn from.

    Attributes:
        boxes_2024: training boxes of the 2024 form.
        weights_2024: (n,) probability of each, summing to 1.
        boxes_scans: training boxes of other forms.
        symbols: loose symbols per class.
    """

    boxes_2024: list[Box]
    weights_2024: NDArray[np.float64]
    boxes_scans: list[Box]
    symbols: Symbols


def load_pools(data_dir: Path, photo_groups: frozenset[str] = frozenset()) -> Pools:
    """Training boxes of all sources.

    Args:
        data_dir: folder of the data files.
        photo_groups: groups of boxes-2024-photos to train on as well; the shipped model takes none, so that every real
            photo is unseen by it.

    Returns:
        The pools.
    """
    boxes = [box for box in load_boxes_2024(data_dir) if box.part == "train"]
    boxes += [box for box in load_npz_boxes(data_dir, PHOTOS, "train") if box.group in photo_groups]
    scans = [box for stem in SCANS for box in load_npz_boxes(data_dir, stem) if box.part == "train"]
    counts = np.bincount([box.label for box in boxes], minlength=len(CLASSES))
    # Square root: rare classes come more often, but five blanks are not shown as often as five hundred ones.
    weights = np.array([counts[box.label] ** -0.5 for box in boxes])
    return Pools(boxes, weights / weights.sum(), scans, load_symbols(data_dir))


def make_batch(
    pools: Pools, mixture: Mixture, size: int, seed: int, step: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The batch of one step.

    Args:
        pools: what to draw from.
        mixture: shares and camera.
        size: samples.
        seed: of the run.
        step: of the run.

    Returns:
        (size, 1, 40, 40) float32 cells and (size, 13) float32 target probabilities.
    """
    rng = np.random.default_rng([seed, step])
    cells = np.empty((size, 1, CELL_SIDE_PX, CELL_SIDE_PX), np.float32)
    targets = np.zeros((size, len(CLASSES)), np.float32)
    kinds = rng.random(size)
    picks = rng.choice(len(pools.boxes_2024), size, p=pools.weights_2024)
    drawn = rng.choice(len(CLASSES), size, p=_DRAWN_WEIGHTS / _DRAWN_WEIGHTS.sum())
    shares = np.cumsum([mixture.real, mixture.scans, mixture.table, mixture.junk])
    for row, kind in enumerate(np.searchsorted(shares, kinds, side="right")):
        strength = mixture.table_strength if kind in (1, 2) else mixture.strength
        if kind < 2:
            box = pools.boxes_2024[picks[row]] if kind == 0 else _any_of(pools.boxes_scans, rng)
            image, targets[row, box.label] = box.image, 1
        elif kind == 3:
            image, targets[row] = draw_junk(pools.symbols, rng)
        else:
            draw = draw_table_box if kind == 2 else draw_box
            image, targets[row, drawn[row]] = draw(int(drawn[row]), pools.symbols, rng), 1
        cells[row, 0] = prepare_cell(random_view(image, rng, strength))
    return cells, targets


def _any_of(boxes: list[Box], rng: np.random.Generator) -> Box:
    return boxes[int(rng.integers(0, len(boxes)))]
