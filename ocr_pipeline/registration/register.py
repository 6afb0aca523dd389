"""Finds which page a photo shows and where every point of it lies: the ladder of registration.

With a tag: the tag names page and turn and pins the start. Without: all pages of all known forms compete by their ruled
lines. Either way the page's own rules give the geometry, and the gate has the last word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.forms.definition import Tag
from ocr_pipeline.registration import coarse
from ocr_pipeline.registration.align import align
from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.directions import (
    dominant_angles,
    Segments,
    find_segments,
    rectifying_homography,
    vanishing_point,
)
from ocr_pipeline.registration.fit import (
    MESH_NODES,
    refine_homography,
    refine_mesh,
    solve_homography,
    solve_mesh,
)
from ocr_pipeline.registration.gate import Score, score_fit, tag_correlations
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.page_map import Mesh, PageMap, project
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.ridges import WORK_LONG_SIDE, Ridge, flatten_light, line_map, ridge_map
from ocr_pipeline.registration.tag import TagSighting, find_tags, similarity_from_tag
from ocr_pipeline.values import Floats, Grey

GOOD_F = 0.50
"""Least agreement of a fit whose page the tag has named."""
GOOD_F_UNTAGGED = 0.60
"""Least agreement of a fit found by lines alone."""
MARGIN_UNTAGGED = 0.12
"""Least lead over the next page of any form, lines alone."""
TAG_CONFIRMS = 0.60
"""Least correlation of the printed tag's place with the tag; other ids must stay 0.15 lower."""
_RETRY_F = 0.62
_MAX_REACH_PX = 1100


@dataclass(frozen=True, slots=True)
class PageFit:
    """A registered page.

    Attributes:
        model: form and page.
        turn: degrees by which the page lies turned clockwise in the photo: 0, 90, 180, 270 (nearest).
        page_map: photo px from page mm.
        score: agreement with the photo.
        confirmed: the printed tag (or another printed sign) says the same; a fit by lines alone may be a look-alike.
    """

    model: PageModel
    turn: int
    page_map: PageMap
    score: Score
    confirmed: bool


@dataclass(frozen=True, slots=True)
class _Area:
    """Roughly where the page lies: ``quad_photo`` (4, 2), and the directions of its rules in radians."""

    quad_photo: Floats
    angles: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _View:
    """The working picture with its perspective removed: ``ridge`` and ``lines`` of it, rectified px from photo px."""

    rect_from_photo: Floats
    lines: coarse.Lines


def register(grey: Grey, models: Sequence[PageModel], pyramid: Pyramid) -> PageFit:
    """Places the best page in a photo.

    Args:
        grey: uint8 (h, w), the upright photo.
        models: every page that may be in it.
        pyramid: of the same photo.

    Raises:
        PhotoRejected: not_a_form, several_forms, not_registered (the caller looks for a better reason).
    """
    by_tag = {m.page.tag.id: m for m in models if m.page.tag is not None}
    sightings = [s for s in find_tags(grey) if s.id in by_tag]
    if len(sightings) > 1:
        raise PhotoRejected("several_forms")
    flat, scale = _working_picture(grey)
    if sightings:
        return _with_tag(grey, flat, scale, by_tag[sightings[0].id], sightings[0])
    return _by_lines(grey, flat, scale, tuple(models), pyramid)


def _with_tag(grey: Grey, flat: Ridge, scale: float, model: PageModel, sighting: TagSighting) -> PageFit:
    best = None
    similarity = similarity_from_tag(_tag_of(model), sighting)
    for view in (_rectified(flat, scale, _near_page(model, similarity)), None):
        turn, start = _start_from_tag(model, sighting, view)
        page_map, score = _fit(grey, model, start, anchored=True)
        if _tag_agrees(model, page_map, sighting) and (best is None or score.f > best.score.f):
            best = PageFit(model, turn, page_map, score, confirmed=True)
        if best is not None and best.score.f >= _RETRY_F:
            break
    if best is None or best.score.f < GOOD_F:
        raise PhotoRejected("not_registered")
    return best


