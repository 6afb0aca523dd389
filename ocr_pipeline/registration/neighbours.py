"""Whether a second form lies beside the one that was found: then nobody can say which of them was meant."""

import cv2
import numpy as np

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.registration.by_lines import compete, is_good
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.page_fit import PageFit
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.ridges import WORK_LONG_SIDE

_ROOM_SHARE = 0.55
"""A page that covers more of the frame leaves no room for a second one that could be read."""
_RIM_MM = 15.0
_WHOLE = 0.9
"""Visible share of a neighbour's rules that makes it a form and not the edge of one."""


def another_form(pyramid: Pyramid, fit: PageFit, models: tuple[PageModel, ...]) -> bool:
    """Whether another whole page of a known form can be seen when the one found is covered up.

    Args:
        pyramid: of the upright photo.
        fit: the page found.
        models: every page that may be in it.
    """
    photo = pyramid.level(0)
    width, height = fit.model.page.size_mm
    low, high = -_RIM_MM, np.array([width, height]) + _RIM_MM
    rim = np.array([(low, low), (high[0], low), (high[0], high[1]), (low, high[1])], np.float64)
    quad = fit.page_map.to_photo(rim).astype(np.float32)
    frame = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32) * (photo.shape[1], photo.shape[0])
    covered, _ = cv2.intersectConvexConvex(cv2.convexHull(quad), frame.astype(np.float32))
    if covered / photo.size > _ROOM_SHARE:
        return False
    scale = WORK_LONG_SIDE / max(photo.shape)
    rest = pyramid.scaled(scale).copy()
    paper = int(np.percentile(rest, 75))
    cv2.fillConvexPoly(rest, np.rint(cv2.convexHull(quad * scale)).astype(np.int32), paper)
    try:
        beside = compete(Pyramid(rest), models).best
    except PhotoRejected:
        return False
    return is_good(beside) and beside.score.visible >= _WHOLE
