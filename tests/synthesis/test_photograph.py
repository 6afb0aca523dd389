import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.synthesis.camera import encode_jpeg, motion_kernel
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.photograph import PhotoSettings, frame_px, photograph, turn_points
from ocr_pipeline.synthesis.presets import FACTOR_STRENGTHS, LEVELS, Factor, Level, random_settings, single_factor
from ocr_pipeline.synthesis.scene import BACKGROUNDS, Background
from ocr_pipeline.synthesis.surface import Shape, View, lay_sheet
from ocr_pipeline.values import Floats, Grey

PAGE = load_form("c-hasil-ppwp-2024").page(2)
SCALE = 2.0
BENT = PhotoSettings(
    long_side_px=1300,
    shape=Shape(curl_mm=25, wave_mm=5, fold_mm=10, folds=2),
    view=View(tilt_deg=20, towards_deg=130, roll_deg=4, share=0.9),
    gradient=0.2,
    noise=1.5,
)


@pytest.fixture(scope="module")
def page_image() -> Grey:
    return draw_page(PAGE, SCALE)


def mark_centres() -> Floats:
    return np.array([[m.x_mm + m.size_mm / 2, m.y_mm + m.size_mm / 2] for m in PAGE.marks])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_tag_is_found_in_every_turn_where_the_true_map_puts_it(page_image: Grey, turn: int) -> None:
    shot = photograph(page_image, SCALE, replace(BENT, turn_deg=turn), np.random.default_rng(3))
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10))
    corners, ids, _ = detector.detectMarkers(shot.image)
    assert PAGE.tag is not None
    assert np.ravel(ids).tolist() == [PAGE.tag.id]
    assert np.abs(np.reshape(corners, (4, 2)) - shot.to_photo(np.array(PAGE.tag.quad_mm))).max() < 1.6


@pytest.mark.parametrize("turn", [0, 90])
def test_the_true_map_agrees_with_the_drawn_marks_to_a_fraction_of_a_pixel(page_image: Grey, turn: int) -> None:
    shot = photograph(page_image, SCALE, replace(BENT, turn_deg=turn), np.random.default_rng(4))
    truth = shot.to_photo(mark_centres())
    grey = cv2.cvtColor(shot.image, cv2.COLOR_BGR2GRAY)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 0.01)
    start = truth.astype(np.float32).reshape(-1, 1, 2) + 1.0
    seen = np.reshape(cv2.cornerSubPix(grey, start, (5, 5), (-1, -1), stop), (-1, 2))
    assert np.abs(seen - truth).max() < 0.35


def test_the_same_chance_gives_the_same_pixels(page_image: Grey) -> None:
    first, second, other = (photograph(page_image, SCALE, BENT, np.random.default_rng(s)).image for s in (5, 5, 6))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_sheet_is_brighter_than_what_lies_around_it(page_image: Grey, background: Background) -> None:
    plain = PhotoSettings(long_side_px=600, view=View(share=0.8), noise=0)
    shot = photograph(page_image, SCALE, replace(plain, background=background), np.random.default_rng(7))
    x, y = np.rint(shot.to_photo(np.array([300.0, 660.0]))).astype(int)
    assert shot.image[y, x].mean() > shot.image[5, 5].mean()


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(LEVELS))
def test_the_map_there_and_back_is_the_identity(seed: int, level: Level) -> None:
    rng = np.random.default_rng(seed)
    chosen = random_settings(level, rng)
    sheet = lay_sheet(PAGE.size_mm, (1000, 1778), chosen.shape, chosen.view, rng)
    points_page = rng.uniform(0, 1, (200, 2)) * PAGE.size_mm
    assert np.abs(sheet.to_page(sheet.to_photo(points_page)) - points_page).max() < 0.05


