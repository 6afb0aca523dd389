"""Posteriors with sums against adding up every assignment, and what makes the other numbers weaker witnesses."""

from collections.abc import Mapping
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.decoding import Policy
from ocr_pipeline.decoding.weighed import MOST_SUMS, MOST_VALUES, Weighed
from ocr_pipeline.decoding.witness import Witnesses
from ocr_pipeline.forms.rules import ArithmeticRule
from ocr_pipeline.values import Floats
from tests.decoding.build import rule

ADD = rule("sah_jumlah", ["a", "b"], "sah")
ALL = rule("sah_total", ["sah", "rusak"], "total")
INDEPENDENT = Policy(same_hand=0.0)


def weighed(**values: float) -> Weighed:
    """Values given as ``v12=0.5``."""
    p = np.zeros(1000)
    for name, share in values.items():
        p[int(name[1:])] = share
    return Weighed.likely(p)


def ask(
    name: str,
    own: Mapping[str, Weighed],
    *sums: ArithmeticRule,
    policy: Policy = Policy(),  # noqa: B008 - frozen
) -> tuple[int, float]:
    heard = Witnesses(sums, own, {field: w.best[0] for field, w in own.items()}, policy).ask(name)
    return heard.value, heard.p


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Weighed]:
    """Five numbers with a few small values each, some mass on none."""
    found = {}
    for field in ("a", "b", "sah", "rusak", "total"):
        values = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True))
        p = np.zeros(10)
        p[values] = [draw(st.floats(0.05, 1)) for _ in values]
        found[field] = Weighed.likely(np.asarray(p / p.sum() * draw(st.sampled_from([1.0, 0.9])), dtype=np.float64))
    return found


def pairs(each: Weighed) -> list[tuple[int, float]]:
    return list(zip(each.values.tolist(), each.p.tolist(), strict=True))


def by_hand(name: str, own: Mapping[str, Weighed], sums: tuple[ArithmeticRule, ...], policy: Policy) -> Weighed:
    """The posterior by listing every assignment of the numbers beyond ``name``, sum by sum along the chain."""
    direct = [s for s in sums if name in s.fields]
    beyond = tuple(s for s in sums if s not in direct)
    says: list[dict[int, float]] = []
    for each in direct:
        others = [f for f in each.fields if f != name]
        rest = [pairs(by_hand(f, own, tuple(s for s in beyond if s is not each), policy)) for f in others]
        said: dict[int, float] = {}
        for value in range(-20, 40):
            held = [
                prod(p for _, p in picked)
                for picked in product(*rest)
                if each.check({name: value, **{f: v for f, (v, _) in zip(others, picked, strict=True)}})
            ]
            said[value] = sum(held)
        says.append(said)
    hold = policy.sums_hold
    chance = policy.wrong_by_chance * (1 - hold * prod(sum(said.values()) for said in says))

    def factor(value: int) -> float:
        return hold * prod(said[value] for said in says) + chance if says else 1.0

    weights: Floats = np.array([p * factor(v) for v, p in pairs(own[name])])
    return Weighed(own[name].values, weights / (weights.sum() + (1 - own[name].known) * factor(0)))


@given(numbers(), st.sampled_from(["a", "sah", "total"]))
def test_posterior_equals_adding_up_every_assignment(own: dict[str, Weighed], name: str) -> None:
    if any(own[f].best[0] == 0 for f in own):
        return  # What a sum of zeros says has a test of its own.
    expected = by_hand(name, own, (ADD, ALL), INDEPENDENT)
    value, p = ask(name, own, ADD, ALL, policy=INDEPENDENT)
    assert p == pytest.approx(expected.best[1], abs=1e-9)
    assert expected.p[list(expected.values).index(value)] == pytest.approx(p, abs=1e-9)


def half_read(other: Weighed, value: int) -> Weighed:
    """One half for ``value``, the rest as in ``other``."""
    p = np.zeros(10)
    p[other.values] = other.p / 2
    p[value] += 0.5
    return Weighed.likely(p)


@given(numbers(), st.floats(0.5, 1), st.floats(0, 1))
def test_less_trust_in_sums_and_hands_never_makes_what_adds_up_surer(
    own: dict[str, Weighed], hold: float, hand: float
) -> None:
    """The reading under which everything adds up, asked under a harsher and a milder policy."""
    read = {"a": 2, "b": 3, "sah": 5, "rusak": 1, "total": 6}
    own = {f: half_read(w, read[f]) for f, w in own.items()}

    def p_of(policy: Policy) -> float:
        heard = Witnesses((ADD, ALL), own, read, policy).ask("sah")
        return heard.p if heard.value == read["sah"] else 0.0

    assert p_of(Policy(same_hand=max(hand, 0.5))) <= p_of(Policy(same_hand=min(hand, 0.5))) + 1e-9
    assert p_of(Policy(same_hand=0, sums_hold=hold)) <= p_of(Policy(same_hand=0, sums_hold=1)) + 1e-9


