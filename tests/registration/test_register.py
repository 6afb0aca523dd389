from dataclasses import replace

import cv2
import numpy as np
import pytest

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.registration.model import page_models
from ocr_pipeline.registration.page_fit import PageFit
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.register import register
from ocr_pipeline.registration.tag import find_tags
from ocr_pipeline.synthesis import SynthesisSettings, SyntheticPhoto, synthesize
from ocr_pipeline.synthesis.photograph import photograph
from ocr_pipeline.synthesis.scene import Background, background_texture
from ocr_pipeline.values import Grey
from tests.registration.shots import (
    CURLED,
    EASY,
    FOLDED,
    MODELS,
    TILTED,
    grey_of,
    residuals_mm,
    take,
)


def place(grey: Grey) -> PageFit:
    return register(Pyramid(grey), MODELS)


def refusal(grey: Grey) -> str:
    with pytest.raises(PhotoRejected) as caught:
        place(grey)
    return caught.value.reason


def tag_area_px(photo: SyntheticPhoto) -> np.ndarray:
    """Corners of the printed tag and a little white around it, (4, 2), photo px."""
    assert photo.page.tag is not None
    quad = np.array(photo.page.tag.quad_mm, np.float64)
    return photo.shot.to_photo(quad.mean(0) + (quad - quad.mean(0)) * 1.15)


def without_tag(photo: SyntheticPhoto) -> Grey:
    """A sticker over the tag."""
    grey = grey_of(photo.shot)
    cv2.fillPoly(grey, [np.rint(tag_area_px(photo)).astype(np.int32)], 200)
    return grey


def with_soft_tag(photo: SyntheticPhoto) -> Grey:
    """The tag smeared until no detector reads it."""
    grey = grey_of(photo.shot)
    area = tag_area_px(photo)
    x0, y0 = np.floor(area.min(0)).astype(int) - 3
    x1, y1 = np.ceil(area.max(0)).astype(int) + 3
    grey[y0:y1, x0:x1] = cv2.GaussianBlur(grey[y0:y1, x0:x1], (0, 0), 3.5)
    return grey


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_page_and_turn_are_named_and_the_boxes_found(turn: int) -> None:
    photo = take(2, EASY, turn_deg=turn)
    fit = place(grey_of(photo.shot))
    assert (fit.model.page.page, fit.turn, fit.confirmed) == (2, turn, True)
    assert residuals_mm(photo, fit.page_map).max() < 0.5


BOUNDS_MM = {
    "flat": (EASY, 0.5, 0.4),
    "curled": (CURLED, 1.2, 0.7),
    "folded": (FOLDED, 2.5, 1.2),
    "tilted": (TILTED, 1.0, 0.7),
}
"""Settings, and the largest and the median distance of a box corner from its true place. Measured over nine photos of
each kind: 0.3 and 0.2 flat, 0.6 and 0.3 curled, 1.6 and 0.5 folded, 0.6 and 0.4 tilted; the rest is margin."""


@pytest.mark.parametrize(
    ("kind", "page", "seed"),
    [("flat", 3, 3), ("curled", 1, 3), ("curled", 2, 2), ("folded", 2, 1), ("folded", 3, 2), ("tilted", 1, 1)],
)
def test_box_corners_lie_within_a_stated_distance_of_the_truth(kind: str, page: int, seed: int) -> None:
    settings, largest_mm, median_mm = BOUNDS_MM[kind]
    photo = take(page, settings, seed)
    fit = place(grey_of(photo.shot))
    assert fit.model.page.page == page
    off_mm = residuals_mm(photo, fit.page_map)
    assert off_mm.max() < largest_mm
    assert np.median(off_mm) < median_mm


@pytest.mark.parametrize(("page", "turn"), [(2, 180), (3, 90), (3, 180)])
def test_a_covered_tag_is_replaced_by_the_lines_but_not_confirmed(page: int, turn: int) -> None:
    photo = take(page, EASY, turn_deg=turn)
    fit = place(without_tag(photo))
    assert (fit.model.page.page, fit.turn, fit.confirmed) == (page, turn, False)
    assert residuals_mm(photo, fit.page_map).max() < 0.6


def test_a_tag_too_soft_to_decode_still_confirms_the_page_the_lines_found() -> None:
    photo = take(2, EASY, seed=2)
    soft = with_soft_tag(photo)
    assert find_tags(Pyramid(soft), (101, 102, 103)) == ()
    fit = place(soft)
    assert (fit.model.page.page, fit.turn, fit.confirmed) == (2, 0, True)
    assert residuals_mm(photo, fit.page_map).max() < 0.6


def test_two_pages_in_one_picture_are_several_forms() -> None:
    left, right = (grey_of(take(page, EASY).shot) for page in (1, 2))
    assert refusal(np.concatenate([left, right], axis=1)) == "several_forms"


