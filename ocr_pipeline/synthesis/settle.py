"""Figures that obey the rules of a form, as near as possible to wished ones.

One number after the other is settled within bounds that the rules narrow after each. Nothing but the definition is
asked: sums narrow their terms and totals as intervals, every other rule is tried at the ends of an interval as soon as
all but one of its numbers are settled.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ocr_pipeline.forms.definition import FormDefinition, Number
from ocr_pipeline.forms.rules import ArithmeticRule

USUAL_MOST = 300
"""Figures without a wish stay below this where the rules let them: most stations are that small."""


class _Contradiction(Exception):
    """No figure is left for a number."""


def settle(definition: FormDefinition, wishes: Mapping[str, int], rng: np.random.Generator) -> dict[str, int] | None:
    """Settles every number of a form.

    Args:
        definition: the form.
        wishes: field id -> wished figure, for any of its fields.
        rng: source of chance for fields without a wish.

    Returns:
        Field id -> figure in the order of the form: within boxes and tally grid, every rule and warning holds. ``None``
        where the numbers settled first left nothing for a later one: another try may succeed.
    """
    totals = {rule.total for rule in definition.rules if rule.kind == "sum"}
    fields = [number.field for number in definition.numbers]
    try:
        bounds = _Bounds(definition)
        # Totals follow from their terms.
        for field in sorted(fields, key=totals.__contains__):
            low, high = bounds.of[field]
            if low == high:
                continue
            wish = wishes[field] if field in wishes else _anything(low, high, rng)
            bounds.set(field, min(max(wish, low), high))
    except _Contradiction:
        return None
    values = {field: bounds.of[field][0] for field in fields}
    return values if all(rule.check(values) for rule in definition.rules) else None


def capacity(number: Number) -> int:
    """The largest figure that boxes and tally grid of a number can hold."""
    if number.tally is None:
        return number.largest
    return min(number.largest, 5 * (len(number.tally.x_mm) - 1) * (len(number.tally.y_mm) - 1))


def _anything(low: int, high: int, rng: np.random.Generator) -> int:
    # Small figures are commoner than large ones, as among candidates.
    return low + round(float(rng.beta(1.2, 2.5)) * max(0, min(high, USUAL_MOST) - low))


class _Bounds:
    """Smallest and largest figure still possible for each field."""

    def __init__(self, definition: FormDefinition) -> None:
        self.of = {number.field: (0, capacity(number)) for number in definition.numbers}
        self._rules = {field: [rule for rule in definition.rules if field in rule.fields] for field in self.of}
        self._waiting = {rule.id: rule for rule in definition.rules}
        self._narrow()

    def set(self, field: str, value: int) -> None:
        self._limit(field, value, value)
        self._narrow()

    def _narrow(self) -> None:
        while self._waiting:
            _, rule = self._waiting.popitem()
            if rule.kind == "sum":
                self._narrow_sum(rule.terms, str(rule.total))
            else:
                self._narrow_ends(rule)

    def _narrow_sum(self, terms: Sequence[str], total: str) -> None:
        low, high = (sum(self.of[term][end] for term in terms) for end in (0, 1))
        self._limit(total, low, high)
        for term in terms:
            own_low, own_high = self.of[term]
            total_low, total_high = self.of[total]
            self._limit(term, total_low - (high - own_high), total_high - (low - own_low))

    def _narrow_ends(self, rule: ArithmeticRule) -> None:
        open_fields = [field for field in rule.fields if self.of[field][0] < self.of[field][1]]
        if len(open_fields) != 1:
            return
        (field,) = open_fields
        known = {other: self.of[other][0] for other in rule.fields}
        low, high = self.of[field]
        while low <= high and not rule.check(known | {field: low}):
            low += 1
        while low <= high and not rule.check(known | {field: high}):
            high -= 1
        self._limit(field, low, high)

    def _limit(self, field: str, low: int, high: int) -> None:
        low, high = max(low, self.of[field][0]), min(high, self.of[field][1])
        if low > high:
            raise _Contradiction
        if (low, high) != self.of[field]:
            self.of[field] = low, high
            self._waiting |= {rule.id: rule for rule in self._rules[field]}
