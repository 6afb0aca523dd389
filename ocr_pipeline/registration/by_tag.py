"""Placing a page whose printed tag was read: the tag names page and turn, the page's own rules give the geometry."""

import numpy as np

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.forms.definition import Tag
from ocr_pipeline.registration.coarse import near_tag, turned
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.page_fit import PageFit, fit_page
from ocr_pipeline.registration.page_map import PageMap, project
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.ridges import WORK_LONG_SIDE
from ocr_pipeline.registration.tag import TagSighting, similarity_from_tag
from ocr_pipeline.registration.view import Area, View, rectified_view
from ocr_pipeline.values import Floats

GOOD_F = 0.50
"""Least agreement of a fit whose page the tag has named."""
_RETRY_F = 0.62


def fit_by_tag(pyramid: Pyramid, model: PageModel, sighting: TagSighting) -> PageFit:
    """Places the page that a tag names.

    Raises:
        PhotoRejected: ``not_registered``.
    """
    best = None
    similarity = similarity_from_tag(_tag_of(model), sighting)
    view = rectified_view(pyramid, WORK_LONG_SIDE, _near_page(model, similarity))
    for seen in (view, None):
        turn, start = _start_from_tag(model, sighting, seen)
        page_map, score = fit_page(pyramid, model, start, anchored=True)
        if _tag_agrees(model, page_map, sighting) and (best is None or score.f > best.score.f):
            best = PageFit(model, turn, page_map, score, confirmed=True)
        if best is not None and best.score.f >= _RETRY_F:
            break
    if best is None or best.score.f < GOOD_F:
        raise PhotoRejected("not_registered")
    return best


def _near_page(model: PageModel, photo_from_page: Floats) -> Area:
    """Where a similarity puts the page, with a fifth to spare, and its two directions."""
    width, height = model.page.size_mm
    corners = np.array([[-0.1, -0.05], [1.1, -0.05], [1.1, 1.1], [-0.1, 1.1]]) * (width, height)
    x, y = photo_from_page[:2, 0], photo_from_page[:2, 1]
    angles = (float(np.arctan2(x[1], x[0]) % np.pi), float(np.arctan2(y[1], y[0]) % np.pi))
    return Area(project(photo_from_page, corners), angles)


def _tag_of(model: PageModel) -> Tag:
    assert model.page.tag is not None
    return model.page.tag


def _start_from_tag(model: PageModel, sighting: TagSighting, view: View | None) -> tuple[int, Floats]:
    """Turn, and photo px from page mm: upright in the rectified view, or the tag's own similarity without one."""
    tag = _tag_of(model)
    similarity = similarity_from_tag(tag, sighting)
    angle = float(np.rad2deg(np.arctan2(similarity[1, 0], similarity[0, 0]))) % 360
    turn = int(round(angle / 90) * 90 % 360)
    if view is None:
        return turn, similarity
    seen = project(view.rect_from_photo, sighting.corners_photo)
    turn_map = turned(turn, model.page.size_mm)
    upright = project(turn_map, np.asarray(tag.quad_mm, np.float64))
    start = np.eye(3)
    for k in (0, 1):
        start[k, k], start[k, 2] = np.polyfit(upright[:, k], seen[:, k], 1)
    guess = near_tag(view.lines, model, turn, start @ turn_map)
    return turn, np.linalg.inv(view.rect_from_photo) @ guess.rect_from_page


def _tag_agrees(model: PageModel, page_map: PageMap, sighting: TagSighting) -> bool:
    """Whether the fit puts the tag about where it was seen: corners of curled sheets lift it by half its side."""
    placed = page_map.to_photo(np.asarray(_tag_of(model).quad_mm))
    side = float(np.hypot(*(sighting.corners_photo[0] - sighting.corners_photo[1])))
    return bool(np.hypot(*(placed.mean(0) - sighting.corners_photo.mean(0))) < 0.6 * side)
