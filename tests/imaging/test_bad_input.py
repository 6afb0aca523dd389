"""Every bad file or path gets its reason; nothing is printed and nothing else is raised."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.decode import decode_photo, iter_photos
from ocr_pipeline.imaging.files import Limits
from tests.imaging.pictures import (
    HEIGHT_PX,
    WIDTH_PX,
    encoded,
    exif,
    frames,
    jpeg_header,
    noise,
    noisy_jpeg,
    png_header,
    rejection,
    scan_pdf,
    sixteen_bit,
    upright_grey,
)


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
