"""Views for people: the whole picture, upright, and nothing but the picture."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.containers import jpeg_segments
from ocr_pipeline.imaging.decode import PhotoSource
from ocr_pipeline.imaging.view import render_view
from tests.imaging.pictures import HEIGHT_PX, WIDTH_PX, encoded, frames, noise, stored_for, upright_grey

APP0, APP1, APP15, COMMENT = 0xE0, 0xE1, 0xEF, 0xFE
SECRET = b"Kamera Rahasia"


def secretive(orientation: int) -> bytes:
    """A JPEG with camera, place, colour profile and comment."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = SECRET.decode()
    exif.get_ifd(0x8825).update({1: "S", 2: (6.0, 12.0, 30.0), 3: "E", 4: (106.0, 48.0, 0.0)})
    return encoded(
        stored_for(upright_grey(), orientation), "JPEG", quality=95, exif=exif, comment=SECRET, icc_profile=SECRET * 9
    )


def source(data: bytes, folder: Path, page: int | None = None) -> PhotoSource:
    path = folder / "foto"
    path.write_bytes(data)
    return PhotoSource(str(path), path, page)


def opened(view: bytes) -> Image.Image:
    return Image.open(BytesIO(view))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_view_is_upright_and_has_no_metadata(orientation: int, tmp_path: Path) -> None:
    data = secretive(orientation)
    assert SECRET in data
    assert {APP1, COMMENT} <= {marker for marker, _ in jpeg_segments(data)}
    view = render_view(source(data, tmp_path))
    markers = {marker for marker, _ in jpeg_segments(view)}
    assert markers
    assert not markers & {*range(APP1, APP15 + 1), COMMENT}
    assert SECRET not in view
    image = opened(view)
    assert (image.size, image.mode) == ((WIDTH_PX, HEIGHT_PX), "RGB")
    assert dict(image.getexif()) == {}
    assert int(np.abs(np.asarray(image.convert("L"), int) - upright_grey()).max()) < 25


def test_the_view_is_in_colour(tmp_path: Path) -> None:
    red = encoded(Image.new("RGB", (64, 64), (220, 30, 40)), "PNG")
    r, g, b = np.asarray(opened(render_view(source(red, tmp_path))), int)[32, 32]
    assert abs(r - 220) < 6
    assert abs(g - 30) < 6
    assert abs(b - 40) < 6


@pytest.mark.parametrize(("max_side_px", "size"), [(120, (120, 80)), (240, (240, 160)), (9999, (240, 160))])
def test_a_view_is_no_larger_than_asked_and_never_enlarged(
    max_side_px: int, size: tuple[int, int], tmp_path: Path
) -> None:
    photo = source(encoded(noise(), "PNG"), tmp_path)
    assert opened(render_view(photo, max_side_px)).size == size


def test_a_page_of_a_file_can_be_shown(tmp_path: Path) -> None:
    tiff = encoded(frames()[0], "TIFF", save_all=True, append_images=frames()[1:])
    levels = [np.asarray(opened(render_view(source(tiff, tmp_path, page))))[15, 20, 0] for page in (1, 2, 3)]
    assert levels == pytest.approx([0, 120, 255], abs=3)


def test_what_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotoRejected, match="unreadable_file"):
        render_view(source(b"bukan foto", tmp_path))


def test_a_view_of_no_size_is_a_programming_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        render_view(source(secretive(1), tmp_path), 0)
