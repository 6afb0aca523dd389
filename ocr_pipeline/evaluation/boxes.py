"""``turus eval boxes DIR``: a folder of labelled box crops through the reader's own preparation and digit net."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.errors import LabelsError
from ocr_pipeline.recognition.digits import DigitModel, load_digit_model
from ocr_pipeline.values import CLASSES

LABELS_FILE = "labels.csv"
_UNDECIDABLE = "?"
_LABELS = (*"0123456789", "X", "-", "blank")
"""Names in labels.csv, in the order of :data:`CLASSES`."""

_BATCH = 256


def evaluate_boxes(folder: Path, model: DigitModel | None = None) -> dict[str, Any]:
    """Read every labelled crop of a folder.

    Args:
        folder: holds the crops (one printed box each) and ``labels.csv`` with the columns file and label; labels are
            0-9, X, -, blank (or _), and ?, which is left out. Other columns are ignored.
        model: digit net; None loads the shipped one.

    Returns:
        What the reading contract promises: ``n``, ``accuracy`` (None when n is 0), ``per_class`` {label: {n, right,
        accuracy}} for labels that occur, ``wrong`` [[file, label, read, probability], ...] in file order, and
        ``model``.

    Raises:
        LabelsError: no labels.csv, columns missing, an unknown label, a file named that is not there or is no image.
        ModelError: the model cannot be used.
    """
    rows = _labelled_rows(folder)
    chosen = model or load_digit_model()
    counts = dict.fromkeys(_LABELS, 0)
    rights = dict.fromkeys(_LABELS, 0)
    wrong: list[list[Any]] = []
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        log_probs = chosen.log_probs([_crop(folder, name) for name, _ in part])
        for (name, label), row in zip(part, log_probs, strict=True):
            best = int(row.argmax())
            counts[label] += 1
            if _LABELS[best] == label:
                rights[label] += 1
            else:
                wrong.append([name, label, _LABELS[best], round(float(np.exp(row[best])), 4)])
    return {
        "n": len(rows),
        "accuracy": sum(rights.values()) / len(rows) if rows else None,
        "per_class": {
            label: {"n": counts[label], "right": rights[label], "accuracy": rights[label] / counts[label]}
            for label in _LABELS
            if counts[label]
        },
        "wrong": wrong,
        "model": chosen.card.name,
    }


def _labelled_rows(folder: Path) -> list[tuple[str, str]]:
    """(file, label) of every row whose label is decided."""
    path = folder / LABELS_FILE
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise LabelsError(f"{path} tanpa kolom file dan label", f"{path} lacks the columns file and label")
            rows = [(row["file"] or "", row["label"] or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelsError(f"{path} tidak terbaca", f"{path}: {error}") from error
    aliases = {**{label: label for label in _LABELS}, CLASSES[-1]: "blank"}
    unknown = sorted({label for _, label in rows} - set(aliases) - {_UNDECIDABLE})
    if unknown:
        raise LabelsError(f"label tidak dikenal {unknown} di {path}", f"unknown labels {unknown} in {path}")
    return [(name, aliases[label]) for name, label in rows if label != _UNDECIDABLE]


def _crop(folder: Path, name: str) -> NDArray[np.uint8]:
    """One crop, grey."""
    import cv2

    try:
        raw = np.frombuffer((folder / name).read_bytes(), np.uint8)
    except OSError as error:
        raise LabelsError(f"berkas {name} tidak terbaca", f"{name}: {error}") from error
    image = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE) if raw.size else None
    if image is None:
        raise LabelsError(f"berkas {name} bukan gambar", f"{name} is not an image")
    return np.asarray(image, np.uint8)
