"""Photos in colour, and pictures as text for a page that loads nothing."""

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.imaging.cv import Pixels
from ocr_pipeline.imaging.decode import decode_colour, iter_photos


def colour_photo(photo: str) -> Pixels:
    """The upright photo in colour by its name in a reading (``a.jpg``, ``a.pdf#2``).

    Returns:
        Shape (height, width, 3), uint8, blue-green-red, photo frame.

    Raises:
        PhotoRejected: it cannot be decoded.
    """
    return decode_colour(next(iter_photos(photo)))


def as_jpeg(picture: Pixels, quality: int = 82) -> bytes:
    """JPEG bytes of a blue-green-red picture, shape (height, width, 3), uint8."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot write a picture of shape {picture.shape} as JPEG")
    return bytes(data)


def data_uri(jpeg: bytes) -> str:
    """A JPEG as a ``data:`` address, so that an HTML page needs no other file."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def limit_size(picture: Pixels, longest_px: int) -> NDArray[np.uint8]:
    """A picture no longer than ``longest_px``; smaller ones stay as they are."""
    height, width = picture.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1:
        return picture
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
