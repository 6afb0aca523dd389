"""What registration needs of a page, derived once from its definition: rule samples, profiles, expected lines."""

from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.forms.definition import Box, Page, Rule, Text
from ocr_pipeline.values import Floats

SAMPLE_MM = 5.0
_FAINT_GREY = 215
"""Rules lighter than this (the pale frame of 2024) are expected to be lost in photos: no help in placing a page."""

BIN_PX = 3
PROFILE_BINS = 1024
SCALES = np.geomspace(0.36, 3.4, 225)
"""Scales tried without a tag, px per mm in the rectified working picture, 1 % apart."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Points along printed rules.

    Attributes:
        points_mm: shape (n, 2).
        rule: index of each point's rule, int (n,).
        weight: float64 (n,), how surely the rule shows up in a photo.
    """

    points_mm: Floats
    rule: NDArray[np.int64]
    weight: Floats


class PageModel:
    """Registration's view of one page of one form."""

    def __init__(self, form_id: str, page: Page) -> None:
        self.form_id = form_id
        self.page = page
        rules = [*page.rules, *page.box_rules]
        self.rules = {axis: tuple(r for r in rules if r.axis == axis and r.grey < _FAINT_GREY) for axis in ("h", "v")}
        self.samples = {axis: _sample(self.rules[axis]) for axis in ("h", "v")}

    def __reduce__(self) -> tuple[object, ...]:
        """Travels between processes as its key: everything else is derived."""
        return page_model, self.key

    @property
    def key(self) -> tuple[str, int]:
        """(form id, page)."""
        return self.form_id, self.page.page

    def profile(self, axis: str, px_per_mm: Floats, shift_px: Floats | None = None) -> Floats:
        """Line profiles across ``axis`` for several scales: shape (scales, bins), unit norm, one bin 3 px."""
        rules = self.rules[axis]
        at = np.array([r.at_mm for r in rules])
        strength = np.sqrt(np.array([(r.to_mm - r.from_mm) * _visibility(r) for r in rules]))
        shift = np.zeros(len(px_per_mm)) if shift_px is None else shift_px
        position = (at[None, :] * px_per_mm[:, None] + shift[:, None]) / BIN_PX
        out = np.zeros((len(px_per_mm), PROFILE_BINS))
        low = np.floor(position).astype(int)
        part = position - low
        for index, share in ((low, 1 - part), (low + 1, part)):
            inside = (index >= 0) & (index < PROFILE_BINS)
            rows = np.broadcast_to(np.arange(len(px_per_mm))[:, None], index.shape)
            np.add.at(out, (rows[inside], index[inside]), (strength * share)[inside])
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9))

    @cached_property
    def spectra(self) -> dict[tuple[str, bool], NDArray[np.complex64]]:
        """Conjugate spectra of the profiles at all :data:`SCALES`, per axis, forward and flipped (a turn by 180)."""
        found = {}
        for axis in ("h", "v"):
            forward = self.profile(axis, SCALES)
            extent = self.page.size_mm[1 if axis == "h" else 0]
            flipped = np.zeros_like(forward)
            for i, scale in enumerate(SCALES):
                last = min(round(extent * scale / BIN_PX), PROFILE_BINS - 1)
                flipped[i, : last + 1] = forward[i, last::-1]
            for flip, profile in ((False, forward), (True, flipped)):
                spectrum = np.conj(np.fft.rfft(profile, axis=1))
                found[axis, flip] = np.asarray(spectrum, np.complex64)
        return found

    @cached_property
    def expected(self) -> dict[str, NDArray[np.float32]]:
        """Distance in mm from each point of a 1 mm raster (with a 20 mm rim) to the nearest printed rule, per axis."""
        width, height = self.page.size_mm
        found = {}
        for axis in ("h", "v"):
            free = np.ones((round(height) + 2 * RIM_MM, round(width) + 2 * RIM_MM), np.uint8)
            for r in (*self.page.rules, *self.page.box_rules):
                if r.axis != axis:
                    continue
                ends = (
                    [(r.from_mm, r.at_mm), (r.to_mm, r.at_mm)]
                    if axis == "h"
                    else [(r.at_mm, r.from_mm), (r.at_mm, r.to_mm)]
                )
                a, b = ((round(x) + RIM_MM, round(y) + RIM_MM) for x, y in ends)
                cv2.line(free, a, b, 0, 1)
            found[axis] = np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 3), np.float32)
        return found

    @cached_property
    def lettered(self) -> NDArray[np.bool_]:
        """Where words are printed or written, on the raster of :attr:`expected`: lines there are no rules."""
        width, height = self.page.size_mm
        found = np.zeros((round(height) + 2 * RIM_MM, round(width) + 2 * RIM_MM), bool)
        areas = [_text_area(t) for t in self.page.texts] + [n.words for n in self.page.numbers if n.words is not None]
        for area in areas:
            top, left = max(round(area.y_mm) + RIM_MM, 0), max(round(area.x_mm) + RIM_MM, 0)
            found[top : top + round(area.h_mm), left : left + round(area.w_mm)] = True
        return found

    def resembles(self, other: "PageModel") -> bool:
        """Whether most of this page's rules lie on rules of another page: variants of one form do, others do not.

        Pages of different forms in the library share at most 0.45 of their rules, variants 0.66 and more.
        """
        shares = []
        for axis in ("h", "v"):
            at = np.rint(self.samples[axis].points_mm).astype(int) + RIM_MM
            expected = other.expected[axis]
            inside = (at[:, 0] < expected.shape[1]) & (at[:, 1] < expected.shape[0])
            near = expected[at[inside, 1], at[inside, 0]] <= _SAME_RULE_MM
            shares.append(near.sum() / max(len(at), 1))
        return bool(np.sqrt(shares[0] * shares[1]) >= _TWIN_SHARE)


