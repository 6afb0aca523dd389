"""Files with pages: PDF and TIFF."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr_pipeline.imaging.decode import decode_colour, decode_photo, iter_photos
from ocr_pipeline.imaging.files import Limits
from tests.imaging.pictures import (
    HEIGHT_PX,
    JPEG_LEVELS,
    WIDTH_PX,
    assert_same,
    encoded,
    exif,
    noisy_jpeg,
    pdf,
    placed_pdf,
    rejection,
    scan_pdf,
    stored_for,
    stream,
    upright_grey,
)


def test_each_page_of_a_pdf_is_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "tps.pdf"
    pages = [encoded(np.full((64, 96), level, np.uint8), "JPEG", quality=95) for level in (40, 200)]
    path.write_bytes(scan_pdf(pages, (96, 64)))
    photos = list(iter_photos(path))
    assert [photo.name for photo in photos] == [f"{path}#1", f"{path}#2"]
    decoded = [decode_photo(photo) for photo in photos]
    assert [(photo.page, photo.format) for photo in decoded] == [(1, "pdf"), (2, "pdf")]
    assert [int(photo.grey[9, 9]) for photo in decoded] == [40, 200]
    assert {photo.sha256 for photo in decoded} == {hashlib.sha256(path.read_bytes()).hexdigest()}
    assert decode_photo(path).page == 1


def test_one_page_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "tps.pdf"
    pages = [encoded(np.full((64, 96), level, np.uint8), "JPEG", quality=95) for level in (40, 200)]
    path.write_bytes(scan_pdf(pages, (96, 64)))
    [second] = iter_photos(f"{path}#2")
    assert (second.name, decode_photo(second).page) == (f"{path}#2", 2)
    [third] = iter_photos(f"{path}#3")
    assert rejection(third).reason == "missing"
    odd = tmp_path / "photo#1"
    odd.write_bytes(noisy_jpeg())
    [photo] = iter_photos(odd)
    assert (photo.name, photo.page, decode_photo(photo).format) == (str(odd), None, "jpeg")


@pytest.mark.parametrize(("rotate_deg", "orientation"), [(0, 1), (90, 6), (180, 3), (270, 8)])
def test_a_scan_is_taken_out_of_its_pdf_unchanged(rotate_deg: int, orientation: int) -> None:
    stored = stored_for(upright_grey(), orientation)
    jpeg = encoded(stored, "JPEG", quality=95, exif=exif(6))  # viewers ignore EXIF inside a PDF
    height_px, width_px = stored.shape
    data = scan_pdf([jpeg], (width_px, height_px), rotate_deg=rotate_deg)
    assert_same(decode_photo(data).grey, upright_grey(), JPEG_LEVELS)
    assert_same(decode_colour(data)[..., 0], upright_grey(), JPEG_LEVELS)


@pytest.mark.parametrize(
    ("options", "corner_level"),
    [
        pytest.param({"decode": b"/Decode [1 0]"}, 255 - 20, id="inverted"),
        pytest.param({"drawing": b"1 g 0 32 48 32 re f"}, 255, id="white-box-on-top"),
    ],
)
def test_a_pdf_page_looks_as_in_a_viewer(options: dict[str, bytes], corner_level: int) -> None:
    data = scan_pdf([encoded(upright_grey(), "JPEG", quality=95)], (WIDTH_PX, HEIGHT_PX), **options)  # type: ignore[arg-type]
    photo = decode_photo(data)
    assert photo.width_px == 2500
    assert abs(int(photo.grey[100, 100]) - corner_level) <= JPEG_LEVELS
    assert decode_colour(data).shape == (*photo.grey.shape, 3)


W, H = float(WIDTH_PX), float(HEIGHT_PX)
PLACED: list[tuple[int, tuple[float, float, float, float, float, float]]] = [
    (1, (W, 0, 0, H, 40, 70)),
    (2, (-W, 0, 0, H, 40 + W, 70)),
    (3, (-W, 0, 0, -H, 40 + W, 70 + H)),
    (4, (W, 0, 0, -H, 40, 70 + H)),
    (5, (0, -H, -W, 0, 40 + W, 70 + H)),
    (6, (0, -H, W, 0, 40, 70 + H)),
    (7, (0, H, W, 0, 40, 70)),
    (8, (0, H, -W, 0, 40 + W, 70)),
]
"""An orientation and the matrix that shows a picture stored so upright, 40 pt from the left of the page, 70 from below.

