from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.forms.rules import ArithmeticRule, Kind

FORM = load_form("c-hasil-ppwp-2024")
RULES = {r.id: r for r in FORM.rules}

SOUND = {
    "dpt_l": 120, "dpt_p": 130, "dpt_j": 250,
    "pengguna_dpt_l": 100, "pengguna_dpt_p": 110, "pengguna_dpt_j": 210,
    "pengguna_dptb_l": 1, "pengguna_dptb_p": 2, "pengguna_dptb_j": 3,
    "pengguna_dpk_l": 3, "pengguna_dpk_p": 4, "pengguna_dpk_j": 7,
    "pengguna_l": 104, "pengguna_p": 116, "pengguna_j": 220,
    "surat_diterima": 255, "surat_digunakan": 220, "surat_dikembalikan": 1, "surat_tidak_digunakan": 34,
    "disabilitas_l": 1, "disabilitas_p": 0, "disabilitas_j": 1,
    "paslon_1": 60, "paslon_2": 140, "paslon_3": 15, "sah": 215, "tidak_sah": 5, "total": 220,
}  # fmt: skip
"""A station added up by hand: 250 registered, 210 + 3 + 7 = 220 came, 250 + 2 % = 255 ballots, 215 + 5 = 220 votes."""

BROKEN_BY = [
    ("E1", {"dpt_l": 121}, {"dpt_lp"}),
    ("E1", {"pengguna_dptb_p": 3}, {"pengguna_dptb_lp"}),
    ("E1", {"disabilitas_l": 0}, {"disabilitas_lp"}),
    ("E2", {"pengguna_dpk_l": 4}, {"pengguna_l_jumlah"}),
    ("E2", {"pengguna_dpk_p": 5}, {"pengguna_p_jumlah"}),
    ("E2", {"pengguna_dptb_j": 4}, {"pengguna_j_jumlah"}),
    ("E3", {"surat_tidak_digunakan": 35}, {"surat_jumlah"}),
    ("E3", {"surat_dikembalikan": 0}, {"surat_jumlah"}),
    ("E4", {"pengguna_j": 221}, {"surat_pengguna"}),
    ("E5", {"paslon_3": 16}, {"sah_jumlah"}),
    ("E6", {"tidak_sah": 6}, {"sah_total"}),
    ("E7", {"total": 221}, {"total_digunakan"}),
    ("E7", {"surat_digunakan": 219}, {"total_digunakan"}),
    ("R2", {"paslon_2": 216}, {"paslon_2_batas"}),
    ("R2", {"sah": 221}, {"sah_batas"}),
    ("R2", {"total": 256}, {"total_batas"}),
    ("R3", {"pengguna_dpt_l": 121}, {"pengguna_dpt_l_batas"}),
    ("R3", {"dpt_p": 109}, {"pengguna_dpt_p_batas"}),
    ("R3", {"pengguna_dpt_j": 251}, {"pengguna_dpt_j_batas"}),
    ("R4", {"disabilitas_p": 117}, {"disabilitas_p_batas"}),
    ("R4", {"disabilitas_j": 221}, {"disabilitas_j_batas"}),
    ("S1", {"surat_diterima": 257}, {"surat_cadangan"}),
    ("S1", {"surat_diterima": 253}, {"surat_cadangan"}),
    ("S2", {"dpt_j": 301}, {"dpt_batas_tps"}),
    ("S3", {"total": 256}, {"total_dpt"}),
    ("S4", {"tidak_sah": 23}, {"tidak_sah_tinggi"}),
    ("S4", {"paslon_1": 215}, {"paslon_1_semua"}),
    ("S4", {"total": 0}, {"total_kosong"}),
    ("S4", {"pengguna_j": 250}, {"pengguna_semua"}),
]
"""One figure changed so that a rule of this code fails, worked out by hand."""


def test_every_rule_holds_for_a_station_that_adds_up() -> None:
    assert {r.id: r.check(SOUND) for r in FORM.rules} == dict.fromkeys(RULES, True)


def test_the_rule_book_is_complete_and_warnings_are_the_s_rules() -> None:
    codes = {r.code for r in FORM.rules}
    assert codes == {*(f"E{n}" for n in range(1, 8)), "R2", "R3", "R4", "S1", "S2", "S3", "S4"}
    for rule in FORM.rules:
        assert rule.severity == ("warning" if rule.code.startswith("S") else "error"), rule.id


@pytest.mark.parametrize(("code", "change", "broken"), BROKEN_BY)
def test_a_rule_notices_its_own_mistake(code: str, change: Mapping[str, int], broken: set[str]) -> None:
    values = {**SOUND, **change}
    assert {r.id for r in FORM.rules if r.code == code and r.check(values) is False} == broken


