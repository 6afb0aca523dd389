"""Filling what the form of 2024 does not have: small tally cells, one cell a row total, tall boxes that share edges."""

from dataclasses import replace

import numpy as np

from ocr_pipeline.forms.definition import Box, Rule, Text
from ocr_pipeline.forms.loading import parse_definition
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.fill import Mistake, cell_around, fill_page, grid_cell, signature_areas, write_station
from ocr_pipeline.synthesis.handwriting import random_writer, write_symbol, write_words
from ocr_pipeline.synthesis.results import random_results
from ocr_pipeline.values import Grey

SCALE = 2.0
ODD = parse_definition(
    f"""
id = "aneh"
rev = 1
title = {{ id = "Formulir aneh", en = "Odd form" }}

[[pages]]
page = 1
title = {{ id = "Halaman 1", en = "Page 1" }}
size_mm = [600, 900]
measured = false

[[pages.numbers]]
field = "bunga"
label = {{ id = "Bunga", en = "flowers" }}
boxes = {{ x = [500, 525, 550], y = 100, size = [25, 40] }}
tally = {{ x = {list(range(100, 476, 25))}, y = [100, 109, 118, 127] }}
row_totals = {{ x = [475, 498], y = [100, 109, 118, 127] }}
words = [500, 145, 75, 60]
review_order = 1
excel_column = "Bunga"

[[pages.numbers]]
field = "daun"
label = {{ id = "Daun", en = "leaves" }}
boxes = {{ x = [500, 525, 550], y = 300, size = [25, 40] }}
review_order = 2
excel_column = "Daun"

[[pages.numbers]]
field = "semua"
label = {{ id = "Semua", en = "all" }}
boxes = {{ x = [500, 525, 550], y = 400, size = [25, 40] }}
review_order = 3
excel_column = "Semua"

[[pages.numbers]]
field = "lain"
label = {{ id = "Lain", en = "other" }}
boxes = {{ x = [500, 525, 550], y = 600, size = [25, 40] }}
review_order = 4
excel_column = "Lain"

[[rules]]
id = "jumlah"
code = "E5"
kind = "sum"
severity = "error"
terms = ["bunga", "daun"]
total = "semua"
""",
    "aneh",
)
PAGE = ODD.page(1)
BROKEN: tuple[Mistake, ...] = ("sum_broken",)
FIGURES = {"bunga": 84, "daun": 3, "semua": 87, "lain": 0}


def ink_in(before: Grey, after: Grey, area: Box) -> float:
    rows = slice(int((area.y_mm + 1) * SCALE), int((area.y_mm + area.h_mm - 1) * SCALE))
    columns = slice(int((area.x_mm + 1) * SCALE), int((area.x_mm + area.w_mm - 1) * SCALE))
    return float(np.mean(before[rows, columns].astype(int) - after[rows, columns]))


def test_tallies_row_totals_and_words_stand_where_the_definition_has_them() -> None:
    number = PAGE.numbers[0]
    assert number.tally is not None
    assert number.row_totals is not None
    assert number.words is not None
    for seed in range(6):
        rng = np.random.default_rng(seed)
        made = write_station(ODD, FIGURES, replace(random_writer(rng, "X"), cancel="none"), rng)
        assert (made.numbers["bunga"].tally, made.numbers["bunga"].row_totals) == (84, ("75", "9"))
        before = draw_page(PAGE, SCALE)
        after = before.copy()
        fill_page(after, SCALE, PAGE, made, rng)
        cells = [[ink_in(before, after, grid_cell(number.tally, r, c)) > 3 for c in range(15)] for r in range(3)]
        assert cells == [[True] * 15, [True] * 2 + [False] * 13, [False] * 15]
        totals = [ink_in(before, after, grid_cell(number.row_totals, row, 0)) > 1 for row in range(3)]
        assert totals == [True, True, False]
        changed = np.argwhere((before != after).any(axis=2))[:, ::-1] / SCALE
        around = [number.area_mm, number.words, Box(100, 100, 400, 27), *(n.area_mm for n in PAGE.numbers[1:])]
        assert all(any(_near(box, x, y, 4) for box in around) for x, y in changed[::50])


def _near(box: Box, x: float, y: float, reach: float) -> bool:
    return box.x_mm - reach <= x <= box.x_mm + box.w_mm + reach and box.y_mm - reach <= y <= box.y_mm + box.h_mm + reach


def test_more_votes_than_the_grid_holds_are_told_as_far_as_they_are_drawn() -> None:
    rng = np.random.default_rng(1)
    made = write_station(ODD, FIGURES | {"bunga": 300, "semua": 303}, random_writer(rng), rng)
    assert made.numbers["bunga"].value == 300
    assert made.numbers["bunga"].tally == 225
    assert made.numbers["bunga"].row_totals == ("75", "75", "75")


def test_a_sum_is_broken_only_where_a_sum_is_printed() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        made = write_station(ODD, random_results(ODD, rng), random_writer(rng), rng, BROKEN)
        assert made.mistakes[0][1] != "lain"
        assert ODD.rules[0].check({field: n.value for field, n in made.numbers.items()}) is False


def test_digits_keep_their_proportions_in_boxes_that_are_no_squares() -> None:
    for box in (Box(0, 0, 20, 20), Box(0, 0, 20, 34), Box(0, 0, 34, 20)):
        shares = []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            writer = replace(random_writer(rng), squared=0.0)
            points = np.concatenate([s.points_page for s in write_symbol(writer, "0", box, False, rng)])
            wide, high = np.ptp(points, axis=0)
            assert wide < box.w_mm
            shares.append(wide / high)
        assert 0.5 < np.median(shares) < 0.85, box


def test_long_words_in_a_narrow_place_go_on_several_lines() -> None:
    rng = np.random.default_rng(2)
    narrow, flat = (
        np.concatenate([s.points_page for s in write_words(random_writer(rng), "DUA RATUS LIMA BELAS", area, 20, rng)])
        for area in (Box(0, 0, 70, 60), Box(0, 0, 300, 20))
    )
    assert np.ptp(narrow[:, 1]) > 35
    assert narrow[:, 0].max() < 74
    assert np.ptp(flat[:, 1]) < 28


def test_a_numbered_row_of_figures_is_no_place_to_sign() -> None:
    lines = (("h", 590.0), ("h", 650.0), ("v", 300.0), ("v", 580.0))
    rules = tuple(Rule(axis, at, 10, 890, 1, 28) for axis, at in lines)  # type: ignore[arg-type]
    row = replace(PAGE, rules=rules, texts=(Text("1.", 305, 610, 4, False, "m"),))
    assert cell_around(row, (305, 609)) is not None
    assert signature_areas(row) == []
    assert len(signature_areas(replace(row, numbers=PAGE.numbers[:1]))) == 1
    worded = replace(row, numbers=(), texts=(*row.texts, Text("JUMLAH SUARA", 320, 610, 4, False, "l")))
    assert signature_areas(worded) == []
