"""Static checks of a definition: what can be known to be wrong before any photo is seen."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ocr_pipeline.forms.definition import Box, FormDefinition, Grid, Number, Page

NO_TOTAL = frozenset({"limit", "positive"})
TAG_FAMILIES = frozenset({"36h10"})
"""Tag families that registration looks for."""
FORM_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
FIELD_ID = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
ROUNDING_MM = 0.01
"""Lengths are written to hundredths of a mm: a left edge and a width may add up to this much beyond the paper."""
SHARED_EDGE_MM = 0.3
"""Boxes that overlap by less than this share their printed edge: nobody measures better than that."""


def find_problems(definition: FormDefinition) -> list[str]:
    """Every mistake in a definition, each as one sentence; empty when it is sound."""
    problems = [*_repeated("page", (str(p.page) for p in definition.pages))]
    if not FORM_ID.fullmatch(definition.id):
        problems.append(f"the id {definition.id!r} must be lower-case letters and digits, in parts joined by -")
    if not definition.pages:
        problems.append("the form has no pages")
    numbers = definition.numbers
    problems += _repeated("field", (n.field for n in numbers))
    problems += _repeated("Excel column", (n.excel_column for n in numbers))
    problems += _repeated("review order", (str(n.review_order) for n in numbers))
    problems += _repeated("rule", (r.id for r in definition.rules))
    tags = [p.tag for p in definition.pages if p.tag is not None]
    problems += _repeated("tag", (f"{t.family}-{t.id}" for t in tags))
    for page in definition.pages:
        problems += _page_problems(page)
    return [*problems, *_rule_problems(definition)]


def _repeated(what: str, names: Iterable[str]) -> Iterator[str]:
    for name, n in Counter(names).items():
        if n > 1:
            yield f"{what} {name} appears {n} times"


def _page_problems(page: Page) -> Iterator[str]:
    where = f"page {page.page}"
    width, height = page.size_mm
    whole = Box(0, 0, width, height)
    if width <= 0 or height <= 0:
        yield f"{where}: size must be positive"
    for number in page.numbers:
        yield from _number_problems(f"{where}, {number.field}", number, whole)
    boxes = [(n.field, b) for n in page.numbers for b in n.boxes]
    for i, (field, box) in enumerate(boxes):
        for other_field, other in boxes[i + 1 :]:
            if _overlap(box, other):
                yield f"{where}: a box of {field} overlaps a box of {other_field}"
    for rule in page.rules:
        across, along = (height, width) if rule.axis == "h" else (width, height)
        if not (0 <= rule.at_mm <= across and 0 <= rule.from_mm < rule.to_mm <= along):
            yield f"{where}: {rule.axis} rule at {rule.at_mm} from {rule.from_mm} to {rule.to_mm} leaves the page"
    for fill in page.fills:
        area = fill.area
        if area.w_mm <= 0 or area.h_mm <= 0 or not _inside(area, whole):
            yield f"{where}: the fill at {area.x_mm}, {area.y_mm} has no area or leaves the page"
    if page.tag is not None:
        if page.tag.family not in TAG_FAMILIES:
            yield f"{where}: tag family {page.tag.family} is not one of {', '.join(sorted(TAG_FAMILIES))}"
        if len(page.tag.quad_mm) != 4:
            yield f"{where}: the tag needs four corners"
        if any(not _inside(Box(x, y, 0, 0), whole) for x, y in page.tag.quad_mm):
            yield f"{where}: the tag leaves the page"


def _number_problems(where: str, number: Number, whole: Box) -> Iterator[str]:
    if not FIELD_ID.fullmatch(number.field):
        yield f"{where}: a field id is lower-case letters and digits, in parts joined by _"
    if not number.boxes:
        yield f"{where}: no boxes"
        return
    if any(not _inside(b, whole) for b in number.boxes):
        yield f"{where}: a box leaves the page"
    if any(b.w_mm <= 0 or b.h_mm <= 0 for b in number.boxes):
        yield f"{where}: a box has no area"
    lefts = [b.x_mm for b in number.boxes]
    if lefts != sorted(lefts):
        yield f"{where}: boxes must run from left to right"
    if number.bubbles is not None:
        if len(number.bubbles.x_mm) != len(number.boxes):
            yield f"{where}: one bubble column a box is needed"
        if any(not _inside(Box(x, y, 0, 0), whole) for x in number.bubbles.x_mm for y in number.bubbles.y_mm):
            yield f"{where}: a bubble leaves the page"
    for name, grid in (("tally", number.tally), ("row totals", number.row_totals)):
        if grid is not None:
            yield from _grid_problems(f"{where}, {name}", grid, whole)
    if number.words is not None and not _inside(number.words, whole):
        yield f"{where}: the words line leaves the page"


def _grid_problems(where: str, grid: Grid, whole: Box) -> Iterator[str]:
    for name, edges in (("x", grid.x_mm), ("y", grid.y_mm)):
        if len(edges) < 2 or any(b <= a for a, b in pairwise(edges)):
            yield f"{where}: {name} edges must increase"
    if grid.x_mm and grid.y_mm:
        box = Box(grid.x_mm[0], grid.y_mm[0], grid.x_mm[-1] - grid.x_mm[0], grid.y_mm[-1] - grid.y_mm[0])
        if not _inside(box, whole):
            yield f"{where}: leaves the page"


def _rule_problems(definition: FormDefinition) -> Iterator[str]:
    known = {n.field for n in definition.numbers}
    for rule in definition.rules:
        for field in rule.fields:
            if field not in known:
                yield f"rule {rule.id}: {field} is not a number of the form"
        if (rule.total is None) != (rule.kind in NO_TOTAL):
            yield f"rule {rule.id}: kind {rule.kind} {'takes no' if rule.kind in NO_TOTAL else 'needs a'} total"
        if not rule.terms:
            yield f"rule {rule.id}: no terms"
        if rule.kind != "sum" and len(rule.terms) > 1:
            yield f"rule {rule.id}: kind {rule.kind} takes one term"
        if len(set(rule.fields)) != len(rule.fields):
            yield f"rule {rule.id}: a field appears twice"


def _overlap(one: Box, two: Box) -> bool:
    width = min(one.x_mm + one.w_mm, two.x_mm + two.w_mm) - max(one.x_mm, two.x_mm)
    height = min(one.y_mm + one.h_mm, two.y_mm + two.h_mm) - max(one.y_mm, two.y_mm)
    return min(width, height) > SHARED_EDGE_MM


def _inside(box: Box, whole: Box) -> bool:
    return (
        box.x_mm >= whole.x_mm
        and box.y_mm >= whole.y_mm
        and box.x_mm + box.w_mm <= whole.x_mm + whole.w_mm + ROUNDING_MM
        and box.y_mm + box.h_mm <= whole.y_mm + whole.h_mm + ROUNDING_MM
    )
