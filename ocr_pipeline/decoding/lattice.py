"""All strings that the boxes of one number can hold, and what they mean.

A string has one symbol a box: a digit, a filler (X or dash) or blank. What it means (the reading contract):

* leading X, - and _ count for nothing: ``X92``, ``_92`` and ``092`` are 92;
* X or - in all boxes is 0; blank in all boxes is *empty*, which is an answer but not a number;
* a filler or blank after a digit is undecided: ``9X2``, ``92_``;
* a filler beside blank boxes and no digit (``X__``, ``__-``) is undecided too: a smear over empty boxes looks just like
  that, and unread is never zero.

The 13^n strings are never listed. Read from the right, the boxes need three tables: digits after a digit other than 0,
digits after nothing but zeros, and everything that may follow nothing but fillers. Each has one entry a value.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ocr_pipeline.values import CLASSES, Floats, frozen

FILLERS = "X-_"
BLANK = "_"
STROKES = "X-"

Special = Literal["empty", "undecided"]


def meaning(written: str) -> int | Special:
    """What one string means.

    Args:
        written: one symbol a box, of :data:`~ocr_pipeline.values.CLASSES` or ``?``.

    Returns:
        The value, ``"empty"`` for blank boxes only, or ``"undecided"``.
    """
    digits = written.lstrip(FILLERS)
    if digits:
        return int(digits) if digits.isascii() and digits.isdigit() else "undecided"
    if BLANK not in written:
        return 0 if written else "undecided"
    return "empty" if set(written) == {BLANK} else "undecided"


@dataclass(frozen=True, slots=True)
class Weights:
    """Weight of every symbol of every box, by the place it stands in; products over a string need no normalising.

    Attributes:
        digit: shape (boxes, 10), float64, a digit that counts (also a 0 in the last box).
        leading_zero: shape (boxes,), a 0 before the first digit that counts.
        filler: shape (boxes, 3), X, dash and blank before the first digit.
        late_filler: shape (boxes,), any filler or blank after a digit.
    """

    digit: Floats
    leading_zero: Floats
    filler: Floats
    late_filler: Floats

    @classmethod
    def of_boxes(cls, probabilities: Floats) -> "Weights":
        """The boxes alone: shape (boxes, 13), float64, columns as :data:`~ocr_pipeline.values.CLASSES`."""
        filler = probabilities[:, 10:]
        return cls(probabilities[:, :10], probabilities[:, 0], filler, filler.sum(1))


@dataclass(frozen=True, slots=True)
class Lattice:
    """Posterior over the meanings of one number; the three parts sum to 1.

    Attributes:
        values: shape (10^boxes,), float64, probability of each value.
        empty: probability that all boxes are blank.
        undecided: probability of a string without meaning.
        weights: what it was made from.
    """

    values: Floats
    empty: float
    undecided: float
    weights: Weights

    @property
    def best(self) -> tuple[int | Special, float]:
        """The most probable meaning and its probability; the smallest value where two are equal."""
        top = int(self.values.argmax())
        p = float(self.values[top])
        if self.empty >= max(p, self.undecided):
            return "empty", self.empty
        return (top, p) if p >= self.undecided else ("undecided", self.undecided)

    def written(self, value: int) -> str:
        """The most probable string that means ``value`` (0 to 10^boxes - 1)."""
        n = len(self.weights.digit)
        digits = f"{value:0{n}d}"
        lead = n - len(str(value))
        filler = self.weights.filler
        chosen = ["".join(FILLERS[k] for k in filler[:first].argmax(1)) + digits[first:] for first in range(lead + 1)]
        if value == 0:
            chosen.append("".join(STROKES[k] for k in filler[:, :2].argmax(1)))
        return max(chosen, key=self._weight)

    def _weight(self, written: str) -> float:
        weights, weight, seen, counting = self.weights, 1.0, False, False
        for i, symbol in enumerate(written):
            if symbol in FILLERS:
                weight *= weights.late_filler[i] if seen else weights.filler[i, FILLERS.index(symbol)]
                continue
            seen = True
            counting = counting or symbol != "0" or i == len(written) - 1
            weight *= weights.digit[i, int(symbol)] if counting else weights.leading_zero[i]
        return float(weight)


def build_lattice(weights: Weights) -> Lattice:
    """Sum the weights of all strings by what they mean.

    Args:
        weights: of one number, at least one box; not all zero.

    Returns:
        The posterior over values, empty and undecided.

    Raises:
        ValueError: no string has any weight.
    """
    values, mass = _value_weights(weights)
    empty = float(weights.filler[:, 2].prod())
    strokes = float(weights.filler[:, :2].sum(1).prod())
    values[0] += strokes
    # Differences of nearly equal products may fall a rounding error below zero.
    mixed = max(0.0, float(weights.filler.sum(1).prod()) - empty - strokes)
    undecided = mixed + mass
    total = float(values.sum()) + empty + undecided
    if not total > 0:
        raise ValueError("the boxes give every string the weight 0")
    return Lattice(frozen(values / total), empty / total, undecided / total, weights)


def _value_weights(weights: Weights) -> tuple[Floats, float]:
    """Weight of each value over the strings that hold a digit, and of the strings with a filler after a digit."""
    n = len(weights.digit)
    counting = zeros = leading = weights.digit[-1].copy()
    any_symbol = float(weights.digit[-1].sum() + weights.late_filler[-1])
    late_counting = late_zeros = float(weights.late_filler[-1])
    late_leading = 0.0
    for i in range(n - 2, -1, -1):
        digit, late = weights.digit[i], float(weights.late_filler[i])
        zero, filler = float(weights.leading_zero[i]), float(weights.filler[i].sum())
        others = float(digit[1:].sum())
        nonzero = np.outer(digit, counting)
        nonzero[0] = 0
        head = nonzero.ravel()
        size = len(zeros)
        late_leading = others * late_counting + zero * late_zeros + filler * late_leading
        late_zeros = others * late_counting + zero * late_zeros + late * any_symbol
        late_counting = float(digit.sum()) * late_counting + late * any_symbol
        any_symbol *= float(digit.sum()) + late
        new_leading = head.copy()
        new_leading[:size] = zero * zeros + filler * leading
        new_zeros = head
        new_zeros[:size] = zero * zeros
        counting, zeros, leading = np.outer(digit, counting).ravel(), new_zeros, new_leading
    return leading, late_leading


def written_by_boxes(probabilities: Floats, least: float) -> str:
    """What to show for a number that nobody should trust: the boxes one by one, ``?`` where one is in doubt.

    Args:
        probabilities: shape (boxes, 13), float64, of the boxes alone.
        least: probability under which a box is ``?``.

    Returns:
        One symbol a box that means "undecided"; where all boxes are sure and make a number, the least sure is ``?``.
    """
    top = probabilities.max(1)
    symbols = [CLASSES[k] if p >= least else "?" for k, p in zip(probabilities.argmax(1), top, strict=True)]
    if meaning("".join(symbols)) != "undecided":
        symbols[int(top.argmin())] = "?"
    return "".join(symbols)
