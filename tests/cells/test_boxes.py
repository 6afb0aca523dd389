from dataclasses import replace

import cv2
import numpy as np
import pytest

from ocr_pipeline.cells.boxes import MARGIN, box_side_px, cut_boxes, number_quad
from ocr_pipeline.forms.definition import Box, Number
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.registration.page_map import Mesh, PageMap, project
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.snap import NumberFit
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.values import Floats, Grey

FORM = load_form("c-hasil-ppwp-2024")
PAGE = FORM.page(3)
SCALE = 2.0
FLAT = Mesh.flat(PAGE.size_mm, 14, 7)
HERE = NumberFit(np.zeros(2), 0.2, None, 0, True)


def picture(scale: float = SCALE) -> Grey:
    return np.asarray(cv2.cvtColor(draw_page(PAGE, scale), cv2.COLOR_BGR2GRAY), np.uint8)


def drawing_map(scale: float = SCALE) -> PageMap:
    return PageMap(np.array([[scale, 0, -0.5], [0, scale, -0.5], [0, 0, 1]]), FLAT)


def frame_of(crop: Grey) -> tuple[int, int, int, int]:
    """Where the printed frame lies in a crop: the darkest column and row of each half (left, top, right, bottom)."""
    height, width = crop.shape
    columns = crop[height // 3 : -(height // 3)].mean(0)
    rows = crop[:, width // 3 : -(width // 3)].mean(1)
    return (
        int(columns[: width // 2].argmin()),
        int(rows[: height // 2].argmin()),
        width // 2 + int(columns[width // 2 :].argmin()),
        height // 2 + int(rows[height // 2 :].argmin()),
    )


@pytest.fixture(scope="module")
def page_3() -> Grey:
    return picture()


@pytest.mark.parametrize("number", PAGE.numbers, ids=lambda n: n.field)
def test_every_box_is_cut_square_with_its_whole_frame(page_3: Grey, number: Number) -> None:
    crops = cut_boxes(Pyramid(page_3), drawing_map(), number, HERE)
    assert len(crops) == len(number.boxes)
    for crop in crops:
        side = len(crop)
        assert crop.shape == (side, side)
        assert crop.dtype == np.uint8
        left, top, right, bottom = frame_of(crop)
        margin = side * (1 - 1 / MARGIN) / 2
        for at in (left, top, side - right, side - bottom):
            assert abs(at - margin) <= 1.5
        assert crop[:, left].mean() < 120


@pytest.mark.parametrize(("width_mm", "height_mm"), [(25.0, 43.0), (20.0, 45.0), (24.0, 12.5)])
def test_boxes_of_a_table_are_cut_without_their_neighbours(width_mm: float, height_mm: float) -> None:
    """Boxes that share their edges, taller or wider than square: the same strip of surroundings on all four sides."""
    scale = 2.5
    boxes = tuple(Box(100 + i * width_mm, 200, width_mm, height_mm) for i in range(3))
    page = np.full((round(PAGE.size_mm[1] * scale), round(PAGE.size_mm[0] * scale)), 255, np.uint8)
    for box in boxes:
        corners = np.rint(np.array([box.corners_mm[0], box.corners_mm[2]]) * scale).astype(int).tolist()
        cv2.rectangle(page, corners[0], corners[1], 90, 2)
    # A zero as large as its box allows, in the outer boxes alone.
    for box in (boxes[0], boxes[2]):
        x, y = (mm * scale for mm in box.centre_mm)
        cv2.ellipse(page, ((x, y), (0.65 * width_mm * scale, 0.65 * height_mm * scale), 0.0), 0, 3)
    crops = cut_boxes(Pyramid(page), drawing_map(scale), replace(PAGE.numbers[0], boxes=boxes), HERE)
    assert crops[1].min() > 60
    assert min(crops[0].min(), crops[2].min()) < 40
    left, top, right, bottom = frame_of(crops[1])
    height, width = crops[1].shape
    margins = left, top, width - right, height - bottom
    assert min(margins) >= 2
    assert max(margins) - min(margins) <= 2
    assert (right - left) / (bottom - top) == pytest.approx(width_mm / height_mm, rel=0.08)


@pytest.mark.parametrize(("scale", "least", "most"), [(0.6, 24, 24), (2.0, 40, 52), (5.0, 64, 64)])
def test_a_crop_has_about_the_pixels_of_the_photo_within_limits(scale: float, least: int, most: int) -> None:
    number = PAGE.numbers[0]
    sides = [len(c) for c in cut_boxes(Pyramid(picture(scale)), drawing_map(scale), number, HERE)]
    assert least <= min(sides) <= max(sides) <= most


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_boxes_of_a_turned_photo_are_cut_upright(page_3: Grey, turn: int) -> None:
    """The same crop as from the upright photo, whatever way the sheet lay."""
    marked = page_3.copy()
    number = PAGE.numbers[0]
    x, y = np.rint(np.array(number.boxes[0].centre_mm) * SCALE).astype(int)
    cv2.putText(marked, "7", (int(x) - 10, int(y) + 10), cv2.FONT_HERSHEY_SIMPLEX, 1, 20, 3)
    upright = cut_boxes(Pyramid(marked), drawing_map(), number, HERE)[0]
    height, width = marked.shape
    turned = np.ascontiguousarray(np.rot90(marked, -(turn // 90)))
    turn_px = {
        90: np.array([[0, -1, height - 1], [1, 0, 0], [0, 0, 1]]),
        180: np.array([[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]]),
        270: np.array([[0, 1, 0], [-1, 0, width - 1], [0, 0, 1]]),
    }[turn]
    page_map = PageMap(turn_px @ drawing_map().homography, FLAT)
    crop = cut_boxes(Pyramid(turned), page_map, number, HERE)[0]
    assert crop.shape == upright.shape
    assert np.abs(crop.astype(int) - upright).mean() < 2


def test_the_crop_follows_where_the_boxes_were_found(page_3: Grey) -> None:
    """A map that is 4 mm off and a fit that says so give the crop of a right map."""
    number = PAGE.numbers[1]
    off = PageMap(drawing_map().homography @ np.array([[1, 0, 4], [0, 1, -3], [0, 0, 1.0]]), FLAT)
    moved = NumberFit(np.array([-4.0, 3.0]), 0.2, None, 0, True)
    right = cut_boxes(Pyramid(page_3), drawing_map(), number, HERE)
    mended = cut_boxes(Pyramid(page_3), off, number, moved)
    for one, other in zip(right, mended, strict=True):
        assert np.array_equal(one, other)


def test_the_corners_run_clockwise_from_the_top_left_as_the_page_is_read() -> None:
    number = PAGE.numbers[0]
    quad = number_quad(drawing_map(), number)
    a = number.area_mm
    corners: Floats = np.array(
        [
            [a.x_mm, a.y_mm],
            [a.x_mm + a.w_mm, a.y_mm],
            [a.x_mm + a.w_mm, a.y_mm + a.h_mm],
            [a.x_mm, a.y_mm + a.h_mm],
        ]
    )
    assert np.allclose(quad, project(drawing_map().homography, corners))
    shifted = number_quad(drawing_map(), number, NumberFit(np.array([1.0, -2.0]), 0.2, None, 0, True))
    assert np.allclose(shifted - quad, np.array([1.0, -2.0]) * SCALE)


@pytest.mark.parametrize("scale", [0.7, 2.0, 6.0])
def test_the_side_of_the_smallest_box_in_photo_px(scale: float) -> None:
    number = PAGE.numbers[0]
    side_mm = min(min(b.w_mm, b.h_mm) for b in number.boxes)
    assert box_side_px(drawing_map(scale), number) == pytest.approx(side_mm * scale)