@pytest.mark.parametrize("ids", [("c1-ppwp-2019", "c1-plano-ppwp-2019"), ("c1-ppwp-2014", "c1-ppwp-2014")])
def test_two_pages_without_tags_are_several_forms_too(ids: tuple[str, str]) -> None:
    def picture(form_id: str) -> Grey:
        form = load_form(form_id)
        return grey_of(synthesize(form, [form.pages[-1].page], 3, SynthesisSettings(photo=EASY))[0].shot)

    one, two = (picture(form_id) for form_id in ids)
    tall = max(one.shape[0], two.shape[0])
    both = [np.pad(p, ((0, tall - p.shape[0]), (0, 0)), constant_values=90) for p in (one, two)]
    models = tuple(m for form_id in sorted(set(ids)) for m in page_models(form_id))
    with pytest.raises(PhotoRejected) as caught:
        register(Pyramid(np.concatenate(both, axis=1)), models)
    assert caught.value.reason == "several_forms"


def test_an_unknown_tag_on_another_sheet_does_not_disturb() -> None:
    """Only tags of known pages count: a tag of another form beside the sheet is no second form."""
    photo = take(3, EASY)
    grey = grey_of(photo.shot)
    stray = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10), 7, 50)
    canvas = np.full((grey.shape[0], grey.shape[1] + 90), 225, np.uint8)
    canvas[:, : grey.shape[1]] = grey
    canvas[100:150, -70:-20] = stray
    assert place(canvas).model.page.page == 3


@pytest.mark.parametrize("level", [0, 255, 128])
def test_an_even_picture_is_not_a_form(level: int) -> None:
    assert refusal(np.full((1200, 900), level, np.uint8)) == "not_a_form"


def test_noise_is_not_a_form() -> None:
    assert refusal(np.random.default_rng(0).integers(0, 255, (1200, 900)).astype(np.uint8)) == "not_a_form"


@pytest.mark.parametrize("kind", ["tiles", "wood"])
def test_a_floor_is_not_a_form(kind: Background) -> None:
    """Tiles are rectangles in two directions, like a table; boards are lines in one."""
    floor = background_texture(kind, (900, 1200), np.random.default_rng(0))
    assert refusal(np.asarray(cv2.cvtColor(floor, cv2.COLOR_BGR2GRAY), np.uint8)) == "not_a_form"


def table(seed: int, rows: int, columns: int) -> Grey:
    """A page of 600 x 900 mm with some other form's table, photographed like ours."""
    rng = np.random.default_rng(seed)
    page = np.full((1800, 1200, 3), 255, np.uint8)
    xs = np.rint(np.sort(rng.uniform(60, 1140, columns))).astype(int)
    ys = np.rint(np.sort(rng.uniform(60, 1740, rows))).astype(int)
    for x in xs:
        cv2.line(page, (int(x), int(ys[0])), (int(x), int(ys[-1])), (30, 30, 30), 2)
    for y in ys:
        cv2.line(page, (int(xs[0]), int(y)), (int(xs[-1]), int(y)), (30, 30, 30), 2)
    return grey_of(photograph(page, 2.0, EASY, rng))


@pytest.mark.parametrize(("seed", "rows", "columns"), [(1, 45, 14)])
def test_another_forms_table_is_refused(seed: int, rows: int, columns: int) -> None:
    assert refusal(table(seed, rows, columns)) == "not_a_form"


def test_our_tag_on_another_table_is_not_registered() -> None:
    """The tag alone proves nothing: the lines of the page it names must be there."""
    rng = np.random.default_rng(2)
    tag_quad = MODELS[1].page.tag
    assert tag_quad is not None
    page = np.full((1800, 1200, 3), 255, np.uint8)
    for x in rng.uniform(60, 900, 8).astype(int):
        cv2.line(page, (int(x), 400), (int(x), 1700), (30, 30, 30), 2)
    for y in rng.uniform(400, 1700, 20).astype(int):
        cv2.line(page, (60, int(y)), (900, int(y)), (30, 30, 30), 2)
    side = 64
    marker = cv2.aruco.generateImageMarker(
        cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10), tag_quad.id, side
    )
    page[214 : 214 + side, 988 : 988 + side] = np.rot90(marker, 2)[:, :, None]
    assert refusal(grey_of(photograph(page, 2.0, EASY, rng))) == "not_registered"


def test_the_same_picture_gives_the_same_fit() -> None:
    grey = grey_of(take(3, replace(EASY, long_side_px=1000)).shot)
    one, two = place(grey), place(grey)
    assert np.array_equal(one.page_map.homography, two.page_map.homography)
    assert np.array_equal(one.page_map.mesh.shift_mm, two.page_map.mesh.shift_mm)
    assert one.score == two.score


def test_the_photo_is_left_as_it_was() -> None:
    grey = grey_of(take(3, replace(EASY, long_side_px=1000)).shot)
    before = grey.copy()
    grey.setflags(write=False)
    place(grey)
    assert np.array_equal(grey, before)
