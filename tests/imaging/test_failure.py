"""The reason given for a photo in which no page was found: what an officer could do about it, and honest."""

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.errors import REASONS
from ocr_pipeline.evaluation.non_forms import drawn_non_forms
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.imaging.decode import decode_photo
from ocr_pipeline.imaging.failure import DARK_LEVEL, SMALL_SIDE_PX, SOFT_PX, edge_blur_px, has_rules, reason_for_failure
from ocr_pipeline.imaging.ruling import find_ruling
from ocr_pipeline.synthesis import PhotoSettings, SynthesisSettings, synthesize
from ocr_pipeline.synthesis.surface import Shape, View
from ocr_pipeline.values import Grey
from tests.imaging.test_quality import with_reflection

FORM = load_form("c-hasil-ppwp-2024")
PAGES = (1, 2, 3)
PLAIN = PhotoSettings(long_side_px=1300, shape=Shape(curl_mm=3), view=View(roll_deg=1, share=0.94))


def photo(page: int = 2, **changes: object) -> Grey:
    settings = SynthesisSettings(photo=replace(PLAIN, **changes))  # type: ignore[arg-type]
    return np.asarray(cv2.cvtColor(synthesize(FORM, [page], 1, settings)[0].shot.image, cv2.COLOR_BGR2GRAY), np.uint8)


@pytest.fixture(scope="module")
def pages() -> dict[int, Grey]:
    return {page: photo(page) for page in PAGES}


@pytest.fixture(scope="module")
def sharp(pages: dict[int, Grey]) -> Grey:
    return pages[2]


def blurred(grey: Grey, sigma_px: float) -> Grey:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma_px), np.uint8)


@pytest.fixture(scope="module")
def non_forms() -> dict[str, Grey]:
    """One of each kind, by its name."""
    return {name.rsplit("-", 1)[0]: grey for name, grey in drawn_non_forms(22, 1)}


@pytest.mark.parametrize("reason", sorted(set(REASONS) - {"not_a_form", "not_registered"}))
def test_a_reason_that_is_known_already_is_kept(reason: str) -> None:
    assert reason_for_failure(np.zeros((50, 50), np.uint8), reason) == reason


def test_a_sharp_form_that_matches_nothing_is_an_unknown_form(sharp: Grey) -> None:
    """Another year's sheet, or another country's: its lines are there, the library has none like them."""
    assert reason_for_failure(sharp, "not_a_form") == "unknown_form"


def test_a_form_that_was_recognised_is_not_called_unknown(sharp: Grey) -> None:
    assert reason_for_failure(sharp, "not_registered") == "not_registered"


@pytest.mark.parametrize("reason", ["not_a_form", "not_registered"])
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("sigma_px", [2.5, 4, 6, 15])
def test_a_form_out_of_focus_is_blurred(pages: dict[int, Grey], page: int, sigma_px: float, reason: str) -> None:
    """From where reading ends to where nothing is left; "no form in sight" would send the officer the wrong way."""
    assert reason_for_failure(blurred(pages[page], sigma_px), reason) == "blurred"


@pytest.mark.parametrize("page", [2, 3])
def test_a_moved_camera_is_blurred(page: int) -> None:
    assert reason_for_failure(photo(page, motion_px=20), "not_a_form") == "blurred"


@pytest.mark.parametrize("page", PAGES)
def test_a_form_that_is_soft_but_readable_is_not_blurred(pages: dict[int, Grey], page: int) -> None:
    assert reason_for_failure(blurred(pages[page], 1.3), "not_a_form") == "unknown_form"


def test_the_outline_of_the_sheet_and_the_light_do_not_hide_the_blur(sharp: Grey) -> None:
    soft = blurred(sharp, 4)
    framed = np.full((1500, 1200), 20, np.uint8)
    framed[100 : 100 + sharp.shape[0], 100 : 100 + sharp.shape[1]] = soft
    assert reason_for_failure(framed, "not_a_form") == "blurred"
    pale = np.asarray(soft * 0.4 + 120, np.uint8)
    assert reason_for_failure(pale, "not_a_form") == "blurred"


def test_blur_is_measured_in_px_of_a_gaussian(sharp: Grey) -> None:
    found = [edge_blur_px(blurred(sharp, sigma)) for sigma in (2.0, 3.0, 5.0)]
    assert found == pytest.approx([2.0, 3.0, 5.0], rel=0.3)
    assert edge_blur_px(sharp) < 1.2
    assert edge_blur_px(np.full((500, 500), 200, np.uint8)) == 0


def test_a_dark_photo_is_too_dark_whatever_else_it_is(sharp: Grey) -> None:
    dark = np.asarray(sharp * 0.1, np.uint8)
    assert np.percentile(dark, 95) < DARK_LEVEL
    assert reason_for_failure(dark, "not_a_form") == "too_dark"
    dark[:60, :60] = 255
    assert reason_for_failure(dark, "not_a_form") == "too_dark"


def test_a_small_picture_is_too_small(sharp: Grey) -> None:
    size = (SMALL_SIDE_PX - 20, 650)
    small = np.asarray(cv2.resize(sharp, size, interpolation=cv2.INTER_AREA), np.uint8)
    assert reason_for_failure(small, "not_registered") == "low_resolution"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("share", [1.6, 2.2])
def test_a_form_that_runs_out_of_the_frame_is_cropped(page: int, share: float) -> None:
    assert reason_for_failure(photo(page, view=View(roll_deg=2, share=share)), "not_a_form") == "cropped"


