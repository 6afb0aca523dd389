"""HEIC, with and without its optional decoder."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocr_pipeline.imaging import heic
from ocr_pipeline.imaging.decode import decode_colour, decode_photo
from ocr_pipeline.imaging.files import Limits, sniff
from tests.imaging.pictures import encoded, noise, rejection

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


def box(kind: bytes, *parts: bytes, version: int | None = None, flags: int = 0) -> bytes:
    """A box of the container (ISO/IEC 14496-12, 4.2), a full one where it has a version."""
    head = b"" if version is None else bytes([version]) + flags.to_bytes(3, "big")
    body = head + b"".join(parts)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def found_box(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind) - 4
    return data[at : at + int.from_bytes(data[at : at + 4], "big")]


def u16(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def u32(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def tiled_heic(columns: int, rows: int, size_px: tuple[int, int], quarter_turns: int) -> bytes:
    """A grid of one 64 px tile (ISO/IEC 23008-12, 6.6.2.3), cut to a size and turned, as of an iPhone."""
    tile = TURNED_HEIC[492 : 492 + 40]
    tiles, grid = range(1, rows * columns + 1), rows * columns + 1
    items = [box(b"infe", u16(k, 0), b"hvc1\0", version=2) for k in tiles]
    items.append(box(b"infe", u16(grid, 0), b"grid\0", version=2))
    properties = box(
        b"ipco",
        found_box(TURNED_HEIC, b"hvcC"),
        box(b"ispe", u32(64, 64), version=0),
        box(b"ispe", u32(*size_px), version=0),
        box(b"irot", bytes([quarter_turns])),
    )
    links = b"".join(u16(k) + b"\2\x81\2" for k in tiles) + u16(grid) + b"\2\3\x84"
    idat = bytes([0, 0, rows - 1, columns - 1]) + u16(*size_px)

    def meta(tile_at: int) -> bytes:
        extents = b"".join(u16(k, 0, 0, 1) + u32(tile_at, len(tile)) for k in tiles)
        return box(
            b"meta",
            box(b"hdlr", u32(0), b"pict", bytes(13), version=0),
            box(b"pitm", u16(grid), version=0),
            box(b"iloc", b"\x44\0", u16(grid), extents + u16(grid, 1, 0, 1) + u32(0, len(idat)), version=1),
            box(b"iinf", u16(grid), *items, version=0),
            box(b"iref", box(b"dimg", u16(grid, len(tiles), *tiles)), version=0),
            box(b"iprp", properties, box(b"ipma", u32(grid), links, version=0)),
            box(b"idat", idat),
            version=0,
        )

    kind = box(b"ftyp", b"heic", u32(0), b"mif1heic")
    head = kind + meta(0)
    return kind + meta(len(head) + 8) + box(b"mdat", tile)


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


@pytest.mark.usefixtures("heic_decoder")
@pytest.mark.parametrize(
    ("quarter_turns", "shape"), [(0, (112, 180)), (1, (180, 112)), (2, (112, 180)), (3, (180, 112))]
)
def test_a_heic_of_tiles_is_put_together_and_turned(quarter_turns: int, shape: tuple[int, int]) -> None:
    grey = decode_photo(tiled_heic(3, 2, (180, 112), quarter_turns)).grey
    assert grey.shape == shape
    stored = np.rot90(grey, -quarter_turns)
    first = stored[:64, :64]
    assert int(first.max()) - int(first.min()) > 100  # a tile is not all of one grey
    assert np.array_equal(stored[:64, 64:128], first)
    assert np.array_equal(stored[64:112, :64], first[:48])
    assert np.array_equal(stored[:64, 128:], first[:, :52])


@pytest.mark.usefixtures("heic_decoder")
def test_a_drawn_form_as_heic_is_the_form() -> None:
    """Written by x265, unlike the small ones here."""
    samples = Path(__file__).parents[2] / "samples"
    heic_photo, jpeg = (decode_photo(samples / f"tps-a-hal3.{kind}") for kind in ("heic", "jpg"))
    assert (heic_photo.format, heic_photo.grey.shape) == ("heic", jpeg.grey.shape)
    assert np.abs(heic_photo.grey.astype(int) - jpeg.grey).mean() < 3


def test_a_file_named_after_its_container_is_what_its_codec_is() -> None:
    avif = encoded(noise(), "AVIF")
    assert sniff(avif) == "avif"
    assert sniff(avif[:8] + b"mif1" + avif[12:]) == "avif"
    assert decode_photo(avif[:8] + b"mif1" + avif[12:]).format == "avif"
    assert sniff(TURNED_HEIC[:8] + b"mif1" + TURNED_HEIC[12:]) == "heic"