RIM_MM = 20
_SAME_RULE_MM, _TWIN_SHARE = 2.3, 0.6
_CAPITAL, _LETTER = 0.70, 0.55
"""Width of a letter over the font's size, about: which font a form was set in is not known."""


def _text_area(text: Text) -> Box:
    """About where a line of print lies, with a little to spare."""
    width = text.size_mm * sum(_CAPITAL if c.isupper() else _LETTER for c in text.text)
    left = text.x_mm - {"l": 0.0, "m": 0.5, "r": 1.0}[text.anchor] * width
    return Box(left - 4, text.y_mm - text.size_mm, width + 8, 1.5 * text.size_mm)


def _visibility(rule: Rule) -> float:
    return 1.0 if rule.grey < 128 else 0.5


def _sample(rules: tuple[Rule, ...]) -> Samples:
    points, owner, weight = [], [], []
    for i, r in enumerate(rules):
        n = max(2, round((r.to_mm - r.from_mm) / SAMPLE_MM))
        along = np.linspace(r.from_mm, r.to_mm, n + 2)[1:-1]
        across = np.full(n, r.at_mm)
        points.append(np.c_[along, across] if r.axis == "h" else np.c_[across, along])
        owner.append(np.full(n, i))
        weight.append(np.full(n, _visibility(r)))
    if not points:
        return Samples(np.zeros((0, 2)), np.zeros(0, np.int64), np.zeros(0))
    return Samples(np.concatenate(points), np.concatenate(owner), np.concatenate(weight))


def page_model(form_id: str, page: int) -> PageModel:
    """The model of one page of a form in the library.

    Raises:
        KeyError: the form has no such page.
    """
    for model in page_models(form_id):
        if model.page.page == page:
            return model
    raise KeyError(page)


@cache
def twins(model: PageModel, models: tuple[PageModel, ...]) -> tuple[PageModel, ...]:
    """The other pages that a page's rules are nearly those of."""
    return tuple(m for m in models if m.key != model.key and model.resembles(m))


@cache
def page_models(form_id: str) -> tuple[PageModel, ...]:
    """The models of all pages of a form in the library."""
    from ocr_pipeline.forms.library import load_form

    return tuple(PageModel(form_id, page) for page in load_form(form_id).pages)