def test_a_sum_tells_two_readings_apart() -> None:
    own = {"a": weighed(v17=0.97), "b": weighed(v163=0.97), "sah": weighed(v180=0.55, v186=0.43)}
    value, p = ask("sah", own, ADD)
    assert value == 180
    assert p > 0.99
    assert ask("sah", {**own, "b": weighed(v169=0.97)}, ADD)[0] == 186


def test_an_officer_who_adds_wrongly_bounds_what_a_sum_can_do() -> None:
    """Nearly sure boxes are worth more than a sum that one station in twenty gets wrong."""
    own = {"a": weighed(v17=1.0), "b": weighed(v163=1.0), "sah": weighed(v180=0.001, v186=0.999)}
    assert ask("sah", own, ADD)[0] == 186


def test_one_hand_that_fools_the_reader_twice_is_one_witness() -> None:
    """1 read as 7 in an addend and in the sum: 37 + 100 = 137 and 31 + 100 = 131 both add up."""
    own = {"a": weighed(v37=0.95, v31=0.05), "b": weighed(v100=1.0), "sah": weighed(v137=0.95, v131=0.05)}
    assert ask("a", own, ADD)[1] < 0.985
    assert ask("a", own, ADD, policy=INDEPENDENT)[1] > 0.995
    as_if_read = Witnesses((ADD,), own, {"a": 31, "b": 100, "sah": 137}, Policy())
    assert as_if_read.echoed("a", 37)
    other = {"a": weighed(v37=0.95, v32=0.05), "b": weighed(v100=1.0), "sah": weighed(v137=0.95, v131=0.05)}
    assert ask("a", other, ADD)[1] > 0.99


def test_a_second_sum_tells_whether_the_hand_fooled_the_reader() -> None:
    """135 + 1 = 136: a misread 3 would stand in both, but the addends of the 135 know better."""
    own = {"a": weighed(v11=0.97), "b": weighed(v124=0.97), "sah": weighed(v135=0.94, v185=0.03)}
    own |= {"rusak": weighed(v1=0.97), "total": weighed(v136=0.94, v186=0.03)}
    assert ask("total", own, ALL)[1] < 0.99
    assert ask("total", own, ADD, ALL)[1] > 0.99


def test_a_sum_of_zeros_says_nothing() -> None:
    own = {"a": weighed(v0=0.97), "b": weighed(v0=0.97), "sah": weighed(v0=0.6, v6=0.38)}
    heard = Witnesses((ADD,), own, dict.fromkeys(own, 0), Policy()).ask("sah")
    assert heard.sums == []
    assert heard.p == pytest.approx(0.6 / 1.0, abs=0.02)


def test_sums_speak_for_an_empty_number_as_for_a_zero() -> None:
    """0 and nothing add up alike: what the boxes say between the two stays."""
    own = {"a": weighed(v0=0.8), "b": weighed(v14=1.0), "sah": weighed(v14=1.0)}
    value, p = ask("a", own, ADD)
    assert value == 0
    assert p == pytest.approx(0.8, abs=1e-9)


def test_numbers_met_twice_are_heard_once() -> None:
    """A table of rows and columns loops; no number of it may vouch for itself."""
    rows = [rule("satu", ["a", "b"], "c"), rule("dua", ["d", "e"], "f"), rule("tiga", ["g", "h"], "i")]
    columns = [rule("empat", ["a", "d"], "g"), rule("lima", ["b", "e"], "h"), rule("enam", ["c", "f"], "i")]
    own = {name: weighed(v1=0.4, v2=0.3, v3=0.3) for name in "abcdefghi"}
    value, p = ask("a", own, *rows, *columns)
    assert value == 1
    assert p < 0.9


@pytest.mark.parametrize("width", [1000, 100_000])
def test_flat_numbers_and_long_sums_stay_within_bounds(width: int) -> None:
    flat = Weighed.likely(np.full(width, 1 / width))
    assert len(flat.values) <= MOST_VALUES
    total = flat
    for _ in range(6):
        total = total + flat
    assert len(total.values) <= MOST_SUMS
    assert 0 < total.known <= 1
    terms = [f"t{i}" for i in range(25)]
    _, p = ask("t3", dict.fromkeys([*terms, "total"], flat), rule("semua", terms, "total"))
    assert p < 0.1
