import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.registration.directions import (
    Segments,
    dominant_angles,
    find_segments,
    rectifying_homography,
    vanishing_point,
)
from ocr_pipeline.registration.page_map import project
from ocr_pipeline.values import Floats

FRAME = (1050, 1400)
CENTRE = np.array(FRAME) / 2


def segments(ends: Floats) -> Segments:
    a, b = ends[:, :2], ends[:, 2:]
    delta = b - a
    return Segments(a, b, np.hypot(*delta.T), np.arctan2(delta[:, 1], delta[:, 0]) % np.pi)


def view_of_page(tilt_x: float, tilt_y: float, roll_deg: float) -> Floats:
    """Homography of a page seen from one side: frame px from page mm, the page's middle at the frame's."""
    roll = np.deg2rad(roll_deg)
    turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    to_middle = np.array([[1.3, 0, -1.3 * 300], [0, 1.3, -1.3 * 450], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, 1, 0], [tilt_x, tilt_y, 1]])
    place = np.array([[1, 0, CENTRE[0]], [0, 1, CENTRE[1]], [0, 0, 1]])
    return np.asarray(place @ tilt @ turn @ to_middle)


def rules_seen(view: Floats, rng: np.random.Generator, jitter_px: float = 0.0) -> Segments:
    """Pieces of 20 horizontal and 12 vertical rules of a page."""
    pages = []
    for y in np.linspace(60, 860, 20):
        x0 = rng.uniform(40, 300)
        pages.append((x0, y, x0 + rng.uniform(80, 250), y))
    for x in np.linspace(60, 540, 12):
        y0 = rng.uniform(60, 500)
        pages.append((x, y0, x, y0 + rng.uniform(80, 300)))
    ends = np.array(pages)
    seen = np.c_[project(view, ends[:, :2]), project(view, ends[:, 2:])]
    return segments(seen + rng.normal(0, jitter_px, seen.shape))


def true_vanishing_points(view: Floats) -> tuple[Floats, Floats]:
    """Where the page's x and y directions end, homogeneous, relative to the frame's centre, unit first two entries."""
    to_centre = np.array([[1, 0, -CENTRE[0]], [0, 1, -CENTRE[1]], [0, 0, 1]])
    points = [(to_centre @ view)[:, k] for k in (0, 1)]
    return points[0] / np.linalg.norm(points[0][:2]), points[1] / np.linalg.norm(points[1][:2])


def apart_deg(one: Floats, two: Floats, at: Floats) -> float:
    """Angle between the directions in which two vanishing points lie, seen from a place (relative to the centre)."""
    rays = [p[:2] - at * p[2] for p in (one, two)]
    sine = abs(np.cross(np.append(rays[0], 0), np.append(rays[1], 0))[2]) / np.prod([np.linalg.norm(r) for r in rays])
    return float(np.rad2deg(np.arcsin(min(sine, 1.0))))


tilts = st.floats(-4e-4, 4e-4)


