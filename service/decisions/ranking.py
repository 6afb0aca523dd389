"""Which saying about a number counts. Pure: no database, no clock; the order is that of the station's numbers (seq).

A pleno's change outranks a confirmation of what the photo shows, which outranks the machine; within a kind the latest
counts. What the KPPS states never counts by itself, but where it differs from a number that the machine accepted, a
person must look. Nothing is ever overwritten: a saying that does not count stays on record.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["machine", "statement", "confirmation", "change"]
SaidOutcome = Literal["accepted", "review", "blank", "illegible", "absent"]
State = Literal["unknown", "review", "read", "verified"]

HELD: Final = "pleno_finalised"
"""In ``why`` of a machine reading that came after the pleno was finalised: recorded, and never counts."""

STATEMENT_DIFFERS: Final = "statement_differs"
"""In ``why`` of a number that the machine accepted and the KPPS states otherwise."""


@dataclass(frozen=True, slots=True)
class Saying:
    """One decision about one number, as far as ranking goes.

    Attributes:
        seq: place among the station's decisions, from 1.
        kind: who: the machine, the KPPS, a person looking at the photo, the pleno.
        outcome: ``accepted`` (there is a value), ``review`` (the machine is not sure), ``blank`` (nothing is written),
            ``illegible`` (a person cannot read it), ``absent`` (no photo shows the number any more).
        value: the number; a best guess in ``review``.
        why: reasons for review.
        as_written: one character a box.
        id: id of the decision.
    """

    seq: int
    kind: Kind
    outcome: SaidOutcome
    value: int | None
    why: tuple[str, ...] = ()
    as_written: str | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand with one number.

    Attributes:
        counts: the saying that counts; ``None`` when nothing was said.
        value: what goes into the sums; ``None``: nothing does (never 0).
        state: ``unknown`` (no page shows it yet), ``review`` (waits for a person), ``read`` (the machine is sure),
            ``verified`` (a person decided). A known blank or a number that a person calls illegible is ``read`` or
            ``verified`` with no value.
        why: why a person should look; empty unless ``review``.
    """

    counts: Saying | None
    value: int | None
    state: State
    why: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether nobody has to do anything: read or verified, with or without a value."""
        return self.state in ("read", "verified")


NOTHING_SAID: Final = Standing(None, None, "unknown", ())


def latest(sayings: Iterable[Saying], kind: Kind) -> Saying | None:
    """The latest saying of a kind; a machine's that came after the pleno was finalised is passed over."""
    return _latest(sayings, lambda s: s.kind == kind and HELD not in s.why)


def latest_machine(sayings: Iterable[Saying]) -> Saying | None:
    """The machine's latest saying, whether it counts or not: what the next reading is compared with."""
    return _latest(sayings, lambda s: s.kind == "machine")


def current(sayings: Sequence[Saying]) -> Saying | None:
    """The saying that counts: change before confirmation before machine, the latest within a kind."""
    for kind in _RANK:
        found = latest(sayings, kind)
        if found is not None:
            return found
    return None


def stand(sayings: Sequence[Saying]) -> Standing:
    """How things stand after all that was said about one number, in whatever order it is given."""
    counts = current(sayings)
    if counts is None:
        return NOTHING_SAID
    if counts.kind != "machine":
        return Standing(counts, counts.value if counts.outcome == "accepted" else None, "verified", ())
    if counts.outcome == "absent":
        return Standing(counts, None, "unknown", ())
    if counts.outcome == "review":
        return Standing(counts, None, "review", counts.why)
    if differs(latest(sayings, "statement"), counts):
        return Standing(counts, None, "review", (*counts.why, STATEMENT_DIFFERS))
    return Standing(counts, counts.value if counts.outcome == "accepted" else None, "read", ())


def differs(one: Saying | None, other: Saying | None) -> bool:
    """Whether two sayings both say what is written, and not the same; "illegible" and "not sure" say nothing."""
    if one is None or other is None or not {one.outcome, other.outcome} <= {"accepted", "blank"}:
        return False
    return (one.outcome, one.value) != (other.outcome, other.value)


_RANK: Final[tuple[Kind, ...]] = ("change", "confirmation", "machine")


def _latest(sayings: Iterable[Saying], wanted: Callable[[Saying], bool]) -> Saying | None:
    return max((s for s in sayings if wanted(s)), key=lambda s: s.seq, default=None)
