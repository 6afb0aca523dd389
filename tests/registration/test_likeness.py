"""A registered photo, cut out, looks like the page as it is printed: an outside measure of the whole fit."""

import pytest
from skimage.metrics import structural_similarity

from ocr_pipeline.forms.definition import Box
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.register import register
from ocr_pipeline.registration.ridges import flatten_light
from ocr_pipeline.synthesis import PhotoSettings
from tests.registration.shots import CURLED, EASY, FORM, MODELS, TILTED, drawn, grey_of, take

PX_PER_MM = 2.0
HEADINGS = (Box(181, 155, 346, 24), Box(69, 742, 462, 14))
"""Printed words and rules of page 2 that nobody writes on: above the tallies, above the signatures."""


@pytest.mark.parametrize("settings", [EASY, CURLED, TILTED], ids=["easy", "curled", "tilted"])
def test_printed_headings_look_as_printed(settings: PhotoSettings) -> None:
    pyramid = Pyramid(grey_of(take(2, settings).shot))
    fit = register(pyramid, MODELS)
    page = flatten_light(drawn(FORM.page(2), PX_PER_MM))
    for area in HEADINGS:
        seen = flatten_light(pyramid.cut(fit.page_map, area, PX_PER_MM).grey)
        likeness = []
        for shift_mm in (0, 2):
            top, left = round((area.y_mm + shift_mm) * PX_PER_MM), round(area.x_mm * PX_PER_MM)
            printed = page[top : top + seen.shape[0], left : left + seen.shape[1]]
            likeness.append(float(structural_similarity(seen, printed, data_range=1.0)))
        assert likeness[0] > 0.55
        assert likeness[1] < 0.3
