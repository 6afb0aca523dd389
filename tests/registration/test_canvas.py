import cv2
import numpy as np
import pytest

from ocr_pipeline.registration.canvas import RIDGE_CLIP, RIM_MM, Canvas
from ocr_pipeline.registration.patch import Pyramid
from tests.registration.shots import FORM, drawing_map, drawn

PAGE = FORM.page(3)


def warped(px_per_mm: float) -> Canvas:
    return Canvas.warp(Pyramid(drawn(PAGE, px_per_mm)), drawing_map(px_per_mm), PAGE.size_mm)


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    return warped(2.0)


def test_the_page_is_upright_with_a_rim(canvas: Canvas) -> None:
    height, width = canvas.ridge.shape
    assert height / width == pytest.approx((900 + 2 * RIM_MM) / (600 + 2 * RIM_MM), rel=0.01)
    assert np.allclose(canvas.to_px(np.array([[0.0, 0.0]])), RIM_MM * canvas.px_per_mm)
    assert 0 <= canvas.ridge.min() <= canvas.ridge.max() <= RIDGE_CLIP + 1e-6


@pytest.mark.parametrize("px_per_mm", [1.2, 2.0, 4.5])
def test_rules_are_found_where_they_are_printed_at_any_resolution(px_per_mm: float) -> None:
    """Halved levels must not shift the page: the ridge is centred on the printed rule to half a pixel."""
    seen = warped(px_per_mm)
    for axis in ("h", "v"):
        rules = [r for r in PAGE.box_rules if r.axis == axis]
        middle = np.array([((r.from_mm + r.to_mm) / 2, r.at_mm) for r in rules])
        values, inside = seen.rows(axis, middle if axis == "h" else middle[:, ::-1], 3)
        assert inside.all()
        offset = (values @ np.arange(-3, 4)) / values.sum(1)
        assert np.abs(offset).max() < 0.5
        assert abs(offset.mean()) < 0.3


def test_what_lies_outside_the_photo_is_known(canvas: Canvas) -> None:
    _, inside = canvas.rows("h", np.array([[300.0, 450.0], [-15.0, 450.0], [300.0, 915.0], [-500.0, 0.0]]), 4)
    assert inside.tolist() == [True, False, False, False]
    assert not canvas.seen[0, 0]
    assert canvas.ridge[~canvas.seen].max() == 0


def test_a_ridge_further_down_shows_as_a_positive_offset(canvas: Canvas) -> None:
    box = PAGE.numbers[0].boxes[0]
    above = np.array([[box.centre_mm[0], box.y_mm - 3]])
    values, _ = canvas.rows("h", above, 6)
    assert (int(values[0].argmax()) - 6) / canvas.px_per_mm == pytest.approx(3, abs=0.8)


def test_the_smoothed_maps_carry_the_rules_of_their_own_direction(canvas: Canvas) -> None:
    """A thin rule survives a blur along itself and is washed out by a blur across."""
    box = PAGE.numbers[0].boxes[0]
    x, y = np.rint(canvas.to_px(np.array([[box.centre_mm[0], box.y_mm]]))[0]).astype(int)
    at = np.s_[y - 1 : y + 2, x]
    assert canvas.along["h"][at].max() > 2 * canvas.along["v"][at].max()


def test_a_shadow_changes_the_ridges_little() -> None:
    page = drawn(PAGE, 2.0)
    shade = np.ones(page.shape)
    shade[:, page.shape[1] // 2 :] = 0.4
    shaded = (page * cv2.GaussianBlur(shade, (0, 0), 25)).astype(np.uint8)
    plain = warped(2.0)
    dark = Canvas.warp(Pyramid(shaded), drawing_map(2.0), PAGE.size_mm)
    box = PAGE.numbers[0].boxes[2]
    point = np.array([[box.centre_mm[0], box.y_mm]])
    here, there = (c.rows("h", point, 6)[0][0].max() for c in (plain, dark))
    assert there > 0.6 * here