@pytest.mark.parametrize("rule", FORM.rules, ids=lambda r: r.id)
def test_a_rule_says_nothing_while_one_of_its_numbers_is_missing_or_undecided(rule: ArithmeticRule) -> None:
    for field in rule.fields:
        assert rule.check({**SOUND, field: None}) is None
        assert rule.check({k: v for k, v in SOUND.items() if k != field}) is None


@pytest.mark.parametrize(
    ("kind", "terms", "total", "params", "holds"),
    [
        ("sum", (60, 140, 15), 215, {}, True),
        ("sum", (60, 140, 15), 214, {}, False),
        ("sum", (0,), 0, {}, True),
        ("at_most", (5,), 5, {}, True),
        ("at_most", (6,), 5, {}, False),
        ("limit", (300,), None, {"max": 300}, True),
        ("limit", (301,), None, {"max": 300}, False),
        ("reserve", (250,), 255, {"rate": 0.02, "tolerance": 0}, True),
        ("reserve", (250,), 256, {"rate": 0.02, "tolerance": 0}, False),
        ("reserve", (251,), 257, {"rate": 0.02, "tolerance": 0}, True),  # 5.02 rounds up to 6
        ("reserve", (251,), 256, {"rate": 0.02, "tolerance": 0}, False),
        ("reserve", (251,), 256, {"rate": 0.02, "tolerance": 1}, True),
        ("reserve", (251,), 259, {"rate": 0.02, "tolerance": 1}, False),
        ("reserve", (0,), 0, {"rate": 0.02, "tolerance": 0}, True),
        ("reserve", (100,), 107, {"rate": 0.07, "tolerance": 0}, True),  # in floating point 7.000000000000001
        ("reserve", (40,), 41, {"rate": 0.025, "tolerance": 0}, True),
        ("ratio_at_most", (102,), 100, {"factor": 1.02}, True),
        ("ratio_at_most", (103,), 100, {"factor": 1.02}, False),
        ("share_at_most", (10,), 100, {"share": 0.1}, True),
        ("share_at_most", (11,), 100, {"share": 0.1}, False),
        ("share_at_most", (7,), 0, {"share": 0.1}, True),
        ("not_all", (100,), 100, {}, False),
        ("not_all", (99,), 100, {}, True),
        ("not_all", (0,), 0, {}, True),
        ("positive", (1,), None, {}, True),
        ("positive", (0,), None, {}, False),
        ("differs", (220,), 250, {}, True),
        ("differs", (250,), 250, {}, False),
        ("differs", (0,), 0, {}, False),
    ],
)
def test_each_kind_of_rule(
    kind: Kind, terms: tuple[int, ...], total: int | None, params: Mapping[str, float], holds: bool
) -> None:
    names = tuple(f"t{n}" for n in range(len(terms)))
    rule = ArithmeticRule("r", "E1", kind, "error", names, None if total is None else "T", params)
    values: dict[str, int | None] = dict(zip(names, terms, strict=True))
    if total is not None:
        values["T"] = total
    assert rule.check(values) is holds


@given(st.integers(0, 999))
def test_the_reserve_is_the_exact_two_percent_rounded_up(registered: int) -> None:
    rule = ArithmeticRule("r", "S1", "reserve", "warning", ("dpt",), "surat", {"rate": 0.02, "tolerance": 0})
    right = registered + (2 * registered + 99) // 100
    assert rule.check({"dpt": registered, "surat": right}) is True
    assert rule.check({"dpt": registered, "surat": right + 1}) is False


@given(st.integers(1, 999))
def test_the_turnout_limit_is_exact_at_every_size(registered: int) -> None:
    """1.02 has no exact binary form: the largest allowed whole number must still be allowed."""
    largest = 102 * registered // 100
    rule = RULES["total_dpt"]
    assert rule.check({"total": largest, "dpt_j": registered}) is True
    assert rule.check({"total": largest + 1, "dpt_j": registered}) is False


@given(st.integers(1, 99))
def test_the_share_limit_is_exact_at_every_size(tenth: int) -> None:
    rule = RULES["tidak_sah_tinggi"]
    assert rule.check({"tidak_sah": tenth, "total": 10 * tenth}) is True
    assert rule.check({"tidak_sah": tenth, "total": 10 * tenth - 1}) is False


@given(st.dictionaries(st.sampled_from(sorted(SOUND)), st.integers(0, 999) | st.none()))
def test_checking_never_fails_whatever_was_read(values: dict[str, int | None]) -> None:
    for rule in FORM.rules:
        known = all(values.get(field) is not None for field in rule.fields)
        assert (rule.check(values) is None) is not known
