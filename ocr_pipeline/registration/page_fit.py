"""A page laid onto the photo from a rough start: homography, alignment along the page, mesh."""

from dataclasses import dataclass

import numpy as np

from ocr_pipeline.forms.definition import Box
from ocr_pipeline.registration.align import align
from ocr_pipeline.registration.canvas import Canvas
from ocr_pipeline.registration.fit import MESH_NODES, refine_homography, refine_mesh, solve_homography, solve_mesh
from ocr_pipeline.registration.gate import Score, recall_of, score_fit
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.page_map import Mesh, PageMap, project
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.values import Floats

_SETTLED_MM = 6.0
"""A first alignment that moves the page's corners by less than this needs no second one."""
_GLANCE_REACH_PX = 40


@dataclass(frozen=True, slots=True)
class PageFit:
    """A registered page.

    Attributes:
        model: form and page.
        turn: degrees by which the page lies turned clockwise in the photo: 0, 90, 180, 270 (nearest).
        page_map: photo px from page mm.
        score: agreement with the photo.
        confirmed: the printed tag (or another printed sign) says the same; a fit by lines alone may be a look-alike.
    """

    model: PageModel
    turn: int
    page_map: PageMap
    score: Score
    confirmed: bool


def fit_page(pyramid: Pyramid, model: PageModel, start: Floats, *, anchored: bool) -> tuple[PageMap, Score]:
    """Homography, alignment along the page, and mesh.

    Args:
        pyramid: of the upright photo.
        model: the page.
        start: photo px from page mm, (3, 3), that may be centimetres off.
        anchored: the start is right at the page's tag.

    Returns:
        Where the page lies, and how well that explains the photo.
    """
    size = model.page.size_mm
    flat = Mesh.flat(size, *MESH_NODES)
    tag = model.page.tag
    anchor = None
    if anchored and tag is not None:
        anchor = (sum(p[0] for p in tag.quad_mm) / 4, sum(p[1] for p in tag.quad_mm) / 4)
    homography = start
    for reach, tolerance_mm in ((70, 6.0), (60, 3.0)):
        canvas = Canvas.warp(pyramid, homography, size)
        seen = align(canvas, model, flat, reach, anchor)
        change = solve_homography(model, seen, np.eye(3), tolerance_mm)
        homography = homography @ change
        if _largest_move_mm(change, size) < _SETTLED_MM:
            break
    canvas = Canvas.warp(pyramid, homography, size)
    bent = flat.bent_by(refine_homography(canvas, model))
    mesh = solve_mesh(bent, align(canvas, model, bent, 36, anchor), 2.0, 4.0)
    mesh = refine_mesh(canvas, model, mesh)
    return PageMap(homography, mesh), score_fit(canvas, model, mesh)


def glance(pyramid: Pyramid, model: PageModel, start: Floats) -> float:
    """Recall of a page that is only laid on flat: a tenth of the work of a fit, to choose what is worth one."""
    size = model.page.size_mm
    flat = Mesh.flat(size, *MESH_NODES)
    canvas = Canvas.warp(pyramid, start, size)
    change = solve_homography(model, align(canvas, model, flat, _GLANCE_REACH_PX), np.eye(3), 6.0)
    return recall_of(canvas, model, flat.bent_by(refine_homography(canvas, model, change)))[0]


def _largest_move_mm(change: Floats, size_mm: tuple[float, float]) -> float:
    """How far a homography moves a corner of the page."""
    corners = np.array(Box(0.0, 0.0, *size_mm).corners_mm)
    return float(np.hypot(*(project(change, corners) - corners).T).max())
