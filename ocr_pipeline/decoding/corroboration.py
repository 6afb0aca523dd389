"""What the sums do for numbers without bubbles: they confirm readings, and settle which unsure one is shown.

They never change a reading that the boxes are sure of. See docs/decoding.md, section 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ocr_pipeline.decoding.channels import probabilities
from ocr_pipeline.decoding.own import OwnRead, shown_as
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.decoding.weighed import Weighed
from ocr_pipeline.decoding.witness import Witnesses
from ocr_pipeline.forms.rules import ArithmeticRule


@dataclass(frozen=True, slots=True)
class Corroboration:
    """What the sums add.

    Attributes:
        shown: field -> reading with another value, where the boxes are unsure and the sums settle it.
        confirmed: fields whose reading the sums make sure enough to accept.
    """

    shown: Mapping[str, OwnRead]
    confirmed: frozenset[str]


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
    after = dict(reads) | shown
    if shown:
        witnesses = Witnesses(sums, own, values, policy)
    return Corroboration(shown, frozenset(name for name in names if _is_confirmed(name, after, witnesses)))


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
    return value if instead.value == value and instead.p >= policy.settled else None


def _is_confirmed(name: str, reads: Mapping[str, OwnRead], witnesses: Witnesses) -> bool:
    if not reads[name].leans:
        return False
    testimony = witnesses.ask(name)
    values = {field: read.value for field, read in reads.items()}
    holds = any(rule.check(values) for rule in testimony.sums)
    return holds and testimony.value == reads[name].value and testimony.p >= witnesses.policy.corroborated
