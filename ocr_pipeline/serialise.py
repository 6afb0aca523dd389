"""Readings as the JSON objects of the reading contract (docs/cli.md): plain dicts that :mod:`json` can write.

The contract changes only by adding keys. Two things matter when numbers are rounded: a probability below one must not
print as 1.0, and a missing value stays ``null``; it never becomes 0.
"""

import math
from collections.abc import Mapping
from typing import Any

from ocr_pipeline.values import Floats, NumberRead, PageRead, Quality, RuleCheck, TpsRead

P_STEPS = 1_000_000
"""Probabilities are written in steps of one millionth."""


def round_p(p: float) -> float:
    """A probability in 0-1 to 6 digits, rounded *down*: only a certain one prints as 1.0."""
    return math.floor(p * P_STEPS) / P_STEPS if p < 1 else 1.0


def page_to_dict(read: PageRead) -> dict[str, Any]:
    """One photo's line of ``turus read --json``."""
    return {
        "photo": read.photo,
        "sha256": read.sha256,
        "form": read.form,
        "page": read.page,
        "form_rev": read.form_rev,
        "rotation_deg": read.rotation_deg,
        "size_px": None if read.size_px is None else list(read.size_px),
        "outcome": read.outcome,
        "reason": read.reason,
        "numbers": _numbers(read.numbers),
        "rules": [_rule(rule) for rule in read.rules],
        "quality": None if read.quality is None else _quality(read.quality),
        "timing_ms": {stage: round(float(took_ms), 1) for stage, took_ms in read.timing_ms.items()},
        "pipeline_rev": read.pipeline_rev,
        "models": dict(read.models),
    }


def tps_to_dict(read: TpsRead) -> dict[str, Any]:
    """The line that ``--together`` adds: the pages of one polling station decided together."""
    return {
        "tps": list(read.photos),
        "form": read.form,
        "numbers": _numbers(read.numbers),
        "rules": [_rule(rule) for rule in read.rules],
        "verdict": read.verdict,
    }


def _numbers(numbers: Mapping[str, NumberRead]) -> dict[str, Any]:
    return {field: _number(number) for field, number in numbers.items()}


def _number(number: NumberRead) -> dict[str, Any]:
    return {
        "value": number.value,
        "as_written": number.as_written,
        "p": round_p(number.p),
        "decision": number.decision,
        "why": list(number.why),
        "evidence": {
            channel: {"value": found.value, "p": round_p(found.p)} for channel, found in number.evidence.items()
        },
        "alternative": number.alternative,
        "quad_photo": _quad(number.quad_photo),
        "words_quad_photo": None if number.words_quad_photo is None else _quad(number.words_quad_photo),
    }


def _quad(quad_photo: Floats) -> list[list[float]]:
    return [[round(float(x), 1), round(float(y), 1)] for x, y in quad_photo]


def _rule(rule: RuleCheck) -> dict[str, Any]:
    return {"id": rule.id, "holds": rule.holds, "severity": rule.severity}


def _quality(quality: Quality) -> dict[str, float]:
    return {
        "sharpness": round(float(quality.sharpness), 3),
        "px_per_box": round(float(quality.px_per_box), 1),
        "coverage": round(float(quality.coverage), 3),
    }
