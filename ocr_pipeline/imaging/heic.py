"""HEIC, the format of many phones, where the optional decoder ``pi-heif`` (extra ``heic``) is installed."""

from importlib import import_module
from io import BytesIO
from typing import Any, Final

import numpy as np

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.cv import Pixels, grey_of
from ocr_pipeline.imaging.files import Limits, check_size

ADVICE: Final = "HEIC: pip install 'turus[heic]', or send the photo as JPEG"
"""Detail of the refusal where the decoder is missing."""


def decode_heic(data: bytes, limits: Limits, *, colour: bool) -> Pixels:
    """Decode the primary picture of a HEIC file.

    The orientation is part of the format and libheif applies it; the EXIF tag beside it must not be applied again.

    Args:
        data: the file.
        limits: pixel limits, checked in the header first.
        colour: blue-green-red instead of grey.

    Returns:
        Upright pixels, shape (h, w) or (h, w, 3), uint8.

    Raises:
        PhotoRejected: ``too_large``, or ``unreadable_file`` (damaged, or :data:`ADVICE` without the decoder).
    """
    decoder = _decoder()
    try:
        picture = decoder.open_heif(BytesIO(data), convert_hdr_to_8bit=True)
        width_px, height_px = picture.size
        check_size(width_px, height_px, limits)
        image = picture.to_pillow().convert("RGB")
    except PhotoRejected:
        raise
    except Exception as error:
        raise PhotoRejected("unreadable_file", f"HEIC: {error}") from error
    pixels = np.ascontiguousarray(np.asarray(image, np.uint8)[..., ::-1])
    return pixels if colour else grey_of(pixels)


def _decoder() -> Any:
    try:
        return import_module("pi_heif")
    except ImportError as error:
        raise PhotoRejected("unreadable_file", ADVICE) from error
