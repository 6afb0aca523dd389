"""Finds which page a photo shows and where every point of it lies: the ladder of registration.

With a tag: the tag names page and turn and pins the start. Without: all pages of all known forms compete by their ruled
lines. Either way the page's own rules give the geometry, and the gate has the last word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.forms.definition import Tag
from ocr_pipeline.registration import coarse
from ocr_pipeline.registration.align import align
from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.directions import (
    Segments,
    dominant_angles,
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
from ocr_pipeline.values import Floats

GOOD_F = 0.50
"""Least agreement of a fit whose page the tag has named."""
GOOD_F_UNTAGGED = 0.60
"""A fit by lines alone below this gets a closer look, if it is at least..."""
WORTH_A_SECOND_LOOK_F = 0.45
"""...this good."""
TAG_CORRELATION, TAG_LEAD = 0.40, 0.25
"""Least correlation of the place of the printed tag with that tag, and its least lead over every other tag. On real
photos whose tag could not be (or was not) decoded: at least 0.45 and 0.36; on other forms at most 0.47 and 0.09."""
BLIND_F, BLIND_MARGIN = 0.75, 0.20
"""What a fit needs whose tag is not seen, or whose form has none: agreement, and lead over any other page."""
_RETRY_F = 0.62
_MAX_REACH_PX = 1100
_SEARCH_LONG_SIDE = 1000
"""Long side in px of the smaller picture searched without a tag."""
_FIRST_FITS, _MOST_FITS = 5, 8
"""Guesses fitted at first, and at most while none of them is good."""
_SMALLEST_CROP_PX = 300
_SETTLED_MM = 6.0
"""A first alignment that moves the page's corners by less than this needs no second one."""


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
    """The working picture's lines with the perspective removed, and the homography rectified px from photo px."""

    rect_from_photo: Floats
    lines: coarse.Lines


def register(pyramid: Pyramid, models: Sequence[PageModel]) -> PageFit:
    """Places the best page in a photo.

    Args:
        pyramid: of the upright photo.
        models: every page that may be in it.

    Raises:
        PhotoRejected: not_a_form, unknown_form (a tag that no form of the library has), several_forms,
            not_registered (the caller looks for a better reason).
    """
    by_tag = {m.page.tag.id: m for m in models if m.page.tag is not None}
    sightings = find_tags(pyramid, by_tag.keys())
    known = [s for s in sightings if s.id in by_tag]
    if len(known) > 1:
        raise PhotoRejected("several_forms")
    if known:
        return _with_tag(pyramid, by_tag[known[0].id], known[0])
    try:
        fit = _by_lines(pyramid, tuple(models))
    except PhotoRejected as refusal:
        raise PhotoRejected("unknown_form" if sightings else refusal.reason, refusal.detail) from refusal
    if sightings and not fit.confirmed:
        raise PhotoRejected("unknown_form", f"tag {sightings[0].id}")
    return fit


def _with_tag(pyramid: Pyramid, model: PageModel, sighting: TagSighting) -> PageFit:
    flat, scale = _working_picture(pyramid, WORK_LONG_SIDE)
    best = None
    similarity = similarity_from_tag(_tag_of(model), sighting)
    for view in (_rectified(flat, scale, _near_page(model, similarity)), None):
        turn, start = _start_from_tag(model, sighting, view)
        page_map, score = _fit(pyramid, model, start, anchored=True)
        if _tag_agrees(model, page_map, sighting) and (best is None or score.f > best.score.f):
            best = PageFit(model, turn, page_map, score, confirmed=True)
        if best is not None and best.score.f >= _RETRY_F:
            break
    if best is None or best.score.f < GOOD_F:
        raise PhotoRejected("not_registered")
    return best


def _by_lines(pyramid: Pyramid, models: tuple[PageModel, ...]) -> PageFit:
    fits = _line_fits(pyramid, models)
    if fits and WORTH_A_SECOND_LOOK_F <= fits[0].score.f < GOOD_F_UNTAGGED:
        fits = sorted([*fits, *_closer_look(pyramid, models, fits[0])], key=lambda f: -f.score.f)
    if not fits:
        raise PhotoRejected("not_a_form", "no two directions of lines")
    best = fits[0]
    rival = max((f.score.f for f in fits[1:] if f.model.key != best.model.key), default=0.0)
    confirmed = _tag_confirms(pyramid, best, models)
    # A hand may cover the tag; then lines alone must be beyond doubt, and a person decides.
    if not confirmed and (best.score.f < BLIND_F or best.score.f - rival < BLIND_MARGIN):
        raise PhotoRejected("not_a_form", f"f {best.score.f:.2f}, rival {rival:.2f}")
    if best.score.f < GOOD_F:
        raise PhotoRejected("not_registered")
    return replace(best, confirmed=confirmed)


def _line_fits(pyramid: Pyramid, models: tuple[PageModel, ...]) -> list[PageFit]:
    """Fits of the most promising pages and turns, best first; searched at two sizes.

    Soft rules are found in the smaller picture, rules under noise in the larger one.
    """
    starts: list[tuple[coarse.Guess, Floats]] = []
    for long_side_px in (WORK_LONG_SIDE, _SEARCH_LONG_SIDE):
        view = _rectified(*_working_picture(pyramid, long_side_px))
        if view is not None:
            photo_from_rect = np.linalg.inv(view.rect_from_photo)
            guesses = _distinct(coarse.search(view.lines, models, 24), 5)
            starts += [(guess, photo_from_rect @ guess.rect_from_page) for guess in guesses]
    starts.sort(key=lambda s: -s[0].score)
    fits: list[PageFit] = []
    for i, (guess, start) in enumerate(starts[:_MOST_FITS]):
        if i >= _FIRST_FITS and max(f.score.f for f in fits) >= GOOD_F_UNTAGGED:
            break
        page_map, score = _fit(pyramid, guess.model, start, anchored=False)
        fits.append(PageFit(guess.model, guess.turn, page_map, score, confirmed=False))
    return sorted(fits, key=lambda f: -f.score.f)