@pytest.mark.parametrize("level", LEVELS)
def test_the_whole_sheet_is_in_the_frame_at_every_level(level: Level) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        chosen = random_settings(level, rng)
        frame = frame_px(chosen, PAGE.size_mm)
        sheet = lay_sheet(PAGE.size_mm, frame, chosen.shape, chosen.view, rng)
        marks = sheet.to_photo(mark_centres())
        assert marks.min() > 0
        assert (marks < frame).all()


def scanned(page_image: Grey, **changes: object) -> Grey:
    settings = replace(random_settings("scan", np.random.default_rng(2), 900), **changes)  # type: ignore[arg-type]
    return photograph(page_image, SCALE, settings, np.random.default_rng(2)).image


def test_a_scan_is_the_sheet_alone_in_the_sheets_own_proportions(page_image: Grey) -> None:
    image = scanned(page_image)
    assert image.shape[0] / image.shape[1] == pytest.approx(PAGE.size_mm[1] / PAGE.size_mm[0], rel=0.01)


def test_a_binarised_scan_is_nearly_black_and_white_and_colourless(page_image: Grey) -> None:
    image = scanned(page_image, binarise=True, watermark=0.0, noise=2.0).astype(int)
    assert np.ptp(image, axis=2).max() == 0
    assert ((image < 40) | (image > 215)).mean() > 0.97
    assert 0.02 < (image[..., 0] < 40).mean() < 0.3


def test_a_watermark_darkens_a_scan_in_places_and_leaves_its_ink_black(page_image: Grey) -> None:
    plain, marked = (scanned(page_image, binarise=True, watermark=w).astype(int) for w in (0.0, 0.2))
    lost = (plain - marked).mean(axis=2)
    assert (lost >= 0).all()
    assert 0.05 < (lost > 8).mean() < 0.6
    assert marked[plain < 20].max() < 25


def test_a_share_above_one_cuts_the_sheet_off() -> None:
    sheet = lay_sheet(PAGE.size_mm, (1000, 1500), Shape(), View(share=1.2), np.random.default_rng(1))
    assert sheet.to_photo(np.array([0.0, 0.0])).min() < 0


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_points_follow_the_turned_picture(turn: int) -> None:
    picture = np.arange(5 * 7).reshape(5, 7)
    turned = np.rot90(picture, -(turn // 90))
    x, y = turn_points(np.array([2.0, 4.0]), (7, 5), turn).astype(int)
    assert turned[y, x] == picture[4, 2]


def test_only_quarter_turns_exist() -> None:
    with pytest.raises(ValueError, match="quarter turn"):
        turn_points(np.zeros(2), (4, 4), 45)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_viewers_show_the_upright_photo_whatever_the_orientation(orientation: int) -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:20, :30] = 255
    data = encode_jpeg(picture, 95, orientation)
    with Image.open(io.BytesIO(data)) as stored:
        shown = np.asarray(ImageOps.exif_transpose(stored))
    assert shown.shape == picture.shape
    assert np.abs(shown.astype(int) - picture).mean() < 2


def test_a_mirrored_orientation_is_refused() -> None:
    with pytest.raises(ValueError, match="orientation"):
        encode_jpeg(np.zeros((4, 4, 3), np.uint8), 90, 2)


@pytest.mark.parametrize("length", [3.0, 9.0, 14.5])
def test_a_motion_kernel_is_as_long_as_asked(length: float) -> None:
    kernel = motion_kernel(length, 0)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    # An even path of n px gives each of them one n-th of the light.
    assert 1 / kernel.max() == pytest.approx(length, rel=0.2)
    assert np.allclose(kernel, kernel[::-1, ::-1], atol=1e-3)


@pytest.mark.parametrize("factor", FACTOR_STRENGTHS)
def test_each_factor_changes_one_thing(factor: Factor) -> None:
    mild, strong = (single_factor(factor, FACTOR_STRENGTHS[factor][n]) for n in (0, -1))
    changed = [name for name in PhotoSettings.__slots__ if getattr(mild, name) != getattr(strong, name)]
    assert len(changed) == 1


def test_unknown_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        random_settings("brutal", np.random.default_rng(0))  # type: ignore[arg-type]
