"""The least costly assignment of values to numbers that makes every rule hold: exact branch and bound.

Each number has a short list of candidates with a cost (natural log of how much less probable than its best reading). A
rule says that a weighted sum of numbers is 0, or at most 0. Rules form loops (men, women and all of them by rows and by
columns), so passing messages along a tree is not enough; a search with exact bounds is.

Bounds: for one rule, the least cost of its numbers given that it holds is a min-plus convolution of their candidate
lists. What it lies above the sum of their least costs is unavoidable, and adds up over rules that share no number. A
candidate whose own unavoidable cost leads over the budget is struck out, until nothing more changes; then the search
branches. Nothing that could lie within the budget is ever dropped: the answer is the optimum of the candidates given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

SLACK = 1e-9
"""Costs this close are equal: sums of the same logs in another order differ by rounding."""

Domain = dict[int | None, float]


@dataclass(frozen=True, slots=True)
class Linear:
    """A rule over some numbers: the sum of factor x value is 0, or at most 0; a number without a value satisfies it.

    Attributes:
        factors: number's place in the list of domains -> its factor; never empty.
        at_most: whether less than 0 is allowed too.
    """

    factors: Mapping[int, int]
    at_most: bool = False

    def holds(self, values: Sequence[int | None]) -> bool:
        """Whether it holds for one value a number (all numbers, in their order)."""
        total = 0
        for i, factor in self.factors.items():
            value = values[i]
            if value is None:
                return True
            total += factor * value
        return total <= 0 if self.at_most else total == 0


@dataclass(frozen=True, slots=True)
class Solution:
    """Values of all numbers, in their order, and what they cost together; ``None``: that number stays unread."""

    values: tuple[int | None, ...]
    cost: float


class SearchTooLongError(Exception):
    """The allowed steps ran out before the optimum was proven; nothing may be concluded."""


def solve(domains: Sequence[Domain], rules: Sequence[Linear], budget: float, most_nodes: int) -> Solution | None:
    """The cheapest assignment under which all rules hold.

    Args:
        domains: one a number: candidate value (``None`` for unread) -> cost, not negative, natural log units.
        rules: over places in ``domains``.
        budget: largest cost of interest, natural log units.
        most_nodes: steps after which to give up.

    Returns:
        The optimum, the same for the same input; ``None`` where no assignment within the budget makes all rules hold.

    Raises:
        SearchTooLongError: the steps ran out.
    """
    if not all(domains):
        return None
    search = _Search(tuple(rules), budget + SLACK, most_nodes)
    search.run([dict(sorted(d.items(), key=_by_cost)) for d in domains])
    return search.best


def _by_cost(candidate: tuple[int | None, float]) -> tuple[float, bool, int]:
    value, cost = candidate
    return cost, value is None, value or 0


@dataclass(slots=True)
class _Search:
    rules: tuple[Linear, ...]
    limit: float
    nodes_left: int
    best: Solution | None = None
    touching: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for r, rule in enumerate(self.rules):
            for i in rule.factors:
                self.touching.setdefault(i, []).append(r)

    def run(self, domains: list[Domain]) -> None:
        """Search below one node; candidates of each domain are in order of cost."""
        self.nodes_left -= 1
        if self.nodes_left < 0:
            raise SearchTooLongError
        narrowed = self._narrow(domains)
        if narrowed is None:
            return
        values = [next(iter(d)) for d in narrowed]
        broken = [rule for rule in self.rules if not rule.holds(values)]
        if not broken:
            cost = sum(d[v] for d, v in zip(narrowed, values, strict=True))
            self.best, self.limit = Solution(tuple(values), cost), cost - SLACK
            return
        open_numbers = {i for rule in broken for i in rule.factors if len(narrowed[i]) > 1}
        if not open_numbers:
            return
        branching = min(open_numbers, key=lambda i: (len(narrowed[i]), i))
        for value, cost in narrowed[branching].items():
            child = list(narrowed)
            child[branching] = {value: cost}
            self.run(child)

    def _narrow(self, domains: list[Domain]) -> list[Domain] | None:
        """Strike out what cannot be part of an assignment within the limit; ``None``: nothing is left."""
        domains = list(domains)
        least = [next(iter(d.values())) for d in domains]
        extra = [0.0] * len(self.rules)
        waiting = dict.fromkeys(range(len(self.rules)))
        while waiting:
            r = next(iter(waiting))
            del waiting[r]
            rule = self.rules[r]
            own = sum(least[i] for i in rule.factors)
            room = self.limit - sum(least) - self._unavoidable(extra, r)
            marginals = _marginals(rule, domains, own + room)
            extra[r] = min(min(m.values(), default=inf) for m in marginals.values()) - own
            if extra[r] > room:
                return None
            for i, marginal in marginals.items():
                kept = {v: c for v, c in domains[i].items() if marginal.get(v, inf) <= own + room}
                if not kept:
                    return None
                if len(kept) < len(domains[i]):
                    domains[i], least[i] = kept, next(iter(kept.values()))
                    waiting.update(dict.fromkeys(self.touching[i]))
                    # What was unavoidable may now be part of the least costs: count it once only.
                    for other in self.touching[i]:
                        extra[other] = 0.0
        return domains if sum(least) + self._unavoidable(extra, None) <= self.limit else None

    def _unavoidable(self, extra: list[float], beside: int | None) -> float:
        """Sum of the rules' extra costs over rules that share no number, neither among them nor with ``beside``."""
        taken = set() if beside is None else set(self.rules[beside].factors)
        total = 0.0
        for r in sorted(range(len(extra)), key=lambda k: -extra[k]):
            if extra[r] <= 0:
                break
            if taken.isdisjoint(self.rules[r].factors):
                taken |= set(self.rules[r].factors)
                total += extra[r]
        return total