def _closer_look(pyramid: Pyramid, models: tuple[PageModel, ...], weak: PageFit) -> list[PageFit]:
    """Fits again in a picture cropped to a weak fit: a small page grows, lines of its surroundings are gone."""
    width, height = weak.model.page.size_mm
    corners = weak.page_map.to_photo(np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64))
    grey = pyramid.level(0)
    spare = 0.05 * np.ptp(corners, axis=0)
    low = np.maximum(np.floor(corners.min(0) - spare), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(0) + spare), (grey.shape[1], grey.shape[0])).astype(int)
    if (high - low).min() < _SMALLEST_CROP_PX:
        return []
    cropped = Pyramid(np.ascontiguousarray(grey[low[1] : high[1], low[0] : high[0]]))
    back = np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
    return [
        replace(fit, page_map=PageMap(back @ fit.page_map.homography, fit.page_map.mesh))
        for fit in _line_fits(cropped, models)
    ]


def _distinct(guesses: list[coarse.Guess], keep: int) -> list[coarse.Guess]:
    """The best guess of each page and turn, best first."""
    seen: dict[tuple[tuple[str, int], int], coarse.Guess] = {}
    for guess in guesses:
        seen.setdefault((guess.model.key, guess.turn), guess)
    return list(seen.values())[:keep]


def _working_picture(pyramid: Pyramid, long_side_px: int) -> tuple[Ridge, float]:
    """The light-flattened picture at working size and its scale."""
    scale = long_side_px / max(pyramid.level(0).shape)
    return flatten_light(pyramid.scaled(scale)), scale


def _near_page(model: PageModel, photo_from_page: Floats) -> _Area:
    """Where a similarity puts the page, with a fifth to spare, and its two directions."""
    width, height = model.page.size_mm
    corners = np.array([[-0.1, -0.05], [1.1, -0.05], [1.1, 1.1], [-0.1, 1.1]]) * (width, height)
    x, y = photo_from_page[:2, 0], photo_from_page[:2, 1]
    angles = (float(np.arctan2(x[1], x[0]) % np.pi), float(np.arctan2(y[1], y[0]) % np.pi))
    return _Area(project(photo_from_page, corners), angles)


def _rectified(flat: Ridge, scale: float, area: _Area | None = None) -> _View | None:
    segments = find_segments(flat)
    if area is None:
        angles = dominant_angles(segments)
    else:
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


def _fit(pyramid: Pyramid, model: PageModel, start: Floats, *, anchored: bool) -> tuple[PageMap, Score]:
    """Homography, alignment along the page, and mesh, from a start that may be centimetres off."""
    size = model.page.size_mm
    flat = Mesh.flat(size, *MESH_NODES)
    tag = model.page.tag
    anchor = None
    if anchored and tag is not None:
        anchor = (sum(p[0] for p in tag.quad_mm) / 4, sum(p[1] for p in tag.quad_mm) / 4)
    homography = start
    for reach, tolerance_mm in ((70, 6.0), (60, 3.0)):
        canvas = Canvas.warp(pyramid, homography, size)
        seen = align(canvas, model, flat, reach, anchor)
        change = solve_homography(model, seen, np.eye(3), tolerance_mm)
        homography = homography @ change
        if _largest_move_mm(change, size) < _SETTLED_MM:
            break
    canvas = Canvas.warp(pyramid, homography, size)
    bent = flat.bent_by(refine_homography(canvas, model))
    mesh = solve_mesh(bent, align(canvas, model, bent, 36, anchor), 2.0, 4.0)
    mesh = refine_mesh(canvas, model, mesh)
    return PageMap(homography, mesh), score_fit(canvas, model, mesh)


def _largest_move_mm(change: Floats, size_mm: tuple[float, float]) -> float:
    """How far a homography moves a corner of the page."""
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * size_mm
    return float(np.hypot(*(project(change, corners) - corners).T).max())


def _tag_agrees(model: PageModel, page_map: PageMap, sighting: TagSighting) -> bool:
    """Whether the fit puts the tag about where it was seen: corners of curled sheets lift it by half its side."""
    placed = page_map.to_photo(np.asarray(_tag_of(model).quad_mm))
    side = float(np.hypot(*(sighting.corners_photo[0] - sighting.corners_photo[1])))
    return bool(np.hypot(*(placed.mean(0) - sighting.corners_photo.mean(0))) < 0.6 * side)


def _tag_confirms(pyramid: Pyramid, fit: PageFit, models: tuple[PageModel, ...]) -> bool:
    """Whether the printed tag can be seen, if not decoded, where the fit puts it."""
    tag = fit.model.page.tag
    ids = tuple(m.page.tag.id for m in models if m.page.tag is not None)
    found = tag_correlations(pyramid, fit.page_map, fit.model.page, ids)
    if tag is None or not found:
        return False
    others = max((c for i, c in found.items() if i != tag.id), default=-1.0)
    return found[tag.id] >= TAG_CORRELATION and found[tag.id] - others >= TAG_LEAD
