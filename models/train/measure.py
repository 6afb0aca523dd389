"""Figures of a digit model: what was read, of how many, and the bound that this supports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.train.degrade import FIXED, Strength, moved, random_view
from models.train.drawn import draw_box
from models.train.ink import Symbols
from models.train.junk import draw_junk
from models.train.sampler import PHOTOS, SCANS, Mixture
from models.train.sources import Box, load_boxes_2024, load_npz_boxes, load_symbols
from models.train.table import draw_table_box
from ocr_pipeline.recognition.calibration import clopper_pearson_upper
from ocr_pipeline.recognition.digits import DigitModel
from ocr_pipeline.values import CLASSES

Grey = NDArray[np.uint8]

DRAWN_SEED = 7_000_001
"""Drawn boxes for measuring come from seeds that no training batch uses."""

_DRAWN_EACH = 200
_TABLE_EACH = 60
_JUNK_CROPS = 1000
_MOST_WRONG_LISTED = 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model read on a set of boxes.

    Attributes:
        labels: (n,) class indices.
        reads: (n,) class indices.
        probabilities: (n,) calibrated probability of what was read.
    """

    labels: NDArray[np.int64]
    reads: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def only(self, chosen: NDArray[np.bool_]) -> "Outcome":
        """The outcome of some of the boxes; chosen is (n,)."""
        return Outcome(self.labels[chosen], self.reads[chosen], self.probabilities[chosen])

    def figures(self, accept_probability: float) -> dict[str, int | float]:
        """Counts, accuracy, accepted share and 95 % bounds (Clopper-Pearson, one-sided)."""
        wrong = self.labels != self.reads
        taken = self.probabilities >= accept_probability
        count, errors = len(wrong), int(wrong.sum())
        accepted, silent = int(taken.sum()), int((taken & wrong).sum())
        named_digit = self.reads < 10
        return {
            "n": count,
            "errors": errors,
            "accuracy": round(1 - errors / max(1, count), 5),
            "error_bound_95": round(clopper_pearson_upper(errors, count), 5),
            "accepted": accepted,
            "accepted_wrong": silent,
            "accepted_wrong_bound_95": round(clopper_pearson_upper(silent, accepted), 5),
            "no_digit_accepted_as_digit": int((taken & named_digit & (self.labels >= 10)).sum()),
        }


def read_all(model: DigitModel, images: Sequence[Grey], labels: Sequence[int]) -> Outcome:
    """Read crops in batches of 256."""
    parts = [model.log_probs(images[start : start + 256]) for start in range(0, len(images), 256)]
    log_probs = np.concatenate(parts) if parts else np.zeros((0, len(CLASSES)))
    reads = log_probs.argmax(axis=1)
    return Outcome(np.asarray(labels, np.int64), reads, np.exp(log_probs[np.arange(len(reads)), reads]))


def read_boxes(model: DigitModel, boxes: Sequence[Box], change: Callable[[Grey], Grey] = lambda crop: crop) -> Outcome:
    """Read boxes after a change to each crop."""
    return read_all(model, [change(box.image) for box in boxes], [box.label for box in boxes])


def drawn_boxes(symbols: Symbols, seed: int, each: int, degraded: bool) -> tuple[list[Grey], list[int]]:
    """Drawn X, dashes and blanks of the 2024 form, sharp or through the random camera."""
    rng = np.random.default_rng(seed)
    labels = [label for label in (10, 11, 12) for _ in range(each)]
    images = [draw_box(label, symbols, rng) for label in labels]
    if degraded:
        images = [random_view(image, rng, Strength()) for image in images]
    return images, labels


def table_boxes(symbols: Symbols, seed: int, each: int) -> tuple[list[Grey], list[int]]:
    """Drawn boxes of tables, every class alike, through the camera of training."""
    rng = np.random.default_rng(seed)
    labels = [label for label in range(len(CLASSES)) for _ in range(each)]
    strength = Mixture().table_strength
    return [random_view(draw_table_box(label, symbols, rng), rng, strength) for label in labels], labels


def measure(model: DigitModel, data_dir: Path) -> dict[str, object]:
    """All figures of the card.

    Args:
        model: exported model with its final temperature and threshold.
        data_dir: folder of the digit data.

    Returns:
        Nested tables of figures, in the order in which they go into the card.
    """
    accept = model.card.accept_probability
    test = [box for box in load_boxes_2024(data_dir) if box.part == "test"]
    plain = read_boxes(model, test)
    figures: dict[str, object] = {
        "boxes_2024_test": plain.figures(accept),
        "boxes_2024_test_per_class": per_class(plain),
        "boxes_2024_test_confusion": {
            CLASSES[label]: confusion(plain)[label].tolist()
            for label in range(len(CLASSES))
            if (plain.labels == label).any()
        },
        "boxes_2024_test_wrong": [
            _described(test[row], int(plain.reads[row]), float(plain.probabilities[row]))
            for row in np.flatnonzero(plain.labels != plain.reads)[:_MOST_WRONG_LISTED]
        ],
    }
    figures["degraded_test_copies"] = {
        name: read_boxes(model, test, change).figures(accept) for name, change in FIXED.items()
    }
    figures["shift_share_of_crop"] = {
        f"{shift:.2f}": _shifted(model, test, shift) for shift in (0.0, 0.05, 0.09, 0.14, 0.18, 0.23)
    }
    figures["zoom"] = {
        f"{zoom:.2f}": read_boxes(model, test, _zoomed(zoom)).figures(accept)
        for zoom in (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)
    }
    figures["photo_boxes"] = read_boxes(model, load_npz_boxes(data_dir, PHOTOS, "test")).figures(accept)
    return {**figures, **_scans(model, data_dir), **_drawn(model, data_dir)}


