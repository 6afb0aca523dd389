"""What sums do to decisions and to the value shown, on small forms."""

import pytest

from ocr_pipeline.decoding import decode
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.values import DecodedNumbers, NumberEvidence
from tests.decoding.build import evidence_of, form, mixed_logs, number, rule, seen

VOTES = form(
    [number(f) for f in ("paslon_1", "paslon_2", "sah", "tidak_sah", "total")],
    [rule("sah_jumlah", ["paslon_1", "paslon_2"], "sah"), rule("sah_total", ["sah", "tidak_sah"], "total")],
)
CLEAR = {"paslon_1": "X17", "paslon_2": "163", "sah": "180", "tidak_sah": "XX8", "total": "188"}
UNSURE = mixed_logs({"1": 0.99}, {"6": 0.97}, {"3": 0.8, "5": 0.18})
"""163, and not sure enough alone."""


def votes(**changed: str | NumberEvidence) -> DecodedNumbers:
    evidence = evidence_of({**CLEAR, **changed})
    return decode(VOTES, evidence, set(evidence))


def accepted(decoded: DecodedNumbers) -> set[str]:
    return {name for name, read in decoded.numbers.items() if read.decision == "accepted"}


def test_a_sum_that_holds_accepts_what_the_boxes_alone_do_not() -> None:
    unsure = seen("paslon_2", UNSURE)
    alone = decode(VOTES, {"paslon_2": unsure}, CLEAR.keys()).numbers["paslon_2"]
    assert (alone.value, alone.why) == (163, ("low_confidence",))
    decoded = votes(paslon_2=unsure)
    assert accepted(decoded) == set(CLEAR)
    assert decoded.verdict == "consistent"
    # p is what the boxes say: arithmetic is no part of it.
    assert decoded.numbers["paslon_2"].p == alone.p


def test_several_unsure_numbers_hold_each_other() -> None:
    blurred = {name: seen(name, text, p=0.975) for name, text in CLEAR.items()}
    assert accepted(votes(**blurred)) == set(CLEAR)
    for name, evidence in blurred.items():
        assert decode(VOTES, {name: evidence}, CLEAR.keys()).numbers[name].why == ("low_confidence",)


def test_a_number_in_no_sum_still_needs_sure_boxes() -> None:
    lone = form([number("a"), number("b")], [rule("batas", ["a"], "b", kind="at_most")])
    evidence = {"a": seen("a", "X17", p=0.93), "b": seen("b", "188", p=0.93)}
    assert {n.why for n in decode(lone, evidence, {"a", "b"}).numbers.values()} == {("low_confidence",)}


@pytest.mark.parametrize("lost", ["paslon_2", "paslon_1", "sah"])
def test_misplaced_numbers_neither_are_confirmed_nor_confirm(lost: str) -> None:
    evidence = {lost: seen(lost, CLEAR[lost], placed=False)} | (
        {"paslon_2": seen("paslon_2", UNSURE, placed=lost != "paslon_2")}
    )
    read = votes(**evidence).numbers["paslon_2"]
    assert (read.value, read.why) == (163, ("low_confidence",))
    assert "total" in accepted(votes(**evidence)) or lost == "sah"


def test_a_broken_or_open_sum_confirms_nothing() -> None:
    unsure = seen("paslon_2", UNSURE)
    assert "rule_broken" in votes(paslon_2=unsure, sah="181", total="189").numbers["paslon_2"].why
    assert votes(paslon_2=unsure, sah="___").numbers["paslon_2"].why == ("low_confidence",)


def test_an_empty_number_does_not_spoil_the_other_sums() -> None:
    decoded = votes(
        paslon_1="___", total=seen("total", mixed_logs({"1": 0.9999}, {"8": 0.9999}, {"8": 0.8, "3": 0.18}))
    )
    assert decoded.numbers["paslon_1"].value is None
    assert decoded.numbers["paslon_1"].why == ("low_confidence", "rule_undecided")
    # The paper says nothing that could check paslon_2: its boxes decide.
    assert accepted(decoded) == {"paslon_2", "sah", "tidak_sah", "total"}


def test_numbers_with_bubbles_are_never_confirmed_by_a_sum() -> None:
    mixed = form([number("a", bubbles=True), number("b"), number("c")], [rule("jumlah", ["a", "b"], "c")])
    for marks in (None, "___"):
        evidence = {"a": seen("a", "X40", marks), "b": seen("b", "X52"), "c": seen("c", "X92")}
        assert decode(mixed, evidence, set("abc")).numbers["a"].why == ("low_confidence",)


def test_zeros_need_their_strokes_whatever_the_sum_says() -> None:
    faint = seen("tidak_sah", mixed_logs(*({"X": 0.8, "_": 0.18},) * 3))
    read = votes(tidak_sah=faint, total="180").numbers["tidak_sah"]
    assert (read.value, read.why) == (0, ("low_confidence",))
    blank = votes(tidak_sah="___", total="180").numbers["tidak_sah"]
    assert (blank.value, blank.decision) == (None, "review")
    assert votes(tidak_sah="XXX", total="180").numbers["tidak_sah"].decision == "accepted"


def test_nothing_but_zeros_confirms_nothing() -> None:
    unsure = {f: seen(f, "XX0", p=0.95) for f in ("paslon_1", "paslon_2", "sah")}
    decoded = votes(**unsure, total="XX8")
    assert {decoded.numbers[f].why for f in unsure} == {("low_confidence",)}


