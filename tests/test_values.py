from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import get_args

import numpy as np
import pytest

from ocr_pipeline.values import (
    CLASSES,
    NO_BUBBLE,
    UNDECIDED,
    ChannelRead,
    DecodedNumbers,
    NumberEvidence,
    NumberRead,
    PageRead,
    Quality,
    RuleCheck,
    TpsRead,
    Why,
    frozen,
)

QUAD = np.zeros((4, 2))

MADE: list[Callable[[], object]] = [
    lambda: NumberEvidence("sah", np.zeros((3, 13)), None, None, True, QUAD),
    lambda: ChannelRead(92, 0.99),
    lambda: NumberRead("sah", 92, "X92", 0.99, "accepted", (), {}, QUAD),
    lambda: RuleCheck("sah_total", None, "error"),
    lambda: Quality(0.8, 41, 1.0),
    lambda: PageRead("a.jpg", None, None, None, None, "rejected", "missing", {}, (), None, {}, "1", {}),
    lambda: TpsRead((), None, {}, (), "incomplete"),
    lambda: DecodedNumbers({}, (), "incomplete"),
]


@pytest.mark.parametrize("make", MADE, ids=lambda make: type(make()).__name__)
def test_values_cannot_be_changed_or_extended(make: Callable[[], object]) -> None:
    value = make()
    name = fields(value)[0].name  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, "lain")
    assert not hasattr(value, "__dict__")


def test_a_number_is_unread_and_not_crossed_out_unless_said() -> None:
    evidence = NumberEvidence("sah", np.zeros((3, 13)), None, None, True, QUAD)
    assert evidence.crossed_out is False
    assert NumberRead("sah", None, "???", 0.4, "review", ("low_confidence",), {}, QUAD).alternative is None


def test_the_classes_of_a_box_are_the_marks_of_the_contract() -> None:
    """Digits sit at their own index; the model's output and everything after it rely on that."""
    assert [CLASSES.index(str(d)) for d in range(10)] == list(range(10))
    assert CLASSES[10:] == "X-_"
    assert len(set(CLASSES)) == 13
    assert UNDECIDED not in CLASSES
    assert NO_BUBBLE == 10


def test_the_codes_of_why_are_those_of_the_contract() -> None:
    assert set(get_args(Why)) == {
        "low_confidence", "channels_disagree", "rule_broken", "rule_undecided", "out_of_bounds", "crossed_out",
        "form_inconsistent", "unmeasured",
    }  # fmt: skip


def test_a_frozen_array_is_the_same_array_read_only() -> None:
    array = np.arange(6.0)
    assert frozen(array) is array
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
