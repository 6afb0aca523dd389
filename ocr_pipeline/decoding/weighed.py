"""A number, or a sum of numbers, as its likely values; sums are added up value by value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Floats

TRACE = 1e-5
"""Values this much less probable than the best are not followed: above what the floor gives two wrong digits."""

MOST_VALUES = 64
"""Likeliest values of one number that are followed: more than one wrong digit in five boxes can make."""

MOST_SUMS = 256
"""Likeliest sums that are followed, so that the time has a bound."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Values and their probabilities, both of shape (n,), values ascending; what is missing to 1 is unknown."""

    values: NDArray[np.int64]
    p: Floats

    @classmethod
    def likely(cls, p: Floats) -> "Weighed":
        """The likely ones of the values 0, 1, 2, ... with the probabilities ``p``, not all 0."""
        return cls._heaviest(0, p, float(p.max()) * TRACE, MOST_VALUES)

    @classmethod
    def nothing(cls) -> "Weighed":
        """The sum of no numbers: 0 for certain."""
        return cls(np.zeros(1, dtype=np.int64), np.ones(1))

    def __add__(self, other: "Weighed") -> "Weighed":
        sums = np.add.outer(self.values, other.values).ravel()
        least = int(sums.min())
        p = np.bincount(sums - least, weights=np.multiply.outer(self.p, other.p).ravel())
        return self._heaviest(least, np.asarray(p, dtype=np.float64), 0.0, MOST_SUMS)

    def __neg__(self) -> "Weighed":
        return Weighed(-self.values[::-1], self.p[::-1])

    @classmethod
    def _heaviest(cls, least: int, p: Floats, above: float, most: int) -> "Weighed":
        """Of ``p``, shape (n,), the probabilities of ``least``, ``least`` + 1 and so on."""
        kept = np.flatnonzero(p > above)
        if len(kept) > most:
            kept = np.sort(kept[np.argsort(-p[kept], kind="stable")[:most]])
        return cls(np.asarray(least + kept, dtype=np.int64), p[kept])

    @property
    def known(self) -> float:
        """Probability of any of the values."""
        return float(self.p.sum())

    @property
    def best(self) -> tuple[int, float]:
        """The most probable value, the smallest of equals, and its probability."""
        top = int(self.p.argmax())
        return int(self.values[top]), float(self.p[top])
