"""Every still format but the common JPEG, by Pillow: PNG, WebP, TIFF, GIF, BMP, AVIF, JPEG 2000, and CMYK JPEG.

Pillow is told which one format to expect, so that nothing else of it (PostScript, for one) can be reached by a file.
"""

import logging
import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.cv import Pixels, upright
from ocr_pipeline.imaging.files import Format, Limits, check_size
from ocr_pipeline.imaging.jpeg import ORIENTATION_TAG

_ANIMATED: Final = frozenset({"avif", "gif", "png", "webp"})
_NEW_SUBFILE_TYPE: Final = 254
_REDUCED_COPY: Final = 1
_PHOTOMETRIC: Final = 262
_WHITE_IS_ZERO: Final = 0
_BITS, _PLANES, _APART = 258, 284, 2
_LIBTIFF_ERROR: Final = re.compile(rb"^\w*(Decode|State)\w*: .*", re.MULTILINE)
_STDERR_LOCK: Final = threading.Lock()

# Without a handler of its own, Python prints a library's warnings to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def decode_still(
    data: bytes, file_format: Format, limits: Limits, *, colour: bool, page: int | None = None
) -> tuple[Pixels, int]:
    """Decode one still picture; transparency shows white paper.

    Args:
        data: the file.
        file_format: what :func:`~ocr_pipeline.imaging.files.sniff` said.
        limits: pixel limits, checked in the header first.
        colour: blue-green-red instead of grey.
        page: page of a TIFF, from 1.

    Returns:
        Upright pixels, shape (h, w) or (h, w, 3), uint8, and the orientation that was applied here (1-8; Pillow
        applies that of a TIFF itself).

    Raises:
        PhotoRejected: ``animated``, ``too_large``, ``missing`` (no such page), or ``unreadable_file``.
    """
    with _quiet(), _opened(data, file_format) as image:
        check_size(*image.size, limits)
        if file_format in _ANIMATED and getattr(image, "is_animated", False):
            raise PhotoRejected("animated", f"{getattr(image, 'n_frames', 'several')} frames")
        if file_format == "tiff":
            _seek(image, page, limits)
            check_size(*image.size, limits)
            _refuse_deep_planes(image)
            _load_tiff(image)
        else:
            image.load()
        check_size(*image.size, limits)
        orientation = int(image.getexif().get(ORIENTATION_TAG, 1))
        return upright(_pixels(image, colour), orientation), orientation


def tiff_pages(data: bytes, limits: Limits) -> int:
    """How many pages a TIFF has; thumbnails and other reduced copies do not count.

    Raises:
        PhotoRejected: ``unreadable_file``, or ``too_large`` for too many pages.
    """
    with _quiet(), _opened(data, "tiff") as image:
        return len(_page_frames(image, limits))


@contextmanager
def _opened(data: bytes, file_format: Format) -> Iterator[Image.Image]:
    try:
        with Image.open(BytesIO(data), formats=[file_format.upper()]) as image:
            yield image
    except PhotoRejected:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoRejected("too_large", str(error)) from error
    except MemoryError as error:
        raise PhotoRejected("too_large", "not enough memory") from error
    except Exception as error:
        # Pillow's plugins raise whatever a damaged file makes them raise: OSError, SyntaxError, struct.error, ...
        raise PhotoRejected("unreadable_file", f"{type(error).__name__}: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings off stderr. Process-wide while it lasts, which is why workers are processes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _page_frames(image: Image.Image, limits: Limits) -> list[int]:
    frames = int(getattr(image, "n_frames", 1))
    if frames > limits.pages:
        raise PhotoRejected("too_large", f"{frames} pages")
    full = []
    for frame in range(frames):
        image.seek(frame)
        tags = getattr(image, "tag_v2", {})
        if not int(tags.get(_NEW_SUBFILE_TYPE, 0)) & _REDUCED_COPY:
            full.append(frame)
    return full or [0]


def _seek(image: Image.Image, page: int | None, limits: Limits) -> None:
    frames = _page_frames(image, limits)
    wanted = page or 1
    if not 1 <= wanted <= len(frames):
        raise PhotoRejected("missing", f"page {wanted} of {len(frames)}")
    image.seek(frames[wanted - 1])


def _refuse_deep_planes(image: Image.Image) -> None:
    """Colours stored apart with 16 bits each: Pillow takes them for 8 bits and gives stripes (13.0)."""
    tags = getattr(image, "tag_v2", {})
    if tags.get(_PLANES) == _APART and max(tags.get(_BITS, (1,))) > 8:
        raise PhotoRejected("unreadable_file", "16 bits a sample in planes")


def _load_tiff(image: Image.Image) -> None:
    """Load, and refuse what libtiff complains about: it prints errors and goes on with garbage, as in damaged faxes.

    File descriptor 2 belongs to libtiff meanwhile; other threads that do the same wait.
    """
    with _STDERR_LOCK, tempfile.TemporaryFile() as said:
        stderr = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            image.load()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        said.seek(0)
        complaint = _LIBTIFF_ERROR.search(said.read())
    if complaint:
        raise PhotoRejected("unreadable_file", complaint[0].decode(errors="replace"))


def _pixels(image: Image.Image, colour: bool) -> Pixels:
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # Pillow minds it at 8 bits only
            grey = np.asarray(255 - grey, np.uint8)
        return np.repeat(grey[..., None], 3, axis=2) if colour else grey
    if image.mode in ("I", "F"):
        raise PhotoRejected("unreadable_file", "32 bits a sample")
    if image.has_transparency_data:
        ink = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", ink.size, "white"), ink)
    if colour:
        return np.ascontiguousarray(np.asarray(image.convert("RGB"), np.uint8)[..., ::-1])
    return np.array(image.convert("L"), np.uint8)
