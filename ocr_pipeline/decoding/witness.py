"""What the other numbers of a form say of one number, through the sums.

The sums nearest to a number that meet no other number twice make a tree. The posterior of the number given all boxes
and sums of its tree is found exactly: from the leaves, each number's likely values are weighed by the sums beyond it,
and a sum hands on how likely its other numbers make each value. Sums outside the tree are left out, which wastes
evidence and invents none.

What makes the others weaker witnesses than they look is priced in: officers add wrongly, a number may be left empty,
and one hand writes the same odd shape twice. See docs/decoding.md, section 4.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import prod

import numpy as np

from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.decoding.weighed import TRACE, Weighed
from ocr_pipeline.forms.rules import ArithmeticRule

REACH = 2
"""Sums between a number and the farthest one that is heard."""

Key = tuple[str, tuple[tuple[str, tuple["Key", ...]], ...]]
"""A number of a tree by its field, and its sums by their id with the keys of the numbers beyond."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """One number with what its sums say.

    Attributes:
        value: its likeliest value.
        p: the posterior of ``value``.
        sums: the sums it stands in that were heard.
    """

    value: int
    p: float
    sums: Sequence[ArithmeticRule]


@dataclass(frozen=True, slots=True)
class _Arm:
    """A sum as one of its numbers sees it.

    Attributes:
        sum: the sum.
        opposite: its numbers on the other side of the equals sign.
        known: probability that the others make any value that is followed.
        says: value -> probability that the others make it.
        holds: whether the sum holds on the values as read.
    """

    sum: ArithmeticRule
    opposite: Sequence["_Node"]
    known: float
    says: Mapping[int, float]
    holds: bool


@dataclass(frozen=True, slots=True)
class _Node:
    """A number of the tree.

    Attributes:
        name: its field.
        arms: its sums in the tree, but for the one that leads to the root.
        chance: weight of any value where these do not hold on paper, or speak of numbers that are none.
        posterior: its values, given its boxes and all that lies beyond it.
    """

    name: str
    arms: Sequence[_Arm]
    chance: float
    posterior: Weighed


@dataclass(slots=True)
class Witnesses:
    """The sums of a form and its numbers as read.

    Attributes:
        sums: sums whose numbers are all in ``own``.
        own: field -> values by its boxes alone.
        values: field -> the one it is taken to be read as: a sum of nothing but zeros says nothing, and the other
            numbers are no independent witnesses against the same shape in the same hand.
        policy: what the sums are worth.
    """

    sums: Sequence[ArithmeticRule]
    own: Mapping[str, Weighed]
    values: Mapping[str, int]
    policy: Policy
    _grown: dict[Key, _Node] = field(default_factory=dict)
    _totals: dict[tuple[Key | None, ...], Weighed] = field(default_factory=dict)
    _against: dict[str, tuple[dict[int, float], float, float]] = field(default_factory=dict)

    def ask(self, name: str) -> Testimony:
        """The posterior of one number, field of ``own``, given its tree."""
        root = self._node(self._tree(name, {name}, REACH))
        value, p = root.posterior.best
        return Testimony(value, p, [arm.sum for arm in root.arms])

    def echoed(self, name: str, value: int) -> bool:
        """Whether what speaks for ``value``, not for what was read, may be the same odd shape in another number."""
        as_if = replace(self, values={**self.values, name: value}, _grown={}, _totals={}, _against={})
        root = as_if._node(as_if._tree(name, {name}, REACH))
        return any(True for arm in root.arms for _ in as_if._echoes(name, arm, self.values[name]))

    def _tree(self, name: str, taken: set[str], reach: int) -> Key:
        """The nearest sums that meet no number twice; ``taken`` holds all numbers met so far and grows."""
        picked = []
        for each in self.sums if reach else ():
            others = [other for other in each.fields if other != name]
            if name not in each.fields or not taken.isdisjoint(others) or not any(self.values[o] for o in others):
                continue
            taken.update(others)
            picked.append((each, others))
        return name, tuple((s.id, tuple(self._tree(o, taken, reach - 1) for o in others)) for s, others in picked)

    def _node(self, key: Key) -> _Node:
        if key not in self._grown:
            self._grown[key] = self._grow(key)
        return self._grown[key]

    def _grow(self, key: Key) -> _Node:
        name, sums = key
        arms = [self._arm(name, sum_id, others) for sum_id, others in sums]
        chance = self.policy.wrong_by_chance * (1 - self.policy.sums_hold * prod(arm.known for arm in arms))
        own = self.own[name]
        weights = own.p * [self._factor(name, arms, chance, v) for v in own.values.tolist()]
        # An empty number goes into its sums as a 0, so they speak for "empty" as loudly as for 0.
        unknown = (1 - own.known) * self._factor(name, arms, chance, 0)
        return _Node(name, arms, chance, Weighed(own.values, np.asarray(weights / (weights.sum() + unknown))))

    def _arm(self, name: str, sum_id: str, others: tuple[Key, ...]) -> _Arm:
        rule = next(each for each in self.sums if each.id == sum_id)
        terms = {key[0]: key for key in others if key[0] != rule.total}
        made = self._total(tuple(terms.get(term) for term in rule.terms))
        if name == rule.total:
            opposite = [self._node(key) for key in terms.values()]
        else:
            opposite = [self._node(key) for key in others if key[0] == rule.total]
            made = opposite[0].posterior + -made
        says = dict(zip(made.values.tolist(), made.p.tolist(), strict=True))
        return _Arm(rule, opposite, made.known, says, rule.check(self.values) is True)

    def _total(self, terms: tuple[Key | None, ...]) -> Weighed:
        """Sum of some terms, by halves: the numbers of one long sum share most of them."""
        if len(terms) == 1:
            return Weighed.nothing() if terms[0] is None else self._node(terms[0]).posterior
        if terms not in self._totals:
            half = len(terms) // 2
            self._totals[terms] = self._total(terms[:half]) + self._total(terms[half:])
        return self._totals[terms]

    def _factor(self, name: str, arms: Sequence[_Arm], chance: float, value: int) -> float:
        """Likelihood of everything beyond a number, were ``value`` its value."""
        if not arms:
            return 1.0
        return self.policy.sums_hold * prod(self._says(name, arm, value) for arm in arms) + chance

    def _says(self, name: str, arm: _Arm, value: int) -> float:
        """How likely the others of a sum make ``value``, one hand's habits included.

        A number that echoes the change is no independent witness against it: with a correlation c of the log odds of
        two shapes by one hand, both together are worth the sum of the two over 1 + c.
        """
        says = arm.says.get(value, 0.0)
        read = self.values[name]
        for other, instead in self._echoes(name, arm, value):
            own, others = self._odds(name, value), self._odds(other.name, instead)
            both = (own * others) ** (1 / (1 + self.policy.same_hand))
            there, here = (
                self._factor(other.name, other.arms, other.chance, v) for v in (instead, self.values[other.name])
            )
            says = max(says, arm.says.get(read, 0.0) * both / own * there / here)
        return says

    def _echoes(self, name: str, arm: _Arm, value: int) -> Iterator[tuple[_Node, int]]:
        """Numbers in which one and the same shape, read as another digit, makes up for ``value``, and as what.

        They stand across the equals sign: on the same side they would have to change the other way.
        """
        read = self.values[name]
        shape = _shape(read, value) if arm.holds else None
        for other in arm.opposite if shape else ():
            seen = self.values[other.name]
            instead = seen + value - read
            if instead >= 0 and _shape(seen, instead) == shape:
                yield other, instead

    def _odds(self, name: str, value: int) -> float:
        """Of a value against the one read, by the number's own boxes."""
        if name not in self._against:
            own = self.own[name]
            by_value = dict(zip(own.values.tolist(), own.p.tolist(), strict=True))
            self._against[name] = by_value, by_value[self.values[name]], TRACE * own.best[1]
        by_value, read, trace = self._against[name]
        return by_value.get(value, trace) / read


@lru_cache(maxsize=1 << 14)
def _shape(read: int, instead: int) -> tuple[int, int] | None:
    """The digit read and the one that may be there instead, where it is the same two wherever they differ."""
    shape = None
    while read or instead:
        (read, a), (instead, b) = divmod(read, 10), divmod(instead, 10)
        if a != b:
            if shape not in (None, (a, b)):
                return None
            shape = a, b
    return shape
