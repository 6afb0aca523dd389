"""Rules of a small drawn page: what counts as one, and where it lies."""

import cv2
import numpy as np

from ocr_pipeline.authoring.lines import Stroke, find_lines
from ocr_pipeline.values import Grey

SIZE = (700, 1000)


def paper() -> Grey:
    return np.full(SIZE, 250, np.uint8)


def line(page: Grey, axis: str, at: int, start: int, end: int, width: int = 3, grey: int = 40) -> None:
    low = at - width // 2
    if axis == "h":
        page[low : low + width, start:end] = grey
    else:
        page[start:end, low : low + width] = grey


def rules(page: Grey) -> tuple[Stroke, ...]:
    return find_lines(page).rules


def test_a_rule_is_measured_to_a_pixel() -> None:
    page = paper()
    line(page, "h", 200, 100, 800)
    line(page, "v", 500, 150, 600, width=5, grey=150)
    h, v = rules(page)

    assert (h.axis, h.at, h.start, h.end) == ("h", 200, 100, 800)
    assert abs(h.width_px - 3) < 0.3
    assert abs(h.grey - 40) < 8
    assert (v.axis, v.at) == ("v", 500)
    assert abs(v.length - 450) <= 2
    assert abs(v.grey - 150) < 12


def test_a_rule_with_gaps_is_one_rule() -> None:
    page = paper()
    line(page, "h", 300, 50, 950)
    for x in (200, 450, 700):
        page[290:310, x : x + 15] = 250

    (found,) = rules(page)
    assert (found.start, found.end) == (50, 950)


def test_two_tables_in_line_are_two_rules() -> None:
    page = paper()
    line(page, "h", 300, 50, 400)
    line(page, "h", 300, 470, 900)
    assert [(s.start, s.end) for s in rules(page)] == [(50, 400), (470, 900)]


def test_dotted_lines_and_words_are_no_rules() -> None:
    page = paper()
    for x in range(50, 900, 8):
        page[120:123, x : x + 3] = 40
    for k, size in enumerate((0.4, 0.6, 0.9, 1.4)):
        cv2.putText(page, "JUMLAH SELURUH SUARA SAH", (50, 220 + 90 * k), cv2.FONT_HERSHEY_SIMPLEX, size, 30, 2)
    assert rules(page) == ()


def test_a_small_closed_box_is_kept_and_a_loose_stroke_is_not() -> None:
    page = paper()
    cv2.rectangle(page, (300, 300), (338, 340), 30, 3)
    line(page, "v", 600, 300, 338)
    line(page, "h", 500, 600, 638)

    assert {round(s.at) for s in rules(page) if s.axis == "h"} == {300, 340}
    assert {round(s.at) for s in rules(page) if s.axis == "v"} == {300, 338}


def test_words_close_to_a_rule_neither_move_nor_cut_it() -> None:
    page = paper()
    line(page, "h", 400, 60, 940)
    cv2.putText(page, "NAMA DAN TANDA TANGAN SAKSI", (250, 430), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 30, 3)

    (found,) = [s for s in rules(page) if s.length > 200]
    assert abs(found.at - 400) < 0.5
    assert (found.start, found.end) == (60, 940)
