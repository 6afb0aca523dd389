from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.imaging.decode import decode_photo
from ocr_pipeline.imaging.quality import blur_px, glare, sharpness, too_dark
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.values import Floats, Grey

PAGE = load_form("c-hasil-ppwp-2024").page(3)
SCALE = 3.0


def quads(scale: float = SCALE) -> list[Floats]:
    found = []
    for number in PAGE.numbers:
        a = number.area_mm
        right, bottom = a.x_mm + a.w_mm, a.y_mm + a.h_mm
        corners = np.array([[a.x_mm, a.y_mm], [right, a.y_mm], [right, bottom], [a.x_mm, bottom]])
        found.append(np.asarray(corners * scale, np.float64))
    return found


@pytest.fixture(scope="module")
def page() -> Grey:
    return np.asarray(cv2.cvtColor(draw_page(PAGE, SCALE), cv2.COLOR_BGR2GRAY), np.uint8)


def blurred(grey: Grey, sigma_px: float) -> Grey:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma_px), np.uint8) if sigma_px else grey


@pytest.mark.parametrize("sigma_px", [1.5, 2.0, 3.0, 4.0])
def test_a_known_blur_is_measured_about_right(page: Grey, sigma_px: float) -> None:
    """Rules 3.6 px wide: a third either way, because a thin line is not the single edge the formula is for."""
    assert blur_px(blurred(page, sigma_px), quads()) == pytest.approx(sigma_px, rel=0.35)


def test_more_blur_is_more_blur(page: Grey) -> None:
    found = [blur_px(blurred(page, s), quads()) for s in (0.0, 0.7, 1.2, 1.8, 2.6, 3.6, 5.0)]
    assert found == sorted(found)
    assert found[0] < 1.2
    assert found[-1] > 3 * found[0]


@pytest.mark.parametrize(("gain", "offset"), [(0.25, 0), (0.3, 170), (0.6, 20)])
def test_dim_and_washed_out_photos_are_not_called_blurred(page: Grey, gain: float, offset: int) -> None:
    soft = blurred(page, 1.5)
    changed = np.asarray(soft.astype(np.float32) * gain + offset, np.uint8)
    assert blur_px(changed, quads()) == pytest.approx(blur_px(soft, quads()), rel=0.25)


def test_only_the_numbers_count_not_the_background(page: Grey) -> None:
    behind = np.full((page.shape[0], page.shape[1] + 600), 128, np.uint8)
    behind[:, : page.shape[1]] = page
    noisy = behind.copy()
    noisy[:, page.shape[1] :] = np.random.default_rng(0).integers(0, 255, (page.shape[0], 600))
    assert blur_px(noisy, quads()) == blur_px(behind, quads())


def test_one_smeared_number_of_three_is_outvoted(page: Grey) -> None:
    smeared = page.copy()
    x0, y0 = np.floor(quads()[0].min(0)).astype(int) - 60
    x1, y1 = np.ceil(quads()[0].max(0)).astype(int) + 60
    smeared[y0:y1, x0:x1] = blurred(page, 6)[y0:y1, x0:x1]
    assert blur_px(smeared, quads()) == pytest.approx(blur_px(page, quads()), rel=0.3)


def test_without_any_print_the_blur_is_boundless_and_the_sharpness_none() -> None:
    even = np.full((900, 700), 180, np.uint8)
    far: Floats = np.array([[5000.0, 5000], [5100, 5000], [5100, 5100], [5000, 5100]])
    assert blur_px(even, quads(0.7)) == float("inf")
    assert blur_px(even, [far]) == float("inf")
    assert blur_px(even, []) == float("inf")
    assert sharpness(float("inf")) == 0


@given(st.floats(0.4, 1000), st.floats(0.4, 1000))
def test_sharpness_lies_between_0_and_1_and_falls_with_blur(one: float, other: float) -> None:
    assert 0 < sharpness(one) <= 1
    if one < other:
        assert sharpness(one) >= sharpness(other)


