"""The wall forms of 2017 and 2019, measured on photos: their fields, their rules, and whether the paper agrees."""

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.evaluation.labels import load_labels
from ocr_pipeline.evaluation.residual import fitted_without_boxes, residuals
from ocr_pipeline.forms.definition import FormDefinition, Number, Page
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.imaging.decode import decode_photo, iter_photos
from ocr_pipeline.registration.model import page_model
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.register import register
from ocr_pipeline.synthesis.draw import draw_page

PPWP, DPR, KWK = (load_form(f) for f in ("c1-plano-ppwp-2019", "c1-plano-dpr-2019", "c1-kwk-plano-2017"))
FORMS = [PPWP, DPR, KWK]
TALLIED = [(form, number) for form in FORMS for number in form.numbers if number.tally is not None]
CALON = tuple(f"calon_{k}" for k in range(1, 11))

FIELDS = {
    PPWP.id: (2, ["paslon_1", "paslon_2", "tidak_sah", "sah", "total"]),
    DPR.id: (2, ["partai", *CALON, "jumlah"]),
    KWK.id: (
        1,
        ["paslon_1", "paslon_2", "paslon_3", "sah", "tidak_sah", "recap_sah", "recap_tidak_sah", "recap_total"],
    ),
}
"""Page and field ids of the reading contract, in the order in which the paper has them."""

STATIONS = {
    PPWP.id: {"paslon_1": 110, "paslon_2": 92, "tidak_sah": 8, "sah": 202, "total": 210},
    DPR.id: {"partai": 20, **dict.fromkeys(CALON, 3), "jumlah": 50},
    KWK.id: {
        **{"paslon_1": 110, "paslon_2": 200, "paslon_3": 92, "sah": 402, "tidak_sah": 8},
        **{"recap_sah": 402, "recap_tidak_sah": 8, "recap_total": 410},
    },
}
"""Polling stations at which everything adds up."""


def broken(form: FormDefinition, changed: dict[str, int], severity: str) -> set[str]:
    values = {**STATIONS[form.id], **changed}
    return {r.id for r in form.rules if r.severity == severity and r.check(values) is False}


def field_names(case: object) -> str:
    return case.id if isinstance(case, FormDefinition) else case.field if isinstance(case, Number) else str(case)


@pytest.mark.parametrize("form", FORMS, ids=field_names)
def test_the_fields_of_the_contract_stand_on_the_sheet_from_top_to_bottom(form: FormDefinition) -> None:
    page, fields = FIELDS[form.id]
    assert [(p.page, [n.field for n in p.numbers]) for p in form.pages] == [(page, fields)]
    assert [n.review_order for n in form.numbers] == list(range(1, len(fields) + 1))
    assert all(below.area_mm.y_mm > above.area_mm.y_mm for above, below in pairwise(form.numbers))
    assert {len(n.boxes) for n in form.numbers} == {3}


@pytest.mark.parametrize(
    ("form", "columns", "rows"),
    [(PPWP, 12, {5}), (DPR, 12, {5}), (KWK, 15, {11, 4})],
    ids=field_names,
)
def test_tally_grids_have_the_cells_of_the_paper(form: FormDefinition, columns: int, rows: set[int]) -> None:
    grids = [n.tally for n in form.numbers if n.tally is not None]
    assert {len(g.x_mm) - 1 for g in grids} == {columns}
    assert {len(g.y_mm) - 1 for g in grids} == rows
    for grid in grids:
        for edges in (grid.x_mm, grid.y_mm):
            assert np.ptp(np.diff(edges)) < 0.25, "rows and columns are printed at one pitch"


@pytest.mark.parametrize(("form", "number"), TALLIED, ids=field_names)
def test_row_totals_stand_between_their_tally_and_the_boxes_of_the_number(form: FormDefinition, number: Number) -> None:
    assert number.tally is not None
    assert number.row_totals is not None
    assert number.row_totals.y_mm == number.tally.y_mm
    assert number.tally.x_mm[-1] == number.row_totals.x_mm[0]
    assert number.row_totals.x_mm[-1] == number.boxes[0].x_mm
    assert number.boxes[0].y_mm == number.tally.y_mm[0]


@pytest.mark.parametrize("form", FORMS, ids=field_names)
def test_words_have_a_place_of_their_own(form: FormDefinition) -> None:
    boxes = [b for n in form.numbers for b in n.boxes]
    places = [n.words for n in form.numbers if n.words is not None]
    assert len(places) == len(form.numbers)
    for i, place in enumerate(places):
        assert not any(place.overlaps(other) for other in [*boxes, *places[i + 1 :]])


@pytest.mark.parametrize("form", FORMS, ids=field_names)
def test_boxes_hang_on_the_rules_of_the_table(form: FormDefinition) -> None:
    """Top edge and outer sides are lines of the table; where they were measured apart they would drift apart."""
    (page,) = form.pages
    for number in form.numbers:
        area = number.area_mm
        across, down = area.centre_mm
        assert _nearest_rule(page, "h", area.y_mm, across) < 0.05, number.field
        if not number.field.startswith("recap"):
            for side in (area.x_mm, area.x_mm + area.w_mm):
                assert _nearest_rule(page, "v", side, down) < 0.05, number.field


