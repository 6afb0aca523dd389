"""Thin dark lines of a picture, freed of light, shadow and fill.

Everything that places a page works on *ridge maps*: float32, 0 (paper, or the inside of anything wide) to 1 (a thin
black line on white). Working on ridges instead of grey levels is what makes the registration blind to shadows,
underexposure, screen moire and watermarks (tried on real photos; see docs/architecture.md).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.values import Grey

Ridge = NDArray[np.float32]

WORK_LONG_SIDE = 1400
"""Long side in px of the pictures that ridge kernels are made for: a rule is then 1-3 px wide."""


def flatten_light(grey: Grey) -> Ridge:
    """Divides a picture by its own background.

    Args:
        grey: uint8, shape (h, w), 0-255.

    Returns:
        float32, shape (h, w), 0-1; paper is close to 1 whatever the light.
    """
    height, width = grey.shape
    small = cv2.resize(grey, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    background = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    background = cv2.GaussianBlur(background, (0, 0), 4)
    full = cv2.resize(background, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    # The 8 keeps near-black corners from being blown up to noise.
    return np.clip(grey.astype(np.float32) / (full + 8.0), 0.0, 1.0)


def ridge_map(flat: Ridge, kernel_px: int = 11) -> Ridge:
    """What a closing fills in: dark structures thinner than the kernel. float32, 0-1, same shape as ``flat``."""
    kernel = np.ones((kernel_px, kernel_px), np.uint8)
    return np.asarray(cv2.morphologyEx(flat, cv2.MORPH_CLOSE, kernel) - flat, np.float32)


def line_map(ridge: Ridge, axis: str) -> NDArray[np.uint8]:
    """Pixels that belong to horizontal (``"h"``) or vertical (``"v"``) line runs of a rectified ridge map.

    Args:
        ridge: ridge map whose rules run along the picture's axes.
        axis: which rules to keep.

    Returns:
        uint8 0/1, same shape; runs of at least 33 px, thin.
    """
    along = ridge if axis == "h" else cv2.transpose(ridge)
    smooth = cv2.blur(along, (9, 1))
    height, width = smooth.shape
    small = cv2.resize(smooth, (max(width // 6, 1), max(height // 6, 1)), interpolation=cv2.INTER_NEAREST)
    # A local median kills carpets, wood and print: only what stands out of its surroundings is a rule.
    local = cv2.medianBlur(np.asarray(np.clip(small, 0, 1) * 255, np.uint8), 15).astype(np.float32) / 255
    threshold = np.clip(3 * cv2.resize(local, (width, height), interpolation=cv2.INTER_LINEAR), 0.04, 0.25)
    dark = cv2.dilate(np.asarray(smooth > threshold, np.uint8), np.ones((3, 1), np.uint8))
    runs = np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, 33), np.uint8)), np.uint8)
    thick = np.asarray(cv2.morphologyEx(runs, cv2.MORPH_OPEN, np.ones((13, 13), np.uint8)), np.uint8)
    lines = np.where(thick > 0, np.uint8(0), runs)
    return np.ascontiguousarray(lines if axis == "h" else lines.T)