def test_a_sharp_picture_has_sharpness_1(page: Grey) -> None:
    assert sharpness(blur_px(page, quads())) == 1


def with_reflection(grey: Grey, centre: Floats, radius_px: float, strength: float) -> Grey:
    """A lamp mirrored in the plastic over the paper: light is added, so that black print turns white as well."""
    y, x = np.ogrid[: grey.shape[0], : grey.shape[1]]
    away = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * radius_px**2)
    return np.asarray(np.clip(grey + strength * 255 * np.exp(-away), 0, 255), np.uint8)


def on_paper(page: Grey, paper: int) -> Grey:
    return np.asarray(page * (paper / 255.0), np.uint8)


def test_a_reflection_over_a_number_is_glare_on_that_number_alone(page: Grey) -> None:
    shot = with_reflection(on_paper(page, 200), quads()[1].mean(axis=0), 110, 3)
    assert glare(shot, quads()).tolist() == [0, 1, 0]


def test_a_reflection_over_all_numbers_is_glare_on_all(page: Grey) -> None:
    shot = with_reflection(on_paper(page, 200), quads()[1].mean(axis=0), 400, 3)
    assert glare(shot, quads()).min() > 0.9


def test_a_reflection_over_half_a_number_is_half_a_number(page: Grey) -> None:
    quad = quads()[1]
    shot = with_reflection(on_paper(page, 200), quad[[1, 2]].mean(axis=0), 40, 4)
    assert 0.2 < glare(shot, quads())[1] < 0.8
    assert glare(shot, quads())[[0, 2]].tolist() == [0, 0]


def test_a_weak_reflection_that_leaves_the_print_is_no_glare(page: Grey) -> None:
    shot = with_reflection(on_paper(page, 200), quads()[1].mean(axis=0), 110, 0.5)
    assert not glare(shot, quads()).any()


def test_a_clean_bright_scan_is_no_glare(page: Grey) -> None:
    assert not glare(page, quads()).any()
    white = np.where(page > 200, 255, page).astype(np.uint8)
    assert not glare(white, quads()).any()


@pytest.mark.parametrize("paper", [200, 255])
def test_boxes_that_were_never_printed_are_no_glare(page: Grey, paper: int) -> None:
    """A worn print, or paper laid over it: as white as the paper around."""
    worn = on_paper(page, paper)
    low, high = np.floor(quads()[0].min(0)).astype(int) - 20, np.ceil(quads()[0].max(0)).astype(int) + 20
    worn[low[1] : high[1], low[0] : high[0]] = paper
    assert not glare(worn, quads()).any()


def test_no_numbers_no_glare_and_no_darkness(page: Grey) -> None:
    assert glare(page, []).shape == (0,)
    assert not too_dark(page, [])


def test_darkness_is_judged_on_the_cells(page: Grey) -> None:
    assert not too_dark(page, quads())
    assert not too_dark(on_paper(page, 50), quads())
    night = on_paper(page, 25)
    night[: page.shape[0] // 8] = 255  # a bright window above the sheet
    assert too_dark(night, quads())


def test_no_real_photo_that_is_read_is_called_dark_or_full_of_glare(shared_dir: Path) -> None:
    """Cells where the pages of 2024 have them, roughly: the paper of the middle of the sheet."""
    for path in sorted((shared_dir / "realforms" / "c-hasil-ppwp-2024").glob("*.jpg")):
        grey = decode_photo(path).grey
        height, width = grey.shape
        spots = [
            np.array([[x, y], [x + 0.1, y], [x + 0.1, y + 0.04], [x, y + 0.04]]) for x in (0.5, 0.7) for y in (0.4, 0.6)
        ]
        cells = [np.asarray(s * (width, height), np.float64) for s in spots]
        assert not too_dark(grey, cells)
        assert not glare(grey, cells).any()
