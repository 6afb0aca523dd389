import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.errors import REASONS
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.imaging.quality import DARK_LEVEL, SMALL_SIDE_PX, blur_px, reason_for_failure, sharpness
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


def photo_like(long_side_px: int = 1200) -> Grey:
    """A sharp picture that is no form: blocks and lines."""
    rng = np.random.default_rng(1)
    grey = np.full((long_side_px, long_side_px * 3 // 4), 200, np.uint8)
    for x, y in rng.integers(0, long_side_px, (150, 2)):
        cv2.rectangle(grey, (int(x), int(y)), (int(x) + 60, int(y) + 40), int(rng.integers(20, 180)), -1)
    return grey


@pytest.mark.parametrize("reason", sorted(set(REASONS) - {"not_a_form", "not_registered"}))
def test_a_reason_that_is_known_already_is_kept(reason: str) -> None:
    assert reason_for_failure(np.zeros((50, 50), np.uint8), reason) == reason


@pytest.mark.parametrize("reason", ["not_a_form", "not_registered"])
def test_a_sharp_bright_large_picture_keeps_its_reason(reason: str) -> None:
    assert reason_for_failure(photo_like(), reason) == reason


def test_a_dark_photo_is_too_dark_whatever_else_it_is() -> None:
    dark = (photo_like(400) * 0.1).astype(np.uint8)
    assert np.percentile(dark, 95) < DARK_LEVEL
    assert reason_for_failure(dark, "not_a_form") == "too_dark"


def test_a_bright_spot_does_not_make_a_dark_photo_bright() -> None:
    dark = (photo_like() * 0.1).astype(np.uint8)
    dark[:60, :60] = 255
    assert reason_for_failure(dark, "not_a_form") == "too_dark"


def test_a_small_picture_is_too_small() -> None:
    small = photo_like(SMALL_SIDE_PX)
    assert reason_for_failure(small, "not_registered") == "low_resolution"


def form_photo(page: Grey) -> Grey:
    """The page on a dark table, 1,200 px high."""
    table = np.full((1200, 900), 90, np.uint8)
    table[30:1170, 70:830] = cv2.resize(page, (760, 1140), interpolation=cv2.INTER_AREA)
    return table


def test_a_form_of_which_nothing_is_left_is_blurred(page: Grey) -> None:
    assert reason_for_failure(blurred(form_photo(page), 25), "not_a_form") == "blurred"


@pytest.mark.parametrize("sigma_px", [6, 12])
def test_a_form_of_which_no_line_is_left_is_blurred(page: Grey, sigma_px: float) -> None:
    """At 1.3 px per mm this smears a box over its neighbours; "no form in sight" sends the officer the wrong way."""
    assert reason_for_failure(blurred(form_photo(page), sigma_px), "not_a_form") == "blurred"


def test_a_large_photo_is_judged_like_its_small_copy(page: Grey) -> None:
    large = cv2.resize(photo_like(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert reason_for_failure(np.asarray(large, np.uint8), "not_a_form") == "not_a_form"
    soft = cv2.resize(blurred(form_photo(page), 25), None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR)
    assert reason_for_failure(np.asarray(soft, np.uint8), "not_a_form") == "blurred"
