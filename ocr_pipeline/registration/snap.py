"""The last millimetres: each number's boxes onto their own printed edges, its bubbles onto their own rings.

One fold can move a candidate's block by a centimetre while the rest of the page fits. So the boxes of a number are
moved together until all four kinds of their edges lie on ridges, and then the bubble rows are followed downwards ring
by ring. A number whose own print is not found where it should be is not placed, whatever the rest of the page says.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.forms.definition import Box, Bubbles, Number
from ocr_pipeline.registration.page_map import PageMap
from ocr_pipeline.registration.patch import Patch, Pyramid
from ocr_pipeline.registration.ridges import Ridge, flatten_light, ridge_map
from ocr_pipeline.values import Floats

PX_PER_MM = 2.0
MARGIN_MM = 12.0
_REACH_PX = 16
_STRETCH_PX = 2
_RIDGE_CLIP = 0.25
_SOFT_MM = 0.9
_SHARP_MM = 0.5
"""Blur of an ordinary sharp photo at phone resolution; only what exceeds it softens the print looked for."""
_PEN_PX = 0.9
_DIGIT_PX = 3.0
_DIGIT_SHADE = 0.5
_RING_REACH_PX = 6
_RING_PATCH_PX = 25
BOX_PLACED = 0.07
"""Least edge score of a placed number (ridge units; sharp real photos have 0.18 and more)."""
RING_SEEN = 0.35
"""Least mean correlation of the best two rings of a bubble row that counts as seen."""
RING_LEAD = 0.15
"""Least lead of that correlation over the gap between this row and the next, where nothing is printed."""
ROWS_PLACED = 7
RING_OUTSIDE = 0.45
"""Least correlation from which a ring counts as seen where none is printed; more where the printed ones are clearer."""


@dataclass(frozen=True, slots=True)
class NumberFit:
    """Where one number really lies.

    Attributes:
        shift_mm: what to add to the definition's box positions, (2,), page mm.
        edge_score: how well the four kinds of box edges lie on ridges.
        ring_shift_mm: the same for each bubble row 0-9, (10, 2), or ``None`` without bubbles.
        rows_seen: bubble rows of which rings were recognised, 0-10.
        placed: whether all of that is good enough to be read.
    """

    shift_mm: Floats
    edge_score: float
    ring_shift_mm: Floats | None
    rows_seen: int
    placed: bool


def number_area(number: Number) -> Box:
    """The part of the page that holds a number's boxes and bubbles, with a margin."""
    a = number.area_mm
    if number.bubbles is None:
        return Box(a.x_mm - MARGIN_MM, a.y_mm - MARGIN_MM, a.w_mm + 2 * MARGIN_MM, a.h_mm + 2 * MARGIN_MM)
    # One more column on both sides and one more row below: to see that no rings are there.
    side_mm = MARGIN_MM + (number.bubbles.x_mm[1] - number.bubbles.x_mm[0] if len(number.bubbles.x_mm) > 1 else 0.0)
    bottom = number.bubbles.y_mm[-1] + _pitch_mm(number.bubbles) + MARGIN_MM
    return Box(a.x_mm - side_mm, a.y_mm - MARGIN_MM, a.w_mm + 2 * side_mm, bottom - a.y_mm + MARGIN_MM)


def snap_number(pyramid: Pyramid, page_map: PageMap, number: Number, blur_mm: float) -> tuple[NumberFit, Patch]:
    """Finds a number's own print around its expected place.

    Args:
        pyramid: the photo.
        page_map: the page's fit.
        number: the number.
        blur_mm: blur of the photo as the sigma of a Gaussian on the page, so that soft print is looked for as soft
        print.

    Returns:
        Its fit, and the patch it was found in (2 px per mm, its boxes at the definition's place plus ``shift_mm``).
    """
    patch = pyramid.cut(page_map, number_area(number), PX_PER_MM)
    flat = flatten_light(patch.grey)
    kernel_px = 11 if blur_mm < _SOFT_MM else 21
    ridge = np.minimum(ridge_map(flat, kernel_px), _RIDGE_CLIP)
    shift_px, score, at_limit = _snap_boxes(ridge, patch, number)
    shift_mm = shift_px / PX_PER_MM
    if number.bubbles is None:
        return NumberFit(shift_mm, score, None, 0, score >= BOX_PLACED and not at_limit), patch
    template = _ring_template(number.bubbles.diameter_mm * PX_PER_MM, blur_mm * PX_PER_MM)
    rings, scores = _follow_rings(flat, patch, number.bubbles, shift_px, template)
    seen = int(np.count_nonzero(scores))
    limit = max(RING_OUTSIDE, 0.7 * float(np.median(scores)))
    alone = not _rings_outside(flat, patch, number.bubbles, rings, template, limit)
    placed = score >= BOX_PLACED and seen >= ROWS_PLACED and alone and not at_limit
    return NumberFit(shift_mm, score, rings / PX_PER_MM, seen, placed), patch