def test_the_same_shape_twice_in_one_hand_confirms_nothing() -> None:
    """A copy of a number repeats its digits, and the reader's mistake with them."""
    copied = form([number("sah"), number("rekap")], [rule("sama", ["sah"], "rekap")])
    doubtful = mixed_logs({"1": 0.99}, {"7": 0.9, "1": 0.09}, {"2": 0.99})
    evidence = {f: seen(f, doubtful) for f in ("sah", "rekap")}
    assert {n.why for n in decode(copied, evidence, {"sah", "rekap"}).numbers.values()} == {("low_confidence",)}


def test_sums_settle_which_of_two_unsure_readings_is_shown_to_a_person() -> None:
    torn = seen("sah", mixed_logs({"1": 0.99}, {"8": 0.99}, {"6": 0.54, "0": 0.43}))
    alone = decode(VOTES, {"sah": torn}, CLEAR.keys()).numbers["sah"]
    assert (alone.value, alone.as_written) == (186, "186")
    decoded = votes(sah=torn)
    read = decoded.numbers["sah"]
    assert (read.value, read.as_written, read.why, read.alternative) == (180, "180", ("low_confidence",), None)
    assert read.p == pytest.approx(0.41, abs=0.02)
    assert read.evidence["digits"].value == 186
    assert accepted(decoded) == set(CLEAR) - {"sah"}
    assert [r.holds for r in decoded.rules] == [True, True]
    assert decoded.verdict == "reading_uncertain"


def test_sums_do_not_fill_in_what_was_not_read() -> None:
    for boxes in ("18?", "???", "___", "1-0"):
        assert votes(sah=boxes).numbers["sah"].value is None


def test_a_number_torn_between_several_readings_is_shown_as_the_one_that_adds_up() -> None:
    torn = seen("sah", mixed_logs({"1": 0.99}, {"8": 0.99}, {"6": 0.36, "0": 0.3, "8": 0.3}))
    assert decode(VOTES, {"sah": torn}, CLEAR.keys()).numbers["sah"].value is None
    read = votes(sah=torn).numbers["sah"]
    assert (read.value, read.as_written, read.why) == (180, "180", ("low_confidence",))


def test_a_box_that_is_sure_is_never_changed_to_make_a_sum_hold() -> None:
    for boxes in ({"6": 0.75, "0": 0.24}, {"6": 0.98, "0": 0.02}, {"6": 0.999}):
        read = votes(sah=seen("sah", mixed_logs({"1": 0.99}, {"8": 0.99}, boxes))).numbers["sah"]
        assert read.value == 186
        assert "rule_broken" in read.why
    # The number as a whole is unsure, the box that would have to change is not.
    elsewhere = mixed_logs({"1": 0.99}, {"8": 0.65, "3": 0.33}, {"6": 0.9, "0": 0.09})
    assert votes(sah=seen("sah", elsewhere)).numbers["sah"].value == 186


def test_one_hand_does_not_talk_a_right_reading_out_of_its_boxes() -> None:
    """206 + 11 = 217 by a hand whose 2 looks like a 9: the sum was read 917, and 906 must not be shown for it."""
    unsure = seen("paslon_2", mixed_logs({"2": 0.54, "9": 0.44}, {"0": 0.99}, {"6": 0.99}))
    fooled = seen("sah", mixed_logs({"9": 0.95, "2": 0.04}, {"1": 0.99}, {"7": 0.99}))
    decoded = votes(paslon_1="X11", paslon_2=unsure, sah=fooled, tidak_sah="XX7", total="924")
    assert decoded.numbers["paslon_2"].value == 206
    assert "low_confidence" in decoded.numbers["paslon_2"].why


def test_boxes_that_look_sure_are_not_enough_where_a_sum_could_have_checked_them() -> None:
    """As on a real photo: an open-topped 4 read as 1 with p 1.0, in a sum with numbers that could not be read."""
    fooled = seen("paslon_1", "X11", p=0.9999)
    assert decode(VOTES, {"paslon_1": fooled}, CLEAR.keys()).numbers["paslon_1"].decision == "accepted"
    torn = mixed_logs({"1": 0.99}, {"6": 0.99}, {"3": 0.34, "8": 0.33, "5": 0.32})
    decoded = votes(paslon_1=fooled, paslon_2=seen("paslon_2", torn))
    assert decoded.numbers["paslon_1"].why == ("low_confidence",)


def test_a_sum_that_holds_by_two_settled_numbers_confirms_no_third() -> None:
    """68 + 25 + 86 + 91 = 270: torn numbers find some way to add up with a wrong one."""
    three = form([number(f) for f in "abcd"] + [number("sum")], [rule("jumlah", list("abcd"), "sum")])
    evidence = evidence_of({"a": "X68", "d": "X91", "sum": "270"})
    evidence["b"] = seen("b", mixed_logs({"X": 0.99}, {"2": 0.99}, {"6": 0.5, "5": 0.49}))
    evidence["c"] = seen("c", mixed_logs({"X": 0.99}, {"8": 0.99}, {"5": 0.5, "6": 0.3}))
    decoded = decode(three, evidence, set(evidence))
    assert accepted(decoded) == set()


def test_a_wall_form_of_2017_with_an_empty_number() -> None:
    """As on a real photo: the candidates' sum was left empty above the recap, where it is filled in."""
    kwk = load_form("c1-kwk-plano-2017")
    texts = {"paslon_1": "020", "paslon_2": "413", "paslon_3": "088", "sah": "___", "tidak_sah": "004"}
    texts |= {"recap_sah": "521", "recap_tidak_sah": "004", "recap_total": "525"}
    decoded = decode(kwk, {f: seen(f, t, p=0.99) for f, t in texts.items()}, texts.keys())
    assert decoded.numbers["sah"].value is None
    assert decoded.verdict == "incomplete"
    assert {"recap_sah", "recap_total"} <= accepted(decoded)
    assert "sah" not in accepted(decoded)
