import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.forms.definition import Box
from ocr_pipeline.registration.page_map import Mesh, PageMap
from ocr_pipeline.registration.patch import Patch, Pyramid
from ocr_pipeline.values import Floats, Grey

SIZE = (100.0, 150.0)


def ramp(width: int, height: int, slope: float, axis: str) -> Grey:
    """Grey grows with x (or y): a picture that says where it was sampled."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.asarray(np.rint(np.clip(10 + slope * (x if axis == "x" else y), 0, 255)), np.uint8)


def scaled_map(px_per_mm: float, shift_px: tuple[float, float] = (0.0, 0.0)) -> PageMap:
    homography = np.array([[px_per_mm, 0, shift_px[0]], [0, px_per_mm, shift_px[1]], [0, 0, 1]])
    return PageMap(homography, Mesh.flat(SIZE, 4, 3))


@settings(max_examples=30)
@given(
    st.floats(0.6, 8),
    st.floats(0.5, 4),
    st.floats(5, 40),
    st.floats(5, 60),
    st.sampled_from(("x", "y")),
)
def test_a_patch_shows_each_page_point_where_to_px_says(
    photo_scale: float, patch_scale: float, x_mm: float, y_mm: float, axis: str
) -> None:
    """Also from halved levels of the pyramid: a shift of half a pixel there would show here."""
    slope = 230 / (photo_scale * SIZE[0 if axis == "x" else 1])
    photo = ramp(round(SIZE[0] * photo_scale), round(SIZE[1] * photo_scale), slope, axis)
    area = Box(x_mm, y_mm, 20, 16)
    patch = Pyramid(photo).cut(scaled_map(photo_scale), area, patch_scale)
    points = np.array([[x_mm + 4, y_mm + 4], [x_mm + 12, y_mm + 10]])
    at = np.rint(patch.to_px(points)).astype(int)
    exact_mm = at / patch_scale + (x_mm, y_mm)
    expected = 10 + slope * (exact_mm * photo_scale)[:, 0 if axis == "x" else 1]
    seen = patch.grey[at[:, 1], at[:, 0]]
    assert np.abs(seen - np.clip(expected, 0, 255)).max() <= 1.6 + 0.1 * slope


def test_a_patch_has_the_size_asked_for() -> None:
    patch = Pyramid(np.full((300, 200), 128, np.uint8)).cut(scaled_map(2.0), Box(10, 20, 33, 21), 1.5)
    assert patch.grey.shape == (round(21 * 1.5), round(33 * 1.5))
    assert patch.grey.dtype == np.uint8


def test_the_edge_of_the_photo_is_repeated_outside_it() -> None:
    photo = np.full((300, 200), 90, np.uint8)
    patch = Pyramid(photo).cut(scaled_map(2.0), Box(-40, -40, 60, 60), 1.0)
    assert (patch.grey == 90).all()


def test_a_turned_page_is_cut_upright() -> None:
    upright = ramp(200, 300, 0.6, "y")
    turned = np.ascontiguousarray(np.rot90(upright, -1))
    # Page (x, y) mm at 2 px per mm lies at (299 - 2 y, 2 x) of the picture turned clockwise.
    page_map = PageMap(np.array([[0, -2.0, 299], [2.0, 0, 0], [0, 0, 1]]), Mesh.flat(SIZE, 4, 3))
    area = Box(10, 20, 50, 60)
    assert np.abs(Pyramid(turned).cut(page_map, area, 2.0).grey.astype(int) - upright[40:160, 20:120]).max() <= 1


def test_a_bend_of_the_sheet_is_straightened() -> None:
    photo = ramp(200, 300, 0.8, "y")
    bend = np.zeros((7, 5, 2))
    bend[..., 1] = np.linspace(-6, 6, 5)[None, :]
    patch = Pyramid(photo).cut(PageMap(np.diag([2.0, 2.0, 1.0]), Mesh(SIZE, bend)), Box(10, 40, 80, 20), 1.0)
    expected = 10 + 0.8 * 2 * (50 + np.interp(np.arange(80) + 10, np.linspace(0, 100, 5), np.linspace(-6, 6, 5)))
    assert np.abs(patch.grey[10] - expected).max() <= 1.5


@pytest.mark.parametrize("halvings", [0, 1, 2, 3])
def test_a_level_holds_every_pixel_at_the_middle_of_those_it_stands_for(halvings: int) -> None:
    photo = ramp(80, 40, 3.0, "x")
    level = Pyramid(photo).level(halvings)
    assert level.shape == (40 >> halvings, 80 >> halvings)
    x = np.arange(level.shape[1])
    at = 2**halvings * (x + 0.5) - 0.5
    assert np.abs(level[level.shape[0] // 2] - (10 + 3.0 * at)).max() <= 1.1


def test_levels_of_the_smallest_picture_do_not_vanish() -> None:
    assert Pyramid(np.zeros((1, 3), np.uint8)).level(6).shape == (1, 1)


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.2, 9))
def test_patch_px_and_page_mm_are_one_scale_and_shift(x_mm: float, y_mm: float, scale: float) -> None:
    patch = Patch(np.zeros((2, 2), np.uint8), x_mm, y_mm, scale)
    points: Floats = np.array([[x_mm, y_mm], [x_mm + 1, y_mm + 2]])
    assert np.allclose(patch.to_px(points), np.array([[0, 0], [scale, 2 * scale]]))