def _snap_boxes(ridge: Ridge, patch: Patch, number: Number) -> tuple[Floats, float, bool]:
    """Best shift (px) of all boxes, its score, and whether it lies at the limit of the search."""
    top, bottom = (_edge_scores(ridge, patch, number, "h", side) for side in (0, 1))
    left, right = (_edge_scores(ridge, patch, number, "v", side) for side in (0, 1))
    n = 2 * _REACH_PX + 1
    best = (-1.0, 0, 0)
    wide = range(-_STRETCH_PX, _STRETCH_PX + 1)
    distance = np.hypot(*np.mgrid[-_REACH_PX : _REACH_PX + 1, -_REACH_PX : _REACH_PX + 1])
    for sy in wide:
        for sx in wide:
            # Paper stretches and perspective remains: opposite edges may move apart by a px or two.
            kinds = np.stack([_moved(top, -sy, 0), _moved(bottom, sy, 0), _moved(left, 0, -sx), _moved(right, 0, sx)])
            score = 0.6 * kinds.mean(0) + 0.4 * kinds.min(0) - 0.0005 * distance
            k = int(np.argmax(score))
            if score.flat[k] > best[0]:
                best = (float(score.flat[k]), k // n, k % n)
    value, row, column = best
    at_limit = row in (0, n - 1) or column in (0, n - 1)
    return np.array([column - _REACH_PX, row - _REACH_PX], np.float64), value, at_limit


def _edge_scores(ridge: Ridge, patch: Patch, number: Number, axis: str, side: int) -> NDArray[np.float32]:
    """Mean ridge along one kind of edge of all boxes, for every shift: (2 * reach + 1) squared, rows dy, columns dx."""
    reach = _REACH_PX + _STRETCH_PX
    total = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    smooth = cv2.blur(ridge, (7, 1) if axis == "h" else (1, 7))
    padded = np.pad(np.asarray(smooth, np.float32), reach)
    for box in number.boxes:
        ends = np.array([[box.x_mm, box.y_mm], [box.x_mm + box.w_mm, box.y_mm + box.h_mm]])
        (x0, y0), (x1, y1) = np.rint(patch.to_px(ends)).astype(int)
        inset = max((x1 - x0) // 8, 1)
        if axis == "h":
            y, xs = (y0, y1)[side], slice(x0 + inset, x1 - inset)
            band = padded[y : y + 2 * reach + 1, xs.start : xs.stop + 2 * reach]
            total = total + _window_mean(band, xs.stop - xs.start, 1)
        else:
            x, ys = (x0, x1)[side], slice(y0 + inset, y1 - inset)
            band = padded[ys.start : ys.stop + 2 * reach, x : x + 2 * reach + 1]
            total = total + _window_mean(band, ys.stop - ys.start, 0)
    return np.asarray(total / len(number.boxes), np.float32)


def _window_mean(band: Ridge, length: int, axis: int) -> NDArray[np.float32]:
    """Sliding mean of ``length`` px along ``axis``."""
    summed = np.cumsum(band, axis=axis, dtype=np.float64)
    summed = np.concatenate([np.zeros_like(np.take(summed, [0], axis)), summed], axis)
    size = band.shape[axis] - length + 1
    high = np.take(summed, np.arange(length, length + size), axis)
    low = np.take(summed, np.arange(size), axis)
    return np.asarray((high - low) / length, np.float32)


def _moved(scores: NDArray[np.float32], dy: int, dx: int) -> NDArray[np.float32]:
    """The central window of a score map, looked at ``dy``, ``dx`` px further."""
    n = 2 * _REACH_PX + 1
    y, x = _STRETCH_PX + dy, _STRETCH_PX + dx
    return scores[y : y + n, x : x + n]


def _follow_rings(
    flat: Ridge, patch: Patch, bubbles: Bubbles, start_px: Floats, template: Ridge
) -> tuple[Floats, Floats]:
    """Walks down the bubble rows, each searched around the shift of the one before.

    Returns:
        Shift of each row, (10, 2) px, and its correlation, (10,), 0 for rows not recognised.
    """
    shift, speed = start_px.copy(), np.zeros(2)
    shifts, scores = np.zeros((len(bubbles.y_mm), 2)), np.zeros(len(bubbles.y_mm))
    for row, y_mm in enumerate(bubbles.y_mm):
        shift = shift + speed
        places = patch.to_px(np.array([(x_mm, y_mm) for x_mm in bubbles.x_mm])) + shift
        responses = np.stack([_ring_response(flat, template, place) for place in places])
        k = int(np.argmax(responses.sum(0) - _NEAR_COST))
        n = responses.shape[2]
        move = np.array([k % n, k // n], np.float64) - _RING_REACH_PX
        gap = places + move + (0, _pitch_mm(bubbles) / 2 * PX_PER_MM)
        between = [float(_ring_response(flat, template, place)[_RING_REACH_PX, _RING_REACH_PX]) for place in gap]
        # A filled bubble has lost its ring; two good ones in a row are enough.
        score = float(np.mean(np.sort(responses[:, k // n, k % n])[-2:]))
        clear = score >= RING_SEEN and score - float(np.median(between)) >= RING_LEAD
        if clear and np.abs(move).max() < _RING_REACH_PX:
            scores[row] = score
            shift = shift + move
            speed = np.clip(speed + 0.3 * move, -1.5, 1.5)
        shifts[row] = shift
    return shifts, scores


def _rings_outside(
    flat: Ridge, patch: Patch, bubbles: Bubbles, shifts_px: Floats, template: Ridge, limit: float
) -> bool:
    """Whether rings go on beside, above or below the grid: then the whole grid was found one row or column off."""
    pitch_x = bubbles.x_mm[1] - bubbles.x_mm[0] if len(bubbles.x_mm) > 1 else 0.0
    rows = np.array(bubbles.y_mm)
    beside = [
        [(bubbles.x_mm[0] - pitch_x, y) for y in rows],
        [(bubbles.x_mm[-1] + pitch_x, y) for y in rows],
    ]
    lines = [(np.array(points), shifts_px) for points in beside if pitch_x]
    below = np.array([(x, rows[-1] + _pitch_mm(bubbles)) for x in bubbles.x_mm])
    above = np.array([(x, rows[0] - _pitch_mm(bubbles)) for x in bubbles.x_mm])
    lines += [(below, shifts_px[-1:]), (above, shifts_px[:1])]
    near = slice(_RING_REACH_PX - 2, _RING_REACH_PX + 3)
    for points, shift in lines:
        places = patch.to_px(points) + shift
        strength = [float(_ring_response(flat, template, place)[near, near].max()) for place in places]
        if np.median(strength) >= limit:
            return True
    return False


def _pitch_mm(bubbles: Bubbles) -> float:
    """Distance between bubble rows."""
    return (bubbles.y_mm[-1] - bubbles.y_mm[0]) / (len(bubbles.y_mm) - 1)


_NEAR_COST = 0.02 * np.hypot(*np.mgrid[-_RING_REACH_PX : _RING_REACH_PX + 1, -_RING_REACH_PX : _RING_REACH_PX + 1])


def _ring_response(flat: Ridge, template: Ridge, centre_px: Floats) -> NDArray[np.float32]:
    """Correlation with a ring for every shift within reach: (2 * reach + 1) squared, clipped at 0."""
    side = template.shape[0] + 2 * _RING_REACH_PX
    window = cv2.getRectSubPix(flat, (side, side), (float(centre_px[0]), float(centre_px[1])))
    return np.asarray(np.maximum(cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED), 0), np.float32)


def _ring_template(diameter_px: float, blur_px: float) -> Ridge:
    """A bubble as a camera with that blur sees it: float32, 25 x 25 px, a dark ring with something dark in the middle.

    The printed digit inside is a soft spot here: what it is differs from row to row, that it is there does not.
    """
    y, x = np.mgrid[:_RING_PATCH_PX, :_RING_PATCH_PX] - (_RING_PATCH_PX - 1) / 2
    radius = np.hypot(x, y)
    ring = np.exp(-0.5 * ((radius - diameter_px / 2) / _PEN_PX) ** 2)
    digit = _DIGIT_SHADE * np.exp(-0.5 * (radius / _DIGIT_PX) ** 2)
    sharp = np.asarray(1 - np.maximum(ring, digit), np.float32)
    extra_px = np.sqrt(max(blur_px**2 - (_SHARP_MM * PX_PER_MM) ** 2, 0.0))
    if extra_px < 0.3:
        return sharp
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), extra_px, borderType=cv2.BORDER_REPLICATE), np.float32)
