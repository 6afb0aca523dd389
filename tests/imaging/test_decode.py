"""The right picture, the right way up."""

import hashlib
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from ocr_pipeline.imaging.decode import decode_colour, decode_photo
from tests.imaging.pictures import (
    HEIGHT_PX,
    JPEG_LEVELS,
    WIDTH_PX,
    assert_same,
    encoded,
    exif,
    noisy_jpeg,
    sixteen_bit,
    stored_for,
    upright_grey,
)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("file_format", "levels", "options"),
    [
        ("JPEG", JPEG_LEVELS, {"quality": 95}),
        ("JPEG", JPEG_LEVELS, {"quality": 95, "progressive": True}),
        ("PNG", 0, {}),
        ("WEBP", 0, {"lossless": True}),
        ("TIFF", 0, {}),
        ("TIFF", 0, {"compression": "tiff_lzw"}),
    ],
)
def test_exif_orientation_is_applied_exactly_once(
    orientation: int, file_format: str, levels: int, options: dict[str, Any]
) -> None:
    stored = stored_for(upright_grey(), orientation)
    data = encoded(Image.fromarray(stored).convert("RGB"), file_format, exif=exif(orientation), **options)
    photo = decode_photo(data)
    assert_same(photo.grey, upright_grey(), levels)
    assert (photo.width_px, photo.height_px) == (WIDTH_PX, HEIGHT_PX)
    assert_same(decode_colour(data)[..., 0], upright_grey(), levels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_our_idea_of_orientation_is_pillows(orientation: int) -> None:
    data = encoded(stored_for(upright_grey(), orientation), "PNG", exif=exif(orientation))
    with Image.open(io.BytesIO(data)) as image:
        assert_same(np.asarray(ImageOps.exif_transpose(image)), upright_grey())


def test_cmyk_jpeg_is_turned_too() -> None:
    stored = Image.fromarray(stored_for(upright_grey(), 6)).convert("CMYK")
    photo = decode_photo(encoded(stored, "JPEG", quality=95, exif=exif(6)))
    assert photo.orientation == 6
    assert_same(photo.grey, upright_grey(), JPEG_LEVELS)


@pytest.mark.parametrize("nonsense", [0, 9, 65535])
def test_nonsense_orientation_counts_as_upright(nonsense: int) -> None:
    data = bytearray(encoded(upright_grey(), "JPEG", quality=95, exif=exif(1)))
    tag = data.index(b"\x01\x12\x00\x03")
    data[tag + 8 : tag + 10] = nonsense.to_bytes(2, "big")
    assert_same(decode_photo(bytes(data)).grey, upright_grey(), JPEG_LEVELS)


def transparent() -> Image.Image:
    """The upright picture in which the paper is not there and the hidden colour beneath is black."""
    grey = upright_grey()
    alpha = np.where(grey == 230, 0, 255).astype(np.uint8)
    hidden = np.where(alpha == 0, 0, grey).astype(np.uint8)
    return Image.merge("LA", (Image.fromarray(hidden), Image.fromarray(alpha)))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (encoded(upright_grey(), "PNG"), "png"),
        (encoded(sixteen_bit(), "PNG"), "png"),
        (encoded(sixteen_bit(), "TIFF"), "tiff"),
        (encoded(Image.fromarray(upright_grey()).convert("P"), "GIF"), "gif"),
        (encoded(Image.fromarray(upright_grey()).convert("P"), "PNG"), "png"),
        (encoded(upright_grey(), "BMP"), "bmp"),
        (encoded(Image.fromarray(upright_grey()).convert("CMYK"), "TIFF"), "tiff"),
    ],
)
def test_grey_levels_are_kept(data: bytes, name: str) -> None:
    photo = decode_photo(data)
    assert photo.format == name
    assert_same(photo.grey, upright_grey(), 1)
    assert_same(decode_colour(data)[..., 1], upright_grey(), 1)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_paper_is_white(mode: str) -> None:
    data = encoded(transparent().convert(mode), "PNG")
    meant = np.where(upright_grey() == 230, 255, upright_grey()).astype(np.uint8)
    assert_same(decode_photo(data).grey, meant)
    assert_same(decode_colour(data)[..., 2], meant)


def test_colour_is_blue_green_red() -> None:
    red = Image.new("RGB", (32, 32), (250, 10, 20))
    for file_format in ("PNG", "JPEG"):
        blue_green_red = decode_colour(encoded(red, file_format, quality=95))
        assert_same(blue_green_red[0, 0], np.array([20, 10, 250], np.uint8), 6)


def test_jpeg_grey_is_the_luma_of_its_colours() -> None:
    for red, green, blue in ((200, 90, 40), (30, 160, 70), (60, 50, 220)):
        grey = decode_photo(encoded(Image.new("RGB", (32, 32), (red, green, blue)), "JPEG", quality=95)).grey
        assert abs(int(grey[9, 9]) - (0.299 * red + 0.587 * green + 0.114 * blue)) <= 2  # ITU-R BT.601


def test_the_decoded_photo_knows_itself(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"  # a JPEG under a wrong name
    path.write_bytes(noisy_jpeg())
    photo = decode_photo(path)
    assert (photo.format, photo.page, photo.orientation) == ("jpeg", None, 1)
    assert photo.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert photo.grey.shape == (photo.height_px, photo.width_px) == (160, 240)
    with pytest.raises(ValueError, match="read-only"):
        photo.grey[0, 0] = 0


def test_a_48_megapixel_original_passes() -> None:
    photo = decode_photo(encoded(Image.new("L", (8000, 6000), 128), "JPEG"))
    assert (photo.width_px, photo.height_px) == (8000, 6000)


def test_what_follows_the_picture_does_no_harm() -> None:
    data = noisy_jpeg()
    for longer in (data + noisy_jpeg(), data + b"\0" * 500, data[:-2] + b"\0\0\0" + data[-2:]):
        assert_same(decode_photo(longer).grey, decode_photo(data).grey)


def test_a_second_picture_in_a_jpeg_is_not_an_animation() -> None:
    several = encoded(upright_grey(), "MPO", save_all=True, append_images=[Image.new("L", (8, 8))], quality=95)
    assert_same(decode_photo(several).grey, upright_grey(), JPEG_LEVELS)


def test_every_real_photo_decodes_as_opencv_shows_it(shared_dir: Path) -> None:
    photos = [path for path in sorted((shared_dir / "realforms").glob("*/*")) if path.suffix != ".gif"]
    assert len(photos) >= 60
    for path in photos:
        shown = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)  # OpenCV obeys EXIF here
        assert shown is not None
        assert_same(decode_photo(path).grey, np.asarray(shown, np.uint8), 1)
