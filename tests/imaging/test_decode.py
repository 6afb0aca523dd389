"""What a user sees of decoding: the right picture the right way up, or the right reason."""

import base64
import hashlib
import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging import files, heic
from ocr_pipeline.imaging.decode import decode_colour, decode_photo, iter_photos
from ocr_pipeline.imaging.files import Limits
from tests.imaging.pictures import (
    HEIGHT_PX,
    WIDTH_PX,
    Grey,
    encoded,
    exif,
    jpeg_header,
    noise,
    noisy_jpeg,
    png_header,
    scan_pdf,
    stored_for,
    upright_grey,
)

JPEG_LEVELS = 4
"""How far flat blocks may move in a quality-95 JPEG."""


def rejection(source: Any, limits: Limits = files.LIMITS) -> PhotoRejected:
    with pytest.raises(PhotoRejected) as caught:
        decode_photo(source, limits)
    return caught.value


def assert_same(seen: Grey, meant: Grey, levels: int = 0) -> None:
    assert seen.shape == meant.shape
    assert int(np.abs(seen.astype(int) - meant).max()) <= levels


# The right way up


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


# Every kind of picture


def sixteen_bit() -> Image.Image:
    return Image.fromarray(upright_grey().astype(np.uint16) * 257)


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


# Bad files


