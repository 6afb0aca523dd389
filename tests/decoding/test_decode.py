"""The whole decision on small hand-made forms."""

from dataclasses import replace

import numpy as np
import pytest

from ocr_pipeline.decoding import Policy, decode
from ocr_pipeline.values import DecodedNumbers, NumberEvidence, NumberRead
from tests.decoding.build import evidence_of, form, mixed_logs, number, rule, seen

ONE = form([number("a")])
SUM = form([number("a"), number("b"), number("c")], [rule("jumlah", ["a", "b"], "c")])
BUBBLES = form([number("a", bubbles=True)])


def read_one(evidence: NumberEvidence, policy: Policy = Policy()) -> NumberRead:  # noqa: B008 - frozen
    definition = BUBBLES if evidence.bubble_marks is not None else ONE
    return decode(definition, {"a": evidence}, {"a"}, policy).numbers["a"]


def read_sum(**numbers: str | NumberEvidence) -> DecodedNumbers:
    return decode(SUM, evidence_of(numbers), {"a", "b", "c"})


@pytest.mark.parametrize(
    ("written", "value"),
    [("X92", 92), ("005", 5), ("_50", 50), ("__7", 7), ("XXX", 0), ("---", 0), ("XX0", 0), ("000", 0), ("__0", 0)],
)
def test_clear_boxes_are_accepted_as_what_they_mean(written: str, value: int) -> None:
    read = read_one(seen("a", written))
    assert (read.value, read.as_written, read.decision, read.why) == (value, written, "accepted", ())
    assert read.p > 0.95


@pytest.mark.parametrize("written", ["___", "X__", "__-", "9X2", "92_", "0XX"])
def test_boxes_without_a_number_have_no_value_and_go_to_a_person(written: str) -> None:
    read = read_one(seen("a", written))
    assert (read.value, read.decision, read.why) == (None, "review", ("low_confidence",))


def test_empty_boxes_are_shown_empty_and_never_zero() -> None:
    assert read_one(seen("a", "___")).as_written == "___"
    for marks in ("000", "__0", "___"):
        read = read_one(seen("a", "___", marks))
        assert read.value is None
        assert read.decision == "review"


def test_zero_needs_strokes_read_with_confidence() -> None:
    faint = mixed_logs({"X": 0.7, "_": 0.3}, {"X": 0.7, "_": 0.3}, {"0": 0.7, "_": 0.3})
    read = read_one(seen("a", faint, "000"))
    assert read.value == 0
    assert read.why == ("low_confidence",)
    assert read_one(seen("a", faint, "000"), Policy(accept=0.5)).why == ("low_confidence",)
    assert read_one(seen("a", faint, "000"), Policy(accept=0.5, stroke=0.5)).decision == "accepted"
    assert read_one(seen("a", "XX0", "000")).decision == "accepted"
    assert read_one(seen("a", "XXX", "000")).decision == "accepted"


def test_dashes_over_untouched_bubbles_are_no_accepted_zero() -> None:
    read = read_one(seen("a", "---", "___"))
    assert (read.value, read.why) == (0, ("low_confidence",))


def test_unread_boxes_are_undecided_never_zero() -> None:
    read = read_one(seen("a", "???"))
    assert (read.value, read.as_written) == (None, "???")
    assert read_one(seen("a", "1?2")).as_written == "1?2"


def test_digits_alone_need_every_box_sure_but_leading_fillers_may_be_any() -> None:
    assert read_one(seen("a", mixed_logs({"X": 0.5, "-": 0.48}, {"9": 0.995}, {"2": 0.995}))).decision == "accepted"
    assert read_one(seen("a", mixed_logs({"X": 0.99}, {"9": 0.95}, {"2": 0.995}))).why == ("low_confidence",)
    assert read_one(seen("a", "X92", p=0.95), Policy(box_alone=0.9)).decision == "accepted"


def test_digits_and_bubbles_together_pass_one_threshold() -> None:
    doubtful = mixed_logs({"X": 0.8}, {"9": 0.6, "4": 0.3}, {"2": 0.9})
    assert read_one(seen("a", doubtful)).decision == "review"
    read = read_one(seen("a", doubtful, "092"))
    assert (read.value, read.decision) == (92, "accepted")
    assert {k: v.value for k, v in read.evidence.items()} == {"digits": 92, "bubbles": 92}
    assert read_one(seen("a", doubtful, "092"), Policy(accept=0.99999999)).why == ("low_confidence",)


@pytest.mark.parametrize(("written", "marks"), [("X43", "044"), ("X43", "0?3"), ("343", "_43"), ("___", "043")])
def test_channels_that_disagree_go_to_a_person(written: str, marks: str) -> None:
    read = read_one(seen("a", written, marks))
    assert read.decision == "review"
    assert "channels_disagree" in read.why


