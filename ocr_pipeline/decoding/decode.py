"""Evidence of the numbers of one polling station, pages together -> numbers, rules and verdict."""

from collections.abc import Collection, Mapping
from typing import get_args

from ocr_pipeline.decoding.arithmetic import Findings, apply_rules
from ocr_pipeline.decoding.own import OwnRead, read_alone
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.values import DecodedNumbers, NumberEvidence, NumberRead, RuleCheck, Verdict, Why

WHY_ORDER: tuple[Why, ...] = get_args(Why)
"""Reasons always come in the order in which the contract lists them."""


def decode(
    definition: FormDefinition,
    evidence: Mapping[str, NumberEvidence],
    measured_fields: Collection[str],
    policy: Policy = Policy(),  # noqa: B008 - frozen
) -> DecodedNumbers:
    """Decide the numbers of one form, of one page or of several pages together.

    Every number is read from its own channels first, and that reading stands. The rules of severity error whose
    numbers are all here then judge the readings; they can only make a decision stricter. See docs/decoding.md.

    Args:
        definition: the form.
        evidence: field id -> what the picture says; any part of the form's numbers, in any order.
        measured_fields: fields on pages of which real photos have been measured; all others go to a person.
        policy: thresholds and floors.

    Returns:
        The numbers given, in the order of the form; every rule of the form (``holds`` is ``None`` where a number is
        missing or has no value); the verdict over the whole form.

    Raises:
        ValueError: a field that the form does not have, evidence filed under another field than its own, of the wrong
            shape, or holding what is no log probability.
    """
    numbers = {number.field: number for number in definition.numbers}
    for name, each in evidence.items():
        if name not in numbers or each.field != name:
            raise ValueError(f"evidence of {each.field} under {name}: not a number of {definition.id}")
    reads = {name: read_alone(evidence[name], number, policy) for name, number in numbers.items() if name in evidence}
    findings = apply_rules(definition.rules, reads, policy)
    values = {name: read.value for name, read in reads.items()}
    rules = tuple(RuleCheck(rule.id, rule.check(values), rule.severity) for rule in definition.rules)
    complete = all(values.get(name) is not None for name in numbers)
    return DecodedNumbers(
        numbers={name: _finish(name, read, findings, name in measured_fields) for name, read in reads.items()},
        rules=rules,
        verdict=_verdict(findings, complete),
    )


def _finish(name: str, read: OwnRead, findings: Findings, measured: bool) -> NumberRead:
    doubts = read.doubts | findings.doubts.get(name, set())
    if not measured:
        doubts |= {"unmeasured"}
    why = tuple(code for code in WHY_ORDER if code in doubts)
    return NumberRead(
        field=name,
        value=read.value,
        as_written=read.as_written,
        p=read.p,
        decision="review" if why else "accepted",
        why=why,
        evidence=read.channels,
        quad_photo=read.evidence.quad_photo,
        alternative=findings.alternatives.get(name),
        words_quad_photo=read.evidence.words_quad_photo,
    )


def _verdict(findings: Findings, complete: bool) -> Verdict:
    if findings.inconsistent:
        return "form_inconsistent"
    if findings.contradiction:
        return "reading_uncertain"
    return "consistent" if complete else "incomplete"