def frames() -> list[Image.Image]:
    return [Image.new("L", (40, 30), level) for level in (0, 120, 255)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "unreadable_file", id="zero-byte"),
        pytest.param(b"Daftar pemilih tetap", "unreadable_file", id="text"),
        pytest.param(b"PK\x03\x04" + b"\0" * 60, "unreadable_file", id="zip"),
        pytest.param(b"\xff\xd8\xff\xe0", "unreadable_file", id="jpeg-start-only"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unreadable_file", id="postscript"),
        pytest.param(encoded(Image.new("F", (8, 8)), "TIFF"), "unreadable_file", id="float-tiff"),
        pytest.param(encoded(frames()[0], "GIF", save_all=True, append_images=frames()), "animated", id="gif"),
        pytest.param(encoded(frames()[0], "WEBP", save_all=True, append_images=frames()), "animated", id="webp"),
        pytest.param(encoded(frames()[0], "PNG", save_all=True, append_images=frames()), "animated", id="apng"),
        pytest.param(png_header(20_000, 10_000), "too_large", id="200-megapixel-png"),
        pytest.param(jpeg_header(20_000, 10_000), "too_large", id="200-megapixel-jpeg"),
        pytest.param(png_header(60_000, 60_000), "too_large", id="bomb-png"),
        pytest.param(png_header(40_000, 20), "too_large", id="too-long-png"),
        pytest.param(jpeg_header(0, 20), "unreadable_file", id="no-width-jpeg"),
        pytest.param(scan_pdf([noisy_jpeg()], (240, 160), locked=True), "encrypted", id="locked-pdf"),
        pytest.param(b"%PDF-1.7\nnothing more", "unreadable_file", id="broken-pdf"),
        pytest.param(scan_pdf([], (9, 9)), "unreadable_file", id="pdf-without-pages"),
        pytest.param(scan_pdf([noisy_jpeg()], (20_000, 10_000)), "too_large", id="200-megapixel-in-pdf"),
    ],
)
def test_each_bad_file_has_its_reason(data: bytes, reason: str, tmp_path: Path, capfd: Any) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    assert rejection(path).reason == reason
    assert [photo.path for photo in iter_photos(path)] == [path]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(noisy_jpeg(), id="jpeg"),
        pytest.param(noisy_jpeg(progressive=True), id="progressive-jpeg"),
        pytest.param(encoded(noise("CMYK"), "JPEG"), id="cmyk"),
        pytest.param(encoded(noise(), "PNG"), id="png"),
        pytest.param(encoded(noise(), "WEBP"), id="webp"),
        pytest.param(encoded(noise(), "TIFF"), id="tiff"),
        pytest.param(encoded(noise(), "GIF"), id="gif"),
        pytest.param(encoded(noise(), "BMP"), id="bmp"),
    ],
)
def test_a_cut_file_is_never_read(data: bytes, share: float, capfd: Any) -> None:
    assert rejection(data[: int(share * len(data))]).reason == "unreadable_file"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_that_was_closed_again_is_never_read(progressive: bool, capfd: Any) -> None:
    data = noisy_jpeg(progressive=progressive)
    half = data[: len(data) // 2]
    assert rejection(half + b"\xff\xd9").reason == "unreadable_file"
    assert rejection(half + b"\0" * len(half)).reason == "unreadable_file"
    assert capfd.readouterr() == ("", "")


def test_a_damaged_jpeg_says_so_and_prints_nothing(capfd: Any) -> None:
    data = bytearray(noisy_jpeg())
    data[len(data) // 2 : len(data) // 2 + 4] = b"\xff\xd9\xff\xd9"
    assert rejection(bytes(data)).reason == "unreadable_file"
    assert capfd.readouterr() == ("", "")


def test_a_damaged_fax_is_never_read(capfd: Any) -> None:
    data = bytearray(encoded(noise("1"), "TIFF", compression="group4"))
    data[len(data) // 2 : len(data) // 2 + 8] = b"\0" * 8
    assert rejection(bytes(data)).reason == "unreadable_file"
    assert capfd.readouterr() == ("", "")


# Bad paths


def test_paths_that_are_no_photo(tmp_path: Path) -> None:
    pipe, hidden, loop = tmp_path / "pipe.jpg", tmp_path / ".cache", tmp_path / "loop.jpg"
    os.mkfifo(pipe)
    hidden.mkdir()
    loop.symlink_to(loop)
    dangling = tmp_path / "dangling.jpg"
    dangling.symlink_to(tmp_path / "gone.jpg")
    file = tmp_path / "file.jpg"
    file.write_bytes(b"x")
    reasons = {
        tmp_path: "not_a_file",
        hidden: "not_a_file",
        pipe: "not_a_file",
        Path("/dev/null"): "not_a_file",
        tmp_path / "gone.jpg": "missing",
        dangling: "missing",
        loop: "missing",
        file / "inside.jpg": "missing",
        tmp_path / ("x" * 5000): "missing",
    }
    assert {path: rejection(path).reason for path in reasons} == reasons
    assert rejection("").reason == "missing"
    assert rejection("nul\0.jpg").reason == "missing"
    for path in reasons:
        assert [photo.name for photo in iter_photos(path)] == [str(path)]


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.jpg").write_bytes(noisy_jpeg())
    (tmp_path / "link.jpg").symlink_to("real.jpg")
    assert decode_photo(str(tmp_path / "link.jpg")).width_px == 240


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "photo.jpg"
    path.write_bytes(noisy_jpeg())
    monkeypatch.setattr("ocr_pipeline.imaging.files.os.open", refuse)  # root may read everything, so it is played
    refused = rejection(path)
    assert (refused.reason, refused.detail) == ("unreadable_file", "no permission to read the file")


def test_too_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(noisy_jpeg())
    limits = Limits(file_bytes=1000)
    assert rejection(path, limits).reason == "too_large"
    assert rejection(noisy_jpeg(), limits).reason == "too_large"


# Files with pages


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


# HEIC

# 64 x 48 px, drawn for this test: dark in the stored top-left corner, middle grey along the stored bottom. It asks for
# a quarter turn twice, in the format's own way and in EXIF, as phones do; only the first may be obeyed.
TURNED_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAAAERA"
    "AAIAAQAAAAAB7AABAAAAAAAAACgAAgAAAAACFAABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQAC"
    "AABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAA"
    "AAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaA"
    "AAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90AwAA"
    "ABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAFRtZGF0AAAAJCgBr1j4gXW//wqm6Tlbz+0wOzFb2YrCKEpe"
    "fsf/cwbpUmTjyAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA=="
)


def test_heic_without_its_decoder_gives_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heic, "decoder_installed", lambda: False)
    refused = rejection(TURNED_HEIC)
    assert (refused.reason, refused.detail) == ("unreadable_file", heic.ADVICE)


@pytest.fixture
def heic_decoder() -> None:
    if not heic.decoder_installed():
        pytest.skip("needs the HEIC decoder: .venv/bin/pip install 'pi-heif>=1,<2'")


@pytest.mark.usefixtures("heic_decoder")
def test_heic_is_turned_once() -> None:
    photo = decode_photo(TURNED_HEIC)
    assert (photo.format, photo.width_px, photo.height_px) == ("heic", 48, 64)
    assert [abs(int(photo.grey[y, x]) - level) <= 8 for y, x, level in ((2, 45, 30), (60, 2, 120), (60, 30, 220))]
    assert decode_colour(TURNED_HEIC).shape == (64, 48, 3)
    assert rejection(TURNED_HEIC[:300]).reason == "unreadable_file"
    assert rejection(TURNED_HEIC, Limits(pixels=1000)).reason == "too_large"


@pytest.mark.usefixtures("heic_decoder")
def test_a_heic_that_crashes_its_decoder_is_only_refused(capfd: Any) -> None:
    data = bytearray(TURNED_HEIC)
    data[179] = 230  # found by fuzzing pi-heif 1.4.0: a segmentation fault
    assert rejection(bytes(data)).reason == "unreadable_file"
    assert capfd.readouterr() == ("", "")


# Anything at all

SEEDS = [
    noisy_jpeg(),
    noisy_jpeg(progressive=True),
    encoded(upright_grey(), "JPEG", exif=exif(6)),
    encoded(upright_grey(), "PNG", exif=exif(5)),
    encoded(sixteen_bit(), "TIFF"),
    encoded(upright_grey(), "WEBP"),
    encoded(frames()[0], "GIF", save_all=True, append_images=frames()),
    encoded(upright_grey(), "BMP"),
    encoded(noise("1"), "TIFF", compression="group4"),
    scan_pdf([encoded(upright_grey(), "JPEG")], (WIDTH_PX, HEIGHT_PX)),
]


def decodes_or_is_refused(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            photo = decode_photo(data, Limits(pixels=1_000_000))
        except PhotoRejected:
            return
    assert photo.grey.shape == (photo.height_px, photo.width_px)
    assert photo.grey.dtype == np.uint8


@given(start=st.sampled_from([seed[:16] for seed in SEEDS] + [b""]), rest=st.binary(max_size=400))
def test_random_bytes_never_break_it(start: bytes, rest: bytes) -> None:
    decodes_or_is_refused(start + rest)


@settings(max_examples=400)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.floats(0.2, 1),
)
def test_damaged_files_never_break_it(seed: bytes, changes: list[tuple[float, int]], cut: float) -> None:
    data = bytearray(seed)
    for where, value in changes:
        # Half of the damage goes to the header, where it hurts.
        reach = len(data) if value % 2 else min(len(data), 400)
        data[int(where * reach)] = value
    decodes_or_is_refused(bytes(data[: max(1, int(cut * len(data)))]))