@pytest.mark.parametrize("side", ["left", "right", "top"])
def test_half_a_form_is_cropped(sharp: Grey, side: str) -> None:
    whole = np.asarray(cv2.resize(sharp, None, fx=1.2, fy=1.2, interpolation=cv2.INTER_LINEAR), np.uint8)
    height, width = whole.shape
    half = {
        "left": whole[:, width // 2 :],
        "right": whole[:, : width // 2],
        "top": whole[height // 2 :],
    }[side]
    assert reason_for_failure(np.ascontiguousarray(half), "not_a_form") == "cropped"


@pytest.mark.parametrize("background", ["wood", "tiles", "cloth", "wall", "cardboard"])
def test_a_whole_form_on_boards_or_tiles_is_not_cropped(background: str) -> None:
    assert reason_for_failure(photo(1, background=background), "not_a_form") == "unknown_form"


def test_a_blown_out_spot_on_the_form_is_glare(sharp: Grey) -> None:
    centre = np.array([0.5, 0.5]) * sharp.shape[::-1]
    assert reason_for_failure(with_reflection(sharp, centre, 120, 3), "not_a_form") == "glare"
    assert reason_for_failure(with_reflection(sharp, centre, 20, 1), "not_a_form") == "unknown_form"


def test_a_white_scan_has_no_glare() -> None:
    from ocr_pipeline.synthesis.draw import draw_page

    scan = np.asarray(cv2.cvtColor(draw_page(FORM.page(1), 2.0), cv2.COLOR_BGR2GRAY), np.uint8)
    assert reason_for_failure(scan, "not_a_form") == "unknown_form"


@pytest.mark.parametrize(
    "kind",
    [
        "text",
        "chess-board",
        "keyboard",
        "bricks",
        "stripes",
        "gradient",
        "qr-code",
        "markers",
        "receipt",
        "answer-sheet",
    ]
    + ["music", "bar-code", "house-front", "digit-boxes"],
)
def test_what_has_no_ruled_lines_of_a_form_is_not_a_form(non_forms: dict[str, Grey], kind: str) -> None:
    assert reason_for_failure(non_forms[kind], "not_a_form") == "not_a_form"


@pytest.mark.parametrize("page", PAGES)
def test_a_form_that_may_still_be_read_is_worth_a_search(pages: dict[int, Grey], page: int) -> None:
    sharp = pages[page]
    for worse in (sharp, blurred(sharp, 2), sharp * 0.3, sharp * 0.35 + 110, sharp.T):
        assert has_rules(np.ascontiguousarray(worse, np.uint8))


@pytest.mark.parametrize(
    "kind", ["text", "chess-board", "keyboard", "bricks", "gradient", "noise", "qr-code", "receipt"]
)
def test_what_has_hardly_a_line_is_not(non_forms: dict[str, Grey], kind: str) -> None:
    assert not has_rules(non_forms[kind])


def test_every_real_form_is_worth_a_search(shared_dir: Path) -> None:
    photos = shared_dir / "realforms"
    paths = [p for p in sorted([*photos.glob("c1-p*/*.*p*g"), *photos.glob("c-*/*")]) if "aceh" not in p.name]
    assert len(paths) >= 20
    for path in paths:
        assert has_rules(decode_photo(path).grey), path.name


@pytest.mark.parametrize("kind", ["table", "spreadsheet", "calendar", "foreign-tally"])
def test_a_ruled_sheet_that_nobody_knows_is_an_unknown_form(non_forms: dict[str, Grey], kind: str) -> None:
    assert reason_for_failure(non_forms[kind], "not_a_form") == "unknown_form"


@pytest.mark.parametrize(
    "grey", [np.zeros((1, 1), np.uint8), np.full((9, 4000), 255, np.uint8), np.full((900, 900), 7)]
)
def test_odd_pictures_have_a_reason_too(grey: Grey) -> None:
    assert reason_for_failure(np.asarray(grey, np.uint8), "not_a_form") in REASONS


def test_a_large_photo_is_judged_like_its_small_copy_and_fast(sharp: Grey) -> None:
    large = np.asarray(cv2.resize(sharp, (3024, 4032), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert reason_for_failure(large, "not_a_form") == "unknown_form"
    soft = np.asarray(cv2.resize(blurred(sharp, 4), (3024, 4032), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert reason_for_failure(soft, "not_a_form") == "blurred"
    best = min(_seconds(large) for _ in range(5))
    assert best < 0.3  # some 30 ms on a quiet machine


def _seconds(grey: Grey) -> float:
    start = time.perf_counter()
    reason_for_failure(grey, "not_a_form")
    return time.perf_counter() - start


def test_no_real_form_is_called_soft_dark_cropped_or_full_of_glare(shared_dir: Path) -> None:
    """They are read, or have a fault of their own; without a match they would be forms that nobody knows."""
    paths = [p for p in sorted((shared_dir / "realforms").glob("c*/*")) if "aceh" not in p.name or "-01" in p.name]
    assert len(paths) >= 20
    for path in paths:
        grey = decode_photo(path).grey
        if min(grey.shape) >= SMALL_SIDE_PX:
            assert reason_for_failure(grey, "not_a_form") == "unknown_form", path.name


def test_a_ruling_says_where_its_lines_are() -> None:
    picture = np.full((800, 600), 220, np.uint8)
    for y in range(100, 701, 40):
        cv2.line(picture, (60, y), (540, y), 30, 2)
    for x in (60, 300, 540):
        cv2.line(picture, (x, 100), (x, 700), 30, 2)
    picture[720:] = 40  # an edge is no rule
    ruling = find_ruling(picture)
    assert ruling.is_form
    assert not ruling.runs_out
    assert ruling.paper == pytest.approx(220, abs=1)
    assert np.abs(ruling.across[:, [1, 3]] - 720).min() > 10
    assert find_ruling(picture[:, 100:500].copy()).runs_out
    assert edge_blur_px(picture) < SOFT_PX
