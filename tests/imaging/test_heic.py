"""HEIC, with and without its optional decoder."""

import base64
from typing import Any

import pytest

from ocr_pipeline.imaging import heic
from ocr_pipeline.imaging.decode import decode_colour, decode_photo
from ocr_pipeline.imaging.files import Limits
from tests.imaging.pictures import (
    rejection,
)

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
