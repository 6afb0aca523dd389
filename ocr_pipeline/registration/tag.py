"""AprilTags: which page of which form this is, its turn, and a first rough place.

The 2024 forms carry a tag of family 36h10 (not the common 36h11). The tag covers 5 % of the page, so its own
perspective is worthless elsewhere; only a similarity transform is taken from it, and the page's rules do the rest.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np

from ocr_pipeline.forms.definition import Tag
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.values import Floats, Grey

_ALL_WINDOWS = (3, 13, 23)
_CHEAP = 2
_LEAST_PERIMETER = 0.04
"""Least perimeter of a tag over the longer side of the picture; that of a page a third as long as the picture."""


@dataclass(frozen=True, slots=True)
class TagSighting:
    """A tag found in a photo: its id and corners, shape (4, 2), float64, photo px, in the detector's corner order."""

    id: int
    corners_photo: Floats


def find_tags(pyramid: Pyramid, known: Collection[int], *, thorough: bool = True) -> tuple[TagSighting, ...]:
    """Tags of family 36h10, searched with growing effort until one of the known ids is found.

    Args:
        pyramid: of the upright photo.
        known: ids of the tags of the pages that may be in the photo.
        thorough: make every effort; else only the cheap ones, which find nine tags in ten.

    Returns:
        Every sheet's tag: two of one id, lying apart, are two. Without a known one the foreign ones; empty without any.
    """
    foreign: tuple[TagSighting, ...] = ()
    for picture, scale, windows in islice(_attempts(pyramid), None if thorough else _CHEAP):
        detector = _detector(windows)
        corners, ids, _ = detector.detectMarkers(picture)
        found: list[TagSighting] = []
        # Without a tag the ids are None in OpenCV 4 and empty in 5; their shape differs as well.
        for quad, tag_id in zip(corners, np.ravel(ids) if len(corners) else (), strict=True):
            # Pixel centres: a resized picture's pixel i covers i/scale .. (i+1)/scale of the original.
            points = (np.asarray(quad, np.float64).reshape(4, 2) + 0.5) / scale - 0.5
            sighting = TagSighting(int(tag_id), points)
            if not any(_same_place(sighting, other) for other in found):
                found.append(sighting)
        mine = tuple(s for s in found if s.id in known)
        if mine:
            return mine
        foreign = foreign or tuple(found)
    return foreign


def _same_place(one: TagSighting, other: TagSighting) -> bool:
    """Whether two sightings of one id are one tag (nested contours can give a tag twice)."""
    apart = one.corners_photo.mean(0) - other.corners_photo.mean(0)
    side = np.hypot(*(one.corners_photo[1] - one.corners_photo[0]))
    return one.id == other.id and bool(np.hypot(*apart) < side)


def similarity_from_tag(tag: Tag, sighting: TagSighting) -> Floats:
    """Least-squares similarity, shape (3, 3), float64, photo px from page mm (Umeyama 1991, no reflection)."""
    page = np.asarray(tag.quad_mm, np.float64)
    photo = sighting.corners_photo
    page_c, photo_c = page - page.mean(0), photo - photo.mean(0)
    # For 2-D points as complex numbers the best similarity is one complex factor.
    a, b = page_c[:, 0] + 1j * page_c[:, 1], photo_c[:, 0] + 1j * photo_c[:, 1]
    factor = np.vdot(a, b) / np.vdot(a, a)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    shift = photo.mean(0) - linear @ page.mean(0)
    return np.array([[*linear[0], shift[0]], [*linear[1], shift[1]], [0.0, 0.0, 1.0]])


def _detector(windows: tuple[int, ...]) -> cv2.aruco.ArucoDetector:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    # A page that is too small for this in its photo is too small to be read.
    parameters.minMarkerPerimeterRate = _LEAST_PERIMETER
    parameters.adaptiveThreshWinSizeMin, parameters.adaptiveThreshWinSizeMax = windows[0], windows[-1]
    parameters.adaptiveThreshWinSizeStep = windows[1] - windows[0] if len(windows) > 1 else 10
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10)
    return cv2.aruco.ArucoDetector(dictionary, parameters)


def _attempts(pyramid: Pyramid) -> Iterator[tuple[Grey, float, tuple[int, ...]]]:
    """Pictures to search with their scale and threshold windows (px), cheap ones first.

    Local histogram equalisation (CLAHE) is left out on purpose: it made detection worse in every trial.
    """
    longest = max(pyramid.level(0).shape)
    near, middle = min(1.0, 1200 / longest), min(1.0, 1800 / longest)
    yield pyramid.scaled(near), near, (15,)
    yield pyramid.scaled(near), near, _ALL_WINDOWS
    if middle > near:
        yield pyramid.scaled(middle), middle, _ALL_WINDOWS
    far = min(1.0, 2600 / longest)
    if far > middle:
        yield pyramid.scaled(far), far, _ALL_WINDOWS
    whole = pyramid.scaled(middle)
    low, high = np.percentile(whole[::4, ::4], (1, 99))
    stretched = np.clip((whole.astype(np.float32) - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
    yield stretched, middle, _ALL_WINDOWS
    twice = cv2.resize(stretched, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    sharp = cv2.addWeighted(twice, 3.0, cv2.GaussianBlur(twice, (0, 0), 4), -2.0, 0)
    yield np.asarray(sharp, np.uint8), middle * 2, _ALL_WINDOWS
    small = min(1.0, 700 / longest)
    shrunk = cv2.resize(stretched, None, fx=small / middle, fy=small / middle, interpolation=cv2.INTER_AREA)
    yield np.asarray(shrunk, np.uint8), small, _ALL_WINDOWS
