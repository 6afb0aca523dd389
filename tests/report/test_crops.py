"""Numbers cut out of photos: straight, of one size, with their words line below."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from service.report.crops import BOX_HEIGHT_PX, MARGIN, WIDEST_PX, crop_number, jpeg_bytes

MARGIN_PX = round(MARGIN * BOX_HEIGHT_PX)
INK, LINE = (0, 0, 0), (200, 30, 30)
BOXES = np.array([[100, 60], [190, 90], [180, 120], [90, 90]], np.float64)


def photo_with(*quads: tuple[np.ndarray, tuple[int, int, int]], size: tuple[int, int] = (300, 200)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    for quad, colour in quads:
        ImageDraw.Draw(picture).polygon([(x, y) for x, y in quad], fill=colour)
    return picture


def dark(crop: Image.Image) -> np.ndarray:
    return np.asarray(crop.convert("L")) < 128


def test_a_tilted_number_is_cut_straight_with_a_margin() -> None:
    crop = crop_number(photo_with((BOXES, INK)), BOXES)

    assert crop.height == pytest.approx(BOX_HEIGHT_PX + 2 * MARGIN_PX, abs=1)
    assert crop.width > 2 * crop.height
    inside = dark(crop)
    assert inside[MARGIN_PX + 4 : -MARGIN_PX - 4, MARGIN_PX + 4 : -MARGIN_PX - 4].mean() > 0.97
    assert inside[: MARGIN_PX - 4].mean() < 0.03


def test_a_number_on_a_page_that_lies_upside_down_is_shown_upright() -> None:
    picture = photo_with((BOXES, INK))
    first_box = np.array([BOXES[0], BOXES[0] * 0.7 + BOXES[1] * 0.3, BOXES[3] * 0.7 + BOXES[2] * 0.3, BOXES[3]])
    ImageDraw.Draw(picture).polygon([(x, y) for x, y in first_box], fill=LINE)
    turned, quad = picture.rotate(180), np.array([299, 199]) - BOXES

    upright, back = crop_number(picture, BOXES), crop_number(turned, quad)

    assert np.abs(np.asarray(upright, int) - np.asarray(back, int)).mean() < 3
    assert back.getpixel((MARGIN_PX + 10, MARGIN_PX + BOX_HEIGHT_PX // 2)) == pytest.approx(LINE, abs=12)


def test_digits_and_words_are_seen_in_one_look_at_one_scale() -> None:
    boxes = np.array([[20, 20], [80, 20], [80, 40], [20, 40]], np.float64)
    words = np.array([[20, 60], [180, 60], [180, 80], [20, 80]], np.float64)
    picture = photo_with((boxes, INK), (words, LINE))

    both, alone = crop_number(picture, boxes, words), crop_number(picture, boxes)

    assert both.height > 2 * alone.height
    assert both.width > 2 * alone.width
    assert np.array_equal(np.asarray(both)[: alone.height, : alone.width], np.asarray(alone))
    assert both.getpixel((both.width // 2, both.height - MARGIN_PX - 10)) == pytest.approx(LINE, abs=12)


def test_the_words_alone_are_as_large_as_the_picture_holds_them() -> None:
    words = np.array([[20, 60], [180, 60], [180, 80], [20, 80]], np.float64)

    crop = crop_number(photo_with((words, LINE)), None, words)

    assert crop.size == pytest.approx((160 + 2 * 5, 20 + 2 * 5), abs=1)


def test_no_crop_is_wider_than_the_limit() -> None:
    line = np.array([[0, 0], [5999, 0], [5999, 30], [0, 30]], np.float64)
    picture = Image.new("RGB", (6000, 400), "white")

    assert crop_number(picture, line + 50, line).width <= WIDEST_PX
    assert crop_number(picture, None, line).width <= WIDEST_PX


def test_a_large_photo_gives_a_smooth_crop() -> None:
    """Stripes too fine for the crop become grey instead of a pattern that is not there."""
    stripes = np.tile(np.repeat(np.array([0, 255], np.uint8), 3), (600, 300))
    picture = Image.fromarray(stripes).convert("RGB")

    crop = np.asarray(crop_number(picture, np.array([[0, 0], [1700, 0], [1700, 590], [0, 590]], np.float64)))

    inside = crop[MARGIN_PX + 4 : -MARGIN_PX - 4, MARGIN_PX + 4 : MARGIN_PX + 150]
    assert inside.std() < 30


@pytest.mark.parametrize("quad", [np.zeros((4, 2)), np.array([[-50, -50], [-10, -50], [-10, -30], [-50, -30]], float)])
def test_a_quad_beyond_the_photo_or_without_area_still_gives_a_picture(quad: np.ndarray) -> None:
    crop = crop_number(Image.new("RGB", (20, 20), "red"), quad)

    assert 0 < crop.width <= WIDEST_PX
    assert 0 < crop.height <= WIDEST_PX


def test_a_crop_is_sent_as_jpeg() -> None:
    with Image.open(BytesIO(jpeg_bytes(Image.new("RGB", (30, 20), "red")))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (30, 20))
