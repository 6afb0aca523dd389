"""Every constant of the decoder in one place, each with where it comes from."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds and floors; all are probabilities between 0 and 1 unless they say otherwise.

    Attributes:
        digit_floor: share of a box's probability spread evenly over the 13 classes before fusion, because confidence
            tuned on sharp crops drifts on blurred ones. Measured on 22 photos and 10 degradations of each.
        bubble_floor: the same for a bubble column, over its 11 outcomes; covers misreading and misfilling. Same source.
        filler_no_bubble: how often a leading X, dash or blank has no bubble instead of bubble 0. Counted on 22 pages:
            11 of 45.
        leading_zero_no_bubble: the same for a written leading 0. Chosen, not measured: no such box was seen.
        accept: least posterior of an accepted number that has bubbles, same source as ``digit_floor``; and of one that
            sums confirm, by the bench of docs/decoding.md.
        box_alone: least probability of every box of an accepted number that has nothing but its digits. Chosen; the
            card of the digit model gives the measured one.
        clear: from here on one box contradicts its bubble column. Same source as ``digit_floor``.
        stroke: least probability that a box of an accepted zero holds 0, X or a dash. Chosen, not measured.
        sums_hold: how often all sums of one number hold on paper. Chosen: officials name wrong sums as the commonest
            mistake, and 1 of 66 was wrong on the labelled forms, so one number in twenty is on the safe side.
        wrong_by_chance: how often a sum that is wrong on paper is wrong by one given difference. Chosen: as if ten
            differences (1, 10, 100, a slip of 2 or 9, and so on) shared all errors.
        same_hand: correlation of what makes one shape look like another in two places where one hand writes it. Chosen;
            one writer of 24 wrote a 2 that was read as 9 in three numbers of three.
        torn: least posterior by its own boxes of a value that sums may choose: they tell a few readings apart, they do
            not fill in what was not read. Above the 1/13 of a box that says nothing.
        heard: least posterior, own boxes and sums together, of a value shown instead of an unsure one, and of an
            accepted number that stands in sums. Chosen with the bench of docs/decoding.md.
        decided: least posterior of a value that is shown at all; below it a wrong value is likelier than the right one.
        likely: how much less probable than the best reading a likely one may be, for one number and for one broken
            rule. Chosen, but above 4/13 of ``digit_floor``: that much the floor alone gives a first digit that might be
            a 0 or one of three fillers, and the floor must not make a value likely.
        most_candidates: most likely values of one number that arithmetic looks at (a count).
        most_nodes: most steps of the search for a reading that makes all rules hold (a count); when they run out the
            verdict says "uncertain", never "inconsistent".
    """

    digit_floor: float = 0.01
    bubble_floor: float = 0.01
    filler_no_bubble: float = 0.24
    leading_zero_no_bubble: float = 0.05
    accept: float = 0.99
    box_alone: float = 0.98
    clear: float = 0.7
    stroke: float = 0.9
    sums_hold: float = 0.95
    wrong_by_chance: float = 0.1
    same_hand: float = 0.5
    torn: float = 0.1
    heard: float = 0.9
    decided: float = 0.5
    likely: float = 0.005
    most_candidates: int = 24
    most_nodes: int = 1_000

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ValueError: a probability outside 0-1, a ``decided`` under one half, a count under 1, or a ``likely`` that
                the floor alone reaches.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            low, high = (1, float("inf")) if each.name.startswith("most_") else (0, 1)
            if not low <= value <= high:
                raise ValueError(f"{each.name} must lie between {low} and {high}, not {value}")
        # Under one half two readings of the same number could both be "decided".
        if self.decided < 0.5:
            raise ValueError("decided must be at least 0.5")
        if self.likely * (1 - self.digit_floor) <= self.digit_floor * 4 / 13:
            raise ValueError("likely must be above what digit_floor alone gives a value")
