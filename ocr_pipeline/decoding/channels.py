"""The channels of one number: its digits, its bubbles, and both together.

The two are independent evidence, so a string's weight is the product of what the boxes say of its symbols and what the
bubble columns would say were it the string that was written. Disagreement is never averaged away: :func:`disagree`
finds it column by column and the number goes to a person.
"""

import numpy as np

from ocr_pipeline.decoding.lattice import FILLERS, Lattice, Weights, build_lattice
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.values import CLASSES, NO_BUBBLE, UNDECIDED, ChannelRead, Floats, NumberEvidence

NO_MARK = "_"


def probabilities(logs: Floats) -> Floats:
    """Each row of natural logs as probabilities that sum to 1; shape kept, float64."""
    top = logs.max(1, keepdims=True)
    # A row of nothing but -inf says nothing: every outcome alike.
    shifted = np.where(np.isfinite(top), logs - np.where(np.isfinite(top), top, 0), 0.0)
    raw = np.exp(shifted)
    return np.asarray(raw / raw.sum(1, keepdims=True), dtype=np.float64)


def check_evidence(evidence: NumberEvidence, boxes: int) -> None:
    """Refuse evidence of the wrong shape.

    Args:
        evidence: of one number.
        boxes: how many boxes the form gives it.

    Raises:
        ValueError: wrong shape, not a number or plus infinity in it, or bubbles without marks.
    """
    problems = []
    if evidence.boxes.shape != (boxes, len(CLASSES)):
        problems.append(f"boxes has shape {evidence.boxes.shape}, not {(boxes, len(CLASSES))}")
    if (evidence.bubbles is None) != (evidence.bubble_marks is None):
        problems.append("bubbles and bubble_marks must be given together")
    elif evidence.bubbles is not None and evidence.bubble_marks is not None:
        if evidence.bubbles.shape != (boxes, NO_BUBBLE + 1) or len(evidence.bubble_marks) != boxes:
            problems.append(f"bubbles must have shape {(boxes, NO_BUBBLE + 1)} and {boxes} marks")
        if not set(evidence.bubble_marks) <= set("0123456789_?"):
            problems.append(f"bubble_marks {evidence.bubble_marks!r} has an unknown mark")
    for name, logs in (("boxes", evidence.boxes), ("bubbles", evidence.bubbles)):
        if logs is not None and (np.isnan(logs).any() or np.isposinf(logs).any()):
            problems.append(f"{name} holds a value that is no log probability")
    if problems:
        raise ValueError(f"{evidence.field}: {'; '.join(problems)}")


def bubbles_speak(evidence: NumberEvidence) -> bool:
    """Whether the form has bubbles here and at least one column is marked.

    A grid that nobody touched is no evidence of 0, nor of anything: it looks the same under every number.
    """
    return evidence.bubble_marks is not None and set(evidence.bubble_marks) != {NO_MARK}


def fused_lattice(evidence: NumberEvidence, policy: Policy) -> Lattice:
    """Posterior of one number from all its channels.

    Args:
        evidence: checked by :func:`check_evidence`.
        policy: floors and habits.

    Returns:
        The lattice of ``(1 - e) p + e / 13`` for each box, times the bubble likelihoods where the bubbles speak.
    """
    floor = policy.digit_floor
    weights = Weights.of_boxes((1 - floor) * probabilities(evidence.boxes) + floor / len(CLASSES))
    if evidence.bubbles is None or not bubbles_speak(evidence):
        return build_lattice(weights)
    return build_lattice(_times_bubbles(weights, probabilities(evidence.bubbles), policy))


def _times_bubbles(weights: Weights, columns: Floats, policy: Policy) -> Weights:
    """Multiply each symbol's weight by the likelihood of its bubble column, shape (boxes, 11)."""
    floor = policy.bubble_floor
    zero, none = columns[:, 0], columns[:, NO_BUBBLE]

    def likelihood(expected: Floats) -> Floats:
        return np.asarray((1 - floor) * expected + floor / (NO_BUBBLE + 1), dtype=np.float64)

    def zero_or_none(share_none: float) -> Floats:
        return likelihood((1 - share_none) * zero + share_none * none)

    return Weights(
        digit=weights.digit * likelihood(columns[:, :NO_BUBBLE]),
        leading_zero=weights.leading_zero * zero_or_none(policy.leading_zero_no_bubble),
        filler=weights.filler * zero_or_none(policy.filler_no_bubble)[:, None],
        # Nobody knows which bubble goes with a filler after a digit, so every outcome is alike.
        late_filler=weights.late_filler / (NO_BUBBLE + 1),
    )


def read_digits(evidence: NumberEvidence) -> ChannelRead:
    """What the boxes alone say, without any floor; ``None`` where they are empty or mean nothing."""
    return _own_read(build_lattice(Weights.of_boxes(probabilities(evidence.boxes))))


def read_bubbles(evidence: NumberEvidence) -> ChannelRead | None:
    """What the bubbles alone say: ``None`` where the form has none; value ``None`` where unmarked or unclear."""
    if evidence.bubbles is None or evidence.bubble_marks is None:
        return None
    columns = probabilities(evidence.bubbles)
    symbols = np.zeros((len(columns), len(CLASSES)))
    symbols[:, :NO_BUBBLE] = columns[:, :NO_BUBBLE]
    symbols[:, CLASSES.index(NO_MARK)] = columns[:, NO_BUBBLE]
    read = _own_read(build_lattice(Weights.of_boxes(symbols)))
    known = bubbles_speak(evidence) and UNDECIDED not in evidence.bubble_marks
    return read if known else ChannelRead(None, read.p)


def _own_read(lattice: Lattice) -> ChannelRead:
    best, p = lattice.best
    return ChannelRead(best if isinstance(best, int) else None, p)


def disagree(evidence: NumberEvidence, policy: Policy) -> bool:
    """Whether a channel speaks strongly against another.

    So it is when the bubbles speak and a column is unclear, or a box that is clear on its own does not go with its
    column: a digit needs its bubble, a leading 0 its bubble or none, a filler or blank bubble 0 or none.

    Args:
        evidence: checked by :func:`check_evidence`.
        policy: ``clear`` is used.
    """
    marks = evidence.bubble_marks
    if marks is None or not bubbles_speak(evidence):
        return False
    if UNDECIDED in marks:
        return True
    leading = True
    for i, (row, mark) in enumerate(zip(probabilities(evidence.boxes), marks, strict=True)):
        symbol = CLASSES[int(row.argmax())]
        leading = leading and symbol in FILLERS + "0" and i < len(marks) - 1
        if row.max() >= policy.clear and mark not in _going_with(symbol, leading):
            return True
    return False


def _going_with(symbol: str, leading: bool) -> str:
    if symbol in FILLERS:
        return "0" + NO_MARK
    return symbol + NO_MARK if symbol == "0" and leading else symbol
