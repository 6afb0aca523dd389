"""One number on its own evidence: its value, how sure it is, and what speaks against accepting it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log

import numpy as np

from ocr_pipeline.decoding.channels import (
    bubbles_speak,
    check_evidence,
    disagree,
    fused_lattice,
    probabilities,
    read_bubbles,
    read_digits,
)
from ocr_pipeline.decoding.joint import Domain
from ocr_pipeline.decoding.lattice import BLANK, FILLERS, Lattice, written_by_boxes
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.forms.definition import Number
from ocr_pipeline.values import CLASSES, Channel, ChannelRead, Floats, NumberEvidence, Why

ZERO = CLASSES.index("0")


@dataclass(frozen=True, slots=True)
class OwnRead:
    """What one number says without its neighbours.

    Attributes:
        evidence: what it was read from.
        value: the value, ``None`` when undecided or empty.
        as_written: one symbol a box.
        p: posterior of ``value``, or of the best reading where there is no value.
        doubts: reasons of its own for a person to look.
        channels: each channel's own reading.
        candidates: likely values -> natural log of how much less probable than the best reading; ``None``: unread.
        cut: some likely value was left out of ``candidates``, because there were too many.
        lattice: the posterior that all this comes from.
        leans: a sum may do what its boxes cannot do alone: it is placed and has a value, its form has no bubbles for
            it, and a zero is written.
    """

    evidence: NumberEvidence
    value: int | None
    as_written: str
    p: float
    doubts: frozenset[Why]
    channels: Mapping[Channel, ChannelRead]
    candidates: Domain
    cut: bool
    lattice: Lattice
    leans: bool


def read_alone(evidence: NumberEvidence, number: Number, policy: Policy) -> OwnRead:
    """Read one number from its channels.

    Args:
        evidence: of one number.
        number: the same number in the form.
        policy: thresholds and floors.

    Returns:
        Its reading. The value is the best of the fused lattice if its posterior is at least ``policy.decided``.

    Raises:
        ValueError: the evidence has the wrong shape or holds what is no log probability.
    """
    boxes = len(number.boxes)
    check_evidence(evidence, boxes)
    lattice = fused_lattice(evidence, policy)
    alone = probabilities(evidence.boxes)
    best, p = lattice.best
    value = best if isinstance(best, int) and p >= policy.decided else None
    if value is not None:
        as_written = lattice.written(value)
    elif best == "empty" and p >= policy.decided:
        as_written = BLANK * boxes
    else:
        as_written = written_by_boxes(alone, policy.decided)
    channels: dict[Channel, ChannelRead] = {"digits": read_digits(evidence)}
    bubbles = read_bubbles(evidence)
    if bubbles is not None:
        channels["bubbles"] = bubbles
    doubts: set[Why] = set()
    readable = (
        evidence.placed and value is not None and (value > 0 or _zero_is_written(evidence, alone, as_written, policy))
    )
    if not readable or not _sure_enough(evidence, number, alone, as_written, p, policy):
        doubts.add("low_confidence")
    if disagree(evidence, policy):
        doubts.add("channels_disagree")
    if evidence.crossed_out:
        doubts.add("crossed_out")
    candidates, cut = _candidates(lattice, value is not None, p, policy)
    leans = readable and number.bubbles is None
    return OwnRead(evidence, value, as_written, p, frozenset(doubts), channels, candidates, cut, lattice, leans)


def shown_as(read: OwnRead, value: int, policy: Policy) -> OwnRead:
    """The same number with another value of its lattice in its place, for a person to look at.

    Args:
        read: as read from its own boxes.
        value: what to show; ``as_written`` and ``p`` follow it, ``channels`` keep what the boxes say.
        policy: as for :func:`read_alone`.
    """
    lattice = read.lattice
    candidates, cut = _candidates(lattice, True, lattice.best[1], policy)
    return replace(
        read,
        value=value,
        as_written=lattice.written(value),
        p=float(lattice.values[value]),
        doubts=read.doubts | {"low_confidence"},
        candidates=candidates,
        cut=cut,
        leans=False,
    )


def _sure_enough(
    evidence: NumberEvidence, number: Number, alone: Floats, as_written: str, p: float, policy: Policy
) -> bool:
    """Whether a readable number passes its threshold; ``alone`` is what the boxes say, shape (boxes, 13)."""
    speaks = bubbles_speak(evidence)
    if number.bubbles is not None and not speaks:
        # Half of the evidence that the form asks for is missing: left empty, or not seen in this photo.
        return False
    return p >= policy.accept if speaks else _least_box(alone, as_written) >= policy.box_alone


def _zero_is_written(evidence: NumberEvidence, alone: Floats, as_written: str, policy: Policy) -> bool:
    """A zero needs strokes in the boxes that make it, and bubble 0 in the last column where the form has bubbles.

    A displaced block shows blank boxes and an untouched grid, which agree on nothing at all; and smear draws dashes.
    """
    strokes = alone[:, ZERO] + alone[:, CLASSES.index("X")] + alone[:, CLASSES.index("-")]
    inked = [float(s) for s, symbol in zip(strokes, as_written, strict=True) if symbol != BLANK]
    marked = evidence.bubble_marks is None or evidence.bubble_marks[-1] == "0"
    return min(inked) >= policy.stroke and marked


def _least_box(alone: Floats, as_written: str) -> float:
    """Probability of the least sure box; before the first digit that counts, 0 and all fillers mean the same."""
    least, leading = 1.0, True
    for i, symbol in enumerate(as_written):
        leading = leading and symbol in FILLERS + "0" and (i < len(as_written) - 1 or symbol != "0")
        same = [CLASSES.index(s) for s in FILLERS + "0"] if leading else [CLASSES.index(symbol)]
        least = min(least, float(alone[i, same].sum()))
    return least


def _candidates(lattice: Lattice, decided: bool, p: float, policy: Policy) -> tuple[Domain, bool]:
    """Likely values and their costs; an undecided number may also stay unread, for a little more than any of them."""
    likely = np.flatnonzero(lattice.values >= policy.likely * p)
    order = likely[np.argsort(-lattice.values[likely], kind="stable")]
    kept = order[: policy.most_candidates]
    costs: Domain = {int(v): max(0.0, log(p / float(lattice.values[v]))) for v in kept}
    if not decided:
        costs[None] = price(policy) if costs else 0.0
    return costs, len(order) > len(kept)


def price(policy: Policy) -> float:
    """Natural log of how much less probable than the best reading a likely one may be."""
    return -log(policy.likely)
