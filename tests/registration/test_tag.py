import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.forms.definition import Tag
from ocr_pipeline.registration.page_map import project
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.tag import TagSighting, find_tags, similarity_from_tag
from ocr_pipeline.values import Floats, Grey
from tests.registration.shots import EASY, FORM, drawing_map, drawn, grey_of, take

KNOWN = (101, 102, 103)
TAG = Tag("36h10", 101, ((526, 139), (493.9, 139), (493.9, 106.9), (526, 106.9)))


def paper_with(*pages: int, px_per_mm: float = 1.6) -> Grey:
    """The upper halves of drawn pages side by side."""
    halves = [drawn(FORM.page(page), px_per_mm) for page in pages]
    return np.concatenate([half[: len(half) // 2] for half in halves], axis=1)


@pytest.mark.parametrize("page", [1, 2, 3])
def test_the_tag_names_the_page_and_lies_where_it_is_printed(page: int) -> None:
    (sighting,) = find_tags(Pyramid(paper_with(page)), KNOWN)
    tag = FORM.page(page).tag
    assert tag is not None
    assert sighting.id == tag.id
    assert np.abs(sighting.corners_photo - project(drawing_map(1.6), np.array(tag.quad_mm))).max() < 1


def test_corners_are_in_photo_px_also_where_the_photo_was_shrunk_to_find_them() -> None:
    (sighting,) = find_tags(Pyramid(paper_with(2, px_per_mm=5.0)), KNOWN)
    tag = FORM.page(2).tag
    assert tag is not None
    assert np.abs(sighting.corners_photo - project(drawing_map(5.0), np.array(tag.quad_mm))).max() < 2.5


def test_a_faint_dark_tag_is_found() -> None:
    faint = (paper_with(3).astype(np.float32) * 0.08 + 8).astype(np.uint8)
    assert [s.id for s in find_tags(Pyramid(faint), KNOWN)] == [103]


def test_two_pages_side_by_side_give_two_tags() -> None:
    assert {s.id for s in find_tags(Pyramid(paper_with(1, 3)), KNOWN)} == {101, 103}


def test_two_sheets_of_one_page_give_two_tags() -> None:
    """Read as one, the second station would be lost in silence."""
    assert [s.id for s in find_tags(Pyramid(paper_with(2, 2)), KNOWN)] == [102, 102]


def test_a_foreign_tag_is_told_but_a_known_one_beside_it_is_preferred() -> None:
    paper = Pyramid(paper_with(1, 3))
    assert {s.id for s in find_tags(paper, {103})} == {103}
    assert {s.id for s in find_tags(paper, {7})} == {101, 103}


def test_there_is_no_tag_on_white_paper() -> None:
    assert find_tags(Pyramid(np.full((900, 700), 235, np.uint8)), KNOWN) == ()


@pytest.mark.parametrize("turn", [0, 270])
def test_the_similarity_of_a_photographed_tag_has_the_turn_of_the_page(turn: int) -> None:
    photo = take(2, EASY, turn_deg=turn)
    (sighting,) = find_tags(Pyramid(grey_of(photo.shot)), KNOWN)
    tag = photo.page.tag
    assert tag is not None
    found = similarity_from_tag(tag, sighting)
    angle = np.rad2deg(np.arctan2(found[1, 0], found[0, 0])) % 360
    assert abs((angle - turn + 180) % 360 - 180) < 4


@given(st.floats(0.1, 20), st.floats(-np.pi, np.pi), st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_an_exact_similarity_is_recovered_exactly(scale: float, angle: float, x: float, y: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    true = np.array([[*turn[0], x], [*turn[1], y], [0, 0, 1]])
    corners: Floats = project(true, np.array(TAG.quad_mm, np.float64))
    assert np.allclose(similarity_from_tag(TAG, TagSighting(101, corners)), true, atol=1e-6 * (1 + abs(x) + abs(y)))


def test_noise_at_the_corners_is_averaged_and_never_mirrors() -> None:
    rng = np.random.default_rng(5)
    corners = np.array(TAG.quad_mm, np.float64) * 1.5 + rng.normal(0, 1.0, (4, 2))
    found = similarity_from_tag(TAG, TagSighting(101, corners))
    assert np.linalg.det(found[:2, :2]) == pytest.approx(1.5**2, rel=0.1)
    assert np.abs(project(found, np.array(TAG.quad_mm, np.float64)).mean(0) - corners.mean(0)).max() < 1e-9