def _by_lines(grey: Grey, flat: Ridge, scale: float, models: tuple[PageModel, ...], pyramid: Pyramid) -> PageFit:
    view = _rectified(flat, scale)
    if view is None:
        raise PhotoRejected("not_a_form", "no two directions of lines")
    fits: list[PageFit] = []
    for guess in _distinct(coarse.search(view.lines, models, 24), 4):
        start = np.linalg.inv(view.rect_from_photo) @ guess.rect_from_page
        page_map, score = _fit(grey, guess.model, start, anchored=False)
        fits.append(PageFit(guess.model, guess.turn, page_map, score, confirmed=False))
    fits.sort(key=lambda f: -f.score.f)
    best = fits[0]
    rival = max((f.score.f for f in fits[1:] if f.model.key != best.model.key), default=0.0)
    confirmed = _tag_confirms(pyramid, best, models)
    if not confirmed and (best.score.f < GOOD_F_UNTAGGED or best.score.f - rival < MARGIN_UNTAGGED):
        raise PhotoRejected("not_a_form", f"f {best.score.f:.2f}, rival {rival:.2f}")
    if best.score.f < GOOD_F:
        raise PhotoRejected("not_registered")
    return PageFit(best.model, best.turn, best.page_map, best.score, confirmed)


def _distinct(guesses: list[coarse.Guess], keep: int) -> list[coarse.Guess]:
    """The best guess of each page and turn, best first."""
    seen: dict[tuple[tuple[str, int], int], coarse.Guess] = {}
    for guess in guesses:
        seen.setdefault((guess.model.key, guess.turn), guess)
    return list(seen.values())[:keep]


def _working_picture(grey: Grey) -> tuple[Ridge, float]:
    """The light-flattened picture at working size and its scale."""
    scale = WORK_LONG_SIDE / max(grey.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return flatten_light(np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how), np.uint8)), scale


def _near_page(model: PageModel, photo_from_page: Floats) -> _Area:
    """Where a similarity puts the page, with a fifth to spare, and its two directions."""
    width, height = model.page.size_mm
    corners = np.array([[-0.1, -0.05], [1.1, -0.05], [1.1, 1.1], [-0.1, 1.1]]) * (width, height)
    x, y = photo_from_page[:2, 0], photo_from_page[:2, 1]
    angles = (float(np.arctan2(x[1], x[0]) % np.pi), float(np.arctan2(y[1], y[0]) % np.pi))
    return _Area(project(photo_from_page, corners), angles)


def _rectified(flat: Ridge, scale: float, area: _Area | None = None) -> _View | None:
    segments = find_segments(flat)
    angles = dominant_angles(segments)
    if area is not None:
        segments, angles = _within(segments, area, scale), _sorted_angles(area.angles)
    if angles is None:
        return None
    frame = (flat.shape[1], flat.shape[0])
    rng = np.random.default_rng(0)
    horizontal, vertical = (vanishing_point(segments, angle, frame, rng) for angle in angles)
    rect_from_work = rectifying_homography(horizontal, vertical, frame)
    corners = np.array([[0, 0], [frame[0], 0], [frame[0], frame[1]], [0, frame[1]]], np.float64)
    mapped = project(rect_from_work, corners)
    low = np.maximum(mapped.min(0), -_MAX_REACH_PX)
    high = np.minimum(mapped.max(0), np.array(frame) + _MAX_REACH_PX)
    rect_from_work = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ rect_from_work
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    ridge = np.asarray(cv2.warpPerspective(ridge_map(flat), rect_from_work, size), np.float32)
    lines = coarse.Lines.of({axis: line_map(ridge, axis) for axis in ("h", "v")})
    return _View(rect_from_work @ np.diag([scale, scale, 1.0]), lines)


