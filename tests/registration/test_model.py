import numpy as np
import pytest

from ocr_pipeline.registration.coarse import TURNS, Lines, search, turned
from ocr_pipeline.registration.model import BIN_PX, PROFILE_BINS, RIM_MM
from ocr_pipeline.registration.page_map import project
from ocr_pipeline.registration.ridges import flatten_light, line_map, ridge_map
from tests.registration.shots import FORM, MODELS, drawn

CORNERS = np.array([[0, 0], [600, 0], [600, 900], [0, 900]], np.float64)


def test_each_page_of_the_form_has_a_model() -> None:
    assert [m.key for m in MODELS] == [(FORM.id, 1), (FORM.id, 2), (FORM.id, 3)]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"page {m.page.page}")
def test_samples_lie_on_their_rules(model: object) -> None:
    page_model = next(m for m in MODELS if m is model)
    for axis, k in (("h", 1), ("v", 0)):
        samples, rules = page_model.samples[axis], page_model.rules[axis]
        at = np.array([r.at_mm for r in rules])[samples.rule]
        low = np.array([r.from_mm for r in rules])[samples.rule]
        high = np.array([r.to_mm for r in rules])[samples.rule]
        along = samples.points_mm[:, 1 - k]
        assert np.array_equal(samples.points_mm[:, k], at)
        assert ((along > low) & (along < high)).all()
        assert samples.weight.min() > 0
        assert set(samples.rule.tolist()) == set(range(len(rules)))


def test_the_pale_frame_is_not_relied_upon() -> None:
    for model in MODELS:
        assert all(r.grey < 200 or r.grey == 201 for rules in model.rules.values() for r in rules)


def test_profiles_have_unit_length_and_peak_at_the_rules() -> None:
    profiles = MODELS[1].profile("h", np.array([1.0, 1.5]))
    assert profiles.shape == (2, PROFILE_BINS)
    assert np.allclose(np.linalg.norm(profiles, axis=1), 1)
    for scale, profile in zip((1.0, 1.5), profiles, strict=True):
        at = np.flatnonzero(profile) * BIN_PX / scale
        rules = np.array([r.at_mm for r in MODELS[1].rules["h"]])
        assert np.abs(at[:, None] - rules).min(1).max() <= BIN_PX / scale


def test_the_distance_to_the_next_rule_is_known_everywhere() -> None:
    expected = MODELS[1].expected["h"]
    rule = next(r for r in MODELS[1].page.rules if r.axis == "h" and r.grey < 128)
    x, y = round((rule.from_mm + rule.to_mm) / 2) + RIM_MM, round(rule.at_mm) + RIM_MM
    assert expected[y, x] == 0
    assert expected.shape == (900 + 2 * RIM_MM, 600 + 2 * RIM_MM)


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_page_fills_its_turned_frame(turn: int) -> None:
    placed = project(turned(turn, (600, 900)), CORNERS)
    frame = (600, 900) if turn in (0, 180) else (900, 600)
    assert placed.min(0).tolist() == [0, 0]
    assert placed.max(0).tolist() == list(frame)
    # Clockwise: the top-left corner goes to the top-right first.
    top_left = {0: (0, 0), 90: (900, 0), 180: (600, 900), 270: (0, 600)}[turn]
    assert tuple(placed[0].tolist()) == top_left


def test_four_quarter_turns_are_none() -> None:
    size = (600.0, 900.0)
    once = turned(90, size)
    there = turned(270, (900.0, 600.0)) @ once
    assert np.allclose(there, np.eye(3))
    assert np.allclose(turned(180, size) @ turned(180, size), np.eye(3))


@pytest.mark.parametrize(("page", "turn"), [(1, 0), (2, 90), (3, 180), (2, 270)])
def test_lines_alone_name_page_turn_scale_and_place(page: int, turn: int) -> None:
    upright = drawn(FORM.page(page), 1.45)
    grey = np.full((1500, 1500), 200, np.uint8)
    picture = np.rot90(upright, -(turn // 90))
    grey[90 : 90 + picture.shape[0], 60 : 60 + picture.shape[1]] = picture
    ridge = ridge_map(flatten_light(grey))
    guesses = search(Lines.of({axis: line_map(ridge, axis) for axis in ("h", "v")}), MODELS)
    best = guesses[0]
    assert best.score == max(g.score for g in guesses)
    assert (best.model.page.page, best.turn) == (page, turn)
    true = 1.45 * project(turned(turn, (600, 900)), CORNERS) + (60, 90)
    assert np.hypot(*(project(best.rect_from_page, CORNERS) - true).T).max() < 25
