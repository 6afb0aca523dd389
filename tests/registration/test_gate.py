from dataclasses import replace

import cv2
import numpy as np
import pytest

from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.fit import MESH_NODES
from ocr_pipeline.registration.gate import Score, score_fit, tag_correlations, tag_picture
from ocr_pipeline.registration.page_map import Mesh, PageMap
from ocr_pipeline.registration.patch import Pyramid
from tests.registration.shots import FORM, MODELS, drawing_map, drawn

SCALE = 2.0
SIZE = FORM.page(1).size_mm
FLAT = Mesh.flat(SIZE, *MESH_NODES)
TAG_IDS = (101, 102, 103)


def canvas_of(page: int) -> Canvas:
    return Canvas.warp(Pyramid(drawn(FORM.page(page), SCALE)), drawing_map(SCALE), SIZE)


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_page_agrees_with_itself_better_than_with_any_other(page: int) -> None:
    canvas = canvas_of(page)
    scores = {m.page.page: score_fit(canvas, m, FLAT).f for m in MODELS}
    assert max(scores, key=scores.__getitem__) == page
    assert scores[page] > 0.85
    assert sorted(scores.values())[-2] < scores[page] - 0.12


def test_a_page_out_of_place_agrees_little() -> None:
    canvas = canvas_of(2)
    moved = Mesh(SIZE, np.full((*MESH_NODES, 2), 8.0))
    assert score_fit(canvas, MODELS[1], moved).f < 0.5
    assert score_fit(canvas, MODELS[1], FLAT).visible == pytest.approx(1, abs=0.01)


def test_half_a_page_is_half_visible() -> None:
    grey = drawn(FORM.page(2), SCALE)
    canvas = Canvas.warp(Pyramid(np.ascontiguousarray(grey[: len(grey) // 2])), drawing_map(SCALE), SIZE)
    score = score_fit(canvas, MODELS[1], FLAT)
    assert 0.3 < score.visible < 0.75
    assert score.recall > 0.8


def test_white_paper_agrees_with_nothing() -> None:
    white = Canvas.warp(Pyramid(np.full((1800, 1200), 230, np.uint8)), drawing_map(SCALE), SIZE)
    assert score_fit(white, MODELS[1], FLAT).f == 0


def test_the_score_is_the_harmonic_mean() -> None:
    assert Score(0.6, 0.3, 1).f == pytest.approx(0.4)
    assert Score(0, 0, 1).f == 0


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("blur_px", [0.0, 8.0])
def test_the_printed_tag_is_told_from_the_others_even_when_too_soft_to_decode(page: int, blur_px: float) -> None:
    grey = drawn(FORM.page(page), SCALE)
    if blur_px:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), blur_px / 2), np.uint8)
    page_map = PageMap(drawing_map(SCALE), FLAT)
    found = tag_correlations(Pyramid(grey), page_map, FORM.page(page), TAG_IDS)
    own = found.pop(100 + page)
    assert own > 0.6
    assert own - max(found.values()) > 0.15


def test_a_covered_tag_confirms_nothing() -> None:
    grey = drawn(FORM.page(2), SCALE)
    grey[180:300, 960:1080] = 215
    found = tag_correlations(Pyramid(grey), PageMap(drawing_map(SCALE), FLAT), FORM.page(2), TAG_IDS)
    assert max(found.values()) < 0.5


def test_nothing_is_said_about_a_tag_outside_the_photo_or_a_page_without_one() -> None:
    grey = drawn(FORM.page(2), SCALE)
    page_map = PageMap(drawing_map(SCALE), FLAT)
    cut = Pyramid(np.ascontiguousarray(grey[:, :1000]))
    assert tag_correlations(cut, page_map, FORM.page(2), TAG_IDS) == {}
    assert tag_correlations(Pyramid(grey), page_map, replace(FORM.page(2), tag=None), TAG_IDS) == {}


def test_the_tag_looked_for_is_the_tag_that_is_drawn() -> None:
    tag = FORM.page(2).tag
    assert tag is not None
    wanted = tag_picture(tag, tag.id)
    x, y = (round(min(c) * SCALE) for c in zip(*tag.quad_mm, strict=True))
    printed = drawn(FORM.page(2), SCALE)[y : y + wanted.shape[0], x : x + wanted.shape[1]]
    assert np.corrcoef(wanted.ravel(), printed.ravel())[0, 1] > 0.95
