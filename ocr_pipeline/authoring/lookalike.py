"""Pages whose rules lie alike: photos of one could be taken for the other. Cheap, and no proof either way."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ocr_pipeline.authoring.lines import AXES
from ocr_pipeline.forms.definition import Axis, FormDefinition, Page
from ocr_pipeline.values import Floats

ALIKE = 0.8
"""Likeness from which two pages are worth a look. In the library, pages of different forms reach 0.61 and pages of one
form 0.66; the same page with two and with three candidates is alike by 0.99."""
_BINS = 600
_BLUR_BINS = 2.0


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A page, the page of another form that looks like it, and how much, 0-1."""

    page: int
    other_form: str
    other_page: int
    likeness: float


def find_lookalikes(form: FormDefinition, others: Iterable[FormDefinition]) -> list[Lookalike]:
    """For each page of a form the most alike page of another form, where one is alike."""
    theirs = [(other.id, page) for other in others if other.id != form.id for page in other.pages]
    found = []
    for page in form.pages:
        rated = [Lookalike(page.page, other_id, other.page, likeness(page, other)) for other_id, other in theirs]
        best = max(rated, key=lambda x: x.likeness, default=None)
        if best is not None and best.likeness >= ALIKE:
            found.append(best)
    return found


def likeness(one: Page, two: Page) -> float:
    """How alike the rules of two pages lie, 0-1, whatever part of the sheet each definition calls the page."""
    across = [float(_profile(one, axis) @ _profile(two, axis)) for axis in AXES]
    return float(np.sqrt(across[0] * across[1]))


def _profile(page: Page, axis: Axis) -> Floats:
    """Where the rules of an axis lie between the first and the last of them, long ones weighing more; unit norm."""
    rules = [r for r in (*page.rules, *page.box_rules) if r.axis == axis]
    profile = np.zeros(_BINS)
    if len(rules) < 2:
        return profile
    at = np.array([r.at_mm for r in rules])
    weight = np.sqrt([r.to_mm - r.from_mm for r in rules])
    place = (at - at.min()) / max(float(np.ptp(at)), 1e-9) * (_BINS - 1)
    np.add.at(profile, np.rint(place).astype(int), weight)
    reach = np.arange(-8, 9)
    soft = np.convolve(profile, np.exp(-0.5 * (reach / _BLUR_BINS) ** 2), mode="same")
    return np.asarray(soft / np.linalg.norm(soft))
