"""The search against two oracles: every assignment one by one, and CP-SAT."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.decoding.joint import Domain, Linear, SearchTooLongError, solve
from ocr_pipeline.forms.library import load_form

COSTS = st.integers(0, 400).map(lambda c: c / 50)


def every_assignment(domains: Sequence[Domain], rules: Sequence[Linear], budget: float) -> float | None:
    """Least cost of an assignment that makes all rules hold, by trying all of them."""
    best = None
    for values in product(*domains):
        cost = sum(d[v] for d, v in zip(domains, values, strict=True))
        if cost <= budget + 1e-9 and (best is None or cost < best) and all(rule.holds(values) for rule in rules):
            best = cost
    return best


@st.composite
def small_problems(draw: st.DrawFn) -> tuple[list[Domain], list[Linear]]:
    n = draw(st.integers(2, 5))
    domains: list[Domain] = []
    for _ in range(n):
        domain: Domain = dict(draw(st.dictionaries(st.integers(0, 12), COSTS, min_size=1, max_size=4)))
        if draw(st.sampled_from([False, False, False, True])):
            domain[None] = draw(COSTS)
        domains.append(domain)
    rules = []
    for _ in range(draw(st.integers(1, 4))):
        *terms, total = draw(st.permutations(range(n)))[: draw(st.integers(2, min(4, n)))]
        rules.append(Linear({**dict.fromkeys(terms, 1), total: -1}, draw(st.booleans())))
    return domains, rules


@settings(max_examples=200)
@given(small_problems(), st.floats(0, 40))
def test_search_finds_the_optimum_of_all_assignments(problem: tuple[list[Domain], list[Linear]], budget: float) -> None:
    domains, rules = problem
    expected = every_assignment(domains, rules, budget)
    solution = solve(domains, rules, budget, 10_000)
    if expected is None:
        assert solution is None
        return
    assert solution is not None
    assert solution.cost == pytest.approx(expected, abs=1e-6)
    assert sum(d[v] for d, v in zip(domains, solution.values, strict=True)) == pytest.approx(solution.cost)
    assert all(rule.holds(solution.values) for rule in rules)
    # With nothing to spare a bound that counts too much would strike the optimum out.
    tight = solve(domains, rules, expected, 10_000)
    assert tight is not None
    assert tight.cost == pytest.approx(expected, abs=1e-6)
    assert solve(domains, rules, expected - 0.01, 10_000) is None


def cp_sat(domains: Sequence[Domain], rules: Sequence[Linear]) -> int | None:
    """Least cost in thousandths of a nat by CP-SAT; domains must hold values only."""
    cp_model: Any = pytest.importorskip(
        "ortools.sat.python.cp_model", reason="needs ortools: .venv/bin/pip install 'ortools>=9.12,<10'"
    )
    model = cp_model.CpModel()
    numbers, costs = [], []
    for domain in domains:
        choice = [(model.new_bool_var(""), v, round(1000 * c)) for v, c in domain.items() if v is not None]
        model.add_exactly_one(b for b, _, _ in choice)
        numbers.append(sum(b * v for b, v, _ in choice))
        costs.append(sum(b * c for b, _, c in choice))
    for rule in rules:
        total = sum(factor * numbers[i] for i, factor in rule.factors.items())
        model.add(total <= 0 if rule.at_most else total == 0)
    model.minimize(sum(costs))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None
    assert status == cp_model.OPTIMAL
    cost: float = solver.objective_value
    return round(cost)


def whole_form(seed: int, clear: float, others: int = 3) -> tuple[list[Domain], list[Linear]]:
    """All 28 numbers of the 2024 form, each read with some doubt; the true value is among most candidates."""
    rng = np.random.default_rng(seed)
    form = load_form("c-hasil-ppwp-2024")
    fields = [n.field for n in form.numbers]
    truth = dict.fromkeys(fields, 0)
    for c in "lp":
        parts = {row: int(rng.integers(0, 90)) for row in ("pengguna_dpt", "pengguna_dptb", "pengguna_dpk")}
        truth |= {f"{row}_{c}": v for row, v in parts.items()}
        truth |= {f"pengguna_{c}": sum(parts.values()), f"dpt_{c}": 150, f"disabilitas_{c}": 2}
    for row in ("dpt", "pengguna_dpt", "pengguna_dptb", "pengguna_dpk", "pengguna", "disabilitas"):
        truth[f"{row}_j"] = truth[f"{row}_l"] + truth[f"{row}_p"]
    used = truth["pengguna_j"]
    truth |= {"surat_digunakan": used, "total": used, "surat_dikembalikan": 3, "surat_tidak_digunakan": 9}
    truth |= {"surat_diterima": used + 12, "tidak_sah": used // 9, "sah": used - used // 9}
    truth |= {"paslon_1": truth["sah"] // 2, "paslon_2": truth["sah"] // 3}
    truth["paslon_3"] = truth["sah"] - truth["paslon_1"] - truth["paslon_2"]
    domains = []
    for name in fields:
        # Misread digits: another unit, another ten, another hundred, or two of them.
        steps = rng.choice([1, 10, 100], others) * rng.integers(-7, 8, others) + rng.choice([0, 0, 3], others)
        near = {int(v): 0.0 for v in np.abs(truth[name] + steps)}
        domain: Domain = dict.fromkeys(near, 0.0) if rng.random() > clear else {}
        if rng.random() < 0.97 or not domain:
            domain[truth[name]] = 0.0
        costs = np.sort(np.round(rng.exponential(2, len(domain)), 3))
        order = rng.permutation(len(domain)) if rng.random() > clear else np.arange(len(domain))
        names = list(domain)
        domains.append({names[k]: float(costs[i] - costs[0]) for i, k in enumerate(order)})
    places = {name: i for i, name in enumerate(fields)}
    rules = [
        Linear({**{places[t]: 1 for t in r.terms}, places[str(r.total)]: -1}, r.kind == "at_most")
        for r in form.rules
        if r.severity == "error" and r.kind in ("sum", "at_most")
    ]
    assert len(fields) == 28
    assert len(rules) > 20
    return domains, rules


@pytest.mark.parametrize(("clear", "others"), [(0.2, 3), (0.6, 3), (0.0, 8)])
@pytest.mark.parametrize("seed", range(12))
def test_search_equals_cp_sat_on_the_whole_form(seed: int, clear: float, others: int) -> None:
    domains, rules = whole_form(seed, clear, others)
    expected = cp_sat(domains, rules)
    solution = solve(domains, rules, 1000, 20_000)
    assert (solution is None) == (expected is None)
    if solution is not None and expected is not None:
        assert solution.cost == pytest.approx(expected / 1000, abs=1e-6)
        assert all(rule.holds(solution.values) for rule in rules)
        assert solve(domains, rules, solution.cost, 20_000) is not None
        assert solve(domains, rules, solution.cost - 0.001, 20_000) is None


def test_both_answers_occur_among_the_whole_forms() -> None:
    found = {solve(*whole_form(seed, clear), 1000, 20_000) is None for seed in range(12) for clear in (0.2, 0.8)}
    assert found == {True, False}


def test_no_candidates_is_no_solution() -> None:
    assert solve([{}, {1: 0.0}], [Linear({0: 1, 1: -1})], 10, 10) is None


def test_search_that_runs_out_of_steps_says_so() -> None:
    with pytest.raises(SearchTooLongError):
        solve(*whole_form(0, 0.0), 1000, 1)
