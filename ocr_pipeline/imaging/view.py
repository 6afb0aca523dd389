"""A photo to show to people: upright, small enough to send, and with nothing in it but the picture."""

from typing import Final

import cv2
import numpy as np
import simplejpeg

from ocr_pipeline.imaging.decode import PhotoSource, decode_colour
from ocr_pipeline.imaging.files import LIMITS, Limits

VIEW_SIDE_PX: Final = 2048
"""Longest side of a view: digit boxes of a whole wall form stay readable, and it has some 250 kB."""
_QUALITY: Final = 85


def render_view(source: PhotoSource, max_side_px: int = VIEW_SIDE_PX, limits: Limits = LIMITS) -> bytes:
    """One photo, or one page of a file, as an upright colour JPEG.

    Nothing of the file's metadata is kept: the picture is decoded and encoded anew, so no EXIF (place, time, phone),
    no comment and no colour profile gets through. Colours of a wide-gamut profile are shown a little paler.

    Args:
        source: what to show.
        max_side_px: longest side, at least 1; a smaller photo is not enlarged.
        limits: what decoding may cost.

    Returns:
        A baseline JPEG, 8 bits, three colours.

    Raises:
        PhotoRejected: as for :func:`~ocr_pipeline.imaging.decode.decode_photo`.
        ValueError: ``max_side_px`` is below 1.
    """
    if max_side_px < 1:
        raise ValueError(f"max_side_px must be at least 1, not {max_side_px}")
    picture = decode_colour(source, limits)
    height_px, width_px = picture.shape[:2]
    scale = max_side_px / max(height_px, width_px)
    if scale < 1:
        size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(picture), quality=_QUALITY, colorspace="BGR", colorsubsampling="420"
        )
    )
