"""Labels of photos (``labels.jsonl`` of the reading contract) as checked values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_pipeline.errors import LabelsError


@dataclass(frozen=True, slots=True)
class Label:
    """What a person saw on one photo.

    Attributes:
        file: path as written in the labels file, relative to it.
        path: the same, joined to the labels file's folder.
        form: form id, or ``None`` where the file must be rejected.
        page: printed page number, or ``None``.
        values: field -> what the boxes mean; ``None`` where they are empty.
        as_written: field -> one character a box; only where it was labelled.
        must_reject: the file must be refused.
        rotation_deg: how far the page lies turned clockwise in the upright photo; ``None`` where it was not labelled.
        capture: what is wrong with the photo, free text.
        degradation: which degradation made this copy, or ``None`` for an original.
    """

    file: str
    path: str
    form: str | None
    page: int | None
    values: Mapping[str, int | None]
    as_written: Mapping[str, str]
    must_reject: bool
    capture: str
    degradation: str | None
    rotation_deg: int | None = None


def load_labels(path: Path, form: str | None = None) -> list[Label]:
    """Reads a labels file.

    Args:
        path: the ``labels.jsonl``.
        form: keep the labels of this form, and all files that must be rejected whatever their form.

    Raises:
        LabelsError: the file is missing, is no JSON lines, or an entry lacks what it needs; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsError(f"{path} tidak dapat dibaca", f"{path} cannot be read ({type(error).__name__})") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    labels = [_label(path, number, line) for number, line in lines]
    kept = [label for label in labels if not form or label.must_reject or label.form == form]
    if not kept:
        raise LabelsError(f"{path} tidak memuat label yang diminta", f"{path} holds no label that was asked for")
    return kept


def _label(path: Path, number: int, line: str) -> Label:
    where = f"{path}:{number}"
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise LabelsError(f"{where} bukan JSON", f"{where} is not JSON") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
        raise LabelsError(f"{where} tidak menyebut file", f"{where} names no file")
    must_reject = entry.get("expect") == "rejected"
    values = entry.get("values", {} if must_reject else None)
    if not must_reject and not isinstance(entry.get("form"), str):
        raise LabelsError(f"{where} tidak menyebut form", f"{where} names no form")
    if not isinstance(values, dict) or not all(_is_count(v) for v in values.values()):
        raise LabelsError(
            f"{where}: values harus memuat bilangan bulat atau null",
            f"{where}: values must hold whole numbers or null",
        )
    return Label(
        file=entry["file"],
        # As text and not normalised, so that it is the very path that is handed to the reader.
        path=str(path.parent / entry["file"]),
        form=entry.get("form"),
        page=entry.get("page"),
        values=values,
        as_written=entry.get("as_written") or {},
        must_reject=must_reject,
        capture=str(entry.get("capture") or ""),
        degradation=entry.get("degradation"),
        rotation_deg=entry.get("rotation_deg"),
    )


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
