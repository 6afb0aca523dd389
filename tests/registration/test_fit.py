import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.fit import (
    MESH_NODES,
    Offsets,
    measure,
    refine_homography,
    refine_mesh,
    solve_homography,
    solve_mesh,
)
from ocr_pipeline.registration.page_map import Mesh, project
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.values import Floats
from tests.registration.shots import FORM, MODELS, box_corners, drawing_map, drawn

MODEL = MODELS[1]
PAGE = FORM.page(2)
FLAT = Mesh.flat(PAGE.size_mm, *MESH_NODES)
CORNERS = box_corners(PAGE)


def exact_offsets(moved: dict[str, Floats]) -> dict[str, Offsets]:
    """What a perfect measurement of moved rule samples would say."""
    found = {}
    for axis, k in (("h", 1), ("v", 0)):
        nominal = MODEL.samples[axis].points_mm
        found[axis] = Offsets(nominal, moved[axis][:, k] - nominal[:, k], np.ones(len(nominal)))
    return found


def moved_by(homography: Floats) -> dict[str, Floats]:
    return {axis: project(homography, MODEL.samples[axis].points_mm) for axis in ("h", "v")}


@st.composite
def small_moves(draw: st.DrawFn) -> Floats:
    """Homographies, page mm to page mm, that move the page's corners by up to some centimetres."""
    small = st.floats(-0.01, 0.01)
    tilt = st.floats(-2e-5, 2e-5)
    x, y = draw(st.tuples(st.floats(-8, 8), st.floats(-8, 8)))
    a, b, c, d = draw(st.tuples(small, small, small, small))
    return np.array([[1 + a, b, x], [c, 1 + d, y], [draw(tilt), draw(tilt), 1]])


@settings(max_examples=30)
@given(small_moves())
def test_exact_measurements_give_the_exact_homography(true: Floats) -> None:
    found = solve_homography(MODEL, exact_offsets(moved_by(true)), np.eye(3), scale_mm=6)
    # A little pull towards the start is meant: it must stay below a tenth of a millimetre.
    assert np.abs(project(found, CORNERS) - project(true, CORNERS)).max() < 0.1


def test_a_fifth_of_measurements_one_row_off_is_outvoted() -> None:
    rng = np.random.default_rng(0)
    true = np.array([[1.004, -0.006, 3], [0.005, 0.997, -4], [1e-5, -1e-5, 1]])
    offsets = exact_offsets(moved_by(true))
    for o in offsets.values():
        o.shift_mm[rng.random(len(o.shift_mm)) < 0.2] += 16
    found = solve_homography(MODEL, offsets, np.eye(3), scale_mm=1.5)
    assert np.abs(project(found, CORNERS) - project(true, CORNERS)).max() < 0.8


def test_too_little_evidence_changes_nothing() -> None:
    offsets = exact_offsets(moved_by(np.array([[1, 0, 5], [0, 1, 5], [0, 0, 1.0]])))
    for o in offsets.values():
        o.weight[19:] = 0
    start = np.array([[1.01, 0, 1], [0, 1, 2], [0, 0, 1.0]])
    assert np.array_equal(solve_homography(MODEL, offsets, start, scale_mm=3), start)


def bend(points: Floats) -> Floats:
    """A smooth curl of up to 5 mm."""
    x, y = points[:, 0] / PAGE.size_mm[0], points[:, 1] / PAGE.size_mm[1]
    return np.stack([2 * np.sin(np.pi * y), 5 * np.sin(np.pi * (x + y) / 2) - 2], axis=1)


def test_a_mesh_follows_a_smooth_bend() -> None:
    moved = {a: MODEL.samples[a].points_mm + bend(MODEL.samples[a].points_mm) for a in ("h", "v")}
    mesh = solve_mesh(FLAT, exact_offsets(moved), smoothness=1.0, scale_mm=3)
    assert np.abs(mesh.displace(CORNERS) - CORNERS - bend(CORNERS)).max() < 0.4


def test_a_mesh_without_evidence_stays_as_it_is() -> None:
    nothing = exact_offsets({a: MODEL.samples[a].points_mm for a in ("h", "v")})
    for o in nothing.values():
        o.weight[:] = 0
    start = Mesh(PAGE.size_mm, np.full((*MESH_NODES, 2), 1.5))
    assert np.array_equal(solve_mesh(start, nothing, 3.0, 2.0).shift_mm, start.shift_mm)


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    return Canvas.warp(Pyramid(drawn(PAGE, 2.0)), drawing_map(2.0), PAGE.size_mm)


@pytest.mark.parametrize("axis", ["h", "v"])
@pytest.mark.parametrize("off_mm", [-3.0, -0.4, 0.0, 0.7, 3.0])
def test_a_measurement_says_how_far_the_rule_is_whatever_was_expected(canvas: Canvas, axis: str, off_mm: float) -> None:
    place = MODEL.samples[axis].points_mm + off_mm
    found = measure(canvas, MODEL, axis, place, 8)
    seen = found.weight > 0.03
    assert seen.mean() > 0.6
    assert abs(np.median(found.shift_mm[seen])) < 0.25


def test_a_start_a_centimetre_off_is_pulled_into_place(canvas: Canvas) -> None:
    start = np.array([[1.004, 0.003, 6], [-0.003, 0.996, -5], [0, 0, 1.0]])
    assert np.abs(project(start, CORNERS) - CORNERS).max() > 7
    found = refine_homography(canvas, MODEL, start)
    assert np.abs(project(found, CORNERS) - CORNERS).max() < 0.5


def test_refining_a_mesh_in_place_keeps_it_there(canvas: Canvas) -> None:
    mesh = refine_mesh(canvas, MODEL, FLAT)
    assert np.abs(mesh.displace(CORNERS) - CORNERS).max() < 0.5
