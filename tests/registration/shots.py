"""Synthetic photos for the tests of registration, and how far a fit is from their truth."""

from dataclasses import replace

import cv2
import numpy as np

from ocr_pipeline.forms.definition import Page
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.registration.model import page_models
from ocr_pipeline.registration.page_map import PageMap
from ocr_pipeline.synthesis import PhotoSettings, SynthesisSettings, SyntheticPhoto, synthesize
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.photograph import Shot
from ocr_pipeline.synthesis.surface import Shape, View
from ocr_pipeline.values import Floats, Grey

FORM = load_form("c-hasil-ppwp-2024")
MODELS = page_models(FORM.id)

EASY = PhotoSettings(
    long_side_px=1300, shape=Shape(curl_mm=4, wave_mm=1), view=View(tilt_deg=3, roll_deg=1, share=0.94)
)
CURLED = PhotoSettings(
    long_side_px=1300,
    shape=Shape(curl_mm=30, wave_mm=4),
    view=View(tilt_deg=6, towards_deg=60, roll_deg=-1, share=0.92),
    background="tiles",
)
FOLDED = PhotoSettings(
    long_side_px=1300,
    shape=Shape(curl_mm=6, fold_mm=12, folds=3, wave_mm=3),
    view=View(tilt_deg=8, towards_deg=200, roll_deg=2, share=0.92),
    background="cardboard",
)
TILTED = PhotoSettings(
    long_side_px=1300, view=View(tilt_deg=28, towards_deg=130, roll_deg=4, share=0.92), background="wall"
)


def take(page: int, settings: PhotoSettings, seed: int = 1, turn_deg: int = 0) -> SyntheticPhoto:
    """One filled page of an invented station, photographed."""
    photo = replace(settings, turn_deg=turn_deg)
    return synthesize(FORM, [page], seed, SynthesisSettings(photo=photo))[0]


def grey_of(shot: Shot) -> Grey:
    return np.asarray(cv2.cvtColor(shot.image, cv2.COLOR_BGR2GRAY), np.uint8)


def drawn(page: Page, px_per_mm: float) -> Grey:
    """The blank page as printed, grey."""
    return np.asarray(cv2.cvtColor(draw_page(page, px_per_mm), cv2.COLOR_BGR2GRAY), np.uint8)


def drawing_map(px_per_mm: float) -> Floats:
    """Homography (3, 3): px of a drawn page from page mm; its first pixel is centred half a pixel inside."""
    return np.array([[px_per_mm, 0, -0.5], [0, px_per_mm, -0.5], [0, 0, 1]])


def box_corners(page: Page) -> Floats:
    """Corners of all digit boxes, (n, 2), page mm."""
    corners = [
        (b.x_mm + dx * b.w_mm, b.y_mm + dy * b.h_mm)
        for n in page.numbers
        for b in n.boxes
        for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    return np.array(corners, np.float64)


def residuals_mm(photo: SyntheticPhoto, page_map: PageMap) -> Floats:
    """Distance of each box corner from where it truly is, (n,), in mm on the page."""
    corners = box_corners(photo.page)
    apart_px = np.hypot(*(page_map.to_photo(corners) - photo.shot.to_photo(corners)).T)
    return np.asarray(apart_px / px_per_mm(photo), np.float64)


def px_per_mm(photo: SyntheticPhoto) -> float:
    """Photo px per page mm in the middle of the page."""
    middle = np.array(photo.page.size_mm) / 2
    cross = photo.shot.to_photo(middle + np.array([[-5, 0], [5, 0], [0, -5], [0, 5]], np.float64))
    return float(np.sqrt(np.hypot(*(cross[1] - cross[0])) * np.hypot(*(cross[3] - cross[2])))) / 10
