from functools import cache

import cv2
import numpy as np
import pytest

from ocr_pipeline.registration.align import align
from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.fit import MESH_NODES
from ocr_pipeline.registration.page_map import Mesh
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.values import Floats
from tests.registration.shots import FORM, MODELS, drawing_map, drawn

MODEL = MODELS[1]
PAGE = FORM.page(2)
FLAT = Mesh.flat(PAGE.size_mm, *MESH_NODES)
SCALE = 2.0
ROW_MM = 16.0
"""Distance of the tally rows of page 2: the wrong place that looks right."""


@cache
def shifted_page(start_mm: float, end_mm: float) -> Canvas:
    """Page 2 whose rules lie further down, by ``start_mm`` at its top to ``end_mm`` at its bottom, smoothly."""
    page = drawn(PAGE, SCALE)
    height, width = page.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    seen_mm = (y + 0.5) / SCALE
    # Where a point was printed: undo the shift, two rounds are plenty for so gentle a slope.
    printed_mm = seen_mm.copy()
    for _ in range(4):
        printed_mm = seen_mm - (start_mm + (end_mm - start_mm) * printed_mm / PAGE.size_mm[1])
    source_y = (printed_mm * SCALE - 0.5).astype(np.float32)
    grey = cv2.remap(page, x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Canvas.warp(Pyramid(np.asarray(grey, np.uint8)), drawing_map(SCALE), PAGE.size_mm)


def errors_mm(start_mm: float, end_mm: float, anchor: tuple[float, float] | None = None) -> Floats:
    """Found minus true shift of every rule with evidence."""
    found = align(shifted_page(start_mm, end_mm), MODEL, FLAT, 36, anchor)["h"]
    true = start_mm + (end_mm - start_mm) * found.nominal_mm[:, 1] / PAGE.size_mm[1]
    kept = found.weight > 0
    assert kept.mean() > 0.7
    return np.asarray((found.shift_mm - true)[kept])


def test_a_page_in_place_is_not_moved() -> None:
    assert np.abs(errors_mm(0, 0)).max() < 1.5


@pytest.mark.parametrize(("start_mm", "end_mm"), [(9.5, 9.5), (-9.5, -9.5), (-7.0, 11.0), (12.0, -2.0)])
def test_a_smooth_shift_of_more_than_half_a_row_is_followed_and_no_row_is_jumped(
    start_mm: float, end_mm: float
) -> None:
    """Each rule on its own would be nearer to its neighbour's place than to its own."""
    assert max(abs(start_mm), abs(end_mm)) > ROW_MM / 2
    errors = errors_mm(start_mm, end_mm)
    assert np.abs(errors).max() < ROW_MM / 3
    assert np.median(np.abs(errors)) < 0.8


def test_rules_across_do_not_tell_about_shifts_across() -> None:
    found = align(shifted_page(9.5, 9.5), MODEL, FLAT, 36)["v"]
    assert np.abs(found.shift_mm[found.weight > 0]).max() < 2


def test_a_known_point_does_not_spoil_a_right_alignment() -> None:
    assert PAGE.tag is not None
    anchor = (sum(x for x, _ in PAGE.tag.quad_mm) / 4, sum(y for _, y in PAGE.tag.quad_mm) / 4)
    assert np.abs(errors_mm(0, 0, anchor)).max() < 1.5


def test_an_empty_picture_gives_no_evidence_of_any_shift() -> None:
    white = Canvas.warp(Pyramid(np.full((1800, 1200), 230, np.uint8)), drawing_map(SCALE), PAGE.size_mm)
    found = align(white, MODEL, FLAT, 20)
    assert all((offsets.weight == 0).all() for offsets in found.values())
