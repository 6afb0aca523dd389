"""The labelled boxes and loose symbols that the digit net learns from, with the split that keeps groups whole.

Groups: a block of ``boxes-2024.zip`` holds neighbouring boxes, which come from the same sheets. Blocks are named
``class-index``; the files of every class are numbered in the same order of sheets, so an *index* (over all classes) is
split, not a single block. Boxes of the real photos in the labelled set are not used for training at all.
"""

import csv
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import CLASSES

LABEL_TO_CLASS = {**{str(digit): digit for digit in range(10)}, "X": 10, "-": 11, "blank": 12}
"""Labels of the data files to class indices; ``?`` is absent and left out."""

TEST_INDICES = frozenset({4, 10, 16, 21, 27})
CALIBRATION_INDICES = frozenset({7, 14, 24})
"""Block indices of boxes-2024.zip, chosen before the first training; never changed after a result was seen."""

TEST_GROUPS_2019_EVERY = 3
"""Every third form of the 2019 scans, in order of name, is left out for testing."""
CALIBRATION_GROUPS_2019_EVERY = 8
"""Every eighth one, from the second on, is left out for calibration where there are so many; a third stays a test."""

_LONGEST_PX = 96
_DARKEST_PAPER = 16


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled crop of one printed box.

    Attributes:
        name: file or row it came from.
        image: (h, w) uint8 grey, read-only, longest side at most 96 px.
        label: class index, 0..12.
        group: form or block; never in two splits.
        part: ``train``, ``calibration`` or ``test``.
    """

    name: str
    image: NDArray[np.uint8]
    label: int
    group: str
    part: str


def part_of_block(block: str) -> str:
    """Split of a block ``class-index`` of boxes-2024.zip."""
    index = int(block.split("-")[1])
    if index in TEST_INDICES:
        return "test"
    return "calibration" if index in CALIBRATION_INDICES else "train"


def load_boxes_2024(data_dir: Path, longest_px: int = _LONGEST_PX) -> list[Box]:
    """Boxes of boxes-2024.zip in file order, ``?`` left out.

    Args:
        data_dir: folder of the data files.
        longest_px: larger crops are shrunk to it.

    Returns:
        The boxes with their parts.
    """
    boxes = []
    with zipfile.ZipFile(data_dir / "boxes-2024.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode("utf-8"))))
        for row in rows:
            if row["label"] not in LABEL_TO_CLASS:
                continue
            raw = np.frombuffer(archive.read(row["file"]), np.uint8)
            image = np.asarray(cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE), np.uint8)
            label, block = LABEL_TO_CLASS[row["label"]], row["block"]
            boxes.append(Box(row["file"], shrink(image, longest_px), label, block, part_of_block(block)))
    return boxes


def load_npz_boxes(data_dir: Path, stem: str, part: str | None = None) -> list[Box]:
    """Boxes of one of the npz files of real boxes.

    Args:
        data_dir: folder of the data files.
        stem: file name without ``.npz``.
        part: the part of every box, or None to split by group.

    Returns:
        The boxes, at their original proportions. A few that are white on black, which no photo is, are left out.
    """
    with np.load(data_dir / f"{stem}.npz") as data:
        groups = sorted(set(data["group"].tolist()))
        parts = _parts_of_groups(groups)
        boxes = []
        for row, (image, label, group, size) in enumerate(
            zip(data["images"], data["labels"].tolist(), data["group"].tolist(), data["hw"].tolist(), strict=True)
        ):
            if label not in LABEL_TO_CLASS:
                continue
            height_px, width_px = size
            grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
            if np.median(grey) < _DARKEST_PAPER:
                continue
            scale = min(1.0, _LONGEST_PX / max(size))
            size_px = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
            grey = np.asarray(cv2.resize(grey, size_px), np.uint8)
            boxes.append(Box(f"{stem}#{row}", freeze(grey), LABEL_TO_CLASS[label], group, part or parts[group]))
    return boxes


def _parts_of_groups(groups: list[str]) -> dict[str, str]:
    parts = dict.fromkeys(groups, "train")
    if len(groups) >= CALIBRATION_GROUPS_2019_EVERY:
        parts.update(dict.fromkeys(groups[1::CALIBRATION_GROUPS_2019_EVERY], "calibration"))
    parts.update(dict.fromkeys(groups[TEST_GROUPS_2019_EVERY - 1 :: TEST_GROUPS_2019_EVERY], "test"))
    return parts


def load_symbols(data_dir: Path, most_per_class: int = 3000) -> dict[int, list[NDArray[np.uint8]]]:
    """Loose handwritten symbols of the public sets, ink bright on black.

    Args:
        data_dir: folder of the data files.
        most_per_class: of MNIST, which would drown the others.

    Returns:
        class index -> (h, w) uint8 arrays cropped to their ink; classes 0..11.
    """
    symbols: dict[int, list[NDArray[np.uint8]]] = {label: [] for label in range(12)}
    taken = dict.fromkeys(range(12), 0)
    for stem, names in _SYMBOL_FILES.items():
        with np.load(data_dir / f"{stem}.npz") as data:
            images, labels = data["images"], data["labels"].tolist()
        for image, text in zip(images, labels, strict=True):
            label = names.get(text)
            if label is None:
                continue
            if stem == "mnist":
                taken[label] += 1
                if taken[label] > most_per_class:
                    continue
            ink = _ink_crop(np.asarray(image, np.uint8))
            if ink is not None:
                symbols[label].append(ink)
    return symbols


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, lower-case hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shrink(image: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    """The image, area-averaged so that its longest side is at most longest_px; read-only."""
    longest = max(image.shape)
    if longest > longest_px:
        size = (max(1, image.shape[1] * longest_px // longest), max(1, image.shape[0] * longest_px // longest))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return freeze(image)


def freeze(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same array, read-only."""
    image.flags.writeable = False
    return image


_DIGITS = {str(digit): digit for digit in range(10)}
_SYMBOL_FILES: dict[str, dict[str, int]] = {
    "mnist": _DIGITS,
    "usps": _DIGITS,
    "semeion": _DIGITS,
    "optdigits": _DIGITS,
    "hwd1000": _DIGITS,
    "chars74k-hand": {**_DIGITS, "X": CLASSES.index("X"), "x": CLASSES.index("X")},
    "cursive62": {"33": CLASSES.index("X"), "59": CLASSES.index("X")},
    "math-symbols": {"multiplication_cross": CLASSES.index("X"), "subtraction_minus": CLASSES.index("-")},
}


def _ink_crop(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Stretch to 0..255 with bright ink and crop to it; None when there is none."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    bright = 255 - image if np.median(border) > 127 else image
    top = int(bright.max())
    if top < 10:
        return None
    stretched = (bright.astype(np.float32) * (255.0 / top)).astype(np.uint8)
    rows, columns = np.nonzero(stretched > 80)
    return freeze(stretched[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].copy())
