"""What a header says: the same as decoding would find, or less, and never a word more."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.decode import decode_photo
from ocr_pipeline.imaging.files import Limits
from ocr_pipeline.imaging.probe import LONGEST_TEXT, Probe, capture_metadata, probe
from tests.imaging.pictures import encoded, frames, jpeg_header, noise, noisy_jpeg, png_header, scan_pdf

SIZE = (240, 160)


def saved(data: bytes, folder: Path) -> Path:
    path = folder / "unggahan"
    path.write_bytes(data)
    return path


KINDS: list[tuple[bytes, Probe]] = [
    (noisy_jpeg(), Probe("jpeg", *SIZE)),
    (noisy_jpeg(progressive=True), Probe("jpeg", *SIZE)),
    (encoded(noise("CMYK"), "JPEG"), Probe("jpeg", *SIZE)),
    (encoded(noise(), "PNG"), Probe("png", *SIZE)),
    (encoded(noise(), "WEBP"), Probe("webp", *SIZE)),
    (encoded(noise(), "WEBP", lossless=True), Probe("webp", *SIZE)),
    (encoded(noise("RGBA"), "WEBP", exif=Image.Exif()), Probe("webp", *SIZE)),
    (encoded(noise(), "TIFF"), Probe("tiff", *SIZE)),
    (encoded(noise(), "TIFF", compression="tiff_lzw"), Probe("tiff", *SIZE)),
    (encoded(noise(), "TIFF", big_tiff=True), Probe("tiff", None, None)),
    (encoded(noise(), "BMP"), Probe("bmp", None, None)),
    (encoded(noise("P"), "GIF"), Probe("gif", *SIZE)),
    (scan_pdf([noisy_jpeg()], SIZE), Probe("pdf", None, None)),
    (b"\0\0\0\x18ftypheic" + bytes(64), Probe("heic", None, None)),
]


@pytest.mark.parametrize(("data", "expected"), KINDS, ids=lambda v: v.format if isinstance(v, Probe) else "")
def test_kind_and_size_come_from_the_header(data: bytes, expected: Probe, tmp_path: Path) -> None:
    assert probe(saved(data, tmp_path)) == expected


def refusal(data: bytes, folder: Path, limits: Limits | None = None) -> str:
    with pytest.raises(PhotoRejected) as caught:
        probe(saved(data, folder), limits or Limits())
    return caught.value.reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "unreadable_file"),
        (b"%!PS-Adobe-3.0", "unreadable_file"),
        (b"GIF8", "unreadable_file"),
        (b"\xff\xd8\xff\xe0", "unreadable_file"),
        (jpeg_header(9_000, 9_000), "too_large"),
        (png_header(40_000, 10), "too_large"),
        (png_header(100_000, 100_000), "too_large"),
        (png_header(0, 10), "unreadable_file"),
        (encoded(frames()[0], "PNG", save_all=True, append_images=frames()[1:]), "animated"),
        (encoded(frames()[0], "WEBP", save_all=True, append_images=frames()[1:]), "animated"),
    ],
)
def test_each_bad_file_has_its_reason(data: bytes, reason: str, tmp_path: Path) -> None:
    assert refusal(data, tmp_path) == reason


def test_paths_and_sizes_that_are_no_photo(tmp_path: Path) -> None:
    with pytest.raises(PhotoRejected, match="missing"):
        probe(tmp_path / "tidak-ada")
    with pytest.raises(PhotoRejected, match="not_a_file"):
        probe(tmp_path)
    assert refusal(noisy_jpeg(), tmp_path, Limits(file_bytes=100)) == "too_large"
    assert refusal(noisy_jpeg(), tmp_path, Limits(pixels=240 * 160 - 1)) == "too_large"


@given(
    st.sampled_from([data for data, _ in KINDS]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
def test_whatever_can_be_decoded_passes_and_nothing_else_is_raised(
    tmp_path_factory: Any, seed: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    data = bytearray(seed)
    for share, byte in changes:
        data[int(share * (len(data) - 1))] = byte
    damaged = bytes(data[: int(cut * len(data)) if cut < 0.5 else len(data)])
    path = saved(damaged, tmp_path_factory.getbasetemp())
    try:
        decoded = decode_photo(path)
    except PhotoRejected:
        decoded = None
    try:
        found = probe(path)
    except PhotoRejected:
        assert decoded is None
        return
    if decoded is not None and found.width_px is not None:
        assert {found.width_px, found.height_px} == {decoded.width_px, decoded.height_px}


def camera(**changes: Any) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = changes.get("make", "Samsul"), changes.get("model", "A-12")
    exif.get_ifd(0x8769).update(
        {0x9003: changes.get("taken", "2024:02:14 18:03:22"), 0x9011: changes.get("offset", "+07:00")}
    )
    exif.get_ifd(0x8825).update(
        {
            1: changes.get("ns", "S"),
            2: changes.get("lat", (6.0, 12.0, 30.0)),
            3: changes.get("ew", "E"),
            4: changes.get("lon", (106.0, 48.0, 0.0)),
        }
    )
    return exif


WHOLE = {
    "make": "Samsul",
    "model": "A-12",
    "taken_at_camera": "2024-02-14T18:03:22+07:00",
    "gps_lat_deg": pytest.approx(-6.2083333, abs=1e-6),
    "gps_lon_deg": pytest.approx(106.8, abs=1e-6),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_time_place_and_camera_are_found(kind: str, tmp_path: Path) -> None:
    found = capture_metadata(saved(encoded(noise(), kind, exif=camera()), tmp_path))
    assert found == WHOLE
    assert json.loads(json.dumps(found)) == found


def test_a_scanner_names_itself_in_a_tiff(tmp_path: Path) -> None:
    found = capture_metadata(saved(encoded(noise(), "TIFF", exif=camera()), tmp_path))
    assert (found["make"], found["model"]) == ("Samsul", "A-12")


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"taken": "kemarin"}, {"taken_at_camera"}),
        ({"taken": "0000:00:00 00:00:00"}, {"taken_at_camera"}),
        ({"lat": (96.0, 0.0, 0.0)}, {"gps_lat_deg", "gps_lon_deg"}),
        ({"lon": (181.0, 0.0, 0.0)}, {"gps_lat_deg", "gps_lon_deg"}),
        ({"lat": (6.0,)}, {"gps_lat_deg", "gps_lon_deg"}),
        ({"make": "\x07\x1b"}, {"make"}),
    ],
)
def test_a_part_that_makes_no_sense_is_left_out_alone(changes: dict[str, Any], lost: set[str], tmp_path: Path) -> None:
    found = capture_metadata(saved(encoded(noise(), "JPEG", exif=camera(**changes)), tmp_path))
    assert found == {name: value for name, value in WHOLE.items() if name not in lost}


def test_north_and_west_and_a_camera_without_offset(tmp_path: Path) -> None:
    exif = camera(ns="N", ew="W", offset="entah")
    found = capture_metadata(saved(encoded(noise(), "JPEG", exif=exif), tmp_path))
    assert found["gps_lat_deg"] == pytest.approx(6.2083333, abs=1e-6)
    assert found["gps_lon_deg"] == pytest.approx(-106.8, abs=1e-6)
    assert found["taken_at_camera"] == "2024-02-14T18:03:22"


def test_texts_are_short_and_hold_no_control_characters(tmp_path: Path) -> None:
    exif = camera(make="A\nB\t\x1b[31m" + "x" * 500)
    make = capture_metadata(saved(encoded(noise(), "JPEG", exif=exif), tmp_path))["make"]
    assert isinstance(make, str)
    assert make.isprintable()
    assert len(make) == LONGEST_TEXT
    assert make.startswith("AB[31mx")


@pytest.mark.parametrize("data", [b"", b"halo", noisy_jpeg(), noisy_jpeg(exif=b"Exif\0\0II*\0" + b"\xff" * 60)])
def test_a_file_without_such_data_says_nothing(data: bytes, tmp_path: Path) -> None:
    assert capture_metadata(saved(data, tmp_path)) == {}


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    assert capture_metadata(tmp_path / "tidak-ada") == {}


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12))
def test_damaged_data_never_raises(tmp_path_factory: Any, changes: list[tuple[float, int]]) -> None:
    data = bytearray(encoded(noise(), "JPEG", exif=camera()))
    head = data.index(b"\xff\xdb")
    for share, byte in changes:
        data[2 + int(share * (head - 3))] = byte
    found = capture_metadata(saved(bytes(data), tmp_path_factory.getbasetemp()))
    json.dumps(found, allow_nan=False)
    assert all(len(v) <= LONGEST_TEXT and v.isprintable() for v in found.values() if isinstance(v, str))
