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
    rejection,
    scan_pdf,
    stored_for,
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
