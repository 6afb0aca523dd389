import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.forms.definition import Box
from ocr_pipeline.synthesis.glyphs import DIGIT_SHAPES, LETTER_SHAPES, SQUARED_SHAPES, glyph, trace
from ocr_pipeline.synthesis.handwriting import (
    fill_bubble,
    random_writer,
    write_signature,
    write_symbol,
    write_tally,
    write_words,
)
from ocr_pipeline.synthesis.ink import Stroke, lay_ink
from ocr_pipeline.values import Floats

BOX = Box(10, 10, 20, 20)


def extent(strokes: list[Stroke]) -> tuple[Floats, Floats]:
    points = np.concatenate([stroke.points_page for stroke in strokes])
    return points.min(axis=0), points.max(axis=0)


@given(st.integers(0, 10_000), st.sampled_from("0123456789X-"), st.booleans())
def test_a_symbol_stays_in_its_box(seed: int, symbol: str, guide: bool) -> None:
    rng = np.random.default_rng(seed)
    low, high = extent(write_symbol(random_writer(rng), symbol, BOX, guide, rng))
    assert low.min() > 10 - 2.5
    assert high.max() < 30 + 2.5
    assert high[0] - low[0] > 0 or symbol == "1"


def test_blank_boxes_have_no_ink() -> None:
    rng = np.random.default_rng(1)
    assert write_symbol(random_writer(rng), "_", BOX, True, rng) == []


@pytest.mark.parametrize("count", range(6))
def test_a_tally_cell_has_as_many_strokes_as_votes(count: int) -> None:
    rng = np.random.default_rng(2)
    assert len(write_tally(random_writer(rng), count, BOX, rng)) == count


def test_a_filled_bubble_is_nearly_black_and_stays_near_it() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        writer = random_writer(rng)
        picture = np.full((80, 80, 3), 255, np.uint8)
        lay_ink(picture, 4.0, fill_bubble(writer, (10, 10), 8.4, rng), writer.ink_bgr)
        y, x = np.mgrid[:80, :80]
        distance_mm = np.hypot(x + 0.5 - 40, y + 0.5 - 40) / 4
        covered = picture[:, :, 2] < 200
        assert covered[distance_mm < 3].mean() > 0.85
        assert not covered[distance_mm > 6.5].any()


def test_words_fit_their_area_even_when_they_are_long() -> None:
    rng = np.random.default_rng(3)
    area = Box(50, 50, 120, 20)
    low, high = extent(write_words(random_writer(rng), "SEMBILAN RATUS SEMBILAN PULUH SEMBILAN", area, 15, rng))
    assert low[0] > 48
    assert high[0] < 172


def test_signatures_differ() -> None:
    rng = np.random.default_rng(4)
    writer = random_writer(rng)
    first, second = (write_signature(writer, BOX, rng) for _ in range(2))
    assert first[0].points_page.shape != second[0].points_page.shape or not np.allclose(
        first[0].points_page, second[0].points_page
    )


@pytest.mark.parametrize("shapes", [DIGIT_SHAPES, SQUARED_SHAPES, LETTER_SHAPES])
def test_every_shape_is_a_path_within_its_box(shapes: dict[str, tuple[str, ...]]) -> None:
    for symbol, options in shapes.items():
        for shape in options:
            for path in glyph(shape):
                points = trace(path)
                assert len(points) >= 2, symbol
                assert points.min() > -0.12, symbol
                assert points.max() < 1.12, symbol


def test_a_malformed_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="inhomogeneous"):
        glyph("1,2 3")


def test_ink_outside_the_page_is_ignored() -> None:
    picture = np.full((20, 20, 3), 255, np.uint8)
    line = Stroke(np.array([[100.0, 100.0], [120.0, 120.0]]), np.array([1.0, 1.0]))
    lay_ink(picture, 1.0, [line], np.zeros(3))
    assert picture.min() == 255
