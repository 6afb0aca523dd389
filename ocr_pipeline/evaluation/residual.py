"""How far a page's fit is off where it was not fitted: at the edges of the digit boxes, on real photos.

``python -m ocr_pipeline.evaluation.residual LABELS`` prints the median and the 90th percentile, per form and page and
over all. Measured is this, on every photo that the reader does not refuse and takes for what its label says:

1. The page is fitted once more by its printed rules alone (homography, alignment along the page, mesh), without any
   edge of a digit box: rules of tables are cut away wherever they run along a box. The fit starts from the homography
   that the reader found. Numbers are not snapped to their own print.
2. Of each number four lines are looked for: the top edges of all its boxes, the bottom, left and right edges, each
   taken together, as digits cross single edges. The residual of a line is the distance from where the fit puts it to
   the strongest ridge within 6 px, in px of a page 1,000 px wide. Where other print or a stroke in the window is
   stronger than the box's own edge, the residual is that one's distance: this makes it larger, hardly ever smaller.
3. A line along which no ridge is as strong as print is in a photo has no residual; it is counted as not seen.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ocr_pipeline.evaluation.labels import Label, load_labels
from ocr_pipeline.forms.definition import Axis, Box, Number, Page, Rule
from ocr_pipeline.imaging.decode import decode_photo, iter_photos
from ocr_pipeline.reader import Reader
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.page_fit import PageFit, fit_page
from ocr_pipeline.registration.page_map import PageMap
from ocr_pipeline.registration.patch import Patch, Pyramid
from ocr_pipeline.registration.ridges import Ridge, flatten_light, ridge_map
from ocr_pipeline.values import Floats

PAGE_WIDTH_PX = 1000
WINDOW_PX = 6
"""How far a ridge is looked for on both sides, px of a page 1,000 px wide."""
SEEN = 0.05
"""Least mean ridge of a line that is seen."""
_FINER = 2
"""Pictures are measured at twice that width, and then between their pixels."""
_RIDGE_CLIP = 0.25
_BESIDE_MM, _BEYOND_MM, _SHORTEST_MM = 2.5, 4.0, 10.0
"""A rule is cut where a box edge runs this near beside it, so much beyond both its ends; shorter rests are dropped."""
_MARGIN_MM = 12.0
_RIDGE_SHARE = 0.7
"""A ridge reaches as far as the profile stays above this share of its peak: rules are several px wide here."""
_INSET = 1 / 8
"""Share of an edge left out at both ends, where other edges meet it."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """Of one photo.

    Attributes:
        label: its label.
        off_px: residual of every line that was seen, float64 (n,), px of a page 1,000 px wide.
        unseen: how many lines were not.
    """

    label: Label
    off_px: Floats
    unseen: int


def measure(labels: Iterable[Label], reader: Reader) -> Iterator[Residuals]:
    """Residuals of the photos that are read as what their label says; the others are left out."""
    for label in labels:
        fit = None if label.must_reject else reader.read_file(label.path)[0].fit
        if fit is not None and fit.model.key == (label.form, label.page):
            pyramid = Pyramid(decode_photo(next(iter_photos(label.path))).grey)
            yield residuals(label, pyramid, fit.model.page, fitted_without_boxes(pyramid, fit))


def fitted_without_boxes(pyramid: Pyramid, fit: PageFit) -> PageMap:
    """Where the page lies by its printed rules alone."""
    model = PageModel(fit.model.form_id, without_boxes(fit.model.page))
    tagged = fit.confirmed and fit.model.page.tag is not None
    return fit_page(pyramid, model, fit.page_map.homography, anchored=tagged)[0]


def without_boxes(page: Page) -> Page:
    """The page without its numbers, and without the stretches of its rules that are edges of digit boxes."""
    rules = [piece for rule in page.rules for piece in _cut(rule, page.box_rules)]
    return replace(page, rules=tuple(rules), numbers=())


def residuals(label: Label, pyramid: Pyramid, page: Page, page_map: PageMap) -> Residuals:
    """How far the edges of the page's boxes are from where a map puts them."""
    px_per_mm = PAGE_WIDTH_PX * _FINER / page.size_mm[0]
    offsets = [off for number in page.numbers for off in _offsets_px(pyramid, page_map, number, px_per_mm)]
    return Residuals(label, np.abs([off for off in offsets if off is not None]), offsets.count(None))


def table(found: Sequence[Residuals]) -> str:
    """A row a form and page, the last one over all."""
    families: dict[str, list[Residuals]] = {}
    for one in found:
        families.setdefault(f"{one.label.form} p{one.label.page}", []).append(one)
    wide = max(map(len, families), default=0)
    head = f"{'':<{wide}}  photos  lines  not seen  median px  90 % px  worst photo's median px"
    return "\n".join([head, *(_row(name, wide, own) for name, own in [*families.items(), ("all", list(found))])])


