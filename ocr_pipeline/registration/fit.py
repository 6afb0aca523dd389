"""Least squares: the homography, and the mesh, that put a page's rules onto the ridges seen."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.page_map import Mesh, project
from ocr_pipeline.values import Floats, frozen

HOMOGRAPHY_REACHES_PX = (22, 14, 9, 6)
MESH_REACHES_PX = (8, 6, 5)
MESH_SMOOTHNESS = (6.0, 4.0, 3.0)
MESH_NODES = (14, 7)
_NEAREST = 0.002
"""What a canvas px of distance costs a ridge, against a strength of 0-0.2."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """Measured displacements of rules across their axis.

    Attributes:
        nominal_mm: where the definition has the rule, page mm, (n, 2).
        shift_mm: how much further along the axis it was seen, (n,).
        weight: 0 where nothing was seen, (n,).
    """

    nominal_mm: Floats
    shift_mm: Floats
    weight: Floats


def measure(canvas: Canvas, model: PageModel, axis: str, place: Floats, reach_px: int) -> Offsets:
    """Looks for each rule sample's ridge near its expected place.

    Args:
        canvas: warped page.
        model: the page.
        axis: which rules.
        place: expected places of ``model.samples[axis]``, (n, 2), page mm of the canvas.
        reach_px: half width of the window, canvas px.
    """
    values, inside = canvas.rows(axis, place, reach_px)
    # Rows of a tally grid are printed alike, and clipped ridges of clean print are equal: the nearest is meant.
    best = np.argmax(values - _NEAREST * np.abs(np.arange(-reach_px, reach_px + 1)), axis=1)
    peak = values[np.arange(len(values)), best]
    contrast = peak - values.mean(axis=1)
    weight = np.where(inside & (contrast > 0.02), contrast, 0.0) * model.samples[axis].weight
    offset = best - reach_px + _parabola(values, best)
    nominal = model.samples[axis].points_mm
    k = 1 if axis == "h" else 0
    return Offsets(nominal, offset / canvas.px_per_mm + place[:, k] - nominal[:, k], weight)


def _parabola(values: Floats, best: NDArray[np.intp]) -> Floats:
    """Sub-pixel shift of a maximum from its two neighbours, -0.5 to 0.5."""
    last = values.shape[1] - 1
    rows = np.arange(len(values))
    left, mid, right = (values[rows, np.clip(best + d, 0, last)] for d in (-1, 0, 1))
    bend = left - 2 * mid + right
    safe = np.where(bend < -1e-6, bend, -1.0)
    shift = np.where((bend < -1e-6) & (best > 0) & (best < last), 0.5 * (left - right) / safe, 0.0)
    return np.asarray(np.clip(shift, -0.5, 0.5))


def refine_homography(canvas: Canvas, model: PageModel, start: Floats | None = None) -> Floats:
    """The homography (3, 3), page mm to page mm of the canvas, that fits the rules with shrinking windows."""
    found = np.eye(3) if start is None else start
    for reach in HOMOGRAPHY_REACHES_PX:
        for _ in range(2):
            offsets = {
                axis: measure(canvas, model, axis, project(found, model.samples[axis].points_mm), reach)
                for axis in ("h", "v")
            }
            found = solve_homography(model, offsets, found, scale_mm=reach / canvas.px_per_mm / 3)
    return found


def solve_homography(model: PageModel, offsets: dict[str, Offsets], start: Floats, scale_mm: float) -> Floats:
    """Weighted least squares with Cauchy weights, three rounds; ``start`` when there is too little to fit."""
    norm = np.array([[2 / model.page.size_mm[0], 0, -1], [0, 2 / model.page.size_mm[1], -1], [0, 0, 1.0]])
    back = np.linalg.inv(norm)
    rows, targets, weights = [], [], []
    for axis, k in (("h", 1), ("v", 0)):
        source = project(norm, offsets[axis].nominal_mm)
        goal_mm = offsets[axis].nominal_mm[:, k] + offsets[axis].shift_mm
        goal = goal_mm * norm[k, k] - 1
        a = np.zeros((len(source), 8))
        homogeneous = np.c_[source, np.ones(len(source))]
        a[:, 3 * k : 3 * k + 3] = homogeneous
        a[:, 6:8] = -goal[:, None] * source
        rows.append(a)
        targets.append(goal)
        weights.append(offsets[axis].weight)
    a, goal, weight = np.concatenate(rows), np.concatenate(targets), np.concatenate(weights)
    if np.count_nonzero(weights[0]) < 20 or np.count_nonzero(weights[1]) < 20:
        return start
    current = norm @ start @ back
    current /= current[2, 2]
    solution = current.ravel()[:8]
    per_mm = np.concatenate([np.full(len(weights[0]), norm[1, 1]), np.full(len(weights[1]), norm[0, 0])])
    for _ in range(3):
        residual_mm = (a @ solution - goal) / per_mm
        w = weight / (1 + (residual_mm / scale_mm) ** 2)
        # Normal equations of 8 unknowns, slightly held to the current solution so that bare areas cannot run away.
        left = (a * w[:, None]).T @ a + 1e-6 * w.sum() * np.eye(8)
        right = (a * w[:, None]).T @ goal + 1e-6 * w.sum() * solution
        solution = np.linalg.solve(left, right)
    return np.asarray(back @ np.append(solution, 1.0).reshape(3, 3) @ norm)


def solve_mesh(mesh: Mesh, offsets: dict[str, Offsets], smoothness: float, scale_mm: float) -> Mesh:
    """A smooth mesh whose x follows the vertical and whose y follows the horizontal rules, solved apart.

    Minimises weighted squared residuals plus ``smoothness`` times the squared second differences of the nodes, with
    Cauchy weights, three rounds.
    """
    rows, columns, _ = mesh.shift_mm.shape
    bend = _second_differences(rows, columns)
    shift = mesh.shift_mm.copy()
    for axis, k in (("h", 1), ("v", 0)):
        o = offsets[axis]
        if np.count_nonzero(o.weight) < 10:
            continue
        nodes, part = mesh.weights(o.nominal_mm)
        count = rows * columns
        # Four nodes a point: summing their products is far cheaper than multiplying the dense matrix with itself.
        pairs = (nodes[:, :, None] * count + nodes[:, None, :]).ravel()
        products = (part[:, :, None] * part[:, None, :]).reshape(len(part), -1)
        unit = o.weight / max(float(o.weight.max()), 1e-9)
        solution = np.asarray(shift[:, :, k].ravel(), np.float64)
        for _ in range(3):
            w = unit / (1 + (((solution[nodes] * part).sum(1) - o.shift_mm) / scale_mm) ** 2)
            normal = np.bincount(pairs, (products * w[:, None]).ravel(), count * count).reshape(count, count)
            right = np.bincount(nodes.ravel(), (part * (w * o.shift_mm)[:, None]).ravel(), count)
            left = normal + smoothness * bend + 1e-4 * np.eye(count)
            solution = np.asarray(np.linalg.solve(left, right), np.float64)
        shift[:, :, k] = solution.reshape(rows, columns)
    return Mesh(mesh.size_mm, shift)


def refine_mesh(canvas: Canvas, model: PageModel, mesh: Mesh) -> Mesh:
    """Follows curl and creases: measures with shrinking windows around the mesh, and solves it anew."""
    for reach, smoothness in zip(MESH_REACHES_PX, MESH_SMOOTHNESS, strict=True):
        offsets = {
            axis: measure(canvas, model, axis, mesh.displace(model.samples[axis].points_mm), reach)
            for axis in ("h", "v")
        }
        mesh = solve_mesh(mesh, offsets, smoothness, scale_mm=reach / canvas.px_per_mm / 2)
    return mesh


@cache
def _second_differences(rows: int, columns: int) -> Floats:
    """Sum of squared second differences of a node grid, along both directions and crosswise, as a matrix."""
    index = np.arange(rows * columns).reshape(rows, columns)
    triples = [index[:, :-2], index[:, 1:-1], index[:, 2:]], [index[:-2], index[1:-1], index[2:]]
    out = np.zeros((rows * columns, rows * columns))
    for a, b, c in triples:
        for i, j, k in zip(a.ravel(), b.ravel(), c.ravel(), strict=True):
            v = np.zeros(rows * columns)
            v[[i, j, k]] = (1, -2, 1)
            out += np.outer(v, v)
    return frozen(out)