def test_misplaced_or_crossed_out_numbers_are_never_accepted() -> None:
    assert read_one(seen("a", "X92", "092", placed=False)).why == ("low_confidence",)
    assert read_one(seen("a", "X92", "092", crossed_out=True)).why == ("crossed_out",)


def test_unmeasured_pages_go_to_a_person() -> None:
    read = decode(ONE, {"a": seen("a", "X92")}, ()).numbers["a"]
    assert (read.value, read.decision, read.why) == (92, "review", ("unmeasured",))


def test_reasons_come_in_the_order_of_the_contract() -> None:
    limited = form([number("a", bubbles=True)], [rule("batas", ["a"], kind="limit", params={"max": 300})])
    evidence = seen("a", "X43", "944", placed=False, crossed_out=True)
    bad = replace(evidence, boxes=mixed_logs({"9": 0.9}, {"4": 0.9}, {"3": 0.6, "4": 0.39}))
    read = decode(limited, {"a": bad}, ()).numbers["a"]
    assert read.value == 944
    assert read.why == ("low_confidence", "out_of_bounds", "crossed_out", "form_inconsistent", "unmeasured")


def test_five_boxes_of_an_overseas_form() -> None:
    overseas = form([number("a", boxes=5)])
    for written, value in (("XX305", 305), ("90210", 90210), ("____4", 4), ("XXXXX", 0)):
        assert decode(overseas, {"a": seen("a", written)}, {"a"}).numbers["a"].value == value


def test_sum_that_holds_is_consistent() -> None:
    decoded = read_sum(a="X40", b="X52", c="X92")
    assert decoded.verdict == "consistent"
    assert [r.holds for r in decoded.rules] == [True]
    assert all(n.decision == "accepted" and n.alternative is None for n in decoded.numbers.values())


def test_clear_numbers_that_do_not_add_up_make_the_form_inconsistent() -> None:
    decoded = read_sum(a="X40", b="X52", c="X93")
    assert decoded.verdict == "form_inconsistent"
    assert [r.holds for r in decoded.rules] == [False]
    assert {k: n.value for k, n in decoded.numbers.items()} == {"a": 40, "b": 52, "c": 93}
    for read in decoded.numbers.values():
        assert read.why == ("rule_broken", "form_inconsistent")
        assert read.alternative is None


def test_likely_other_reading_leaves_the_reading_uncertain_and_is_only_a_hint() -> None:
    doubtful = seen("c", mixed_logs({"X": 0.99}, {"9": 0.99}, {"3": 0.8, "2": 0.15}))
    decoded = read_sum(a="X40", b="X52", c=doubtful)
    assert decoded.verdict == "reading_uncertain"
    assert {k: n.value for k, n in decoded.numbers.items()} == {"a": 40, "b": 52, "c": 93}
    assert {k: n.alternative for k, n in decoded.numbers.items()} == {"a": None, "b": None, "c": 92}
    assert decoded.numbers["a"].why == ("rule_broken",)
    assert decoded.numbers["c"].why == ("low_confidence", "rule_broken")


def test_unlikely_readings_do_not_excuse_a_form() -> None:
    """The truth may be 92, but at one in a thousand it is no likelier than an officer who cannot add."""
    nearly = seen("c", mixed_logs({"X": 0.9985}, {"9": 0.9985}, {"3": 0.9985, "2": 0.001}))
    assert read_sum(a="X40", b="X52", c=nearly).verdict == "form_inconsistent"


def test_unread_number_leaves_its_rule_open_and_its_neighbours_unchecked() -> None:
    doubtful = seen("c", mixed_logs({"X": 0.99}, {"9": 0.99}, {"3": 0.19, "2": 0.18}))
    decoded = read_sum(a="X40", b="X52", c=doubtful)
    assert decoded.verdict == "incomplete"
    assert [r.holds for r in decoded.rules] == [None]
    assert (decoded.numbers["a"].value, decoded.numbers["a"].why) == (40, ("low_confidence",))
    read = decoded.numbers["c"]
    assert (read.value, read.as_written, read.alternative) == (None, "X9?", 92)
    assert read.why == ("low_confidence", "rule_undecided")


def test_empty_number_is_not_taken_for_zero_by_a_rule() -> None:
    decoded = read_sum(a="X92", b="___", c="X92")
    assert decoded.verdict == "incomplete"
    assert [r.holds for r in decoded.rules] == [None]
    assert decoded.numbers["b"].value is None
    assert decoded.numbers["b"].alternative is None