def _row(name: str, wide: int, found: Sequence[Residuals]) -> str:
    off_px = np.concatenate([one.off_px for one in found]) if found else np.zeros(0)
    unseen = sum(one.unseen for one in found)
    counts = f"{name:<{wide}}  {len(found):>6}  {len(off_px) + unseen:>5}  {unseen:>8}"
    if not len(off_px):
        return counts
    middle, late = np.percentile(off_px, [50, 90])
    worst = max(float(np.median(one.off_px)) for one in found if len(one.off_px))
    return f"{counts}  {middle:>9.2f}  {late:>7.2f}  {worst:>23.2f}"


def _cut(rule: Rule, edges: Sequence[Rule]) -> Iterator[Rule]:
    """What is left of a rule beside the edges that run along it."""
    beside = [e for e in edges if e.axis == rule.axis and abs(e.at_mm - rule.at_mm) <= _BESIDE_MM]
    start_mm = rule.from_mm
    for edge in sorted(beside, key=lambda e: e.from_mm):
        end_mm = min(edge.from_mm - _BEYOND_MM, rule.to_mm)
        if end_mm - start_mm >= _SHORTEST_MM:
            yield replace(rule, from_mm=start_mm, to_mm=end_mm)
        start_mm = max(start_mm, edge.to_mm + _BEYOND_MM)
    if rule.to_mm - start_mm >= _SHORTEST_MM or not beside:
        yield replace(rule, from_mm=start_mm)


def _offsets_px(pyramid: Pyramid, page_map: PageMap, number: Number, px_per_mm: float) -> list[float | None]:
    """Of the top, bottom, left and right edges of a number's boxes: how far down or right their ridge lies."""
    a = number.area_mm
    around = Box(a.x_mm - _MARGIN_MM, a.y_mm - _MARGIN_MM, a.w_mm + 2 * _MARGIN_MM, a.h_mm + 2 * _MARGIN_MM)
    patch = pyramid.cut(page_map, around, px_per_mm)
    ridge = np.minimum(ridge_map(flatten_light(patch.grey)), _RIDGE_CLIP)
    sides: list[tuple[Axis, int]] = [("h", 0), ("h", 1), ("v", 0), ("v", 1)]
    return [_peak_px(_profile(ridge, patch, number, axis, side)) for axis, side in sides]


def _profile(ridge: Ridge, patch: Patch, number: Number, axis: Axis, side: int) -> Floats:
    """Mean ridge along one kind of edge of all boxes, moved across it by -WINDOW_PX to WINDOW_PX."""
    moves = np.arange(-WINDOW_PX * _FINER, WINDOW_PX * _FINER + 1)
    share = np.linspace(_INSET, 1 - _INSET, 32)
    lines = []
    for box in number.boxes:
        low, high = patch.to_px(np.array([(box.x_mm, box.y_mm), (box.x_mm + box.w_mm, box.y_mm + box.h_mm)]))
        onward, across = (0, 1) if axis == "h" else (1, 0)
        places = np.empty((len(share), len(moves), 2), np.float32)
        places[..., onward] = (low[onward] + share * (high[onward] - low[onward]))[:, None]
        places[..., across] = (low, high)[side][across] + moves
        x, y = np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])
        lines.append(cv2.remap(ridge, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return np.asarray(np.concatenate(lines).mean(axis=0), np.float64)


def _peak_px(profile: Floats) -> float | None:
    """The middle of a profile's highest ridge, px of a page 1,000 px wide; ``None`` where nothing stands out."""
    peak = int(np.argmax(profile))
    if profile[peak] < SEEN:
        return None
    above = np.maximum(profile - _RIDGE_SHARE * profile[peak], 0)
    first = peak - int(np.argmin(above[peak::-1] > 0)) + 1 if (above[: peak + 1] == 0).any() else 0
    last = peak + int(np.argmin(above[peak:] > 0)) if (above[peak:] == 0).any() else len(above)
    return float(np.average(np.arange(first, last), weights=above[first:last])) / _FINER - WINDOW_PX


def main(arguments: Sequence[str]) -> int:
    """Command line; see the module."""
    parser = argparse.ArgumentParser(prog="python -m ocr_pipeline.evaluation.residual", description=__doc__)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--form", help="only photos of this form")
    parser.add_argument("--each", action="store_true", help="also each photo's median and 90th percentile")
    given = parser.parse_args(arguments)
    labels = [label for label in load_labels(given.labels, given.form) if not label.must_reject]
    found = list(measure(labels, Reader.load()))
    if given.each:
        for one in found:
            middle, late = np.percentile(one.off_px, [50, 90]) if len(one.off_px) else (np.nan, np.nan)
            print(f"{middle:6.2f} {late:6.2f}  {one.unseen:>3} not seen  {one.label.file}")
    print(table(found))
    print(f"{len(labels) - len(found)} of {len(labels)} photos were refused or taken for another page")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
