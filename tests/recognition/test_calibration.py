"""Exact bounds, temperature and thresholds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.recognition.calibration import (
    choose_threshold,
    clopper_pearson_upper,
    fit_temperature,
    log_softmax,
)


@given(st.integers(1, 20_000))
def test_without_errors_the_bound_has_a_closed_form(trials: int) -> None:
    assert clopper_pearson_upper(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-6)


def test_about_three_thousand_error_free_reads_support_a_tenth_of_a_percent() -> None:
    assert clopper_pearson_upper(0, 2995) < 0.001 < clopper_pearson_upper(0, 2990)


@given(st.integers(1, 400), st.data())
def test_the_bound_is_where_the_binomial_tail_is_five_percent(trials: int, data: st.DataObject) -> None:
    errors = data.draw(st.integers(0, trials - 1))
    bound = clopper_pearson_upper(errors, trials)
    tail = sum(math.comb(trials, k) * bound**k * (1 - bound) ** (trials - k) for k in range(errors + 1))
    assert tail == pytest.approx(0.05, abs=1e-6)
    assert errors / trials < bound <= 1


def test_nothing_seen_bounds_nothing() -> None:
    assert clopper_pearson_upper(0, 0) == 1.0
    assert clopper_pearson_upper(5, 5) == 1.0


@pytest.mark.parametrize(("errors", "trials", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (0, 5, 1.0)])
def test_impossible_counts_are_refused(errors: int, trials: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="fit together"):
        clopper_pearson_upper(errors, trials, confidence)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found_again(true_temperature: float) -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(0, 2, (20_000, 13)).astype(np.float32)
    labels = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)
    overconfident = (honest * true_temperature).astype(np.float32)
    assert fit_temperature(overconfident, labels) == pytest.approx(true_temperature, rel=0.05)


def test_a_temperature_needs_samples() -> None:
    with pytest.raises(ValueError, match="nothing"):
        fit_temperature(np.zeros((0, 13), np.float32), np.zeros(0, np.int64))


@given(st.floats(0.1, 20), st.floats(-1e4, 1e4))
def test_log_softmax_is_normalised_at_any_scale(temperature: float, offset: float) -> None:
    logits = (np.array([[3.0, -400.0, 2.5]]) + offset).astype(np.float32)
    assert np.exp(log_softmax(logits, temperature)).sum() == pytest.approx(1)


def test_the_threshold_lies_just_above_the_errors_it_cannot_afford() -> None:
    probabilities = np.concatenate([np.linspace(0.5, 1.0, 1000), [0.6]])
    correct = np.concatenate([np.ones(1000, bool), [False]])
    units = np.arange(1001)
    chosen = choose_threshold(probabilities, correct, units, max_upper_bound=0.004)
    assert chosen.probability == pytest.approx(0.6)
    assert chosen.probability > 0.6
    assert chosen.errors == 0
    assert chosen.upper_bound <= 0.004


def test_copies_of_one_box_count_once() -> None:
    chosen = choose_threshold(np.full(500, 0.99), np.ones(500, bool), np.zeros(500, np.int64), max_upper_bound=0.05)
    assert chosen.upper_bound > 0.05
    assert chosen.probability == 1.0


def test_a_hopeless_model_accepts_nothing() -> None:
    chosen = choose_threshold(np.full(50, 0.99), np.zeros(50, bool), np.arange(50), max_upper_bound=0.05)
    assert chosen.probability == 1.0
    assert chosen.accepted == 0
