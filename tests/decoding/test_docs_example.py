"""The worked example of docs/decoding.md, figure by figure."""

import pytest

from ocr_pipeline.decoding import Policy, decode
from ocr_pipeline.decoding.channels import fused_lattice
from ocr_pipeline.decoding.own import read_alone
from tests.decoding.build import form, mixed_logs, number, rule, seen

CANDIDATES = ("paslon_1", "paslon_2", "paslon_3")
FORM = form([*(number(f, bubbles=True) for f in CANDIDATES), number("sah")], [rule("sah_jumlah", CANDIDATES, "sah")])
BOXES = mixed_logs({"X": 0.97}, {"3": 0.55, "5": 0.40}, {"2": 0.98})
VALID = mixed_logs({"1": 0.99}, {"5": 0.985}, {"9": 0.75, "4": 0.24})
FIELDS = {*CANDIDATES, "sah"}


def test_bubbles_settle_candidate_1() -> None:
    digits = fused_lattice(seen("paslon_1", BOXES), Policy())
    assert digits.best[0] == 32
    assert digits.values[32] == pytest.approx(0.51, abs=0.005)
    assert digits.values[52] == pytest.approx(0.37, abs=0.005)
    both = fused_lattice(seen("paslon_1", BOXES, "052"), Policy())
    assert both.best[0] == 52
    assert both.values[52] == pytest.approx(0.9977, abs=5e-5)
    assert both.values[32] == pytest.approx(0.0014, abs=5e-5)
    read = decode(FORM, {"paslon_1": seen("paslon_1", BOXES, "052")}, FIELDS).numbers["paslon_1"]
    assert (read.as_written, read.decision) == ("X52", "accepted")


def test_page_3_leaves_the_reading_uncertain() -> None:
    evidence = {
        "paslon_1": seen("paslon_1", BOXES, "052"),
        "paslon_2": seen("paslon_2", "X88", "088"),
        "paslon_3": seen("paslon_3", "X14", "_14"),
        "sah": seen("sah", VALID),
    }
    likely = read_alone(evidence["sah"], FORM.number("sah"), Policy()).candidates
    assert likely == {159: 0, 154: pytest.approx(1.14, abs=0.005), 59: pytest.approx(5.0, abs=0.05)}
    decoded = decode(FORM, evidence, FIELDS)
    assert decoded.verdict == "reading_uncertain"
    sah = decoded.numbers["sah"]
    assert (sah.value, sah.alternative, sah.why) == (159, 154, ("low_confidence", "rule_broken"))
    assert sah.p == pytest.approx(0.71, abs=0.005)
    assert [decoded.numbers[f].value for f in CANDIDATES] == [52, 88, 14]
    assert {decoded.numbers[f].why for f in CANDIDATES} == {("rule_broken",)}
    certain = decode(FORM, evidence | {"sah": seen("sah", "159")}, FIELDS)
    assert certain.verdict == "form_inconsistent"
    assert {n.decision for n in certain.numbers.values()} == {"review"}
