"""Arithmetic a filled form must obey: hard equalities, bounds, and warnings.

The rules and their numbering (E1-E9, R1-R6, S1-S4) follow the printed form itself ("(B.1+B.2+B.3)", "V.A+V.B") and the
election's regulations as collected in docs/forms.md. A rule only ever *judges* values; nothing changes a value to
please a rule.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["sum", "at_most", "limit", "reserve", "ratio_at_most", "share_at_most", "not_all", "positive", "differs"]
Severity = Literal["error", "warning"]

PARAMS: Mapping[Kind, frozenset[str]] = {
    "sum": frozenset(),
    "at_most": frozenset(),
    "limit": frozenset({"max"}),
    "reserve": frozenset({"rate", "tolerance"}),
    "ratio_at_most": frozenset({"factor"}),
    "share_at_most": frozenset({"share"}),
    "not_all": frozenset(),
    "positive": frozenset(),
    "differs": frozenset(),
}
"""Which parameters each kind of rule takes, all of them required."""


@dataclass(frozen=True, slots=True)
class ArithmeticRule:
    """One rule over numbers of a form.

    The kinds, with ``t`` the terms and ``T`` the total:

    ======================= ==========================================================
    ``sum``                 t1 + t2 + ... = T
    ``at_most``             t1 <= T
    ``limit``               t1 <= max (no total)
    ``reserve``             ``|T - (t1 + ceil(rate * t1))| <= tolerance``
    ``ratio_at_most``       t1 <= factor * T
    ``share_at_most``       t1 / T <= share (holds where T = 0)
    ``not_all``             t1 is not the whole of T (holds where T = 0)
    ``positive``            t1 > 0 (no total)
    ``differs``             t1 is not T
    ======================= ==========================================================

    Attributes:
        id: unique in the form.
        code: number of the rule in the rule book: E1-E9, R1-R6, S1-S4.
        kind: see above.
        severity: an error sends its numbers to a person, a warning is shown and stops nothing.
        terms: field ids.
        total: field id, or ``None`` where the kind has none.
        params: numbers of the kind, see :data:`PARAMS`.
    """

    id: str
    code: str
    kind: Kind
    severity: Severity
    terms: tuple[str, ...]
    total: str | None
    params: Mapping[str, float]

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field of the rule, the total last."""
        return self.terms if self.total is None else (*self.terms, self.total)

    def check(self, values: Mapping[str, int | None]) -> bool | None:
        """Whether the rule holds; ``None`` while one of its numbers is missing or undecided."""
        found = [values.get(name) for name in self.fields]
        known = [value for value in found if value is not None]
        if len(known) < len(found):
            return None
        terms, total = known[: len(self.terms)], known[-1]
        return _holds(self.kind, terms, total, self.params)


def _holds(kind: Kind, terms: list[int], total: int, params: Mapping[str, float]) -> bool:
    first = terms[0]
    match kind:
        case "sum":
            return sum(terms) == total
        case "at_most":
            return first <= total
        case "limit":
            return first <= params["max"]
        case "reserve":
            # Exact in thousandths: 0.02 * 250 must be 5, not 5.000000000000001 rounded up to 6.
            reserve = -(-first * round(params["rate"] * 1000) // 1000)
            return math.fabs(total - (first + reserve)) <= params["tolerance"]
        case "ratio_at_most":
            return first <= params["factor"] * total
        case "share_at_most":
            return total == 0 or first / total <= params["share"]
        case "not_all":
            return total == 0 or first != total
        case "positive":
            return first > 0
        case "differs":
            return first != total
