"""The 2024 presidential form: its rules on whole polling stations, one mistake at a time."""

import pytest

from ocr_pipeline.decoding import decode
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.values import DecodedNumbers, NumberEvidence
from tests.decoding.build import mixed_logs, seen

TRUTH = {
    **{"dpt_l": 120, "dpt_p": 130, "dpt_j": 250, "pengguna_dpt_l": 90, "pengguna_dpt_p": 100, "pengguna_dpt_j": 190},
    **{"pengguna_dptb_l": 3, "pengguna_dptb_p": 1, "pengguna_dptb_j": 4, "pengguna_dpk_l": 2, "pengguna_dpk_p": 3},
    **{"pengguna_dpk_j": 5, "pengguna_l": 95, "pengguna_p": 104, "pengguna_j": 199, "surat_diterima": 255},
    **{"surat_digunakan": 199, "surat_dikembalikan": 1, "surat_tidak_digunakan": 55, "disabilitas_l": 1},
    **{"disabilitas_p": 2, "disabilitas_j": 3, "paslon_1": 92, "paslon_2": 88, "paslon_3": 14, "sah": 194},
    **{"tidak_sah": 5, "total": 199},
}


@pytest.fixture(scope="module")
def c_hasil() -> FormDefinition:
    return load_form("c-hasil-ppwp-2024")


def station(form: FormDefinition, **changed: int) -> dict[str, NumberEvidence]:
    """Clear evidence of a polling station where everything adds up but for what is changed."""
    found = {}
    for number in form.numbers:
        value = (TRUTH | changed)[number.field]
        marks = f"{value:03d}" if number.bubbles is not None else None
        found[number.field] = seen(number.field, str(value).rjust(3, "X"), marks)
    return found


def decoded(form: FormDefinition, evidence: dict[str, NumberEvidence]) -> DecodedNumbers:
    return decode(form, evidence, {n.field for n in form.numbers})


def broken(result: DecodedNumbers) -> set[str]:
    return {rule.id for rule in result.rules if rule.holds is False}


def test_station_where_everything_adds_up_is_accepted_whole(c_hasil: FormDefinition) -> None:
    result = decoded(c_hasil, station(c_hasil))
    assert result.verdict == "consistent"
    assert {name: read.value for name, read in result.numbers.items()} == TRUTH
    assert {read.decision for read in result.numbers.values()} == {"accepted"}
    assert broken(result) == set()


@pytest.mark.parametrize(
    ("code", "changed", "rules"),
    [
        ("E1", {"dpt_l": 121}, {"dpt_lp"}),
        ("E1", {"disabilitas_j": 4}, {"disabilitas_lp"}),
        (
            "E2",
            {"pengguna_dptb_l": 4, "pengguna_dptb_j": 5, "pengguna_dpk_j": 4},
            {"pengguna_l_jumlah", "pengguna_dpk_lp"},
        ),
        ("E3", {"surat_tidak_digunakan": 56}, {"surat_jumlah"}),
        ("E4", {"surat_digunakan": 198, "surat_tidak_digunakan": 56, "total": 198, "tidak_sah": 4}, {"surat_pengguna"}),
        ("E5", {"paslon_3": 15}, {"sah_jumlah"}),
        ("E6", {"tidak_sah": 6}, {"sah_total"}),
        ("E7", {"total": 200, "tidak_sah": 6}, {"total_digunakan"}),
        ("R2", {"paslon_1": 292}, {"sah_jumlah", "paslon_1_batas"}),
        ("R3", {"dpt_l": 80, "dpt_j": 210}, {"pengguna_dpt_l_batas", "surat_cadangan"}),
        ("R4", {"disabilitas_p": 199, "disabilitas_j": 200}, {"disabilitas_p_batas", "disabilitas_j_batas"}),
        ("S1", {"surat_diterima": 257, "surat_tidak_digunakan": 57}, {"surat_cadangan"}),
        ("S2", {"dpt_l": 177, "dpt_j": 307, "surat_diterima": 314, "surat_tidak_digunakan": 114}, {"dpt_batas_tps"}),
        ("S3", {"dpt_l": 91, "dpt_p": 100, "dpt_j": 191}, {"total_dpt", "surat_cadangan"}),
        ("S4", {"tidak_sah": 25, "sah": 174, "paslon_1": 72}, {"tidak_sah_tinggi"}),
        ("S4", {"paslon_1": 194, "paslon_2": 0, "paslon_3": 0}, {"paslon_1_semua"}),
        ("S4", {"dpt_l": 95, "dpt_p": 104, "dpt_j": 199}, {"pengguna_semua", "surat_cadangan"}),
    ],
)
def test_each_rule_is_noticed_and_only_errors_send_numbers_to_a_person(
    c_hasil: FormDefinition, code: str, changed: dict[str, int], rules: set[str]
) -> None:
    result = decoded(c_hasil, station(c_hasil, **changed))
    by_id = {rule.id: rule for rule in c_hasil.rules}
    assert broken(result) == rules
    assert code in {by_id[name].code for name in rules}
    errors = {name for name in rules if by_id[name].severity == "error"}
    assert result.verdict == ("form_inconsistent" if errors else "consistent")
    concerned = {field for name in errors for field in by_id[name].fields}
    assert {f for f, read in result.numbers.items() if read.decision == "review"} == concerned
    assert {name: read.value for name, read in result.numbers.items()} == TRUTH | changed


