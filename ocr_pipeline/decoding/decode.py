"""Evidence of the numbers of one polling station, pages together -> numbers, rules and verdict."""

from collections.abc import Collection, Mapping
from typing import get_args

from ocr_pipeline.decoding.arithmetic import apply_rules
from ocr_pipeline.decoding.corroboration import corroborate
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

    Every number is read from its own channels first. A sure reading stands. Sums of severity error may then confirm a
    number without bubbles whose boxes are not sure enough alone, and settle which of two unsure readings is shown (to a
    person). All rules of severity error whose numbers are here judge the result; they only make it stricter. See
    docs/decoding.md.

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
    sums = corroborate(definition.rules, reads, policy)
    reads = {name: sums.shown.get(name, read) for name, read in reads.items()}
    findings = apply_rules(definition.rules, reads, policy)
    values = {name: read.value for name, read in reads.items()}
    rules = tuple(RuleCheck(rule.id, rule.check(values), rule.severity) for rule in definition.rules)
    complete = all(values.get(name) is not None for name in numbers)
    finished = {}
    for name, read in reads.items():
        doubts = set(read.doubts - {"low_confidence"} if name in sums.confirmed else read.doubts)
        if name in sums.doubted:
            doubts.add("low_confidence")
        if name not in measured_fields:
            doubts.add("unmeasured")
        finished[name] = _finish(read, doubts | findings.doubts.get(name, set()), findings.alternatives.get(name))
    uncertain = findings.contradiction or bool(sums.shown)
    return DecodedNumbers(finished, rules, _verdict(findings.inconsistent, uncertain, complete))


def _finish(read: OwnRead, doubts: set[Why], alternative: int | None) -> NumberRead:
    why = tuple(code for code in WHY_ORDER if code in doubts)
    return NumberRead(
        field=read.evidence.field,
        value=read.value,
        as_written=read.as_written,
        p=read.p,
        decision="review" if why else "accepted",
        why=why,
        evidence=read.channels,
        quad_photo=read.evidence.quad_photo,
        alternative=alternative,
        words_quad_photo=read.evidence.words_quad_photo,
    )


def _verdict(inconsistent: bool, uncertain: bool, complete: bool) -> Verdict:
    if inconsistent:
        return "form_inconsistent"
    if uncertain:
        return "reading_uncertain"
    return "consistent" if complete else "incomplete"
