"""The look-alike of the regional election of 2020, in its four numbers of candidates."""

import numpy as np
import pytest

from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.library import form_ids, load_form

FORMS = {3: "c-hasil-kwk-2020", **{n: f"c-hasil-kwk-2020-n{n}" for n in (2, 4, 5)}}
LPJ = ("l", "p", "j")
ROWS = ("dpt", "dpph", "dptb", "pengguna_dpt", "pengguna_dpph", "pengguna_dptb", "pengguna", "disabilitas")
BALLOTS = ("surat_diterima", "surat_digunakan", "surat_dikembalikan", "surat_tidak_digunakan")
HARD = {"E1", "E2", "E3", "E4", "E5", "E6", "E7", "R2", "R3", "R4"}


@pytest.fixture(params=FORMS)
def count_and_form(request: pytest.FixtureRequest) -> tuple[int, FormDefinition]:
    return request.param, load_form(FORMS[request.param])


def test_every_number_of_candidates_is_a_form_of_the_library() -> None:
    assert set(FORMS.values()) == {form_id for form_id in form_ids() if form_id.startswith("c-hasil-kwk-2020")}


def test_the_fields_are_those_of_the_contract(count_and_form: tuple[int, FormDefinition]) -> None:
    count, form = count_and_form
    votes = [f"paslon_{i}" for i in range(1, count + 1)] + ["sah", "tidak_sah", "total"]
    assert {n.field for n in form.numbers} == {*(f"{row}_{k}" for row in ROWS for k in LPJ), *BALLOTS, *votes}
    assert {len(n.boxes) for n in form.numbers} == {3}
    assert {n.field for n in form.numbers if n.bubbles} == set(votes) - {"sah", "tidak_sah", "total"}
    assert all(n.words for n in form.numbers if n.bubbles)


def test_it_says_that_it_is_a_look_alike_and_sends_every_number_to_a_person(
    count_and_form: tuple[int, FormDefinition],
) -> None:
    count, form = count_and_form
    assert "contoh Turus" in form.title_id
    assert "look-alike" in form.title_en
    assert str(count) in form.title_id
    printed = {text.text for text in form.page(1).texts}
    assert "C.Hasil-KWK (contoh Turus / Turus look-alike)" in printed
    assert not form.measured_fields
    assert not form.tags
    assert not form.page(1).marks


def test_all_hard_rules_are_there_and_the_limits_are_those_of_2020(count_and_form: tuple[int, FormDefinition]) -> None:
    count, form = count_and_form
    assert {rule.code for rule in form.rules} == HARD | {"S1", "S2", "S3", "S4"}
    rules = {rule.id: rule for rule in form.rules}
    assert len(rules["sah_jumlah"].terms) == count
    assert rules["surat_cadangan"].check({"dpt_j": 480, "surat_diterima": 492}) is True
    assert rules["surat_cadangan"].check({"dpt_j": 480, "surat_diterima": 490}) is False
    assert rules["dpt_batas_tps"].check({"dpt_j": 500}) is True
    assert rules["dpt_batas_tps"].check({"dpt_j": 501}) is False


def test_the_lines_of_the_candidates_table_tell_the_forms_apart() -> None:
    """Registration sees little but ruled lines: many of one form's inner verticals must be missing in each other."""

    def inner(form_id: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        rules = load_form(form_id).page(1).rules
        return np.array([r.at_mm for r in rules if r.axis == "v" and r.from_mm >= 454 and r.to_mm <= 640])[1:-1]

    for count, form_id in FORMS.items():
        for other in set(FORMS) - {count}:
            missing = np.abs(inner(form_id)[:, None] - inner(FORMS[other])[None, :]).min(axis=1) > 3
            assert missing.mean() > 0.35, (count, other, missing.mean())
