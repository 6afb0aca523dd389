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
from ocr_pipeline.decoding.witness import Testimony, Witnesses
from ocr_pipeline.forms.rules import ArithmeticRule


@dataclass(frozen=True, slots=True)
class Corroboration:
    """What the sums add.

    Attributes:
        shown: field -> reading with another value, where the boxes are unsure and the sums settle it.
        confirmed: fields whose reading the sums make sure enough to accept.
        doubted: fields whose reading, however sure the boxes are, is not sure enough now that the sums have spoken.
    """

    shown: Mapping[str, OwnRead]
    confirmed: frozenset[str]
    doubted: frozenset[str]


def corroborate(rules: Sequence[ArithmeticRule], reads: Mapping[str, OwnRead], policy: Policy) -> Corroboration:
    """Weigh the numbers by the hard sums that contain them.

    Args:
        rules: of the form, any; only sums of severity error whose numbers are all here and placed count.
        reads: the numbers here, read alone.
        policy: thresholds, and what the sums are worth.
    """
    sums = [rule for rule in rules if _counts(rule, reads)]
    names = [name for name in reads if any(name in rule.fields for rule in sums)]
    own = {name: Weighed.of(reads[name].lattice.values) for name in names}
    values = {name: weighed.best[0] for name, weighed in own.items()}
    witnesses = Witnesses(sums, own, values, policy)
    shown = {}
    for name in names:
        value = _settled(name, reads[name], witnesses)
        if value is not None:
            shown[name] = shown_as(reads[name], value, policy)
            values[name] = value
    after = {name: shown.get(name, reads[name]) for name in names}
    if shown:
        witnesses = Witnesses(sums, own, values, policy)
    heard = {name: witnesses.ask(name) for name in names}
    read = {name: each.value for name, each in after.items()}
    return Corroboration(
        shown,
        frozenset(n for n in names if after[n].leans and _confirms(heard[n], read[n], read, policy)),
        frozenset(n for n in names if _doubts(heard[n], read[n], read, policy)),
    )


def _counts(rule: ArithmeticRule, reads: Mapping[str, OwnRead]) -> bool:
    if rule.kind != "sum" or rule.severity != "error":
        return False
    return all(name in reads and reads[name].evidence.placed for name in rule.fields)


def _settled(name: str, read: OwnRead, witnesses: Witnesses) -> int | None:
    """The value to show instead of one that the boxes are unsure of; never 0, which needs its strokes."""
    policy = witnesses.policy
    own, p = read.lattice.best
    if not isinstance(own, int) or p >= policy.clear or read.evidence.bubble_marks is not None:
        return None
    value = witnesses.ask(name).value
    if value in (own, 0):
        return None
    boxes = probabilities(read.evidence.boxes).max(1)
    changes = zip(read.lattice.written(own), read.lattice.written(value), boxes, strict=True)
    if any(a != b and box >= policy.clear for a, b, box in changes):
        return None
    # Asked again as if it had been read so: the hand that wrote the others may have fooled the reader there.
    instead = Witnesses(witnesses.sums, witnesses.own, {**witnesses.values, name: value}, policy).ask(name)
    return value if instead.value == value and instead.p >= policy.heard else None


def _confirms(heard: Testimony, value: int | None, read: Mapping[str, int | None], policy: Policy) -> bool:
    holds = any(rule.check(read) for rule in heard.sums)
    return holds and heard.value == value and heard.p >= policy.accept


def _doubts(heard: Testimony, value: int | None, read: Mapping[str, int | None], policy: Policy) -> bool:
    """Only where no sum is broken: a broken one has reasons of its own."""
    broken = any(rule.check(read) is False for rule in heard.sums)
    return not broken and (heard.value != value or heard.p < policy.heard)
