"""The residual is what it says: a right fit has none, a shifted one its shift; no box edge takes part in the fit."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.evaluation.labels import Label, load_labels
from ocr_pipeline.evaluation.residual import (
    PAGE_WIDTH_PX,
    WINDOW_PX,
    fitted_without_boxes,
    measure,
    residuals,
    table,
    without_boxes,
)
from ocr_pipeline.forms.definition import Page, Rule
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.reader import Reader
from ocr_pipeline.registration.fit import MESH_NODES
from ocr_pipeline.registration.gate import Score
from ocr_pipeline.registration.model import page_model
from ocr_pipeline.registration.page_fit import PageFit
from ocr_pipeline.registration.page_map import Mesh, PageMap
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.values import Floats, Grey

FORM = "c1-plano-ppwp-2019"
PAGE = load_form(FORM).page(2)
PX_PER_MM = PAGE_WIDTH_PX / PAGE.size_mm[0]
LABEL = Label("a.jpg", "a.jpg", FORM, 2, {}, {}, False, "", None)


@pytest.fixture(scope="module")
def drawn() -> Grey:
    picture = draw_page(PAGE, PX_PER_MM)
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def lying_at(x_mm: float, y_mm: float) -> PageMap:
    """The map of the drawing, off by so much."""
    shifted = np.array([[PX_PER_MM, 0, x_mm * PX_PER_MM - 0.5], [0, PX_PER_MM, y_mm * PX_PER_MM - 0.5], [0, 0, 1]])
    return PageMap(shifted, Mesh.flat(PAGE.size_mm, *MESH_NODES))


def found(drawn: Grey, page_map: PageMap) -> Floats:
    return residuals(LABEL, Pyramid(drawn), PAGE, page_map).off_px


def test_a_right_map_has_no_residual(drawn: Grey) -> None:
    off_px = found(drawn, lying_at(0, 0))

    assert len(off_px) == 4 * len(PAGE.numbers)
    assert np.median(off_px) < 0.15
    assert np.percentile(off_px, 90) < 0.4


@pytest.mark.parametrize("shift_px", [1.5, -2.5])
def test_a_shifted_map_has_its_shift_as_residual(drawn: Grey, shift_px: float) -> None:
    shift_mm = shift_px / PX_PER_MM

    off_px = found(drawn, lying_at(shift_mm, shift_mm))

    assert np.median(off_px) == pytest.approx(abs(shift_px), abs=0.15)


def test_lines_that_cannot_be_seen_are_counted_and_have_no_residual(drawn: Grey) -> None:
    blank = residuals(LABEL, Pyramid(np.full_like(drawn, 220)), PAGE, lying_at(0, 0))

    assert (len(blank.off_px), blank.unseen) == (0, 4 * len(PAGE.numbers))


@pytest.mark.parametrize(("form", "page"), [(FORM, 2), ("c1-ppwp-2019", 1), ("c-hasil-ppwp-2024", 2)])
def test_no_rule_that_is_fitted_runs_along_a_box(form: str, page: int) -> None:
    whole = load_form(form).page(page)
    rest = without_boxes(whole)

    assert rest.box_rules == ()
    assert len(rest.rules) > 20
    for rule in rest.rules:
        for edge in whole.box_rules:
            beside = edge.axis == rule.axis and abs(edge.at_mm - rule.at_mm) <= 2.5
            assert not (beside and rule.from_mm < edge.to_mm and edge.from_mm < rule.to_mm), (rule, edge)


def test_a_rule_through_a_row_of_boxes_keeps_what_lies_beside_them() -> None:
    box = PAGE.numbers[0].boxes
    along = Rule("h", box[0].y_mm, box[0].x_mm - 100, box[-1].x_mm + box[-1].w_mm + 100, 1, 40)
    page: Page = replace(PAGE, rules=(along,), numbers=PAGE.numbers[:1])

    left, right = without_boxes(page).rules

    assert (left.from_mm, right.to_mm) == (along.from_mm, along.to_mm)
    assert left.to_mm < box[0].x_mm
    assert right.from_mm > box[-1].x_mm + box[-1].w_mm


def test_the_fit_without_boxes_does_not_rest_on_where_it_starts(drawn: Grey) -> None:
    fit = PageFit(page_model(FORM, 2), 0, lying_at(5, -4), Score(1, 1, 1), confirmed=True)

    off_px = found(drawn, fitted_without_boxes(Pyramid(drawn), fit))

    assert np.percentile(off_px, 90) < 0.5


def test_the_table_has_a_row_a_family_and_one_over_all(drawn: Grey) -> None:
    right, shifted = (residuals(LABEL, Pyramid(drawn), PAGE, lying_at(0, mm)) for mm in (0, 2 / PX_PER_MM))
    other = replace(shifted, label=replace(LABEL, form="f"), unseen=3)

    rows = [line.split() for line in table([right, other]).splitlines()]

    lines = 4 * len(PAGE.numbers)
    assert rows[1][:5] == [FORM, "p2", "1", str(lines), "0"]
    assert rows[2][:5] == ["f", "p2", "1", str(lines + 3), "3"]
    assert rows[3][:4] == ["all", "2", str(2 * lines + 3), "3"]
    assert float(rows[3][5]) <= WINDOW_PX


def test_real_photos_are_measured_where_they_are_read_as_what_they_are(shared_dir: Path) -> None:
    labels = load_labels(shared_dir / "realforms" / "labels.jsonl")
    scan = next(label for label in labels if label.file == "c1-ppwp-2019/aceh-01aluebagok_01-p2.png")

    (one,) = measure([scan, replace(scan, page=1)], Reader.load())

    assert one.label is scan
    assert len(one.off_px) >= 18
    assert np.percentile(one.off_px, 90) < 1.5
