"""What a phone does to a picture: defocus, motion blur, exposure, noise, sharpening, JPEG, orientation."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocr_pipeline.values import Grey

EXIF_ORIENTATION = 0x0112
_STORED_QUARTERS = {1: 0, 3: 2, 6: 1, 8: 3}
"""EXIF orientation -> counter-clockwise quarter turns from the upright picture to the stored one."""


def blur_gaussian(picture: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Gaussian defocus; nothing below a tenth of a pixel."""
    if sigma_px < 0.1:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)


def blur_motion(picture: NDArray[np.float32], length_px: float, angle_deg: float) -> NDArray[np.float32]:
    """Blur along a straight path of ``length_px``, anti-aliased; nothing at a length of 1 or less."""
    if length_px <= 1:
        return picture
    return np.asarray(cv2.filter2D(picture, -1, motion_kernel(length_px, angle_deg)), np.float32)


def motion_kernel(length_px: float, angle_deg: float) -> NDArray[np.float32]:
    """Kernel of a straight, evenly lit path around the middle: odd square, float32, sum 1."""
    half = int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((2 * half + 1,) * 2, np.float64)
    count = 16 * int(np.ceil(length_px))
    along = ((np.arange(count) + 0.5) / count - 0.5) * length_px
    # Each point of the path is shared out to its four neighbours.
    x, y = along * np.cos(np.deg2rad(angle_deg)) + half, along * np.sin(np.deg2rad(angle_deg)) + half
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for right in (0, 1):
        for below in (0, 1):
            weight = np.abs(1 - right - (x - left)) * np.abs(1 - below - (y - top))
            np.add.at(kernel, (top + below, left + right), weight)
    return np.asarray(kernel / kernel.sum(), np.float32)


def add_noise(picture: NDArray[np.float32], noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Sensor noise that grows with the square root of the light, slightly smeared as phones do.

    Args:
        picture: shape (h, w), float32, 0-255.
        noise: standard deviation at mid grey, in grey levels.
        rng: source of chance.
    """
    if noise <= 0:
        return picture
    grain = rng.standard_normal(picture.shape, dtype=np.float32)
    grain = np.asarray(cv2.GaussianBlur(grain, (3, 3), 0.55), np.float32) * 1.75
    spread = noise * np.sqrt(0.35 + np.clip(picture, 0, 255) / 196)
    return np.asarray(picture + grain * spread, np.float32)


def encode_jpeg(picture: Grey, quality: int, exif_orientation: int = 1) -> bytes:
    """JPEG bytes of an upright picture, stored turned where the orientation tag says so.

    Args:
        picture: shape (h, w, 3), uint8, BGR, upright.
        quality: 1-95.
        exif_orientation: 1, 3, 6 or 8.

    Raises:
        ValueError: another orientation.
    """
    if exif_orientation not in _STORED_QUARTERS:
        raise ValueError(f"EXIF orientation must be 1, 3, 6 or 8, not {exif_orientation}")
    stored = np.rot90(picture, _STORED_QUARTERS[exif_orientation])
    image = Image.fromarray(np.ascontiguousarray(stored[:, :, ::-1]))
    exif = Image.Exif()
    if exif_orientation != 1:
        exif[EXIF_ORIENTATION] = exif_orientation
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, exif=exif, optimize=True)
    return out.getvalue()
