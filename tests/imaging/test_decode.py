"""The right picture, the right way up."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
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
    rejection,
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


def scanned(array: NDArray[Any], **options: Any) -> bytes:
    """A TIFF as scanners' own programs write them; Pillow writes no such file."""
    tifffile = pytest.importorskip("tifffile")  # comes with scikit-image
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


SIXTEEN = upright_grey().astype(np.uint16) * 257
IN_COLOUR = np.repeat(SIXTEEN[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("array", "options"),
    [
        pytest.param(SIXTEEN, {"tile": (16, 16)}, id="16-bit-tiles"),
        pytest.param(SIXTEEN.astype(">u2"), {"byteorder": ">"}, id="16-bit-big-endian"),
        pytest.param(65535 - SIXTEEN, {"photometric": "miniswhite"}, id="16-bit-white-is-zero"),
        pytest.param(255 - upright_grey(), {"photometric": "miniswhite"}, id="white-is-zero"),
        pytest.param(IN_COLOUR, {"photometric": "rgb"}, id="48-bit"),
        pytest.param(np.stack([upright_grey()] * 3), {"photometric": "rgb", "planarconfig": "separate"}, id="planes"),
        pytest.param(upright_grey(), {"bigtiff": True}, id="big-tiff"),
    ],
)
def test_a_scan_of_any_depth_and_layout_is_the_same_picture(array: NDArray[Any], options: dict[str, Any]) -> None:
    assert_same(decode_photo(scanned(array, **options)).grey, upright_grey())


def test_a_scan_that_would_come_out_as_stripes_is_refused() -> None:
    planes = scanned(IN_COLOUR.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    assert rejection(planes).reason == "unreadable_file"


@pytest.mark.parametrize("compression", ["packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_a_tiff_of_any_compression_is_the_same_picture(compression: str) -> None:
    data = encoded(Image.fromarray(upright_grey()).convert("RGB"), "TIFF", compression=compression)
    assert_same(decode_photo(data).grey, upright_grey(), JPEG_LEVELS if compression == "jpeg" else 0)


@pytest.mark.parametrize("compression", ["group3", "group4", "packbits"])
@pytest.mark.parametrize("photometric", [0, 1])
def test_a_fax_is_black_on_white(compression: str, photometric: int) -> None:
    meant = np.where(upright_grey() > 120, 255, 0).astype(np.uint8)
    data = encoded(Image.fromarray(meant).convert("1"), "TIFF", compression=compression, tiffinfo={262: photometric})
    assert_same(decode_photo(data).grey, meant)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        pytest.param("L", {}, id="4:0:0"),
        pytest.param("L", {"progressive": True}, id="4:0:0-progressive"),
        *(
            pytest.param("RGB", {"subsampling": k, "progressive": k == 2}, id=n)
            for k, n in enumerate(("444", "422", "420"))
        ),
        pytest.param("CMYK", {}, id="cmyk"),
        pytest.param("CMYK", {"progressive": True}, id="cmyk-progressive"),
    ],
)
def test_jpegs_of_every_kind_are_the_same_picture(mode: str, options: dict[str, Any]) -> None:
    data = encoded(Image.fromarray(upright_grey()).convert(mode), "JPEG", quality=95, **options)
    assert_same(decode_photo(data).grey, upright_grey(), JPEG_LEVELS)
    assert_same(decode_colour(data)[..., 1], upright_grey(), JPEG_LEVELS)


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


def test_a_transparent_colour_of_a_palette_is_white_paper() -> None:
    """GIF and PNG name one entry of the palette; WebP has a whole channel."""
    meant = np.where(upright_grey() == 230, 255, upright_grey()).astype(np.uint8)
    palette = Image.fromarray(upright_grey()).convert("P")
    for file_format in ("GIF", "PNG"):
        assert_same(decode_photo(encoded(palette, file_format, transparency=230)).grey, meant)
    assert_same(decode_photo(encoded(transparent().convert("RGBA"), "WEBP", lossless=True, exact=True)).grey, meant)


def test_a_48_megapixel_original_passes_in_bounded_memory(tmp_path: Path) -> None:
    """In a process of its own: three times the grey picture at most, on top of what the libraries take."""
    path = tmp_path / "asli.jpg"
    texture = np.tile(np.random.default_rng(1).integers(0, 255, (100, 100), np.uint8), (60, 80))
    path.write_bytes(encoded(texture, "JPEG", quality=85, exif=exif(6)))
    script = (
        "import resource, sys; from ocr_pipeline.imaging.decode import decode_photo; decode_photo('{0}');"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; photo = decode_photo('{1}');"
        "print(photo.width_px, photo.height_px, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    (tmp_path / "klein.jpg").write_bytes(noisy_jpeg())
    command = [sys.executable, "-c", script.format(tmp_path / "klein.jpg", path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    width_px, height_px, grown_kib = map(int, done.stdout.split())
    assert (width_px, height_px) == (6000, 8000)
    assert grown_kib < 3 * 48_000_000 / 1024 + path.stat().st_size / 1024


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
