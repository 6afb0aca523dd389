"""Upright pictures of parts of the page, cut out of the photo through the page map."""

from dataclasses import dataclass

import cv2
import numpy as np

from ocr_pipeline.forms.definition import Box
from ocr_pipeline.registration.page_map import PageMap
from ocr_pipeline.values import Floats, Grey

_KNOT_PX = 8


@dataclass(frozen=True, slots=True)
class Patch:
    """Part of a page: ``grey`` uint8 (h, w); page point (x, y) mm lies at ``(x - x_mm) * px_per_mm``, pixel centres."""

    grey: Grey
    x_mm: float
    y_mm: float
    px_per_mm: float

    def to_px(self, points_mm: Floats) -> Floats:
        """Patch px of page points, both (n, 2)."""
        return (points_mm - (self.x_mm, self.y_mm)) * self.px_per_mm


class Pyramid:
    """A photo and its halvings, so that no patch is sampled from pixels much finer than its own."""

    def __init__(self, grey: Grey) -> None:
        self.levels = [grey]

    def level(self, halvings: int) -> Grey:
        """The photo halved so many times; its pixel (x, y) lies at ``2^halvings * (x + 0.5) - 0.5`` of the photo."""
        while len(self.levels) <= halvings:
            top = self.levels[-1]
            size = (max(top.shape[1] // 2, 1), max(top.shape[0] // 2, 1))
            self.levels.append(np.asarray(cv2.resize(top, size, interpolation=cv2.INTER_AREA), np.uint8))
        return self.levels[halvings]

    def scaled(self, scale: float) -> Grey:
        """The photo at a scale: shrunk from the level just above it, or enlarged (cubic) from the photo itself."""
        halvings = max(0, int(np.floor(np.log2(1 / min(scale, 1.0)))))
        source = self.level(halvings)
        height, width = self.levels[0].shape
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        if size == (source.shape[1], source.shape[0]):
            return source
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(source, size, interpolation=how), np.uint8)

    def cut(self, page_map: PageMap, area: Box, px_per_mm: float) -> Patch:
        """The part ``area`` of the page; what lies outside the photo repeats its edge."""
        width, height = round(area.w_mm * px_per_mm), round(area.h_mm * px_per_mm)
        # The map is smooth over a few px: exact at knots, linear in between.
        kx, ky = -(-width // _KNOT_PX) + 1, -(-height // _KNOT_PX) + 1
        gx, gy = np.meshgrid(np.arange(kx) * _KNOT_PX, np.arange(ky) * _KNOT_PX)
        knots_mm = np.c_[gx.ravel(), gy.ravel()] / px_per_mm + (area.x_mm, area.y_mm)
        photo = page_map.to_photo(knots_mm).reshape(ky, kx, 2)
        step = float(np.median(np.hypot(*np.moveaxis(np.diff(photo, axis=1), 2, 0)))) / _KNOT_PX
        halvings = max(0, int(np.floor(np.log2(max(step / 0.85, 1e-6)))))
        source = self.level(halvings)
        at = ((photo + 0.5) / 2**halvings - 0.5).astype(np.float32)
        grid_x, grid_y = np.meshgrid(
            np.arange(width, dtype=np.float32) / _KNOT_PX, np.arange(height, dtype=np.float32) / _KNOT_PX
        )
        dense = cv2.remap(at, grid_x, grid_y, cv2.INTER_LINEAR)
        x, y = cv2.split(dense)
        grey = cv2.remap(source, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return Patch(np.asarray(grey, np.uint8), area.x_mm, area.y_mm, px_per_mm)
