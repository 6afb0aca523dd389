from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from ocr_pipeline.forms.definition import Number
from ocr_pipeline.registration.page_map import Mesh, PageMap
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.snap import NumberFit, number_area, snap_number
from ocr_pipeline.values import Floats
from tests.registration.shots import FORM, drawing_map, drawn

SCALE = 2.0
ROW_MM, COLUMN_MM = 10.5, 23.5
"""Pitches of the bubble grid: the wrong places that look right."""


@cache
def photo(page: int, blur_mm: float = 0.0) -> Pyramid:
    grey = drawn(FORM.page(page), SCALE)
    if blur_mm:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), blur_mm * SCALE), np.uint8)
    return Pyramid(grey)


def snap(page: int, number: Number, dx_mm: float, dy_mm: float, blur_mm: float = 0.0) -> NumberFit:
    """Looks for a number with a map that puts it ``dx_mm``, ``dy_mm`` away from where it is printed."""
    wrong = np.array([[1, 0, dx_mm], [0, 1, dy_mm], [0, 0, 1.0]])
    page_map = PageMap(drawing_map(SCALE) @ wrong, Mesh.flat(FORM.page(page).size_mm, 14, 7))
    return snap_number(photo(page, blur_mm), page_map, number, max(blur_mm, 0.3))[0]


PASLON = FORM.page(2).numbers
PLAIN = (*FORM.page(1).numbers[::7], *FORM.page(3).numbers)


def page_of(number: Number) -> int:
    return next(p.page for p in FORM.pages if number in p.numbers)


@pytest.mark.parametrize("number", PASLON, ids=lambda n: n.field)
@pytest.mark.parametrize("off", [(0, 0), (6, 0), (-6, 0), (0, 6), (0, -6), (4, 4), (-3, 5)])
def test_a_candidate_up_to_6_mm_away_is_found_within_a_millimetre(number: Number, off: tuple[float, float]) -> None:
    fit = snap(2, number, *off)
    assert fit.placed
    assert np.abs(fit.shift_mm + off).max() < 1
    assert fit.ring_shift_mm is not None
    assert np.abs(fit.ring_shift_mm + off).max() < 1
    assert fit.rows_seen >= 9


@pytest.mark.parametrize("number", PLAIN, ids=lambda n: n.field)
@pytest.mark.parametrize("off", [(0, 0), (2, -2), (-4, 4), (6, 0), (0, -6)])
def test_boxes_without_bubbles_are_found_too(number: Number, off: tuple[float, float]) -> None:
    fit = snap(page_of(number), number, *off)
    assert fit.placed
    assert np.abs(fit.shift_mm + off).max() < 1
    assert fit.ring_shift_mm is None


@pytest.mark.parametrize("blur_mm", [0.7, 1.1])
def test_soft_print_is_found_as_soft_print(blur_mm: float) -> None:
    for number in PASLON:
        fit = snap(2, number, 3, -3, blur_mm)
        assert fit.placed
        assert np.abs(fit.shift_mm + (3, -3)).max() < 1


WHOLE_STEPS = [(0, ROW_MM), (0, -ROW_MM), (COLUMN_MM, 0), (-COLUMN_MM, 0), (COLUMN_MM, ROW_MM)]


@pytest.mark.parametrize("number", PASLON, ids=lambda n: n.field)
@pytest.mark.parametrize("off", WHOLE_STEPS)
def test_a_map_one_row_or_column_off_is_not_placed(number: Number, off: tuple[float, float]) -> None:
    assert not snap(2, number, *off).placed


@pytest.mark.parametrize("number", PASLON, ids=lambda n: n.field)
@pytest.mark.parametrize("off", WHOLE_STEPS)
def test_a_bubble_grid_one_row_or_column_off_is_not_placed_though_the_boxes_fit(
    number: Number, off: tuple[float, float]
) -> None:
    assert number.bubbles is not None
    wrong = replace(
        number.bubbles,
        x_mm=tuple(x + off[0] for x in number.bubbles.x_mm),
        y_mm=tuple(y + off[1] for y in number.bubbles.y_mm),
    )
    assert not snap(2, replace(number, bubbles=wrong), 0, 0).placed


@pytest.mark.parametrize("blur_mm", [0.7, 1.1])
@pytest.mark.parametrize("off", WHOLE_STEPS)
def test_soft_print_does_not_place_a_wrong_grid_either(blur_mm: float, off: tuple[float, float]) -> None:
    for number in PASLON:
        assert not snap(2, number, *off, blur_mm).placed


def test_where_nothing_is_printed_nothing_is_placed() -> None:
    white = Pyramid(np.full((1800, 1200), 235, np.uint8))
    page_map = PageMap(drawing_map(SCALE), Mesh.flat((600, 900), 14, 7))
    for number in (PASLON[0], PLAIN[0]):
        assert not snap_number(white, page_map, number, 0.3)[0].placed


def test_noise_is_no_print() -> None:
    noise = Pyramid(np.random.default_rng(0).integers(120, 255, (1800, 1200)).astype(np.uint8))
    page_map = PageMap(drawing_map(SCALE), Mesh.flat((600, 900), 14, 7))
    assert not any(snap_number(noise, page_map, number, 0.3)[0].placed for number in PASLON)


def test_a_column_of_bubbles_that_bends_away_is_followed_ring_by_ring() -> None:
    """A fold can pull the lower rows half a row further down than the boxes."""
    number = PASLON[0]
    assert number.bubbles is not None
    stretch = 1.06
    page = drawn(FORM.page(2), SCALE)
    top = number.bubbles.y_mm[0]
    y_mm = (np.arange(len(page)) + 0.5) / SCALE
    printed_mm = np.where(y_mm > top, top + (y_mm - top) / stretch, y_mm)
    rows = np.broadcast_to((printed_mm * SCALE - 0.5).astype(np.float32)[:, None], page.shape)
    columns = np.broadcast_to(np.arange(page.shape[1], dtype=np.float32), page.shape)
    grey = cv2.remap(page, np.ascontiguousarray(columns), np.ascontiguousarray(rows), cv2.INTER_LINEAR)
    page_map = PageMap(drawing_map(SCALE), Mesh.flat((600, 900), 14, 7))
    fit = snap_number(Pyramid(np.asarray(grey, np.uint8)), page_map, number, 0.3)[0]
    assert fit.placed
    assert fit.ring_shift_mm is not None
    true: Floats = (np.array(number.bubbles.y_mm) - top) * (stretch - 1)
    assert true[-1] > 5
    assert np.abs(fit.ring_shift_mm[:, 1] - true).max() < 1
    assert np.abs(fit.ring_shift_mm[:, 0]).max() < 1


def test_the_patch_holds_boxes_bubbles_and_what_would_be_next_to_them() -> None:
    number = PASLON[1]
    assert number.bubbles is not None
    area, boxes = number_area(number), number.area_mm
    assert area.x_mm < boxes.x_mm - COLUMN_MM
    assert area.x_mm + area.w_mm > boxes.x_mm + boxes.w_mm + COLUMN_MM
    assert area.y_mm + area.h_mm > number.bubbles.y_mm[-1] + ROW_MM
    assert area.y_mm < boxes.y_mm