The first two numbers are where the stored picture's right goes on the page (y up), the next two where its top goes.
"""


@pytest.mark.parametrize(("orientation", "matrix"), PLACED)
@pytest.mark.parametrize("rotate_deg", [0, 90, 180, 270])
def test_a_photo_anywhere_on_a_page_is_taken_out_as_the_page_shows_it(
    orientation: int, matrix: tuple[float, float, float, float, float, float], rotate_deg: int
) -> None:
    stored = stored_for(upright_grey(), orientation)
    jpeg = encoded(stored, "JPEG", quality=95)
    data = placed_pdf(jpeg, (stored.shape[1], stored.shape[0]), matrix, (300, 400), rotate_deg)
    meant = np.rot90(upright_grey(), -rotate_deg // 90)
    assert_same(decode_photo(data).grey, np.ascontiguousarray(meant), JPEG_LEVELS)
    assert_same(decode_colour(data)[..., 1], np.ascontiguousarray(meant), JPEG_LEVELS)


def test_a_photo_that_hangs_over_the_page_is_shown_as_far_as_it_is_on_it() -> None:
    jpeg = encoded(upright_grey(), "JPEG", quality=95)
    photo = decode_photo(placed_pdf(jpeg, (WIDTH_PX, HEIGHT_PX), (W, 0, 0, H, 0, 0), (WIDTH_PX // 2, HEIGHT_PX)))
    assert photo.width_px < photo.height_px
    assert photo.height_px == 2500


def test_a_photo_that_lies_askew_is_rendered() -> None:
    jpeg = encoded(upright_grey(), "JPEG", quality=95)
    photo = decode_photo(placed_pdf(jpeg, (WIDTH_PX, HEIGHT_PX), (W, 9, -9, H, 40, 70), (300, 400)))
    assert (photo.width_px, photo.height_px) == (1875, 2500)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_a_picture_without_loss_keeps_every_pixel(mode: str) -> None:
    """As Pillow writes it: fax for black and white, else JPEG or packed pixels; 200 dots an inch."""
    black_and_white = np.where(upright_grey() > 120, 255, 0).astype(np.uint8)
    image = Image.fromarray(black_and_white if mode == "1" else upright_grey()).convert(mode)
    options = {} if mode == "1" else {"quality": 95}
    photo = decode_photo(encoded(image, "PDF", resolution=200, **options))
    meant = black_and_white if mode == "1" else upright_grey()
    assert_same(photo.grey, meant, 0 if mode in ("1", "P") else JPEG_LEVELS)


def test_a_page_of_lines_and_letters_is_rendered() -> None:
    drawing = b"0 g 0 32 48 32 re f"
    bodies = (b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 96 64] /Contents 4 0 R >>"
    photo = decode_photo(pdf(*bodies, page, stream(b"", drawing)))
    assert (photo.width_px, photo.height_px) == (2500, 1667)
    assert (int(photo.grey[100, 100]), int(photo.grey[-100, -100])) == (0, 255)


def test_a_cut_scan_in_a_pdf_is_never_read() -> None:
    jpeg = noisy_jpeg()
    assert rejection(scan_pdf([jpeg[: len(jpeg) // 2]], (240, 160))).reason == "unreadable_file"


def test_each_page_of_a_tiff_is_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    pages = [Image.new("L", (40, 30), level) for level in (0, 120, 255)]
    path.write_bytes(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    photos = list(iter_photos(path))
    assert [photo.name for photo in photos] == [f"{path}#1", f"{path}#2", f"{path}#3"]
    assert [int(decode_photo(photo).grey[5, 5]) for photo in photos] == [0, 120, 255]
    path.write_bytes(encoded(pages[1], "TIFF"))
    assert [photo.name for photo in iter_photos(path)] == [str(path)]


def test_too_many_pages(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(scan_pdf([noisy_jpeg()] * 3, (240, 160)))
    [whole] = iter_photos(path, Limits(pages=2))
    assert whole.page is None
    assert rejection(whole, Limits(pages=2)).reason == "too_large"
