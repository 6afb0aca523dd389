"""Which saying counts: whatever is said, in whatever order it is handed over."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from service.decisions.ranking import HELD, STATEMENT_DIFFERS, Kind, SaidOutcome, Saying, current, stand

PERSONS = ("confirmation", "change")


@st.composite
def histories(draw: st.DrawFn) -> list[Saying]:
    """What may be said about one number, one after the other."""
    said: list[Saying] = []
    for seq in range(1, draw(st.integers(0, 8)) + 1):
        kind: Kind = draw(st.sampled_from(["machine", "statement", "confirmation", "change"]))
        outcomes: list[SaidOutcome] = ["accepted", "blank"]
        outcomes += ["review", "absent"] if kind == "machine" else ["illegible"]
        outcome = draw(st.sampled_from(outcomes))
        value = draw(st.integers(0, 3)) if outcome in ("accepted", "review") else None
        why = ("low_confidence",) if outcome == "review" else ()
        if kind == "machine" and draw(st.booleans()):
            why = (*why, HELD)
        said.append(Saying(seq, kind, outcome, value, why))
    return said


def machine(seq: int, value: int | None, outcome: SaidOutcome = "accepted", *why: str) -> Saying:
    return Saying(seq, "machine", outcome, value, why)


@given(histories(), st.randoms())
def test_the_order_in_which_rows_are_fetched_does_not_matter(said: list[Saying], shuffle: Random) -> None:
    shuffled = list(said)
    shuffle.shuffle(shuffled)
    assert stand(shuffled) == stand(said)


@given(histories(), st.integers(0, 999))
def test_a_later_machine_reading_never_displaces_a_person(said: list[Saying], value: int) -> None:
    before = stand(said)
    after = stand([*said, machine(len(said) + 1, value)])
    if before.state == "verified":
        assert after == before


@given(histories())
def test_whoever_counts_nothing_outranks_it(said: list[Saying]) -> None:
    counts = current(said)
    rank = {"machine": 1, "confirmation": 2, "change": 3}
    able = [s for s in said if s.kind in rank and not (s.kind == "machine" and HELD in s.why)]
    if counts is None:
        assert able == []
    else:
        assert (rank[counts.kind], counts.seq) == max((rank[s.kind], s.seq) for s in able)


@given(histories())
def test_only_settled_numbers_have_a_value_and_only_numbers_in_review_have_reasons(said: list[Saying]) -> None:
    standing = stand(said)
    if standing.value is not None:
        assert standing.is_known
    assert (standing.state == "review") == bool(standing.why)
    assert (standing.state == "verified") == any(s.kind in PERSONS for s in said)


@given(histories())
def test_what_the_officers_state_never_becomes_the_value(said: list[Saying]) -> None:
    without = stand([s for s in said if s.kind != "statement"])
    standing = stand(said)
    assert standing.value in (None, without.value)
    assert (standing.state == without.state) or (without.state, standing.state) == ("read", "review")


def test_a_statement_that_differs_from_an_accepted_number_sends_it_to_a_person() -> None:
    stated = Saying(2, "statement", "accepted", 93)
    standing = stand([machine(1, 92), stated])
    assert (standing.state, standing.value, standing.why) == ("review", None, (STATEMENT_DIFFERS,))
    assert stand([machine(1, 93), stated]).value == 93
    assert stand([machine(1, 92), stated, machine(3, 93)]).value == 93  # a better reading agrees in the end


def test_a_statement_of_nothing_legible_changes_nothing() -> None:
    assert stand([machine(1, 92), Saying(2, "statement", "illegible", None)]).value == 92


def test_a_blank_stated_where_the_machine_read_a_number_sends_it_to_a_person() -> None:
    assert stand([machine(1, 92), Saying(2, "statement", "blank", None)]).state == "review"


def test_a_statement_alone_counts_for_nothing() -> None:
    assert stand([Saying(1, "statement", "accepted", 92)]).state == "unknown"


def test_illegible_is_verified_and_has_no_value() -> None:
    standing = stand([machine(1, 92, "review", "low_confidence"), Saying(2, "confirmation", "illegible", None)])
    assert (standing.state, standing.value, standing.why) == ("verified", None, ())


def test_a_known_blank_is_read_and_has_no_value() -> None:
    standing = stand([machine(1, None, "blank")])
    assert (standing.state, standing.value) == ("read", None)


def test_a_number_whose_photo_was_withdrawn_is_unknown_again() -> None:
    assert stand([machine(1, 92), machine(2, None, "absent")]).state == "unknown"


def test_a_change_by_the_pleno_outlasts_a_later_confirmation_of_the_photo() -> None:
    said = [machine(1, 92), Saying(2, "change", "accepted", 29), Saying(3, "confirmation", "accepted", 92)]
    assert stand(said).value == 29


def test_a_reading_held_back_after_the_pleno_does_not_count() -> None:
    assert stand([machine(1, 92), machine(2, 29, "accepted", HELD)]).value == 92
    assert stand([machine(1, 29, "accepted", HELD)]).state == "unknown"