def _nearest_rule(page: Page, axis: str, at_mm: float, along_mm: float) -> float:
    rules = [r for r in page.rules if r.axis == axis and r.from_mm <= along_mm <= r.to_mm]
    return min(abs(r.at_mm - at_mm) for r in rules)


@pytest.mark.parametrize("form", FORMS, ids=field_names)
def test_grey_bars_are_drawn_and_leave_every_place_to_write_in_white(form: FormDefinition) -> None:
    (page,) = form.pages
    picture = cv2.cvtColor(draw_page(page, 1.0), cv2.COLOR_BGR2GRAY)
    assert page.fills
    for fill in page.fills:
        x, y = fill.area.centre_mm
        assert picture[round(y), round(x)] == fill.grey
    for box in (b for n in page.numbers for b in n.boxes):
        x, y = (round(c) for c in box.centre_mm)
        assert picture[y - 2 : y + 3, x - 4 : x + 5].min() == 255


@pytest.mark.parametrize("form", FORMS, ids=field_names)
def test_a_station_that_adds_up_breaks_no_rule(form: FormDefinition) -> None:
    assert set(STATIONS[form.id]) == {n.field for n in form.numbers}
    assert not broken(form, {}, "error")
    assert not broken(form, {}, "warning")


@pytest.mark.parametrize(("form", "field"), [(f, n.field) for f in FORMS for n in f.numbers], ids=field_names)
def test_one_number_that_is_wrong_breaks_a_rule(form: FormDefinition, field: str) -> None:
    assert broken(form, {field: STATIONS[form.id][field] + 1}, "error")


@pytest.mark.parametrize(
    ("form", "rule", "wrong"),
    [
        (PPWP, "sah_jumlah", {"paslon_2": 93}),
        (PPWP, "sah_total", {"total": 211}),
        (PPWP, "tidak_sah_batas", {"tidak_sah": 211}),
        (PPWP, "total_batas_tps", {"total": 307}),
        (PPWP, "tidak_sah_tinggi", {"tidak_sah": 22}),
        (PPWP, "paslon_1_semua", {"paslon_1": 202}),
        (DPR, "jumlah_partai_calon", {"calon_10": 4}),
        (DPR, "partai_batas", {"partai": 51}),
        (KWK, "sah_jumlah", {"paslon_3": 93}),
        (KWK, "recap_sah_sama", {"recap_sah": 403}),
        (KWK, "recap_tidak_sah_sama", {"recap_tidak_sah": 9}),
        (KWK, "recap_jumlah", {"recap_total": 409}),
        (KWK, "total_batas_tps", {"recap_total": 821}),
    ],
    ids=field_names,
)
def test_the_rule_that_is_meant_is_the_one_that_breaks(form: FormDefinition, rule: str, wrong: dict[str, int]) -> None:
    assert rule in broken(form, wrong, "error") | broken(form, wrong, "warning")


def test_a_party_without_votes_is_nothing_unusual() -> None:
    nothing = dict.fromkeys(STATIONS[DPR.id], 0)
    assert not [r.id for r in DPR.rules if r.check(nothing) is False]


def test_the_labelled_photos_break_no_error_rule(shared_dir: Path) -> None:
    folder = shared_dir / "realforms"
    labels = [json.loads(line) for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    seen = 0
    for label in labels:
        for form in FORMS:
            if label.get("form") == form.id:
                seen += 1
                assert set(label["values"]) == {n.field for n in form.numbers}, label["file"]
                wrong = [r.id for r in form.rules if r.severity == "error" and r.check(label["values"]) is False]
                assert not wrong, label["file"]
    assert seen == 6


@pytest.mark.parametrize(
    "file", ["c1-plano-ppwp-2019/4.jpg", "c1-plano-dpr-2019/dpr-pkb.jpg", "c1-kwk-plano-2017/3.jpg"]
)
def test_photos_have_their_box_edges_where_the_definition_says(shared_dir: Path, file: str) -> None:
    """The fit knows nothing of box edges, and the page's other rules put them within a px of a page 1,000 px wide."""
    (label,) = [x for x in load_labels(shared_dir / "realforms" / "labels.jsonl") if x.file == file]
    pyramid = Pyramid(decode_photo(next(iter_photos(label.path))).grey)
    fit = register(pyramid, [page_model(f.id, p.page) for f in FORMS for p in f.pages])
    assert (fit.model.key, fit.turn) == ((label.form, label.page), 0)

    page = fit.model.page
    found = residuals(label, pyramid, page, fitted_without_boxes(pyramid, fit))

    assert found.unseen == 0
    assert np.median(found.off_px) < 0.5
    assert np.percentile(found.off_px, 90) < 1.0
