"""The fast way for JPEG, which is what phones send.

libjpeg-turbo decodes straight to grey (the luma plane), full size, one thread. It is called through simplejpeg and not
through ``cv2.imdecode``, because only the former tells damage: OpenCV prints "Corrupt JPEG data" to stderr and hands
back a picture whose lower part is grey. The pixels of the two are the same, bit for bit.
"""

from typing import Final, Literal

import numpy as np
import simplejpeg

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.containers import APP1, EXIF_HEADER, jpeg_segments
from ocr_pipeline.imaging.cv import Pixels, upright
from ocr_pipeline.imaging.files import Limits, check_size

ORIENTATION_TAG: Final = 0x0112

_HARMLESS_WARNING: Final = "extraneous bytes before marker"


def is_four_colour(data: bytes) -> bool:
    """Whether a JPEG is CMYK or YCCK, which the fast way does not decode.

    Raises:
        PhotoRejected: ``unreadable_file`` when the header is damaged.
    """
    return _header(data)[2] in ("CMYK", "YCCK")


def decode_jpeg(data: bytes, limits: Limits, *, colour: bool, turn: bool = True) -> tuple[Pixels, int]:
    """Decode a JPEG that is grey or has three colours.

    Args:
        data: the file; anything after the end of the first picture is ignored (phones append previews and videos).
        limits: pixel limits, checked in the header first.
        colour: blue-green-red instead of grey.
        turn: apply the EXIF orientation.

    Returns:
        Upright pixels, shape (h, w) or (h, w, 3), uint8, and the orientation that was applied (1-8).

    Raises:
        PhotoRejected: ``too_large``, or ``unreadable_file`` when any part of the picture is cut off or damaged.
    """
    height_px, width_px, _ = _header(data)
    check_size(width_px, height_px, limits)
    space = "BGR" if colour else "GRAY"
    try:
        stored = simplejpeg.decode_jpeg(data, space)
    except ValueError as error:
        # Stray bytes between two segments: some cameras write them, and every pixel is there.
        if _HARMLESS_WARNING not in str(error):
            raise PhotoRejected("unreadable_file", str(error)) from error
        stored = simplejpeg.decode_jpeg(data, space, strict=False)
    pixels = np.asarray(stored if colour else stored[..., 0], np.uint8)
    orientation = exif_orientation(data) if turn else 1
    return upright(pixels, orientation), orientation


def _header(data: bytes) -> tuple[int, int, str]:
    try:
        height_px, width_px, space, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise PhotoRejected("unreadable_file", str(error)) from error
    return int(height_px), int(width_px), str(space)


def exif_orientation(data: bytes) -> int:
    """The orientation a JPEG's EXIF block asks for, 1-8; 1 when there is none or it makes no sense."""
    for marker, body in jpeg_segments(data):
        if marker == APP1 and body.startswith(EXIF_HEADER):
            return _tiff_orientation(body[len(EXIF_HEADER) :])
    return 1


def _tiff_orientation(block: bytes) -> int:
    """Tag 0x0112 of the first directory of a TIFF block (TIFF 6.0, section 2)."""
    order: Literal["little", "big"] = "little" if block[:2] == b"II" else "big"
    at = int.from_bytes(block[4:8], order)
    entries = int.from_bytes(block[at : at + 2], order)
    for start in range(at + 2, min(at + 2 + 12 * entries, len(block)), 12):
        if int.from_bytes(block[start : start + 2], order) == ORIENTATION_TAG:
            value = int.from_bytes(block[start + 8 : start + 10], order)
            return value if 1 <= value <= 8 else 1
    return 1