def _scans(model: DigitModel, data_dir: Path) -> dict[str, object]:
    """Scans by file and part, the forms left out one by one, and these degraded."""
    accept = model.card.accept_probability
    figures: dict[str, object] = {}
    left_out: list[Box] = []
    for stem in SCANS:
        boxes = load_npz_boxes(data_dir, stem)
        for part in ("test", "calibration", "train"):
            chosen = [box for box in boxes if box.part == part]
            if chosen:
                figures[f"{stem}_{part}"] = read_boxes(model, chosen).figures(accept)
        left_out += [box for box in boxes if box.part == "test"]
    plain = read_boxes(model, left_out)
    figures["scans_test"] = plain.figures(accept)
    figures["scans_test_forms"] = {
        group: plain.only(np.array([box.group == group for box in left_out])).figures(accept)
        for group in sorted({box.group for box in left_out})
    }
    figures["scans_test_wrong"] = [
        _described(left_out[row], int(plain.reads[row]), float(plain.probabilities[row]))
        for row in np.flatnonzero(plain.labels != plain.reads)[:_MOST_WRONG_LISTED]
    ]
    figures["scans_test_degraded"] = {
        name: read_boxes(model, left_out, change).figures(accept) for name, change in FIXED.items()
    }
    return figures


def _drawn(model: DigitModel, data_dir: Path) -> dict[str, object]:
    accept = model.card.accept_probability
    symbols = load_symbols(data_dir)
    figures: dict[str, object] = {}
    for name, degraded in (("drawn_x_dash_blank", False), ("drawn_x_dash_blank_degraded", True)):
        images, labels = drawn_boxes(symbols, DRAWN_SEED, _DRAWN_EACH, degraded)
        figures[name] = read_all(model, images, labels).figures(accept)
    images, labels = table_boxes(symbols, DRAWN_SEED, _TABLE_EACH)
    figures["drawn_tables_degraded"] = read_all(model, images, labels).figures(accept)
    rng = np.random.default_rng(DRAWN_SEED)
    junk = [random_view(draw_junk(symbols, rng)[0], rng, Strength()) for _ in range(_JUNK_CROPS)]
    read_as = read_all(model, junk, [0] * len(junk))
    taken = read_as.probabilities >= accept
    figures["drawn_without_right_answer"] = {
        "n": len(junk),
        "accepted_as_digit": int((taken & (read_as.reads < 10)).sum()),
        "accepted": int(taken.sum()),
    }
    return figures


def per_class(outcome: Outcome) -> dict[str, dict[str, int | float]]:
    """Boxes, errors and accuracy of each class that occurs."""
    table: dict[str, dict[str, int | float]] = {}
    for label in range(len(CLASSES)):
        mine = outcome.labels == label
        if mine.any():
            errors = int((outcome.reads[mine] != label).sum())
            table[CLASSES[label]] = {
                "n": int(mine.sum()),
                "errors": errors,
                "accuracy": round(1 - errors / int(mine.sum()), 5),
            }
    return table


def confusion(outcome: Outcome) -> NDArray[np.int64]:
    """(13, 13) counts, rows labels, columns reads."""
    table = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    np.add.at(table, (outcome.labels, outcome.reads), 1)
    return table


def confusion_text(outcome: Outcome) -> str:
    """The confusion matrix for the terminal."""
    lines = ["     " + "".join(f"{name:>5}" for name in CLASSES)]
    for label, row in enumerate(confusion(outcome)):
        if row.any():
            lines.append(f"{CLASSES[label]:>5}" + "".join(f"{count or '.':>5}" for count in row))
    return "\n".join(lines)


def _described(box: Box, read: int, probability: float) -> str:
    return f"{box.name}: {CLASSES[box.label]} read {CLASSES[read]}, p {probability:.3f}"


def _shifted(model: DigitModel, boxes: Sequence[Box], shift: float) -> dict[str, int | float]:
    """Mean over four directions, each a share of the crop's side."""
    outcomes = [read_boxes(model, boxes, _moved(shift * x, shift * y)) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    wrong = np.concatenate([outcome.labels != outcome.reads for outcome in outcomes])
    taken = np.concatenate([outcome.probabilities for outcome in outcomes]) >= model.card.accept_probability
    return {
        "n": len(wrong),
        "errors": int(wrong.sum()),
        "accuracy": round(1 - float(wrong.mean()), 5),
        "accepted_wrong": int((wrong & taken).sum()),
    }


def _moved(shift_x: float, shift_y: float) -> Callable[[Grey], Grey]:
    return lambda crop: moved(crop, shift_x, shift_y)


def _zoomed(zoom: float) -> Callable[[Grey], Grey]:
    return lambda crop: moved(crop, 0.0, 0.0, zoom)
