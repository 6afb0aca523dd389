from typing import get_args

import numpy as np
import pytest

from ocr_pipeline.forms.definition import Box
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.fill import Station, cell_around, fill_page, signature_areas, write_station, written_value
from ocr_pipeline.synthesis.handwriting import Filler, random_writer
from ocr_pipeline.synthesis.results import random_results
from ocr_pipeline.values import Grey

FORM = load_form("c-hasil-ppwp-2024")
SCALE = 2.0


def station(seed: int, filler: Filler | None = None) -> Station:
    rng = np.random.default_rng(seed)
    return write_station(FORM, random_results(FORM, rng), random_writer(rng, filler), rng)


@pytest.mark.parametrize(
    ("as_written", "value"),
    [
        ("X92", 92),
        ("092", 92),
        ("__7", 7),
        ("--0", 0),
        ("XXX", 0),
        ("---", 0),
        ("___", None),
        ("1X2", None),
        ("305", 305),
    ],
)
def test_what_the_boxes_mean(as_written: str, value: int | None) -> None:
    assert written_value(as_written) == value


@pytest.mark.parametrize("filler", get_args(Filler))
def test_boxes_bubbles_tallies_and_row_totals_tell_the_same_number(filler: Filler) -> None:
    for seed in range(8):
        made = station(seed, filler)
        for number in FORM.numbers:
            written = made.numbers[number.field]
            assert written_value(written.as_written) == written.value
            if written.bubbles is not None:
                assert int(written.bubbles.replace("_", "0")) == written.value
                assert written.bubbles[-1] != "_"
            if written.row_totals is not None:
                assert written.tally == written.value
                assert sum(written_value(total) or 0 for total in written.row_totals) == written.value


def ink_in(page_before: Grey, page_after: Grey, area: Box) -> float:
    rows = slice(int((area.y_mm + 1.5) * SCALE), int((area.y_mm + area.h_mm - 1.5) * SCALE))
    columns = slice(int((area.x_mm + 1.5) * SCALE), int((area.x_mm + area.w_mm - 1.5) * SCALE))
    return float(np.mean(page_before[rows, columns].astype(int) - page_after[rows, columns]))


def test_ink_is_where_the_truth_says() -> None:
    page, written = FORM.page(2), station(5, "_")
    before = draw_page(page, SCALE)
    after = before.copy()
    fill_page(after, SCALE, page, written, np.random.default_rng(1))
    for number in page.numbers:
        for symbol, box in zip(written.numbers[number.field].as_written, number.boxes, strict=True):
            assert (ink_in(before, after, box) > 1) == (symbol != "_")
        marks, bubbles = written.numbers[number.field].bubbles, number.bubbles
        assert marks is not None
        assert bubbles is not None
        for mark, x in zip(marks, bubbles.x_mm, strict=True):
            side = bubbles.diameter_mm
            inks = [ink_in(before, after, Box(x - side / 2, y - side / 2, side, side)) for y in bubbles.y_mm]
            assert [n for n, ink in enumerate(inks) if ink > 60] == ([] if mark == "_" else [int(mark)])


def test_mistakes_are_made_and_told() -> None:
    rng = np.random.default_rng(4)
    values = random_results(FORM, rng)
    made = write_station(FORM, values, random_writer(rng), rng, ("sum_broken", "left_empty", "crossed_out"))
    told = dict(made.mistakes)
    broken, empty, crossed = (made.numbers[told[kind]] for kind in ("sum_broken", "left_empty", "crossed_out"))
    assert empty.value is None
    assert set(empty.as_written) == {"_"}
    assert broken.value != values[broken.field]
    assert crossed.crossed is not None
    assert any(
        rule.check({f: n.value for f, n in made.numbers.items()}) is False
        for rule in FORM.rules
        if told["sum_broken"] in rule.fields
    )


def test_officers_and_witnesses_sign_inside_their_cells() -> None:
    for page in FORM.pages:
        areas = signature_areas(page)
        assert len(areas) == 10
        for area in areas:
            cell = cell_around(page, area.centre_mm)
            assert cell is not None
            assert cell.overlaps(area)
        assert not any(a.overlaps(b) for n, a in enumerate(areas) for b in areas[:n])
