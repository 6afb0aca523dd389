"""Which page, which turn, which scale and place: two one-dimensional searches instead of one with eight unknowns.

In the rectified picture a page's rules run along the axes. Summing the line pixels along each axis gives two profiles;
comparing them with a definition's profiles at many scales and shifts is one batched FFT each.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.registration.model import BIN_PX, PROFILE_BINS, RIM_MM, SCALES, PageModel
from ocr_pipeline.values import Floats

TURNS = (0, 90, 180, 270)
_PEAKS = 6
_SCORED_PAIRS = 12
_ASPECT = (0.72, 1.39)
_NEAR_PX = 6.0
_NEAR_MM = 5.0
_SAMPLED = 1500
_LINES_INSIDE = 0.6
"""Share of all lines that a page's place should hold; a smaller one is a dense corner of a page, not a page."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Line pixels of the rectified picture.

    Attributes:
        maps: uint8 0/1 per axis.
        near: e^-(d/6)^2 of the distance to the nearest line pixel, float32 per axis.
        sampled: some of the line pixels, evenly taken, (n, 2) per axis.
    """

    maps: dict[str, NDArray[np.uint8]]
    near: dict[str, NDArray[np.float32]]
    sampled: dict[str, Floats]

    @classmethod
    def of(cls, maps: dict[str, NDArray[np.uint8]]) -> "Lines":
        """Lines of the maps of both axes."""
        near, sampled = {}, {}
        for axis, lines in maps.items():
            y, x = np.nonzero(lines)
            every = max(len(x) // _SAMPLED, 1)
            sampled[axis] = np.c_[x, y][::every].astype(np.float64)
            # Without any line the distances are the largest float there is.
            distance = np.minimum(cv2.distanceTransform(1 - lines, cv2.DIST_L2, 3), 10 * _NEAR_PX)
            near[axis] = np.asarray(np.exp(-((distance / _NEAR_PX) ** 2)), np.float32)
        return cls(maps, near, sampled)


@dataclass(frozen=True, slots=True)
class Guess:
    """A coarse hypothesis: the page, its turn (degrees clockwise), rectified px from page mm, and its score 0-1."""

    model: PageModel
    turn: int
    rect_from_page: Floats
    score: float


def turned(turn: int, size_mm: tuple[float, float]) -> Floats:
    """Page mm of a page lying turned clockwise by ``turn`` degrees, as an affine map (3, 3) from upright page mm."""
    width, height = size_mm
    return {
        0: np.eye(3),
        90: np.array([[0, -1, height], [1, 0, 0], [0, 0, 1.0]]),
        180: np.array([[-1, 0, width], [0, -1, height], [0, 0, 1.0]]),
        270: np.array([[0, 1, 0], [-1, 0, width], [0, 0, 1.0]]),
    }[turn]


@dataclass(frozen=True, slots=True)
class _Profile:
    """A picture's line profile along one axis: its spectrum, and its length in bins."""

    spectrum: NDArray[np.complex64]
    bins: int


def search(lines: Lines, models: tuple[PageModel, ...]) -> list[Guess]:
    """The best hypothesis of each page and turn, best first."""
    profiles = {axis: _photo_profile(lines, axis) for axis in ("h", "v")}
    guesses = [_best_pair(lines, profiles, model, turn) for model in models for turn in TURNS]
    return sorted((g for g in guesses if g is not None), key=lambda g: -g.score)


def near_tag(lines: Lines, model: PageModel, turn: int, start: Floats) -> Guess:
    """Improves an axis-aligned start (rectified px from page mm) by small changes of scale about the tag.

    Horizontal rules depend on the scale along y alone and vertical ones on that along x (but for their ends), so the
    two are searched in turn.
    """
    tag = model.page.tag
    anchor = np.asarray(tag.quad_mm if tag else [(0.0, 0.0)], np.float64).mean(0)
    placed = start
    for span, step in ((0.16, 0.02), (0.04, 0.01), (0.008, 0.004)):
        for k, axis in ((1, "h"), (0, "v")):
            best, best_score = placed, -1.0
            for change in np.arange(-span, span + 1e-9, step):
                scale = np.eye(3)
                scale[k, k], scale[k, 2] = 1 + change, -anchor[k] * change
                score = _recall(lines, model, turn, placed @ scale, axis)
                if score > best_score:
                    best, best_score = placed @ scale, score
            placed = best
    return Guess(model, turn, placed, _score(lines, model, turn, placed))


