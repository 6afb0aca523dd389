"""Typed wrappers of the few OpenCV calls whose stubs are too loose, and OpenCV's process-wide thread setting."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Grey

Pixels = NDArray[np.uint8]
"""Shape (height, width) grey or (height, width, 3) blue-green-red, 0-255."""

_TURNS: Final = {
    3: cv2.ROTATE_180,
    6: cv2.ROTATE_90_CLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_MIRROR_LEFT_RIGHT: Final = 1


def use_one_thread() -> None:
    """Keep OpenCV to the calling thread, for the whole process. Workers scale by processes instead."""
    cv2.setNumThreads(1)


def upright(stored: Pixels, orientation: int) -> Pixels:
    """Turn pixels as stored into pixels as meant.

    Args:
        stored: shape (h, w) or (h, w, 3), uint8.
        orientation: EXIF tag 0x0112 (Exif 2.32, 4.6.4): 1 upright, 2 mirrored, 3 upside down, 4 both, 5 transposed,
            6 needs a quarter turn clockwise, 7 transposed along the other diagonal, 8 a quarter turn back. Any other
            number counts as 1, as in every viewer.

    Returns:
        Contiguous pixels, uint8; (w, h, ...) for orientations 5-8; the very array given for 1.
    """
    if orientation in _TURNS:
        return np.asarray(cv2.rotate(stored, _TURNS[orientation]), np.uint8)
    if orientation == 2:
        return np.asarray(cv2.flip(stored, _MIRROR_LEFT_RIGHT), np.uint8)
    if orientation == 4:
        return np.asarray(cv2.flip(stored, 0), np.uint8)
    if orientation == 5:
        return np.asarray(cv2.transpose(stored), np.uint8)
    if orientation == 7:
        return np.asarray(cv2.rotate(cv2.transpose(stored), cv2.ROTATE_180), np.uint8)
    return stored


def shrink(grey: Grey, width_px: int, height_px: int) -> Grey:
    """Scale down by area averaging.

    Args:
        grey: shape (h, w), uint8.
        width_px: new width, at least 1.
        height_px: new height, at least 1.

    Returns:
        Shape (height_px, width_px), uint8.
    """
    return np.asarray(cv2.resize(grey, (width_px, height_px), interpolation=cv2.INTER_AREA), np.uint8)


def grey_of(colour: Pixels) -> Grey:
    """Luma (ITU-R BT.601) of blue-green-red pixels: shape (h, w, 3) to (h, w), uint8."""
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)
