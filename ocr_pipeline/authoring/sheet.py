"""The clean page that a definition is made from: upright, straight, of known size."""

from dataclasses import dataclass

import cv2
import numpy as np

from ocr_pipeline.errors import SourceError
from ocr_pipeline.imaging.decode import PhotoSource, decode_photo
from ocr_pipeline.imaging.files import LIMITS
from ocr_pipeline.imaging.pdf import pdf_page_size_mm
from ocr_pipeline.registration.directions import (
    dominant_angles,
    find_segments,
    rectifying_homography,
    vanishing_point,
)
from ocr_pipeline.registration.page_map import Mesh, PageMap, project
from ocr_pipeline.registration.ridges import WORK_LONG_SIDE, flatten_light
from ocr_pipeline.values import Floats, Grey

SHEET_LONG_SIDE = 2 * WORK_LONG_SIDE
"""Long side in px of the picture that is measured: 0.3 mm a pixel on a sheet of 900 mm, 0.1 mm on A4."""
LEAST_LONG_SIDE = 1000
"""A picture smaller than this shows thin rules too faintly to measure them."""
_MOST_TILT_DEG = 15.0
_MOST_STRETCH = 0.05
_STRAIGHT_PX = 3.0
"""A page whose corners would move by less than this is straight: what was measured is noise."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A straightened page.

    Attributes:
        grey: uint8 (h, w), long side :data:`SHEET_LONG_SIDE`; rules run along its axes.
        size_mm: width and height of the paper; the picture shows all of it.
        tilt_deg: by how much the source was turned clockwise.
        sheet_from_source: homography (3, 3), sheet px from px of the decoded source.
    """

    grey: Grey
    size_mm: tuple[float, float]
    tilt_deg: float
    sheet_from_source: Floats

    @property
    def px_per_mm(self) -> tuple[float, float]:
        """Scale along x and y."""
        height, width = self.grey.shape
        return width / self.size_mm[0], height / self.size_mm[1]

    def map_of(self, page_size: tuple[float, float]) -> PageMap:
        """Where each point of a page of that size lies in the decoded source, px; the page is the whole paper."""
        height, width = self.grey.shape
        sheet_from_page = np.array([[width / page_size[0], 0, -0.5], [0, height / page_size[1], -0.5], [0, 0, 1]])
        homography = np.linalg.inv(self.sheet_from_source) @ sheet_from_page
        return PageMap(homography, Mesh.flat(page_size, 2, 2))


def load_sheet(source: PhotoSource, paper_mm: tuple[float, float] | None) -> Sheet:
    """Decodes and straightens a clean page.

    Args:
        source: a PDF page, or a flat scan of the whole sheet.
        paper_mm: width and height of the paper; ``None`` takes the size that a PDF states.

    Raises:
        PhotoRejected: the file cannot be decoded.
        SourceError: a scan without a size, a picture of another shape than the paper, or one too small to measure.
    """
    photo = decode_photo(source)
    found = f"{photo.width_px} x {photo.height_px} px"
    if max(photo.grey.shape) < LEAST_LONG_SIDE:
        raise SourceError(
            f"Gambar terlalu kecil untuk diukur ({found}). Pindai ulang, tinggi minimal {LEAST_LONG_SIDE} piksel.",
            f"The picture is too small to be measured ({found}). Scan it again, at least {LEAST_LONG_SIDE} px high.",
        )
    if paper_mm is None:
        if photo.format != "pdf":
            raise SourceError(
                "Ukuran kertas tidak diketahui dari gambar. Tambahkan --paper, misalnya --paper a4.",
                "A picture does not say how large its paper is. Add --paper, such as --paper a4 or --paper 600x900.",
            )
        width_mm, height_mm = pdf_page_size_mm(source.path.read_bytes(), source.page or 1, LIMITS)
        paper_mm = (round(width_mm, 1), round(height_mm, 1))
    stretch = (photo.width_px / paper_mm[0]) / (photo.height_px / paper_mm[1])
    if abs(np.log(stretch)) > _MOST_STRETCH:
        paper = f"{paper_mm[0]:g} x {paper_mm[1]:g} mm"
        raise SourceError(
            f"Bentuk gambar ({found}) lain dari kertas {paper}. Pindai seluruh lembar, atau betulkan --paper.",
            f"The picture ({found}) has another shape than paper of {paper}. Scan the whole sheet, or correct --paper.",
        )
    return straighten(photo.grey, paper_mm)


def straighten(grey: Grey, size_mm: tuple[float, float]) -> Sheet:
    """The picture at working size with its rules along the axes; a picture without rules stays as it is."""
    scale = SHEET_LONG_SIDE / max(grey.shape)
    size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    work = np.asarray(cv2.resize(grey, size, interpolation=how), np.uint8)
    work_from_source = np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5], [0, 0, 1]])
    turn = _straightening(work)
    corners = np.array([(0, 0), (size[0], 0), (0, size[1]), size], np.float64)
    if np.abs(project(turn, corners) - corners).max() < _STRAIGHT_PX:
        turn = np.eye(3)
    across = project(turn, np.array([[0.0, size[1] / 2], [float(size[0]), size[1] / 2]]))
    tilt_deg = -float(np.rad2deg(np.arctan2(*(across[1] - across[0])[::-1])))
    straight = cv2.warpPerspective(work, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Sheet(np.asarray(straight, np.uint8), size_mm, tilt_deg, turn @ work_from_source)


def _straightening(work: Grey) -> Floats:
    """Homography (3, 3) that sends the two directions of the rules to the axes and keeps the centre."""
    frame = (work.shape[1], work.shape[0])
    small = cv2.resize(work, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    segments = find_segments(flatten_light(np.asarray(small, np.uint8)))
    angles = dominant_angles(segments)
    if angles is None or abs(np.rad2deg((angles[0] + np.pi / 2) % np.pi - np.pi / 2)) > _MOST_TILT_DEG:
        return np.eye(3)
    half = (small.shape[1], small.shape[0])
    rng = np.random.default_rng(0)
    horizontal, vertical = (vanishing_point(segments, angle, half, rng) for angle in angles)
    twice = np.diag([frame[0] / half[0], frame[1] / half[1], 1.0])
    return np.asarray(twice @ rectifying_homography(horizontal, vertical, half) @ np.linalg.inv(twice))
