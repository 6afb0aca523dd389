from collections.abc import Callable, Mapping

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.forms.definition import Bubbles
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.recognition.bubbles import BubbleRead, bubble_darkness, read_bubbles
from ocr_pipeline.registration.page_map import Mesh, PageMap
from ocr_pipeline.registration.patch import Patch, Pyramid
from ocr_pipeline.registration.snap import PX_PER_MM, number_area
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.handwriting import fill_bubble, random_writer
from ocr_pipeline.synthesis.ink import lay_ink
from ocr_pipeline.values import NO_BUBBLE, Floats, Grey

PAGE = load_form("c-hasil-ppwp-2024").page(2)
FIELDS = tuple(n.field for n in PAGE.numbers)
SCALE = 2.0
IN_PLACE: Floats = np.zeros((10, 2))
Spoil = Callable[[Grey], Grey]
USUAL = {"paslon_1": "069", "paslon_2": "166", "paslon_3": "014"}


def grid(field: str) -> Bubbles:
    number = next(n for n in PAGE.numbers if n.field == field)
    assert number.bubbles is not None
    return number.bubbles


def filled_page(marks: Mapping[str, str], seed: int = 1) -> Grey:
    """Page 2 with bubbles blackened by one hand: one character a column, a digit or ``_``.

    With ``|`` between columns a column may have several.
    """
    picture = draw_page(PAGE, SCALE)
    rng = np.random.default_rng(seed)
    writer = random_writer(rng)
    for field, text in marks.items():
        bubbles = grid(field)
        for x, column in zip(bubbles.x_mm, text.split("|") if "|" in text else text, strict=True):
            for digit in column.replace("_", ""):
                stroke = fill_bubble(writer, (x, bubbles.y_mm[int(digit)]), bubbles.diameter_mm, rng)
                lay_ink(picture, SCALE, stroke, writer.ink_bgr)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def read(grey: Grey) -> dict[str, BubbleRead | None]:
    page_map = PageMap(np.array([[SCALE, 0, -0.5], [0, SCALE, -0.5], [0, 0, 1]]), Mesh.flat(PAGE.size_mm, 14, 7))
    pyramid = Pyramid(grey)
    darkness = {}
    for number in PAGE.numbers:
        patch = pyramid.cut(page_map, number_area(number), PX_PER_MM)
        darkness[number.field] = bubble_darkness(patch, grid(number.field), IN_PLACE)
    return read_bubbles(darkness)


def marks_of(grey: Grey) -> dict[str, str]:
    found = {}
    for field, reading in read(grey).items():
        assert reading is not None, field
        found[field] = reading.marks
    return found


def best_of(reading: BubbleRead | None) -> str:
    """The likeliest outcome of each column."""
    assert reading is not None
    return "".join("_" if k == NO_BUBBLE else str(k) for k in reading.log_likelihood.argmax(1))


def washed_out(grey: Grey) -> Grey:
    """A photo of a bright screen: black is light grey."""
    return (170 + grey.astype(np.float32) * 0.3).astype(np.uint8)


def dark_to_one_side(grey: Grey) -> Grey:
    """A lamp at the left: the right edge gets a fifth of the light."""
    return (grey * np.linspace(1, 0.2, grey.shape[1])[None, :]).astype(np.uint8)


def dark_below(grey: Grey) -> Grey:
    return (grey * np.linspace(0.9, 0.3, grey.shape[0])[:, None]).astype(np.uint8)


def soft(grey: Grey) -> Grey:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 2.2), np.uint8)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_one_bubble_a_column_is_read_whoever_fills_it(seed: int) -> None:
    assert marks_of(filled_page(USUAL, seed)) == USUAL


@pytest.mark.parametrize("spoil", [washed_out, dark_to_one_side, dark_below, soft])
def test_bad_light_and_soft_focus_change_nothing(spoil: Spoil) -> None:
    assert marks_of(spoil(filled_page(USUAL))) == USUAL


@pytest.mark.parametrize("digit", range(10))
def test_every_row_is_told_from_its_neighbours(digit: int) -> None:
    wanted = {"paslon_1": f"{digit}0{digit}", "paslon_2": f"9{digit}1", "paslon_3": f"{(digit + 1) % 10}5{digit}"}
    assert marks_of(filled_page(wanted)) == wanted


def test_a_column_without_a_bubble_is_none_and_not_zero() -> None:
    wanted = {"paslon_1": "_69", "paslon_2": "166", "paslon_3": "__4"}
    found = read(filled_page(wanted))
    assert {f: r.marks for f, r in found.items() if r is not None} == wanted
    assert {f: best_of(r) for f, r in found.items()} == wanted


def test_several_bubbles_in_a_column_are_unclear() -> None:
    found = marks_of(filled_page({"paslon_1": "0|68|9", "paslon_2": "166", "paslon_3": "014"}))
    assert found == {"paslon_1": "0?9", "paslon_2": "166", "paslon_3": "014"}


def test_a_crossed_out_column_is_unclear() -> None:
    """An officer strikes a wrong column through from top to bottom: nothing there may count as read."""
    grey = filled_page(USUAL)
    bubbles = grid("paslon_2")
    x = round(bubbles.x_mm[1] * SCALE)
    y0, y1 = (round(bubbles.y_mm[k] * SCALE) for k in (0, 9))
    for dx in (-5, 0, 5):
        cv2.line(grey, (x + dx, y0 - 8), (x - dx, y1 + 8), 40, 5)
    found = marks_of(grey)
    assert found["paslon_2"] == "1?6"
    assert found["paslon_1"] == USUAL["paslon_1"]


