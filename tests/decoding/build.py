"""Small forms and hand-made evidence for the decoder's tests."""

from collections.abc import Mapping, Sequence

import numpy as np

from ocr_pipeline.forms.definition import Box, Bubbles, FormDefinition, Number, Page
from ocr_pipeline.forms.rules import ArithmeticRule, Kind, Severity
from ocr_pipeline.values import CLASSES, NO_BUBBLE, Floats, NumberEvidence

QUAD = np.zeros((4, 2))


def number(field: str, boxes: int = 3, bubbles: bool = False, order: int = 1) -> Number:
    columns = tuple(10.0 * i for i in range(boxes))
    return Number(
        field=field,
        label_id=field,
        label_en=field,
        boxes=tuple(Box(x, 0, 9, 9) for x in columns),
        guide=False,
        bubbles=Bubbles(columns, tuple(20.0 + 5 * k for k in range(10)), 4) if bubbles else None,
        tally=None,
        row_totals=None,
        words=None,
        review_order=order,
        excel_column=field,
    )


def rule(
    name: str,
    terms: Sequence[str],
    total: str | None = None,
    kind: Kind = "sum",
    severity: Severity = "error",
    params: Mapping[str, float] | None = None,
) -> ArithmeticRule:
    return ArithmeticRule(name, "E1", kind, severity, tuple(terms), total, params or {})


def form(numbers: Sequence[Number], rules: Sequence[ArithmeticRule] = ()) -> FormDefinition:
    page = Page(1, "Satu", "One", (600, 900), True, None, (), (), (), tuple(numbers))
    return FormDefinition("kecil", 1, "Kecil", "Small", (page,), tuple(rules))


def logs(rows: Floats) -> Floats:
    return np.asarray(np.log(rows), dtype=np.float64)


def box_logs(written: str, p: float = 0.999) -> Floats:
    """Boxes that hold ``written``, each at probability ``p``, the rest spread evenly; ``?`` is a flat box."""
    rows: Floats = np.full((len(written), len(CLASSES)), (1 - p) / (len(CLASSES) - 1))
    for i, symbol in enumerate(written):
        if symbol == "?":
            rows[i] = 1 / len(CLASSES)
        else:
            rows[i, CLASSES.index(symbol)] = p
    return logs(rows)


def mixed_logs(*boxes: Mapping[str, float]) -> Floats:
    """One box a mapping symbol -> probability; what is left over is spread over the other symbols."""
    rows: Floats = np.empty((len(boxes), len(CLASSES)))
    for i, box in enumerate(boxes):
        rows[i] = max(1e-9, 1 - sum(box.values())) / (len(CLASSES) - len(box))
        for symbol, p in box.items():
            rows[i, CLASSES.index(symbol)] = p
    return logs(rows / rows.sum(1, keepdims=True))


def bubble_logs(marks: str, p: float = 0.999) -> Floats:
    """Bubble columns marked so; ``?`` is two filled bubbles, 3 and 8."""
    rows: Floats = np.full((len(marks), NO_BUBBLE + 1), (1 - p) / NO_BUBBLE)
    for i, mark in enumerate(marks):
        if mark == "?":
            rows[i, [3, 8]] = 0.5
        else:
            rows[i, NO_BUBBLE if mark == "_" else int(mark)] = p
    return logs(rows)


def seen(
    field: str,
    boxes: str | Floats,
    marks: str | None = None,
    *,
    p: float = 0.999,
    placed: bool = True,
    crossed_out: bool = False,
) -> NumberEvidence:
    return NumberEvidence(
        field=field,
        boxes=box_logs(boxes, p) if isinstance(boxes, str) else boxes,
        bubbles=None if marks is None else bubble_logs(marks),
        bubble_marks=marks,
        placed=placed,
        quad_photo=QUAD,
        crossed_out=crossed_out,
    )


def evidence_of(values: Mapping[str, str | NumberEvidence]) -> dict[str, NumberEvidence]:
    """Clear evidence for strings, anything else as it is."""
    return {name: seen(name, text) if isinstance(text, str) else text for name, text in values.items()}
