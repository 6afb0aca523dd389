import pytest

from ocr_pipeline.errors import UnknownFormError
from ocr_pipeline.forms.definition import Box
from ocr_pipeline.forms.library import form_ids, load_form

FORM = load_form("c-hasil-ppwp-2024")

LPJ = ("l", "p", "j")
CONTRACT = {
    1: [f"{stem}_{k}" for stem in ("dpt", "pengguna_dpt", "pengguna_dptb", "pengguna_dpk", "pengguna") for k in LPJ]
    + ["surat_diterima", "surat_digunakan", "surat_dikembalikan", "surat_tidak_digunakan"]
    + [f"disabilitas_{k}" for k in LPJ],
    2: ["paslon_1", "paslon_2", "paslon_3"],
    3: ["sah", "tidak_sah", "total"],
}
"""Field ids of the reading contract, written out: other programs rely on them."""


@pytest.mark.parametrize("form_id", form_ids())
def test_every_form_of_the_library_loads_under_its_own_name(form_id: str) -> None:
    form = load_form(form_id)
    assert form.id == form_id
    assert form.numbers


def test_an_unknown_form_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UnknownFormError) as caught:
        load_form("c-hasil-dpr-2024")
    assert caught.value.code == "unknown_form"
    assert FORM.id in caught.value.message_id
    assert "c-hasil-dpr-2024" in caught.value.message_en


def test_the_2024_form_has_the_fields_of_the_contract() -> None:
    assert {page.page: {n.field for n in page.numbers} for page in FORM.pages} == {
        page: set(fields) for page, fields in CONTRACT.items()
    }
    assert len(FORM.numbers) == 28


def test_every_number_has_three_boxes_and_fits_them() -> None:
    assert {len(n.boxes) for n in FORM.numbers} == {3}
    assert {n.largest for n in FORM.numbers} == {999}


def test_only_the_candidates_have_bubbles_and_tallies_in_2024() -> None:
    with_bubbles = {n.field for n in FORM.numbers if n.bubbles is not None}
    assert with_bubbles == set(CONTRACT[2])
    for field in CONTRACT[2]:
        bubbles = FORM.number(field).bubbles
        assert bubbles is not None
        assert len(bubbles.x_mm) == 3
        assert len(bubbles.y_mm) == 10


def test_bubbles_lie_below_their_own_box() -> None:
    for field in CONTRACT[2]:
        number = FORM.number(field)
        assert number.bubbles is not None
        for box, x in zip(number.boxes, number.bubbles.x_mm, strict=True):
            assert box.x_mm < x < box.x_mm + box.w_mm
        assert min(number.bubbles.y_mm) > max(b.y_mm + b.h_mm for b in number.boxes)


def test_pages_are_named_by_the_tags_101_to_103() -> None:
    assert FORM.tags == {("36h10", 100 + page): page for page in (1, 2, 3)}


def test_only_page_2_counts_as_measured() -> None:
    assert FORM.measured_fields == set(CONTRACT[2])


def test_the_reviewer_gets_the_numbers_from_1_without_gaps() -> None:
    assert sorted(n.review_order for n in FORM.numbers) == list(range(1, 29))
    assert len({n.excel_column for n in FORM.numbers}) == 28


def test_the_rules_of_one_page_are_those_with_all_numbers_on_it() -> None:
    assert {r.code for r in FORM.rules_within(CONTRACT[3])} == {"E6", "R2", "S4"}
    assert "E7" not in {r.code for r in FORM.rules_within(CONTRACT[2] + CONTRACT[3])}
    assert FORM.rules_within([n.field for n in FORM.numbers]) == FORM.rules


def test_asking_for_what_is_not_there_raises() -> None:
    with pytest.raises(KeyError):
        FORM.page(4)
    with pytest.raises(KeyError):
        FORM.number("paslon_4")


def test_boxes_that_only_touch_do_not_overlap() -> None:
    box = Box(0, 0, 10, 10)
    assert not box.overlaps(Box(10, 0, 10, 10))
    assert not box.overlaps(Box(0, 10, 10, 10))
    assert box.overlaps(Box(9.9, 9.9, 10, 10))
    assert box.overlaps(Box(2, 2, 1, 1))
    assert box.centre_mm == (5, 5)