def test_a_half_filled_bubble_is_unclear() -> None:
    grey = filled_page({"paslon_1": "_69", "paslon_2": "166", "paslon_3": "014"})
    bubbles = grid("paslon_1")
    centre = (round(bubbles.x_mm[0] * SCALE), round(bubbles.y_mm[3] * SCALE))
    tone = grey.copy()
    cv2.circle(tone, centre, round(bubbles.diameter_mm / 2 * SCALE), 120, -1)
    assert marks_of(np.minimum(grey, tone))["paslon_1"][0] == "?"


@pytest.mark.parametrize("spoil", [np.copy, washed_out, dark_to_one_side, soft])
def test_a_page_nobody_filled_says_nothing_at_all(spoil: Spoil) -> None:
    assert read(spoil(filled_page({}))) == dict.fromkeys(FIELDS)


def test_a_page_without_bubbles_has_no_readings() -> None:
    assert read_bubbles({}) == {}


SPARSE = (
    {"paslon_1": "_34", "paslon_2": "__6", "paslon_3": "__1"},
    {"paslon_1": "__4", "paslon_2": "__6", "paslon_3": "__1"},
    {"paslon_1": "___", "paslon_2": "___", "paslon_3": "__1"},
)
"""Small figures by officers who leave leading columns empty: four, three and one of nine columns filled."""


@pytest.mark.parametrize("spoil", [np.copy, washed_out, dark_to_one_side, soft])
@pytest.mark.parametrize("wanted", SPARSE)
def test_few_bubbles_are_never_taken_for_other_digits(wanted: dict[str, str], spoil: Spoil) -> None:
    for field, reading in read(spoil(filled_page(wanted))).items():
        for mark, true in zip("???" if reading is None else reading.marks, wanted[field], strict=True):
            assert mark in ("?", true)


@pytest.mark.parametrize("wanted", SPARSE, ids=["four", "three", "one"])
def test_few_bubbles_are_enough(wanted: dict[str, str]) -> None:
    assert marks_of(filled_page(wanted)) == wanted


def test_likelihoods_have_a_column_for_each_digit_and_one_for_none() -> None:
    for field, reading in read(filled_page(USUAL)).items():
        assert reading is not None
        assert reading.log_likelihood.shape == (3, NO_BUBBLE + 1)
        assert np.isfinite(reading.log_likelihood).all()
        assert reading.log_likelihood.max() <= 0
        assert best_of(reading) == USUAL[field] == reading.marks
        runner_up, best = np.sort(reading.log_likelihood, axis=1)[:, -2:].T
        assert (best - runner_up > np.log(20)).all()


def test_rings_are_read_where_they_were_found() -> None:
    """A crease that moves the lower rows by half a row: with the shifts of the ring search nothing is misread."""
    number = PAGE.numbers[0]
    bubbles = grid(number.field)
    wanted = {"paslon_1": "379", "paslon_2": "166", "paslon_3": "014"}
    page_map = PageMap(np.array([[SCALE, 0, -0.5], [0, SCALE, -0.5], [0, 0, 1]]), Mesh.flat(PAGE.size_mm, 14, 7))
    patch = Pyramid(filled_page(wanted)).cut(page_map, number_area(number), PX_PER_MM)
    moved = Patch(patch.grey, patch.x_mm + 2.0, patch.y_mm + 5.0, patch.px_per_mm)
    shift = np.tile([2.0, 5.0], (10, 1))
    right, misplaced = (bubble_darkness(moved, bubbles, s) for s in (shift, IN_PLACE))
    assert right.argmax(1).tolist() == [3, 7, 9]
    assert np.allclose(right, bubble_darkness(patch, bubbles, IN_PLACE), atol=1e-6)
    assert not np.allclose(misplaced, right, atol=0.1)


def test_darkness_is_none_on_paper_and_near_one_on_black() -> None:
    bubbles = Bubbles((30.0,), tuple(20.0 + 10 * k for k in range(10)), 7)
    grey = np.full((280, 120), 200, np.uint8)
    cv2.circle(grey, (60, 80), 9, 0, -1)
    darkness = bubble_darkness(Patch(grey, 0, 0, 2.0), bubbles, IN_PLACE)
    assert darkness.shape == (1, 10)
    assert darkness[0, 2] > 0.9
    assert np.abs(np.delete(darkness[0], 2)).max() < 0.02


@st.composite
def pages(draw: st.DrawFn) -> tuple[dict[str, Floats], dict[str, str]]:
    """Darkness of a page with clear bubbles, under some light: empty is 0.05-0.25, filled 0.3 or more above it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    empty, gap = draw(st.floats(0.05, 0.25)), draw(st.floats(0.3, 0.7))
    darkness, marks = {}, {}
    for field in FIELDS:
        text = draw(st.text("0123456789", min_size=3, max_size=3))
        values = empty + rng.uniform(-0.1, 0.1, (3, 10)) * gap
        for column, digit in enumerate(text):
            values[column, int(digit)] += gap
        darkness[field], marks[field] = values, text
    return darkness, marks


@settings(max_examples=60)
@given(pages())
def test_clear_bubbles_are_read_whatever_the_contrast(page: tuple[dict[str, Floats], dict[str, str]]) -> None:
    darkness, wanted = page
    found = read_bubbles(darkness)
    assert {field: best_of(reading) for field, reading in found.items()} == wanted
    assert {field: reading.marks for field, reading in found.items() if reading is not None} == wanted


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_any_darkness_gives_finite_likelihoods_and_one_mark_a_column(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    found = read_bubbles({field: 0.2 + spread * rng.uniform(-0.5, 0.5, (3, 10)) for field in FIELDS})
    for reading in found.values():
        if reading is not None:
            assert np.isfinite(reading.log_likelihood).all()
            assert len(reading.marks) == 3
            assert set(reading.marks) <= set("0123456789_?")
