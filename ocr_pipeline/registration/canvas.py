"""The page as the current fit sees it: upright, in page units, as ridge maps to measure rules on."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.registration.page_map import project
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.ridges import WORK_LONG_SIDE, Ridge, flatten_light, ridge_map
from ocr_pipeline.values import Floats, Grey

RIM_MM = 20.0
RIDGE_CLIP = 0.2
"""Ridges count up to here: a printed rule must not be outvoted by a felt pen."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """A warped page.

    Attributes:
        px_per_mm: scale; the page's longer side is about 1,400 px, which the ridge kernels are made for.
        ridge: float32 (h, w); page (x, y) mm lies at ``(x + RIM_MM) * px_per_mm``.
        along: ridge smoothed along horizontal ("h") and vertical ("v") rules.
        seen: bool (h, w): inside the photo.
        photo_from_canvas: homography (3, 3).
    """

    px_per_mm: float
    ridge: Ridge
    along: dict[str, Ridge]
    seen: NDArray[np.bool_]
    photo_from_canvas: Floats

    @classmethod
    def warp(cls, pyramid: Pyramid, photo_from_page: Floats, size_mm: tuple[float, float]) -> "Canvas":
        """Warps a photo onto the page.

        Args:
            pyramid: of the upright photo.
            photo_from_page: homography (3, 3), photo px from page mm.
            size_mm: width and height of the page.
        """
        scale = WORK_LONG_SIDE / max(size_mm)
        size = tuple(round((side + 2 * RIM_MM) * scale) for side in size_mm)
        page_from_canvas = np.array([[1 / scale, 0, -RIM_MM], [0, 1 / scale, -RIM_MM], [0, 0, 1]])
        photo_from_canvas = photo_from_page @ page_from_canvas
        source, shrunk = _level(pyramid, photo_from_canvas, size)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        page = cv2.warpPerspective(source, shrunk, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        inside = np.full(source.shape, 255, np.uint8)
        seen = cv2.warpPerspective(inside, shrunk, size, flags=flags) > 250
        ridge = ridge_map(flatten_light(np.asarray(page, np.uint8)))
        ridge[~seen] = 0
        np.minimum(ridge, RIDGE_CLIP, out=ridge)
        along = {
            axis: np.asarray(cv2.blur(ridge, kernel), np.float32) for axis, kernel in (("h", (13, 1)), ("v", (1, 13)))
        }
        return cls(scale, ridge, along, np.asarray(seen), photo_from_canvas)

    def to_px(self, points_mm: Floats) -> Floats:
        """Canvas px of page points, both (n, 2)."""
        return (points_mm + RIM_MM) * self.px_per_mm

    def rows(self, axis: str, points_mm: Floats, reach_px: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Ridge strength across rules.

        Args:
            axis: "h": look up and down; "v": look left and right.
            points_mm: where the rule is expected, (n, 2).
            reach_px: how far to look.

        Returns:
            float64 (n, 2 * reach_px + 1), from -reach to +reach canvas px, and which points lie in the photo, bool
            (n,).
        """
        centre = self.to_px(points_mm).astype(np.float32)
        steps = np.arange(-reach_px, reach_px + 1, dtype=np.float32)[None, :]
        x = centre[:, :1] + (0 if axis == "h" else steps)
        y = centre[:, 1:] + (steps if axis == "h" else 0)
        x, y = np.broadcast_arrays(x, y)
        values = _sampled(self.along[axis], np.ascontiguousarray(x), np.ascontiguousarray(y))
        at = np.rint(centre).astype(int)
        height, width = self.seen.shape
        inside = (at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] < width) & (at[:, 1] < height)
        inside[inside] = self.seen[at[inside, 1], at[inside, 0]]
        return values, inside


def _sampled(picture: Ridge, x: NDArray[np.float32], y: NDArray[np.float32]) -> Floats:
    """Bilinear samples; remap is limited to 32,767 rows, which a page's samples stay far below."""
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderValue=0), np.float64)


def _level(pyramid: Pyramid, photo_from_canvas: Floats, size: tuple[int, ...]) -> tuple[Grey, Floats]:
    """The level at most 1.7 times finer than the canvas: bilinear sampling must not alias thin rules."""
    centre = np.array([[size[0] / 2, size[1] / 2], [size[0] / 2 + 1, size[1] / 2]])
    left, right = project(photo_from_canvas, centre)
    halvings = 0
    while float(np.hypot(*(right - left))) / 2**halvings > 1.7:
        halvings += 1
    k = 2.0**halvings
    # photo = k * (level + 0.5) - 0.5
    level_from_photo = np.array([[1 / k, 0, 0.5 / k - 0.5], [0, 1 / k, 0.5 / k - 0.5], [0, 0, 1]])
    return pyramid.level(halvings), level_from_photo @ photo_from_canvas
