"""What the sums do for single numbers: they confirm readings, doubt them, and settle which unsure one is shown.

They never change a reading that the boxes are sure of, and confirm none that has bubbles. See docs/decoding.md,
section 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ocr_pipeline.decoding.channels import probabilities
from ocr_pipeline.decoding.own import OwnRead, shown_as
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.decoding.weighed import Weighed
from ocr_pipeline.decoding.witness import Witnesses
from ocr_pipeline.forms.rules import ArithmeticRule
from ocr_pipeline.values import CLASSES


@dataclass(frozen=True, slots=True)
class Corroboration:
    """What the sums add.

    Attributes:
        shown: field -> reading with another value, where the boxes are unsure and the sums settle it.
        confirmed: fields whose reading the sums make sure enough to accept.
        doubted: fields without bubbles whose reading no sum holds up that could have, or that the sums leave unsure.
            Numbers of broken sums are not among them: these have reasons of their own.
    """

    shown: Mapping[str, OwnRead]
    confirmed: frozenset[str]
    doubted: frozenset[str]


def corroborate(rules: Sequence[ArithmeticRule], reads: Mapping[str, OwnRead], policy: Policy) -> Corroboration:
    """Weigh the numbers by the hard sums that contain them.

    Args:
        rules: of the form, any; only sums of severity error count whose numbers are all here and written: a sum with
            an empty number cannot be checked.
        reads: the numbers here, read alone.
        policy: thresholds, and what the sums are worth.
    """
    written = {name for name, read in reads.items() if read.lattice.best[0] != "empty"}
    hard = [rule for rule in rules if rule.kind == "sum" and rule.severity == "error"]
    here = [rule for rule in hard if written.issuperset(rule.fields)]
    sums = [rule for rule in here if all(reads[name].evidence.placed for name in rule.fields)]
    names = [name for name in reads if any(name in rule.fields for rule in here)]
    own = {name: Weighed.likely(reads[name].lattice.values) for name in names}
    values = {name: weighed.best[0] for name, weighed in own.items()}
    witnesses = Witnesses(sums, own, values, policy)
    settled = {name: _settled(name, reads[name], witnesses) for name in names}
    shown = {n: shown_as(reads[n], value, policy) for n, value in settled.items() if value is not None}
    if shown:
        witnesses = Witnesses(sums, own, {n: settled[n] or value for n, value in values.items()}, policy)
    read = {name: shown.get(name, reads[name]).value for name in names}
    confirmed, doubted = set(), set()
    for name in names:
        if name in shown or reads[name].evidence.bubble_marks is not None:
            continue
        heard = witnesses.ask(name)
        held = [rule for rule in sums if rule.check(read) and len(shown.keys() & rule.fields) <= 1]
        fits = heard.value == read[name]
        if reads[name].leans and fits and heard.p >= policy.accept and any(rule in held for rule in heard.sums):
            confirmed.add(name)
        elif not any(name in rule.fields for rule in held) or not fits or heard.p < policy.heard:
            doubted.add(name)
    broken = {name for rule in here if rule.check(read) is False for name in rule.fields}
    return Corroboration(shown, frozenset(confirmed), frozenset(doubted - broken))


def _settled(name: str, read: OwnRead, witnesses: Witnesses) -> int | None:
    """The value to show where the boxes are unsure of theirs, or know none; never 0, which needs its strokes."""
    policy = witnesses.policy
    if read.lattice.best[1] >= policy.clear or read.evidence.bubble_marks is not None:
        return None
    heard = witnesses.ask(name)
    if heard.value in (read.value, 0) or heard.p < policy.heard or read.lattice.values[heard.value] < policy.torn:
        return None
    if witnesses.echoed(name, heard.value):
        return None
    boxes = probabilities(read.evidence.boxes)
    sure = zip(boxes.argmax(1), boxes.max(1), read.lattice.written(heard.value), strict=True)
    return None if any(p >= policy.clear and CLASSES[k] != symbol for k, p, symbol in sure) else heard.value
