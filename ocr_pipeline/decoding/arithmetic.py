"""What the rules say of numbers read on their own: which are broken, and whether another likely reading mends them.

A rule never changes a number. It can send its numbers to a person, and name the value that would make the sums hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ocr_pipeline.decoding.joint import Linear, SearchTooLongError, Solution, solve
from ocr_pipeline.decoding.own import OwnRead, price
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.forms.rules import ArithmeticRule
from ocr_pipeline.values import Why


@dataclass(slots=True)
class Findings:
    """What arithmetic adds to the numbers.

    Attributes:
        doubts: field -> reasons for a person to look.
        alternatives: field -> value that makes the rules hold, where it is not the one read.
        contradiction: some rule of severity error is broken by the numbers as read.
        inconsistent: no likely reading makes all rules hold.
    """

    doubts: dict[str, set[Why]] = field(default_factory=dict)
    alternatives: dict[str, int] = field(default_factory=dict)
    contradiction: bool = False
    inconsistent: bool = False

    def doubt(self, rule: ArithmeticRule, why: Why) -> None:
        """Note a reason for every number of a rule."""
        for name in rule.fields:
            self.doubts.setdefault(name, set()).add(why)


def apply_rules(rules: Sequence[ArithmeticRule], reads: Mapping[str, OwnRead], policy: Policy) -> Findings:
    """Judge the numbers by the rules of severity error whose numbers are all here.

    Args:
        rules: of the form, any.
        reads: the numbers here, in the order of the form.
        policy: ``likely`` and the limits of the search are used.
    """
    findings = Findings()
    hard = [r for r in rules if r.severity == "error" and set(r.fields) <= reads.keys()]
    for component in _components(hard):
        _judge(component, reads, policy, findings)
    return findings


def _components(rules: Sequence[ArithmeticRule]) -> list[list[ArithmeticRule]]:
    """Rules that share numbers, directly or through others, together; order kept."""
    found: list[list[ArithmeticRule]] = []
    for rule in rules:
        touching = [c for c in found if any(set(rule.fields) & set(other.fields) for other in c)]
        found = [c for c in found if c not in touching]
        found.append([*(other for c in touching for other in c), rule])
    return found


def _judge(rules: list[ArithmeticRule], reads: Mapping[str, OwnRead], policy: Policy, findings: Findings) -> None:
    values = {name: read.value for name, read in reads.items()}
    broken = [r for r in rules if r.check(values) is False]
    for rule in broken:
        findings.doubt(rule, "rule_broken" if rule.kind == "sum" else "out_of_bounds")
    open_rules = [r for r in rules if r.check(values) is None]
    for rule in open_rules:
        for name in rule.fields:
            # A number that was read well is no worse for a neighbour that was not: only the gap itself is named.
            if reads[name].value is None:
                findings.doubts.setdefault(name, set()).add("rule_undecided")
    if not broken and not open_rules:
        return
    findings.contradiction = findings.contradiction or bool(broken)
    fields = [name for name in reads if any(name in r.fields for r in rules)]
    try:
        solution = _mend(rules, fields, reads, len(broken), policy)
    except SearchTooLongError:
        return
    if solution is not None:
        for name, value in zip(fields, solution.values, strict=True):
            if value is not None and value != reads[name].value:
                findings.alternatives[name] = value
        return
    if any(reads[name].cut for name in fields):
        return  # A likely value was left out, so "every likely reading" was not looked at.
    findings.inconsistent = True
    beyond = [r for r in broken if _mend([r], list(r.fields), reads, 1, policy) is None]
    for rule in beyond or broken:
        findings.doubt(rule, "form_inconsistent")


def _mend(
    rules: list[ArithmeticRule], fields: list[str], reads: Mapping[str, OwnRead], broken: int, policy: Policy
) -> Solution | None:
    """The most probable likely reading under which the rules hold.

    Each broken rule and each undecided number may cost as much as one unlikely value: an officer who adds wrongly is
    taken to be that rare.
    """
    places = {name: i for i, name in enumerate(fields)}
    domains = [dict(reads[name].candidates) for name in fields]
    linear: list[Linear] = []
    for rule in rules:
        if rule.kind in ("sum", "at_most") and rule.total is not None:
            factors = {places[name]: 1 for name in rule.terms} | {places[rule.total]: -1}
            linear.append(Linear(factors, at_most=rule.kind == "at_most"))
        elif len(rule.fields) == 1:
            i = places[rule.fields[0]]
            domains[i] = {v: c for v, c in domains[i].items() if rule.check({fields[i]: v}) is not False}
    unread = sum(reads[name].value is None for name in fields)
    return solve(domains, linear, (broken + unread) * price(policy), policy.most_nodes)
