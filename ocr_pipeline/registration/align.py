"""Rules in page order as stages of a shortest path: what keeps a curled sheet from locking onto the neighbouring row.

Every row of a tally grid looks like the next. Taken one by one, each rule would snap to the nearest ridge, and one row
off is a stable mistake. Taken together, from the first rule of the page to the last, with neighbouring rules allowed
to move apart only a little, the whole column can fall into place in one way only (Viterbi over offsets).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.fit import Offsets
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.page_map import Mesh
from ocr_pipeline.values import Floats

_STRIPS = 3
_MERGE_MM = 1.5
_STIFFNESS = 0.02
"""Price of a change of offset between rules, per px squared over px of distance, against a ridge strength of 0-0.2."""
_MAX_STRETCH = 0.22
_FEWEST_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class _Stage:
    at_mm: float
    middle_mm: float
    evidence: Floats
    mass: float


def align(
    canvas: Canvas, model: PageModel, mesh: Mesh, reach_px: int, anchor_mm: tuple[float, float] | None = None
) -> dict[str, Offsets]:
    """Offsets of whole rules, per axis, in three overlapping strips along each rule.

    Args:
        canvas: warped page.
        model: the page.
        mesh: where rules are expected.
        reach_px: largest offset looked for, canvas px.
        anchor_mm: a page point known to be in place already (the tag); rules near it may move little.

    Returns:
        Per axis the displacements found, one a rule and strip.
    """
    found = {}
    for axis, k in (("h", 1), ("v", 0)):
        at, offset, weight = [], [], []
        extent = model.page.size_mm[1 - k]
        for strip in range(_STRIPS):
            low, high = extent * strip / (_STRIPS + 1), extent * (strip + 2) / (_STRIPS + 1)
            stages = _stages(canvas, model, mesh, axis, (low, high), reach_px)
            if len(stages) < 3:
                continue
            held = anchor_mm[k] if anchor_mm is not None and low <= anchor_mm[1 - k] <= high else None
            steps = np.array(_viterbi(stages, reach_px, canvas.px_per_mm, held))
            points = np.array([(s.middle_mm, s.at_mm) if axis == "h" else (s.at_mm, s.middle_mm) for s in stages])
            at.append(points)
            offset.append(steps / canvas.px_per_mm + mesh.displace(points)[:, k] - points[:, k])
            weight.append([s.mass * max(s.evidence[i + reach_px], 0.0) for s, i in zip(stages, steps, strict=True)])
        found[axis] = Offsets(
            np.concatenate([np.zeros((0, 2)), *at]),
            np.concatenate([np.zeros(0), *offset]),
            np.concatenate([np.zeros(0), *weight]),
        )
    return found


def _stages(
    canvas: Canvas, model: PageModel, mesh: Mesh, axis: str, span_mm: tuple[float, float], reach_px: int
) -> list[_Stage]:
    """Rules within a strip, in page order, rules at (nearly) the same place merged."""
    samples = model.samples[axis]
    k = 1 if axis == "h" else 0
    along = samples.points_mm[:, 1 - k]
    inside = np.flatnonzero((along >= span_mm[0]) & (along <= span_mm[1]))
    if not len(inside):
        return []
    inside = inside[np.argsort(samples.points_mm[inside, k], kind="stable")]
    values, seen = canvas.rows(axis, mesh.displace(samples.points_mm[inside]), reach_px)
    inside, values = inside[seen], values[seen]
    if not len(inside):
        return []
    position = samples.points_mm[inside, k]
    cuts = np.flatnonzero(np.diff(position) > _MERGE_MM) + 1
    first = np.r_[0, cuts]
    count = np.diff(np.r_[first, len(inside)])
    weight = samples.weight[inside]
    mass = np.add.reduceat(weight, first)
    evidence = np.add.reduceat(values * weight[:, None], first, axis=0) / mass[:, None]
    evidence -= evidence.mean(axis=1, keepdims=True)
    place = np.add.reduceat(position * weight, first) / mass
    middle = np.add.reduceat(along[inside], first) / count
    return [
        _Stage(float(place[i]), float(middle[i]), evidence[i], float(np.sqrt(mass[i])))
        for i in np.flatnonzero(count >= _FEWEST_SAMPLES)
    ]


def _viterbi(stages: list[_Stage], reach_px: int, px_per_mm: float, held_mm: float | None) -> list[int]:
    """The offsets, in canvas px, of the best path through all stages; offset 0 is favoured near ``held_mm``."""
    offsets = np.arange(-reach_px, reach_px + 1)
    change = offsets[:, None] - offsets[None, :]
    score = stages[0].evidence * stages[0].mass
    nearest = None
    if held_mm is not None:
        nearest = int(np.argmin([abs(s.at_mm - held_mm) for s in stages]))
        away_px = max(abs(stages[nearest].at_mm - held_mm) * px_per_mm, 10.0)
        pull = -_STIFFNESS * offsets**2 / away_px * stages[nearest].mass
        if nearest == 0:
            score = score + pull
    back = []
    for i, (before, stage) in enumerate(pairwise(stages), 1):
        gap_px = max((stage.at_mm - before.at_mm) * px_per_mm, 1.0)
        cost = _STIFFNESS * change**2 / gap_px * stage.mass
        cost[np.abs(change) > _MAX_STRETCH * gap_px + 2] = 1e6
        if i == nearest:
            cost = cost - pull[:, None]
        total = score[None, :] - cost
        choice = np.argmax(total, axis=1)
        back.append(choice)
        score = total[np.arange(len(offsets)), choice] + stage.evidence * stage.mass
    state = int(np.argmax(score))
    path = [state]
    for choice in reversed(back):
        state = int(choice[state])
        path.append(state)
    return [int(offsets[s]) for s in reversed(path)]