def _photo_profile(lines: Lines, axis: str) -> _Profile:
    sums = lines.maps[axis].sum(axis=1 if axis == "h" else 0).astype(np.float64)
    bins = max(min(len(sums) // BIN_PX, PROFILE_BINS), 1)
    profile = np.sqrt(np.resize(sums, bins * BIN_PX).reshape(bins, BIN_PX).sum(1))
    profile /= max(float(np.linalg.norm(profile)), 1e-9)
    return _Profile(np.fft.rfft(profile, PROFILE_BINS).astype(np.complex64), bins)


def _best_pair(lines: Lines, profiles: dict[str, _Profile], model: PageModel, turn: int) -> Guess | None:
    """Peaks of both axes, paired where their scales agree, scored in 2-D."""
    swap, flip_x, flip_y = turn in (90, 270), turn in (90, 180), turn in (180, 270)
    size = model.page.size_mm
    # Under a quarter turn the page's vertical rules run horizontally in the picture.
    across_y = _peaks(profiles["h"], model.spectra["v" if swap else "h", flip_y])
    across_x = _peaks(profiles["v"], model.spectra["h" if swap else "v", flip_x])
    pairs = []
    for score_y, sy, ty in across_y:
        for score_x, sx, tx in across_x:
            if _ASPECT[0] < sx / sy < _ASPECT[1]:
                placed = np.array([[sx, 0, tx], [0, sy, ty], [0, 0, 1.0]]) @ turned(turn, size)
                pairs.append((score_x + score_y, placed))
    pairs.sort(key=lambda g: -g[0])
    guesses = [_scored(lines, model, turn, placed) for _, placed in pairs[:_SCORED_PAIRS]]
    return max(guesses, key=lambda g: g.score, default=None)


def _peaks(photo: _Profile, spectra: NDArray[np.complex64]) -> list[tuple[float, float, float]]:
    """(score, px per mm, shift px) of the best scale-and-shift correlations, apart from one another."""
    correlation = np.fft.irfft(photo.spectrum[None, :] * spectra, PROFILE_BINS, axis=1)
    found = []
    for _ in range(_PEAKS):
        i, k = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
        # The correlation is circular: a page cannot begin behind the end of the picture, so it began before it.
        shift = k if k < photo.bins else k - PROFILE_BINS
        found.append((float(correlation[i, k]), float(SCALES[i]), float(shift * BIN_PX)))
        columns = np.arange(k - 4, k + 5) % PROFILE_BINS
        correlation[max(i - 4, 0) : i + 5, columns] = -1
    return found


def _scored(lines: Lines, model: PageModel, turn: int, placed: Floats) -> Guess:
    return Guess(model, turn, placed, _score(lines, model, turn, placed))


def _score(lines: Lines, model: PageModel, turn: int, placed: Floats) -> float:
    """Harmonic mean of how near line pixels the page's rules lie and how near rules the line pixels lie."""
    recall = float(np.sqrt(_recall(lines, model, turn, placed, "h") * _recall(lines, model, turn, placed, "v")))
    precision = _precision(lines, model, turn, placed) if recall > 0 else 0.0
    return 2 * recall * precision / max(recall + precision, 1e-9)


def _precision(lines: Lines, model: PageModel, turn: int, placed: Floats) -> float:
    """Share of line pixels within the page that lie near a rule, lowered when most lines lie outside the page."""
    back = np.linalg.inv(placed)
    width, height = model.page.size_mm
    known = inside_count = total = 0
    for axis in ("h", "v"):
        pixels = lines.sampled[axis if turn in (0, 180) else ("v" if axis == "h" else "h")]
        at = pixels @ back[:2, :2].T + back[:2, 2]
        inside = (at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] <= width) & (at[:, 1] <= height)
        near = np.rint(at[inside]).astype(int) + RIM_MM
        known += int((model.expected[axis][near[:, 1], near[:, 0]] <= _NEAR_MM).sum())
        inside_count += int(inside.sum())
        total += len(pixels)
    if not inside_count:
        return 0.0
    return known / inside_count * min(1.0, inside_count / total / _LINES_INSIDE)


def _recall(lines: Lines, model: PageModel, turn: int, placed: Floats, axis: str) -> float:
    """How near line pixels the page's rules of one axis lie, 0-1, lowered for parts out of the frame."""
    samples = model.samples[axis]
    near = lines.near[axis if turn in (0, 180) else ("v" if axis == "h" else "h")]
    # Always affine here: no division.
    at = np.rint(samples.points_mm @ placed[:2, :2].T + placed[:2, 2]).astype(int)
    inside = (at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] < near.shape[1]) & (at[:, 1] < near.shape[0])
    seen = float(samples.weight[inside].sum())
    share = seen / max(float(samples.weight.sum()), 1e-9)
    if share < 0.3:
        return 0.0
    hits = near[at[inside, 1], at[inside, 0]] * samples.weight[inside]
    return float(hits.sum()) / seen * min(1.0, share / 0.8)
