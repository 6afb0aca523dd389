"""What is proposed from a drawn page is what the page was drawn from."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ocr_pipeline.authoring.propose import Finding, Naming, form_text, page_text, study
from ocr_pipeline.authoring.sheet import load_sheet, straighten
from ocr_pipeline.forms.definition import Box, Grid, Number, Page, Rule
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.forms.loading import parse_definition
from ocr_pipeline.imaging.decode import PhotoSource
from ocr_pipeline.values import Grey
from tests.authoring.pages import INVENTED, WALL, drawn, scanned

EXACT_MM = 0.5


def proposed(finding: Finding, page: int = 1) -> Page:
    """The proposal, through its text, as a page of the form."""
    naming = Naming("uji-coba", "Uji", page)
    return parse_definition(form_text(naming, [page_text(naming, finding)]), "uji-coba").page(page)


def proposed_from(grey: Grey, page: Page) -> Page:
    return proposed(study(straighten(grey, page.size_mm)), page.page)


@cache
def from_drawing(form_id: str, page: int) -> Page:
    """The proposal from the blank drawing of a page."""
    form = WALL if form_id == WALL.id else INVENTED
    return proposed_from(drawn(form_id, page), form.page(page))


def edges(box: Box) -> np.ndarray:
    return np.array([box.x_mm, box.y_mm, box.x_mm + box.w_mm, box.y_mm + box.h_mm])


def worst_edge(found: Number, true: Number) -> float:
    """Largest distance of an edge of a box from its true place, mm."""
    assert len(found.boxes) == len(true.boxes)
    return max(float(np.abs(edges(a) - edges(b)).max()) for a, b in zip(found.boxes, true.boxes, strict=True))


def apart(found: Grid, true: Grid) -> float:
    assert (len(found.x_mm), len(found.y_mm)) == (len(true.x_mm), len(true.y_mm))
    return max(float(np.abs(np.subtract(a, b)).max()) for a, b in ((found.x_mm, true.x_mm), (found.y_mm, true.y_mm)))


def missing(rules: Sequence[Rule], found: Sequence[Rule], within_mm: float) -> list[Rule]:
    """Rules of which no found one covers the whole length."""
    return [
        r
        for r in rules
        if not any(
            f.axis == r.axis
            and abs(f.at_mm - r.at_mm) < 0.6
            and f.from_mm < r.from_mm + within_mm
            and f.to_mm > r.to_mm - within_mm
            for f in found
        )
    ]


@pytest.mark.parametrize("page", [1, 2])
def test_the_wall_form_is_found_as_it_was_drawn(page: int) -> None:
    true, found = WALL.page(page), from_drawing(WALL.id, page)

    assert [len(n.boxes) for n in found.numbers] == [3] * len(true.numbers)
    by_place = sorted(true.numbers, key=lambda n: (round(n.area_mm.y_mm), n.area_mm.x_mm))
    assert max(worst_edge(a, b) for a, b in zip(found.numbers, by_place, strict=True)) < EXACT_MM
    assert len(missing(true.rules, found.rules, 3)) <= 0.02 * len(true.rules)
    assert found.tag is not None
    assert true.tag is not None
    assert found.tag.id == true.tag.id
    assert np.abs(np.subtract(found.tag.quad_mm, true.tag.quad_mm)).max() < 1


def test_bubbles_tallies_and_row_totals_belong_to_their_numbers() -> None:
    for mine, real in zip(from_drawing(WALL.id, 2).numbers, WALL.page(2).numbers, strict=True):
        assert mine.bubbles is not None
        assert real.bubbles is not None
        assert np.abs(np.subtract(mine.bubbles.x_mm, real.bubbles.x_mm)).max() < EXACT_MM
        assert np.abs(np.subtract(mine.bubbles.y_mm, real.bubbles.y_mm)).max() < EXACT_MM
        assert mine.bubbles.diameter_mm == pytest.approx(real.bubbles.diameter_mm, abs=0.7)
        assert mine.tally is not None
        assert real.tally is not None
        assert apart(mine.tally, real.tally) < EXACT_MM
        assert mine.row_totals is not None


def test_a_scan_laid_down_askew_is_straightened_first() -> None:
    true = INVENTED.page(1)
    sheet = straighten(scanned(drawn(INVENTED.id, 1), -1.5), (210, 297))
    found = proposed(study(sheet))

    assert sheet.tilt_deg == pytest.approx(1.5, abs=0.1), "OpenCV turns the other way round"
    worst = [worst_edge(a, b) for a, b in zip(found.numbers, true.numbers, strict=True)]
    assert max(worst) < 3 * EXACT_MM, "in units of a page enlarged to 900: 0.5 mm of A4"
    assert [n.tally is not None for n in found.numbers] == [n.tally is not None for n in true.numbers]


def test_touching_boxes_of_three_numbers_are_three_numbers() -> None:
    found = from_drawing(INVENTED.id, 1)

    assert [len(n.boxes) for n in found.numbers] == [3] * 12
    assert [n.review_order for n in found.numbers] == list(range(1, 13))
    assert not found.measured


def test_print_and_dotted_lines_are_no_rules() -> None:
    true, found = INVENTED.page(1), from_drawing(INVENTED.id, 1)

    known = [*true.rules, *true.box_rules]
    assert missing(found.rules, known, 6) == []
    assert len(found.rules) > 60


def test_a_filled_bar_is_proposed_as_a_fill() -> None:
    true = INVENTED.page(1)
    painted = drawn(INVENTED.id, 1).copy()
    scale = painted.shape[0] / 297
    painted[round(218 * scale) : round(227 * scale), round(70 * scale) : round(150 * scale)] = 110
    (fill,) = proposed_from(painted, true).fills

    factor = true.size_mm[1] / 297
    assert edges(fill.area) / factor == pytest.approx([70, 218, 150, 227], abs=0.5)
    assert fill.grey == pytest.approx(110, abs=4)


def test_a_blank_sheet_has_nothing_and_says_so() -> None:
    layout = study(straighten(np.full((1200, 900), 250, np.uint8), (300, 400))).layout
    assert (layout.rules, layout.numbers) == ((), ())


@pytest.mark.parametrize(("page", "numbers"), [(1, 22), (2, 3)])
def test_the_official_wall_form_agrees_with_the_library(shared_dir: Path, page: int, numbers: int) -> None:
    path = shared_dir / "forms" / "reference" / "C.HASIL-PPWP-2024.pdf"
    sheet = load_sheet(PhotoSource(str(path), path, page), None)
    found, true = proposed(study(sheet), page), load_form("c-hasil-ppwp-2024").page(page)

    assert sheet.size_mm == (600, 900)
    assert len(found.numbers) == numbers
    by_place = sorted(true.numbers, key=lambda n: (round(n.area_mm.y_mm), n.area_mm.x_mm))
    assert max(worst_edge(a, b) for a, b in zip(found.numbers, by_place, strict=True)) < EXACT_MM
    assert [n.bubbles is not None for n in found.numbers] == [n.bubbles is not None for n in by_place]
    assert missing(true.rules, found.rules, 3) == []
