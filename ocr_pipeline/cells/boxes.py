"""Digit boxes, cut loosely: a frame cut away turns 1 into 7 and blank into 8, a little too much costs nothing."""

import numpy as np

from ocr_pipeline.forms.definition import Box, Number
from ocr_pipeline.registration.page_map import PageMap
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.snap import NumberFit
from ocr_pipeline.values import Floats, Grey

MARGIN = 1.2
"""Crop over box, between the edges' centre lines, along the shorter side; measured on photos (docs/architecture.md)."""
_SIDE_PX = (24, 64)


def cut_boxes(pyramid: Pyramid, page_map: PageMap, number: Number, fit: NumberFit) -> list[Grey]:
    """Pictures of a number's boxes, left to right: uint8, upright, about as many px as the photo has there.

    As high and wide as the box, with one margin on all four sides; its preparation squashes it to a square.
    """
    crops = []
    for box in number.boxes:
        area = _crop_area(box, fit)
        side_mm = float(np.sqrt(area.w_mm * area.h_mm))
        side_px = float(np.clip(round(_px_per_mm(page_map, area) * side_mm), *_SIDE_PX))
        crops.append(pyramid.cut(page_map, area, side_px / side_mm).grey)
    return crops


def _crop_area(box: Box, fit: NumberFit) -> Box:
    # The shorter side sets the margin: in a table a box's neighbours begin at its edge, and their digits must stay out.
    margin_mm = (MARGIN - 1) * min(box.w_mm, box.h_mm)
    width_mm, height_mm = box.w_mm + margin_mm, box.h_mm + margin_mm
    x, y = np.array(box.centre_mm) + fit.shift_mm
    return Box(float(x) - width_mm / 2, float(y) - height_mm / 2, width_mm, height_mm)


def number_quad(page_map: PageMap, number: Number, fit: NumberFit | None = None) -> Floats:
    """Corners of a number's boxes in photo px, (4, 2), clockwise from the top-left as the page is read.

    Where the definition expects them, or where they were found when a fit is given.
    """
    corners = np.array(number.area_mm.corners_mm)
    return page_map.to_photo(corners if fit is None else corners + fit.shift_mm)


def words_quad(page_map: PageMap, number: Number, fit: NumberFit) -> Floats | None:
    """Corners of the line that says a number in words, as :func:`number_quad`; ``None`` where the form has none.

    It moves with the boxes: a fold moves a candidate's whole block.
    """
    return None if number.words is None else page_map.to_photo(np.array(number.words.corners_mm) + fit.shift_mm)


def box_side_px(page_map: PageMap, number: Number) -> float:
    """Side of a number's smallest box in photo px."""
    return min(_px_per_mm(page_map, b) * min(b.w_mm, b.h_mm) for b in number.boxes)


def _px_per_mm(page_map: PageMap, area: Box) -> float:
    x, y = area.centre_mm
    cross = np.array([(x - 5, y), (x + 5, y), (x, y - 5), (x, y + 5)])
    left, right, top, bottom = page_map.to_photo(cross)
    return float(np.sqrt(np.hypot(*(right - left)) * np.hypot(*(bottom - top)))) / 10
