"""The meaning of strings, and the lattice against listing every string."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ocr_pipeline.decoding.lattice import Weights, build_lattice, meaning, written_by_boxes
from ocr_pipeline.values import CLASSES, Floats
from tests.decoding.build import box_logs


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("X92", 92),
        ("005", 5),
        ("_50", 50),
        ("__7", 7),
        ("-17", 17),
        ("0XX", "undecided"),
        ("X0X", "undecided"),
        ("XX0", 0),
        ("__0", 0),
        ("000", 0),
        ("XXX", 0),
        ("---", 0),
        ("X--", 0),
        ("___", "empty"),
        ("X__", "undecided"),
        ("__-", "undecided"),
        ("9X2", "undecided"),
        ("92_", "undecided"),
        ("9-", "undecided"),
        ("1?2", "undecided"),
        ("???", "undecided"),
        ("X5?", "undecided"),
        ("7", 7),
        ("X", 0),
        ("_", "empty"),
        ("XX305", 305),
        ("90210", 90210),
        ("X-_07", 7),
    ],
)
def test_meaning_follows_the_reading_contract(written: str, value: int | str) -> None:
    assert meaning(written) == value


@pytest.mark.parametrize(
    "written", ["X92", "005", "_50", "__7", "XXX", "---", "XX0", "X0X", "___", "X__", "90210", "X", "_"]
)
def test_clear_boxes_are_read_as_what_they_mean(written: str) -> None:
    lattice = build_lattice(Weights.of_boxes(np.exp(box_logs(written))))
    best, p = lattice.best
    assert best == meaning(written)
    assert p > 0.99
    if isinstance(best, int):
        assert lattice.written(best) == written


def _weight(weights: Weights, written: str) -> float:
    """Weight of one string, straight from the meaning of the four tables."""
    weight, seen_digit, counting = 1.0, False, False
    for i, symbol in enumerate(written):
        if symbol.isdigit():
            counting = counting or symbol != "0" or i == len(written) - 1
            bad = any(s in "X-_" for s in written[:i].lstrip("X-_"))
            weight *= weights.digit[i, int(symbol)] if counting or bad else weights.leading_zero[i]
            seen_digit = True
        else:
            weight *= weights.late_filler[i] / 3 if seen_digit else weights.filler[i, "X-_".index(symbol)]
    return weight


@st.composite
def all_weights(draw: st.DrawFn, most_boxes: int) -> Weights:
    n = draw(st.integers(1, most_boxes))
    elements = st.floats(0.001, 1)
    shapes = ((n, 10), (n,), (n, 3), (n,))
    return Weights(*(draw(arrays(np.float64, shape, elements=elements)) for shape in shapes))


@given(all_weights(most_boxes=3))
def test_lattice_equals_the_sum_over_every_string(weights: Weights) -> None:
    n = len(weights.digit)
    lattice = build_lattice(weights)
    special = {"empty": 0.0, "undecided": 0.0}
    values = np.zeros(10**n)
    best = np.zeros(10**n)
    for symbols in product(CLASSES, repeat=n):
        written = "".join(symbols)
        weight = _weight(weights, written)
        found = meaning(written)
        if isinstance(found, int):
            values[found] += weight
            best[found] = max(best[found], weight)
        else:
            special[found] += weight
    total = values.sum() + sum(special.values())
    np.testing.assert_allclose(lattice.values, values / total, rtol=1e-9, atol=1e-15)
    assert lattice.empty == pytest.approx(special["empty"] / total)
    assert lattice.undecided == pytest.approx(special["undecided"] / total, abs=1e-12)
    for value in (0, 5, 10**n - 1, 10 ** (n - 1)):
        written = lattice.written(value)
        assert meaning(written) == value
        assert _weight(weights, written) == pytest.approx(best[value])


@given(all_weights(most_boxes=5))
def test_lattice_is_a_probability_for_up_to_five_boxes(weights: Weights) -> None:
    lattice = build_lattice(weights)
    assert lattice.values.shape == (10 ** len(weights.digit),)
    assert lattice.values.sum() + lattice.empty + lattice.undecided == pytest.approx(1)
    assert lattice.values.min() > 0


@given(arrays(np.float64, (3, 13), elements=st.floats(0.001, 1)), st.floats(0, 1))
def test_what_is_shown_for_an_untrusted_number_never_means_a_number(rows: Floats, least: float) -> None:
    written = written_by_boxes(rows / rows.sum(1, keepdims=True), least)
    assert len(written) == 3
    assert meaning(written) == "undecided"


def test_boxes_without_any_weight_are_refused() -> None:
    with pytest.raises(ValueError, match="weight 0"):
        build_lattice(Weights.of_boxes(np.zeros((3, 13))))