@settings(max_examples=40)
@given(tilts, tilts, st.floats(-8, 8), st.integers(0, 1000))
def test_vanishing_points_are_recovered_from_pieces_of_rules(x: float, y: float, roll: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    view = view_of_page(x, y, roll)
    found = rules_seen(view, rng, jitter_px=0.15)
    angles = dominant_angles(found)
    assert angles is not None
    for angle, true in zip(angles, true_vanishing_points(view), strict=True):
        point = vanishing_point(found, angle, FRAME, np.random.default_rng(0))
        for corner in ((-400, -500), (400, 500), (-400, 500)):
            assert apart_deg(point, true, np.array(corner, np.float64)) < 1.2


def test_stray_lines_do_not_move_a_vanishing_point() -> None:
    rng = np.random.default_rng(3)
    view = view_of_page(3e-4, -2e-4, 3)
    page = rules_seen(view, rng, jitter_px=0.15)
    x, y = rng.uniform(0, FRAME[0], 10), rng.uniform(0, FRAME[1], 10)
    turn = rng.uniform(0, np.pi, 10)
    stray = segments(np.c_[x, y, x + 150 * np.cos(turn), y + 150 * np.sin(turn)])
    both = Segments(*(np.concatenate([getattr(page, n), getattr(stray, n)]) for n in ("a", "b", "length", "angle")))
    angles = dominant_angles(both)
    assert angles is not None
    for angle, true in zip(angles, true_vanishing_points(view), strict=True):
        point = vanishing_point(both, angle, FRAME, np.random.default_rng(0))
        assert apart_deg(point, true, np.array([400.0, 500.0])) < 1.2


def test_parallel_rules_meet_at_infinity_and_are_left_alone() -> None:
    found = rules_seen(view_of_page(0, 0, 5), np.random.default_rng(1))
    point = vanishing_point(found, np.deg2rad(5), FRAME, np.random.default_rng(0))
    assert abs(point[2]) < 1e-5
    assert apart_deg(point, np.array([np.cos(np.deg2rad(5)), np.sin(np.deg2rad(5)), 0]), np.zeros(2)) < 0.2


def test_too_few_segments_are_taken_as_parallel() -> None:
    few = segments(np.array([[0.0, 0, 100, 4], [0, 50, 100, 60]]))
    assert np.allclose(vanishing_point(few, 0.0, FRAME, np.random.default_rng(0)), [1, 0, 0])


@pytest.mark.parametrize("roll", [-20, 0, 15])
def test_the_more_horizontal_direction_comes_first(roll: float) -> None:
    angles = dominant_angles(rules_seen(view_of_page(0, 0, roll), np.random.default_rng(2)))
    assert angles is not None
    across, down = np.rad2deg(angles)
    assert abs((across - roll + 90) % 180 - 90) < 2
    assert abs((down - 90 - roll + 90) % 180 - 90) < 2


def test_no_lines_have_no_directions() -> None:
    assert dominant_angles(segments(np.zeros((0, 4)))) is None


@settings(max_examples=60)
@given(tilts, tilts, st.floats(-8, 8))
def test_rectified_rules_run_along_the_axes(x: float, y: float, roll: float) -> None:
    view = view_of_page(x, y, roll)
    across, down = true_vanishing_points(view)
    rectify = rectifying_homography(across, down, FRAME)
    grid = np.array([[100, 200], [500, 200], [500, 700], [100, 700]], np.float64)
    a, b, c, d = project(rectify, project(view, grid))
    assert np.allclose([a[1], c[1]], [b[1], d[1]], atol=1e-3)
    assert np.allclose([a[0], b[0]], [d[0], c[0]], atol=1e-3)
    assert b[0] > a[0]
    assert d[1] > a[1]


@settings(max_examples=20)
@given(tilts, tilts)
def test_the_middle_of_the_frame_stays_where_it_is(x: float, y: float) -> None:
    rectify = rectifying_homography(*true_vanishing_points(view_of_page(x, y, 0)), FRAME)
    assert np.allclose(project(rectify, CENTRE[None]), CENTRE)


def test_drawn_lines_are_found_where_they_are_drawn() -> None:
    flat = np.ones((1400, 1050), np.float32)
    for y in range(200, 1300, 150):
        cv2.line(flat, (100, y), (900, y + 40), 0.1, 3)
    found = find_segments(flat)
    assert len(found.length) >= 8
    assert np.abs(np.rad2deg(found.angle) - np.rad2deg(np.arctan2(40, 800))).max() < 1
    assert found.length.max() > 700
    # Both edges of a line are found, so the middle of all pieces is the line itself.
    middle = (found.a + found.b) / 2
    over = middle[:, 1] - (middle[:, 0] - 100) * 0.05
    off = over - np.array([min(range(200, 1300, 150), key=lambda y: abs(y - o)) for o in over])
    assert np.abs(off).max() < 4
    assert abs(np.average(off, weights=found.length)) < 0.7
