"""How well a fit explains the photo: recall and precision of rules, and whether the printed tag is where it must be."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.forms.definition import Box, Page, Tag
from ocr_pipeline.registration.canvas import RIM_MM as CANVAS_RIM_MM
from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.model import RIM_MM, PageModel
from ocr_pipeline.registration.page_map import Mesh, PageMap
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.ridges import line_map
from ocr_pipeline.values import Floats, Grey

_HIT_PX = 2
_PRECISE_MM = 2.3
_LONG_PX = 61
_TAG_PX_PER_MM = 2.0
_TAG_SLACK_MM = 8.0


@dataclass(frozen=True, slots=True)
class Score:
    """Agreement of a fit with a photo, all 0-1.

    Attributes:
        recall: share of the page's visible rule samples that have a ridge within 2 canvas px (geometric mean of the
        axes).
        precision: share of long rules in the photo, within the page but outside its lettering, that the definition
        knows.
        visible: share of the page's rule samples that lie in the photo.
    """

    recall: float
    precision: float
    visible: float

    @property
    def f(self) -> float:
        """Harmonic mean of recall and precision."""
        return 2 * self.recall * self.precision / max(self.recall + self.precision, 1e-9)


def score_fit(canvas: Canvas, model: PageModel, mesh: Mesh) -> Score:
    """Scores a mesh on its canvas."""
    recall, visible = recall_of(canvas, model, mesh)
    return Score(recall, _precision(canvas, model, mesh), visible)


def recall_of(canvas: Canvas, model: PageModel, mesh: Mesh) -> tuple[float, float]:
    """Recall of a mesh on its canvas, and how much of the page is visible; see :class:`Score`."""
    recalls, seen_weight, all_weight = [], 0.0, 0.0
    for axis in ("h", "v"):
        samples = model.samples[axis]
        values, inside = canvas.rows(axis, mesh.displace(samples.points_mm), 8)
        near = values[:, 8 - _HIT_PX : 9 + _HIT_PX].max(1)
        hit = (near > 0.025) & (near >= values.max(1) * 0.5)
        weight = samples.weight * inside
        recalls.append(float((hit * weight).sum() / max(weight.sum(), 1e-9)))
        seen_weight += float(weight.sum())
        all_weight += float(samples.weight.sum())
    return float(np.sqrt(recalls[0] * recalls[1])), seen_weight / max(all_weight, 1e-9)


def _precision(canvas: Canvas, model: PageModel, mesh: Mesh) -> float:
    known, found = 0, 0
    width, height = model.page.size_mm
    for axis in ("h", "v"):
        lines = line_map(canvas.ridge, axis)
        kernel = np.ones((1, _LONG_PX) if axis == "h" else (_LONG_PX, 1), np.uint8)
        joined = cv2.morphologyEx(lines, cv2.MORPH_CLOSE, np.ones((1, 7) if axis == "h" else (7, 1), np.uint8))
        y, x = np.nonzero(cv2.morphologyEx(joined, cv2.MORPH_OPEN, kernel)[::2, ::2])
        seen_mm = np.c_[x, y] * 2.0 / canvas.px_per_mm - CANVAS_RIM_MM
        # The mesh is smooth: its displacement at the displaced point is that of the point itself to a fraction of a mm.
        page_mm = 2 * seen_mm - mesh.displace(seen_mm)
        inside = (page_mm >= 0).all(1) & (page_mm[:, 0] <= width) & (page_mm[:, 1] <= height)
        at = np.rint(page_mm[inside]).astype(int) + RIM_MM
        near = model.expected[axis][at[:, 1], at[:, 0]] <= _PRECISE_MM
        known += int(near.sum())
        found += int((near | ~model.lettered[at[:, 1], at[:, 0]]).sum())
    return known / found if found else 0.0


def tag_correlations(pyramid: Pyramid, page_map: PageMap, page: Page, ids: tuple[int, ...]) -> dict[int, float]:
    """Correlation, -1 to 1, of the place where the page's tag is printed with each of several tags.

    Works on tags far too blurred to be decoded. Empty when the page has no tag or its place is not in the photo.
    """
    tag = page.tag
    if tag is None:
        return {}
    quad = np.asarray(tag.quad_mm)
    corners = page_map.to_photo(quad)
    height, width = pyramid.level(0).shape
    if (corners < 0).any() or (corners > (width - 1, height - 1)).any():
        return {}
    low, high = quad.min(0) - _TAG_SLACK_MM, quad.max(0) + _TAG_SLACK_MM
    area = Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    grey = pyramid.cut(page_map, area, _TAG_PX_PER_MM).grey
    # Both are blurred alike, so that a sharp and a soft photo of a tag score the same.
    soft = cv2.GaussianBlur(grey, (0, 0), 2.0).astype(np.float32)
    found = {}
    for tag_id in ids:
        template = cv2.GaussianBlur(tag_picture(tag, tag_id), (0, 0), 2.0).astype(np.float32)
        found[tag_id] = float(cv2.matchTemplate(soft, template, cv2.TM_CCOEFF_NORMED).max())
    return found


@cache
def tag_picture(tag: Tag, tag_id: int) -> Grey:
    """A tag as printed on the page: uint8, square, 2 px per mm, turned as the definition's corners say."""
    quad = np.asarray(tag.quad_mm)
    low, high = quad.min(0), quad.max(0)
    side = round(float(high[0] - low[0]) * _TAG_PX_PER_MM)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10)
    plain = cv2.aruco.generateImageMarker(dictionary, tag_id, side)
    corners: Floats = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float64)
    goal = (quad - low) * side / (high - low)
    turn = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), (goal - 0.5).astype(np.float32))
    printed: NDArray[np.uint8] = np.asarray(
        cv2.warpPerspective(plain, turn, (side, side), flags=cv2.INTER_AREA), np.uint8
    )
    return printed