def _within(segments: Segments, area: _Area, scale: float) -> Segments:
    """Segments whose middle lies in the area; segments are in working px, the area in photo px."""
    quad = (area.quad_photo * scale).astype(np.float32)
    middle = (segments.a + segments.b) / 2
    return segments[np.array([cv2.pointPolygonTest(quad, (x, y), False) >= 0 for x, y in middle], bool)]


def _sorted_angles(angles: tuple[float, float]) -> tuple[float, float]:
    """The more horizontal direction first."""
    one, two = angles
    return (one, two) if abs(np.cos(one)) >= abs(np.cos(two)) else (two, one)


def _tag_of(model: PageModel) -> Tag:
    assert model.page.tag is not None
    return model.page.tag


def _start_from_tag(model: PageModel, sighting: TagSighting, view: _View | None) -> tuple[int, Floats]:
    """Turn, and photo px from page mm: upright in the rectified view, or the tag's own similarity without one."""
    tag = _tag_of(model)
    similarity = similarity_from_tag(tag, sighting)
    angle = float(np.rad2deg(np.arctan2(similarity[1, 0], similarity[0, 0]))) % 360
    turn = int(round(angle / 90) * 90 % 360)
    if view is None:
        return turn, similarity
    seen = project(view.rect_from_photo, sighting.corners_photo)
    turn_map = coarse.turned(turn, model.page.size_mm)
    upright = project(turn_map, np.asarray(tag.quad_mm, np.float64))
    start = np.eye(3)
    for k in (0, 1):
        start[k, k], start[k, 2] = np.polyfit(upright[:, k], seen[:, k], 1)
    guess = coarse.near_tag(view.lines, model, turn, start @ turn_map)
    return turn, np.linalg.inv(view.rect_from_photo) @ guess.rect_from_page


def _fit(grey: Grey, model: PageModel, start: Floats, *, anchored: bool) -> tuple[PageMap, Score]:
    """Homography, alignment along the page, and mesh, from a start that may be centimetres off."""
    size = model.page.size_mm
    flat = Mesh.flat(size, *MESH_NODES)
    tag = model.page.tag
    anchor = None
    if anchored and tag is not None:
        anchor = (sum(p[0] for p in tag.quad_mm) / 4, sum(p[1] for p in tag.quad_mm) / 4)
    homography = start
    for reach, tolerance_mm in ((70, 6.0), (60, 3.0)):
        canvas = Canvas.warp(grey, homography, size)
        homography = homography @ solve_homography(model, align(canvas, model, flat, reach, anchor), np.eye(3), tolerance_mm)
    canvas = Canvas.warp(grey, homography, size)
    homography = homography @ refine_homography(canvas, model)
    canvas = Canvas.warp(grey, homography, size)
    mesh = solve_mesh(flat, align(canvas, model, flat, 36, anchor), 2.0, 4.0)
    mesh = refine_mesh(canvas, model, mesh)
    return PageMap(homography, mesh), score_fit(canvas, model, mesh)


def _tag_agrees(model: PageModel, page_map: PageMap, sighting: TagSighting) -> bool:
    """Whether the fit puts the tag about where it was seen: corners of curled sheets lift it by half its side."""
    placed = page_map.to_photo(np.asarray(_tag_of(model).quad_mm))
    side = float(np.hypot(*(sighting.corners_photo[0] - sighting.corners_photo[1])))
    return bool(np.hypot(*(placed.mean(0) - sighting.corners_photo.mean(0))) < 0.6 * side)


def _tag_confirms(pyramid: Pyramid, fit: PageFit, models: tuple[PageModel, ...]) -> bool:
    tag = fit.model.page.tag
    if tag is None:
        return False
    ids = tuple(m.page.tag.id for m in models if m.page.tag is not None)
    found = tag_correlations(pyramid, fit.page_map, fit.model.page, ids)
    if not found:
        return False
    others = max((c for i, c in found.items() if i != tag.id), default=-1.0)
    return found[tag.id] >= TAG_CONFIRMS and found[tag.id] - others >= 0.15
