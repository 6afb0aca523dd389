"""AprilTags: which page of which form this is, its turn, and a first rough place.

The 2024 forms carry a tag of family 36h10 (not the common 36h11). The tag covers 5 % of the page, so its own perspective
is worthless elsewhere; only a similarity transform is taken from it, and the page's rules do the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ocr_pipeline.forms.definition import Tag
from ocr_pipeline.values import Floats, Grey

FAMILY = "36h10"


@dataclass(frozen=True, slots=True)
class TagSighting:
    """A tag found in a photo: its id and corners, shape (4, 2), float64, photo px, in the detector's corner order."""

    id: int
    corners_photo: Floats


def find_tags(grey: Grey) -> tuple[TagSighting, ...]:
    """Tags of family 36h10, each id once; searched at falling effort, empty when there is none.

    Args:
        grey: uint8, shape (h, w), the upright photo.
    """
    detector = _detector()
    for picture, scale in _attempts(grey):
        corners, ids, _ = detector.detectMarkers(picture)
        if ids is None or len(ids) == 0:
            continue
        found: dict[int, TagSighting] = {}
        for quad, tag_id in zip(corners, np.ravel(ids), strict=True):
            # Pixel centres: a resized picture's pixel i covers i/scale .. (i+1)/scale of the original.
            points = (np.asarray(quad, np.float64).reshape(4, 2) + 0.5) / scale - 0.5
            found.setdefault(int(tag_id), TagSighting(int(tag_id), points))
        return tuple(found.values())
    return ()


def similarity_from_tag(tag: Tag, sighting: TagSighting) -> Floats:
    """Least-squares similarity transform, shape (3, 3), float64, photo px from page mm (Umeyama 1991, no reflection)."""
    page = np.asarray(tag.quad_mm, np.float64)
    photo = sighting.corners_photo
    page_c, photo_c = page - page.mean(0), photo - photo.mean(0)
    # For 2-D points as complex numbers the best similarity is one complex factor.
    a, b = page_c[:, 0] + 1j * page_c[:, 1], photo_c[:, 0] + 1j * photo_c[:, 1]
    factor = np.vdot(a, b) / np.vdot(a, a)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    shift = photo.mean(0) - linear @ page.mean(0)
    return np.array([[*linear[0], shift[0]], [*linear[1], shift[1]], [0.0, 0.0, 1.0]])


def _detector() -> cv2.aruco.ArucoDetector:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10)
    return cv2.aruco.ArucoDetector(dictionary, parameters)


def _attempts(grey: Grey) -> Iterator[tuple[Grey, float]]:
    """Pictures to search with their scale, cheap ones first.

    Local histogram equalisation (CLAHE) is left out on purpose: it made detection worse in every trial.
    """
    longest = max(grey.shape)
    done = set()
    for side in (1200, 1800, 2600):
        scale = min(1.0, side / longest)
        if scale in done:
            continue
        done.add(scale)
        yield _scaled(grey, scale), scale
    small = min(1.0, 1800 / longest)
    low, high = np.percentile(grey[::4, ::4], (1, 99))
    stretched = np.clip((_scaled(grey, small).astype(np.float32) - low) * (255 / max(high - low, 1)), 0, 255)
    base = np.asarray(stretched, np.uint8)
    yield base, small
    twice = cv2.resize(base, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    sharp = cv2.addWeighted(twice, 3.0, cv2.GaussianBlur(twice, (0, 0), 4), -2.0, 0)
    yield np.asarray(sharp, np.uint8), small * 2
    half = min(1.0, 700 / longest)
    yield _scaled(base, half / small), half


def _scaled(grey: Grey, scale: float) -> Grey:
    if scale >= 1.0:
        return grey
    height, width = grey.shape
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