def test_rules_across_missing_pages_have_no_influence() -> None:
    decoded = decode(SUM, evidence_of({"a": "X40", "b": "X52"}), {"a", "b", "c"})
    assert [r.holds for r in decoded.rules] == [None]
    assert decoded.verdict == "incomplete"
    assert all(n.decision == "accepted" for n in decoded.numbers.values())


def test_broken_bounds_are_out_of_bounds() -> None:
    bounded = form([number("a"), number("b")], [rule("batas", ["a"], "b", kind="at_most")])
    decoded = decode(bounded, evidence_of({"a": "X93", "b": "X92"}), {"a", "b"})
    assert decoded.verdict == "form_inconsistent"
    assert decoded.numbers["a"].why == decoded.numbers["b"].why == ("out_of_bounds", "form_inconsistent")


def test_only_rules_beyond_mending_call_the_form_inconsistent() -> None:
    """One rule is hopeless, another of the same group is broken by one doubtful digit."""
    two = form(
        [number(f) for f in "abcde"],
        [rule("satu", ["a", "b"], "c"), rule("dua", ["c"], "d"), rule("tiga", ["d"], "e")],
    )
    doubtful = seen("e", mixed_logs({"X": 0.99}, {"9": 0.99}, {"3": 0.8, "2": 0.15}))
    decoded = decode(two, evidence_of({"a": "X10", "b": "X10", "c": "X92", "d": "X92"}) | {"e": doubtful}, set("abcde"))
    assert decoded.verdict == "form_inconsistent"
    assert "form_inconsistent" in decoded.numbers["a"].why
    assert decoded.numbers["d"].why == ("rule_broken",)


def test_warnings_are_shown_and_stop_nothing() -> None:
    warned = form([number("a")], [rule("batas", ["a"], kind="limit", severity="warning", params={"max": 50})])
    decoded = decode(warned, {"a": seen("a", "X92")}, {"a"})
    assert [(r.holds, r.severity) for r in decoded.rules] == [(False, "warning")]
    assert decoded.numbers["a"].decision == "accepted"
    assert decoded.verdict == "consistent"


def test_search_without_enough_steps_never_calls_a_form_inconsistent() -> None:
    """No reading has a = b and a + b = 3, but each rule alone can be pleased: it takes a search to tell."""
    definition = form([number(f, boxes=1) for f in "abc"], [rule("satu", ["a", "b"], "c"), rule("dua", ["a"], "b")])
    evidence = evidence_of({"c": "3"})
    evidence |= {"a": seen("a", mixed_logs({"1": 0.7, "2": 0.295})), "b": seen("b", mixed_logs({"2": 0.7, "1": 0.295}))}
    assert decode(definition, evidence, set("abc")).verdict == "form_inconsistent"
    assert decode(definition, evidence, set("abc"), Policy(most_nodes=1)).verdict == "reading_uncertain"


def test_likely_values_left_out_never_call_a_form_inconsistent() -> None:
    doubtful = seen("c", mixed_logs({"X": 0.99}, {"9": 0.99}, {"3": 0.8, "2": 0.15}))
    evidence = evidence_of({"a": "X40", "b": "X52"}) | {"c": doubtful}
    assert decode(SUM, evidence, set("abc"), Policy(most_candidates=1)).verdict == "reading_uncertain"


@pytest.mark.parametrize(
    "evidence",
    [
        {"z": seen("z", "X92")},
        {"a": seen("b", "X92")},
        {"a": seen("a", "92")},
        {"a": seen("a", np.full((3, 13), np.nan))},
        {"a": seen("a", "X92", "92")},
        {"a": replace(seen("a", "X92", "092"), bubble_marks="0A2")},
        {"a": replace(seen("a", "X92", "092"), bubble_marks=None)},
    ],
)
def test_evidence_that_does_not_fit_the_form_is_refused(evidence: dict[str, NumberEvidence]) -> None:
    with pytest.raises(ValueError, match=r"a|z"):
        decode(ONE, evidence, {"a"})


@pytest.mark.parametrize(
    "wrong", [{"accept": 1.5}, {"decided": 0.4}, {"likely": 0.003}, {"most_nodes": 0}, {"clear": -0.1}]
)
def test_policy_refuses_what_cannot_be_meant(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Policy(**wrong)  # type: ignore[arg-type]


def test_a_form_with_bubbles_needs_a_bubble_to_accept() -> None:
    small = form([number("a", bubbles=True)])
    for marks in (None, "___"):
        read = decode(small, {"a": seen("a", "123", marks, p=0.99999)}, {"a"}).numbers["a"]
        assert (read.value, read.decision, read.why) == (123, "review", ("low_confidence",))
    assert decode(small, {"a": seen("a", "123", "123")}, {"a"}).numbers["a"].decision == "accepted"