def _marginals(rule: Linear, domains: list[Domain], limit: float) -> dict[int, Domain]:
    """For each number of the rule and each candidate: the least cost of the rule's numbers, given that it holds.

    Candidates above ``limit`` may be missing.
    """
    places = list(rule.factors)
    known = [{rule.factors[i] * v: c for v, c in domains[i].items() if v is not None} for i in places]
    least = [next(iter(domains[i].values())) for i in places]
    unread = [domains[i].get(None, inf) for i in places]
    total = sum(least)
    before = _running(known, limit)
    after = _running(known[::-1], limit)[::-1]
    found: dict[int, Domain] = {}
    for k, i in enumerate(places):
        # Cheapest way to satisfy the rule by leaving one of the other numbers unread.
        waived = min((total - least[k] - least[j] + unread[j] for j in range(len(places)) if j != k), default=inf)
        rest = _Rest(before[k], after[k + 1], rule.at_most)
        marginal: Domain = {}
        for v, c in domains[i].items():
            best = total - least[k] if v is None else min(waived, rest.least(rule.factors[i] * v))
            if c + best <= limit:
                marginal[v] = c + best
        found[i] = marginal
    return found


def _running(terms: list[dict[int, float]], limit: float) -> list[dict[int, float]]:
    """Least cost of every sum of the first 0, 1, 2, ... terms."""
    sums = [{0: 0.0}]
    for term in terms:
        grown: dict[int, float] = {}
        for s, a in sums[-1].items():
            for v, b in term.items():
                if a + b <= limit and a + b < grown.get(s + v, inf):
                    grown[s + v] = a + b
        sums.append(grown)
    return sums


@dataclass(slots=True)
class _Rest:
    """The other numbers of a rule as two tables of sums: those before and those after the number looked at."""

    before: dict[int, float]
    after: dict[int, float]
    at_most: bool

    def least(self, own: int) -> float:
        """Least cost of the others so that their sum and ``own`` together satisfy the rule."""
        if self.at_most:
            return min(
                (a + b for s, a in self.before.items() for t, b in self.after.items() if own + s + t <= 0), default=inf
            )
        few, many = (self.before, self.after) if len(self.before) < len(self.after) else (self.after, self.before)
        return min((a + many[-own - s] for s, a in few.items() if -own - s in many), default=inf)
