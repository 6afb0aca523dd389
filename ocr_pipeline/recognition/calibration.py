"""How far a probability can be trusted: temperature, exact binomial bounds, acceptance thresholds. numpy only."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def clopper_pearson_upper(errors: int, trials: int, confidence: float = 0.95) -> float:
    """One-sided exact upper bound of an error rate.

    Clopper and Pearson (1934): the rate p at which seeing at most ``errors`` in ``trials`` has probability
    1 - confidence. Solved by bisection on the binomial sum, exact to 1e-12.

    Args:
        errors: errors seen, 0 <= errors <= trials.
        trials: independent trials, >= 0.
        confidence: in (0, 1).

    Returns:
        The bound in [0, 1]; 1 without trials or with nothing but errors.

    Raises:
        ValueError: counts or confidence outside their ranges.
    """
    if not 0 <= errors <= trials or not 0 < confidence < 1:
        raise ValueError(f"errors {errors}, trials {trials}, confidence {confidence} do not fit together")
    if errors == trials:
        return 1.0
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if _binomial_at_most(errors, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Temperature that minimises the mean negative log likelihood (Guo et al. 2017), by golden-section search.

    Args:
        logits: (n, k) float, n >= 1.
        labels: (n,) class indices.

    Returns:
        A temperature in [0.2, 10].

    Raises:
        ValueError: no samples.
    """
    if len(logits) == 0:
        raise ValueError("a temperature cannot be fitted to nothing")
    low, high = math.log(0.2), math.log(10.0)
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-5:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _mean_loss(logits, labels, math.exp(left)) < _mean_loss(logits, labels, math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def log_softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Log probabilities of logits / temperature, row by row.

    Args:
        logits: (n, k) float.
        temperature: > 0.

    Returns:
        (n, k) float64.
    """
    scaled = logits.astype(np.float64) / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Threshold:
    """An acceptance threshold and what supports it.

    Attributes:
        probability: accept at or above it; in (0, 1].
        accepted: independent units with at least one accepted reading.
        errors: units with a wrong accepted reading.
        upper_bound: 95 % Clopper-Pearson bound of errors / accepted.
    """

    probability: float
    accepted: int
    errors: int
    upper_bound: float


def choose_threshold(
    probabilities: NDArray[np.float64],
    correct: NDArray[np.bool_],
    units: NDArray[np.int64],
    max_upper_bound: float,
    floor: float = 0.5,
) -> Threshold:
    """Lowest threshold whose error bound over independent units is small enough.

    Degraded copies of one box are not independent, so a unit (a box, a form) counts once: as an error when any of its
    accepted copies is wrong.

    Args:
        probabilities: (n,) probability of the class read.
        correct: (n,) whether it was right.
        units: (n,) id of the independent unit each reading belongs to.
        max_upper_bound: largest tolerated 95 % bound, in (0, 1).
        floor: lowest threshold considered.

    Returns:
        The threshold; with probability 1.0 when none is good enough (its bound then exceeds the maximum).
    """
    candidates = np.unique(np.concatenate([[floor], np.nextafter(probabilities[~correct], 2.0), [1.0]]))
    best = Threshold(1.0, 0, 0, 1.0)
    for candidate in candidates[(candidates >= floor) & (candidates <= 1.0)]:
        taken = probabilities >= candidate
        accepted = len(np.unique(units[taken]))
        errors = len(np.unique(units[taken & ~correct]))
        best = Threshold(float(candidate), accepted, errors, clopper_pearson_upper(errors, accepted))
        if best.upper_bound <= max_upper_bound:
            return best
    return best


def _binomial_at_most(successes: int, trials: int, rate: float) -> float:
    """P(Binomial(trials, rate) <= successes), by logarithms so that large counts do not overflow."""
    if rate <= 0.0:
        return 1.0
    if rate >= 1.0:
        return 0.0
    total = 0.0
    for count in range(successes + 1):
        log_term = (
            math.lgamma(trials + 1)
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + count * math.log(rate)
            + (trials - count) * math.log1p(-rate)
        )
        total += math.exp(log_term)
    return min(total, 1.0)


def _mean_loss(logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float) -> float:
    scaled = logits.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    log_total = top + np.log(np.exp(scaled - top[:, np.newaxis]).sum(axis=1))
    return float(np.mean(log_total - scaled[np.arange(len(labels)), labels]))
