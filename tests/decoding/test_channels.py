"""Digits and bubbles: what counts as agreement, and what both together make of a number."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.decoding.channels import (
    bubbles_speak,
    disagree,
    fused_lattice,
    probabilities,
    read_bubbles,
    read_digits,
)
from ocr_pipeline.decoding.lattice import meaning
from ocr_pipeline.decoding.policy import Policy
from tests.decoding.build import mixed_logs, seen

POLICY = Policy()


@pytest.mark.parametrize(
    ("written", "marks", "against"),
    [
        ("X92", "092", False),
        ("X92", "_92", False),
        ("__7", "__7", False),
        ("092", "_92", False),
        ("092", "092", False),
        ("349", "349", False),
        ("XXX", "000", False),
        ("000", "__0", False),
        ("000", "00_", True),  # the last 0 is the number itself
        ("349", "359", True),
        ("349", "_49", True),
        ("309", "3_9", True),
        ("00X", "00_", False),
        ("040", "04_", True),
        ("X92", "192", True),
        ("___", "034", True),
        ("X92", "?92", True),
        ("349", "___", False),
        ("XXX", "___", False),
    ],
)
def test_contradiction_is_found_column_by_column(written: str, marks: str, against: bool) -> None:
    assert disagree(seen("a", written, marks), POLICY) is against


def test_unclear_box_contradicts_nothing() -> None:
    boxes = mixed_logs({"X": 0.9}, {"3": 0.6, "5": 0.3}, {"2": 0.9})
    assert not disagree(seen("a", boxes, "052"), POLICY)


def test_untouched_bubbles_change_nothing() -> None:
    for boxes in ("X92", "XXX", "___", "349", "??7"):
        without = fused_lattice(seen("a", boxes), POLICY)
        beside = fused_lattice(seen("a", boxes, "___"), POLICY)
        np.testing.assert_array_equal(without.values, beside.values)
        assert (without.empty, without.undecided) == (beside.empty, beside.undecided)
    assert not bubbles_speak(seen("a", "X92", "___"))
    assert not bubbles_speak(seen("a", "X92"))


def test_bubble_settles_an_unclear_digit() -> None:
    boxes = mixed_logs({"X": 0.9}, {"3": 0.55, "5": 0.4}, {"2": 0.95})
    assert read_digits(seen("a", boxes)).value == 32
    best, p = fused_lattice(seen("a", boxes, "052"), POLICY).best
    assert best == 52
    assert p > 0.99


def test_channels_report_what_they_see_themselves() -> None:
    evidence = seen("a", "X43", "064")
    assert read_digits(evidence).value == 43
    bubbles = read_bubbles(evidence)
    assert bubbles is not None
    assert bubbles.value == 64
    assert read_bubbles(seen("a", "X43")) is None
    for marks in ("___", "0?4"):
        read = read_bubbles(seen("a", "X43", marks))
        assert read is not None
        assert read.value is None
    assert read_digits(seen("a", "___")).value is None
    assert read_digits(seen("a", "9X2")).value is None


box_strings = st.text("0123456789X-_", min_size=1, max_size=5)


@given(box_strings, st.floats(0.6, 0.9999), st.booleans())
def test_bubbles_that_agree_never_lower_the_probability(written: str, p: float, mark_leading: bool) -> None:
    alone = fused_lattice(seen("a", written, p=p), POLICY)
    best, before = alone.best
    if not isinstance(best, int):
        return
    marks = f"{best:0{len(written)}d}" if mark_leading else str(best).rjust(len(written), "_")
    after = fused_lattice(seen("a", written, marks, p=p), POLICY).values[best]
    assert after >= before - 1e-12


@given(st.data())
def test_value_is_supported_by_some_channel_in_every_box(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 3))
    shares = st.lists(st.floats(1e-6, 1), min_size=13, max_size=13)
    boxes = np.log(np.array([data.draw(shares) for _ in range(n)]))
    columns = np.log(np.array([data.draw(shares)[:11] for _ in range(n)]))
    marks = "".join("0123456789_"[k] for k in columns.argmax(1))
    evidence = replace(seen("a", boxes, marks), bubbles=columns)
    lattice = fused_lattice(evidence, POLICY)
    best, p = lattice.best
    if not isinstance(best, int) or p < POLICY.decided or not bubbles_speak(evidence):
        return
    written = lattice.written(best)
    assert meaning(written) == best
    digits, bubbles = probabilities(boxes), probabilities(columns)
    for i, symbol in enumerate(written):
        if symbol.isdigit():
            assert max(digits[i, int(symbol)], bubbles[i, int(symbol)]) > POLICY.bubble_floor


def test_flat_logs_and_minus_infinity_are_probabilities() -> None:
    rows = probabilities(np.array([[-np.inf, 0.0, -np.inf], [-np.inf] * 3, [-900.0, -900.0, -2000.0]]))
    assert rows.tolist() == [[0, 1, 0], pytest.approx([1 / 3] * 3), [0.5, 0.5, 0]]
