"""One sheet in every kind of file that officers send: the numbers are the same."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from ocr_pipeline.imaging import heic
from ocr_pipeline.reader import Reader
from tests.reader.photos import FORM, plain_photo, read_one, truth_of

SAMPLES = Path(__file__).parents[2] / "samples"
PHOTO = plain_photo(2, long_side_px=2000)
SHOT = Image.fromarray(np.ascontiguousarray(PHOTO.shot.image[..., ::-1]))


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def messenger_copy() -> bytes:
    """1,600 px, strong compression, no metadata."""
    data = encoded(SHOT.resize((1200, 1600), Image.Resampling.BILINEAR), "JPEG", quality=60)
    assert len(data) < 300_000
    return data


def original_of_48_megapixels() -> bytes:
    """As a phone stores it: lying on its side, with an orientation."""
    stored = np.rot90(cv2.resize(np.asarray(SHOT), (6000, 8000), interpolation=cv2.INTER_LINEAR))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(np.ascontiguousarray(stored)), "JPEG", quality=80, exif=exif.tobytes())


def fax() -> bytes:
    """Black and white by the light around each point, as flatbed programs do it."""
    grey = np.asarray(SHOT.convert("L"))
    white = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 41, 12)
    return encoded(Image.fromarray(white).convert("1"), "TIFF", compression="group4")


def sixteen_bit() -> bytes:
    return encoded(
        Image.fromarray(np.asarray(SHOT.convert("L")).astype(np.uint16) * 257), "TIFF", compression="tiff_lzw"
    )


FILES: dict[str, Callable[[], bytes]] = {
    "messenger.jpg": messenger_copy,
    "asli-48mp.jpg": original_of_48_megapixels,
    "faks.tif": fax,
    "16bit.tif": sixteen_bit,
    "progresif.jpg": lambda: encoded(SHOT.convert("L"), "JPEG", quality=85, progressive=True),
    "cmyk.jpg": lambda: encoded(SHOT.convert("CMYK"), "JPEG", quality=90),
    "tangkapan-layar.png": lambda: encoded(SHOT.quantize(128), "PNG", compress_level=1),
    "foto.webp": lambda: encoded(SHOT, "WEBP", quality=75, method=0),
    "jpeg-bernama.png": lambda: encoded(SHOT, "JPEG", quality=85),
    "foto.bmp": lambda: encoded(SHOT, "BMP"),
    "foto.gif": lambda: encoded(SHOT.convert("L"), "GIF"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_numbers_are_the_same_in_every_kind_of_file(reader: Reader, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    read = read_one(reader, path).read
    assert (read.reason, read.form, read.page) == (None, FORM.id, 2)
    assert {field: number.value for field, number in read.numbers.items()} == truth_of(PHOTO)


def test_each_page_of_a_pdf_is_read_as_a_photo(reader: Reader, tmp_path: Path) -> None:
    """Two photos put on A4 by an office program, with a letter between them; the second lies on its side."""
    letter = Image.new("RGB", (1240, 1754), "white")
    path = tmp_path / "kiriman.pdf"
    pages = [letter, SHOT.rotate(90, expand=True)]
    path.write_bytes(encoded(SHOT, "PDF", save_all=True, append_images=pages, quality=85))
    first, blank, last = (result.read for result in reader.read_file(str(path)))
    assert [first.photo, blank.photo, last.photo] == [f"{path}#{k}" for k in (1, 2, 3)]
    assert blank.reason == "not_a_form"
    for read in (first, last):
        assert {field: number.value for field, number in read.numbers.items()} == truth_of(PHOTO)
    assert read_one(reader, Path(f"{path}#3")).read.numbers.keys() == last.numbers.keys()


@pytest.mark.skipif(
    not heic.decoder_installed(), reason="needs the HEIC decoder: .venv/bin/pip install 'pi-heif>=1,<2'"
)
def test_a_heic_is_read(reader: Reader) -> None:
    truth = [json.loads(line) for line in (SAMPLES / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    values = next(one["values"] for one in truth if one["file"] == "tps-a-hal3.jpg")
    read = read_one(reader, SAMPLES / "tps-a-hal3.heic").read
    assert {field: number.value for field, number in read.numbers.items()} == values
