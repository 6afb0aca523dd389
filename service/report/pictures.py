"""Small pictures cut out of a photo, and pictures as text for a page that loads nothing."""

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.imaging.cv import Pixels
from ocr_pipeline.imaging.decode import decode_colour, iter_photos
from ocr_pipeline.values import Floats

CROP_MARGIN = 0.25
"""Shown around the boxes, as a share of their height: what stands beside a box often explains it."""

CROP_HEIGHT_PX = 96


def colour_photo(photo: str) -> Pixels:
    """The upright photo in colour by its name in a reading (``a.jpg``, ``a.pdf#2``).

    Returns:
        Shape (height, width, 3), uint8, blue-green-red, photo frame.

    Raises:
        PhotoRejected: it cannot be decoded.
    """
    return decode_colour(next(iter_photos(photo)))


def crop_number(photo: Pixels, quad_photo: Floats) -> Pixels:
    """The boxes of one number, straightened, with a margin.

    Args:
        photo: shape (height, width, 3), uint8, photo frame.
        quad_photo: shape (4, 2), float64, photo px, clockwise from the top-left.

    Returns:
        Shape (:data:`CROP_HEIGHT_PX`, width in proportion, 3), uint8; outside the photo it repeats the photo's edge.
    """
    top_left, top_right, _, bottom_left = quad_photo
    width_px = max(float(np.hypot(*(top_right - top_left))), 1.0)
    height_px = max(float(np.hypot(*(bottom_left - top_left))), 1.0)
    scale = CROP_HEIGHT_PX / (height_px * (1 + 2 * CROP_MARGIN))
    margin_px = CROP_MARGIN * height_px * scale
    box_width_px, box_height_px = width_px * scale, height_px * scale
    corners = np.array([[0, 0], [box_width_px, 0], [box_width_px, box_height_px], [0, box_height_px]]) + margin_px
    to_crop = cv2.getPerspectiveTransform(quad_photo.astype(np.float32), corners.astype(np.float32))
    size = (round(box_width_px + 2 * margin_px), CROP_HEIGHT_PX)
    cut = cv2.warpPerspective(photo, to_crop, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


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