def test_page_2_alone_is_decided_without_the_rules_of_other_pages(c_hasil: FormDefinition) -> None:
    fields = {n.field for n in c_hasil.page(2).numbers}
    result = decode(c_hasil, {f: e for f, e in station(c_hasil).items() if f in fields}, c_hasil.measured_fields)
    assert set(result.numbers) == fields == {"paslon_1", "paslon_2", "paslon_3"}
    assert {read.decision for read in result.numbers.values()} == {"accepted"}
    assert {rule.holds for rule in result.rules} == {None}
    assert result.verdict == "incomplete"


def test_pages_in_any_order_give_the_same_answer(c_hasil: FormDefinition) -> None:
    evidence = station(c_hasil, tidak_sah=6)
    turned = dict(reversed(evidence.items()))
    one, other = decoded(c_hasil, evidence), decoded(c_hasil, turned)
    assert one == other
    assert list(one.numbers) == list(other.numbers) == [n.field for n in c_hasil.numbers]


def test_doubtful_figures_of_a_loop_are_named_by_arithmetic_but_not_changed(c_hasil: FormDefinition) -> None:
    """Rows and columns of the users cross: 195 for 95 + 100 is settled by both."""
    evidence = station(c_hasil)
    evidence["pengguna_dpt_l"] = seen("pengguna_dpt_l", mixed_logs({"X": 0.99}, {"7": 0.7, "9": 0.25}, {"0": 0.99}))
    result = decoded(c_hasil, evidence)
    read = result.numbers["pengguna_dpt_l"]
    assert (read.value, read.alternative) == (70, 90)
    assert read.why == ("low_confidence", "rule_broken")
    assert result.verdict == "reading_uncertain"
    assert {n.alternative for f, n in result.numbers.items() if f != "pengguna_dpt_l"} == {None}


def test_unread_totals_leave_accepted_what_other_sums_or_bubbles_hold_up(c_hasil: FormDefinition) -> None:
    evidence = station(c_hasil)
    evidence["sah"] = seen("sah", "???")
    result = decoded(c_hasil, evidence)
    assert result.verdict == "incomplete"
    assert result.numbers["sah"].value is None
    # Only sah + tidak_sah = total could have checked tidak_sah.
    assert {f for f, n in result.numbers.items() if n.decision == "review"} == {"sah", "tidak_sah"}
    assert result.numbers["tidak_sah"].why == ("low_confidence",)
