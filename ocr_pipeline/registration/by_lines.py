"""Finding form, page, turn and place by ruled lines alone: every page of every known form competes."""

from dataclasses import dataclass, replace

import numpy as np

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.forms.definition import Box
from ocr_pipeline.registration.coarse import Guess, search
from ocr_pipeline.registration.gate import tag_correlations
from ocr_pipeline.registration.model import PageModel, twins
from ocr_pipeline.registration.page_fit import PageFit, fit_page, glance
from ocr_pipeline.registration.page_map import PageMap
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.ridges import WORK_LONG_SIDE
from ocr_pipeline.registration.view import rectified_view
from ocr_pipeline.values import Floats

CLEAR_SCORE, CLEAR_LEAD = 0.60, 0.10
"""A guess this good, and this much better than every other page and turn, is fitted alone."""
HOPELESS_SCORE = 0.40
"""Nothing is fitted where no guess reaches this: right ones on real photos have 0.46 and more."""
GOOD_F, GOOD_RECALL = 0.72, 0.88
"""A fit this good ends the search."""
WORTH_A_SECOND_LOOK = 0.62
"""A fit below "good" gets a closer look, if its recall is at least this good."""
TAG_CORRELATION, TAG_LEAD = 0.40, 0.25
"""Least correlation of the place of the printed tag with that tag, and its least lead over every other tag. On real
photos whose tag could not be (or was not) decoded: at least 0.45 and 0.36; on other forms at most 0.47 and 0.09."""
_SEARCH_LONG_SIDE = 1000
"""Long side in px of the smaller picture."""
_GLANCES, _FAR_BEHIND, _FITS = 6, 0.15, 2
"""In doubt at most so many guesses, none further behind the best, are laid on roughly, and the best of them fitted."""
_CLEAR_RECALL, _CLEAR_RECALL_LEAD = 0.85, 0.15
"""A guess that is so good at a glance, and so much better than the others, is fitted alone."""
_SMALLEST_CROP_PX = 300


@dataclass(frozen=True, slots=True)
class Contest:
    """Fits of the most promising pages, best first, and how good the best page's best rival looked.

    Attributes:
        fits: at least one.
        rival: agreement (F) of the best fit of a page with other rules or, where none was worth fitting, the score of
            its guess.
        twin: agreement of the best page that has nearly the same rules (another variant of the form); 0 without any.
    """

    fits: tuple[PageFit, ...]
    rival: float
    twin: float = 0.0

    @property
    def best(self) -> PageFit:
        """The winner."""
        return self.fits[0]


def compete(pyramid: Pyramid, models: tuple[PageModel, ...]) -> Contest:
    """Lets all pages compete for a photo.

    Raises:
        PhotoRejected: ``not_a_form``, when no page's lines look like those of the photo.
    """
    contest = _contest(pyramid, models)
    if contest is None:
        raise PhotoRejected("not_a_form", "no guess worth fitting")
    best = contest.best
    if not is_good(best) and best.score.recall >= WORTH_A_SECOND_LOOK:
        closer = _closer_look(pyramid, best)
        if closer is not None and closer.score.f > best.score.f:
            contest = replace(contest, fits=(closer, *contest.fits))
    return _among_twins(pyramid, contest, models)


def _among_twins(pyramid: Pyramid, contest: Contest, models: tuple[PageModel, ...]) -> Contest:
    """Guesses cannot tell variants of a form apart: all of them are laid where the winner lies, and the best wins."""
    best = contest.best
    alike = twins(best.model, models)
    if not alike:
        return contest
    start = best.page_map.homography
    laid = [PageFit(m, best.turn, *fit_page(pyramid, m, start, anchored=False), confirmed=False) for m in alike]
    ranked = sorted([best, *laid], key=lambda f: -f.score.f)
    return Contest(tuple(ranked), contest.rival, ranked[1].score.f)


def tag_confirms(pyramid: Pyramid, fit: PageFit, models: tuple[PageModel, ...]) -> bool:
    """Whether the printed tag can be seen, if not decoded, where the fit puts it."""
    tag = fit.model.page.tag
    ids = tuple(m.page.tag.id for m in models if m.page.tag is not None)
    found = tag_correlations(pyramid, fit.page_map, fit.model.page, ids)
    if tag is None or not found:
        return False
    others = max((c for i, c in found.items() if i != tag.id), default=-1.0)
    return found[tag.id] >= TAG_CORRELATION and found[tag.id] - others >= TAG_LEAD


def is_good(fit: PageFit) -> bool:
    """Whether a fit is so good that none better is looked for."""
    return fit.score.f >= GOOD_F and fit.score.recall >= GOOD_RECALL


def _contest(pyramid: Pyramid, models: tuple[PageModel, ...]) -> Contest | None:
    """Searched in a smaller picture, where soft rules are found, and in doubt in a larger one, for rules in noise."""
    starts = _guesses(pyramid, models, _SEARCH_LONG_SIDE)
    chosen = starts[:1] if _is_clear(starts) else _seen_at_a_glance(pyramid, starts, models)
    if not chosen:
        starts = sorted([*starts, *_guesses(pyramid, models, WORK_LONG_SIDE)], key=lambda s: -s[0].score)
        chosen = [start for _, start in _glances(pyramid, starts, models)[:_FITS]]
    fits = [
        PageFit(guess.model, guess.turn, *fit_page(pyramid, guess.model, start, anchored=False), confirmed=False)
        for guess, start in chosen
    ]
    if not fits:
        return None
    fits.sort(key=lambda f: -f.score.f)
    family = _family(fits[0].model, models)
    fitted = {f.model.key for f in fits}
    rivals = [f.score.f for f in fits if f.model.key not in family]
    rivals += [g.score for g, _ in starts if g.model.key not in fitted and g.model.key not in family]
    return Contest(tuple(fits), max(rivals, default=0.0))


def _seen_at_a_glance(
    pyramid: Pyramid, starts: list[tuple[Guess, Floats]], models: tuple[PageModel, ...]
) -> list[tuple[Guess, Floats]]:
    """The one guess that a glance shows to be right, or none: pages of equal rows look much like themselves turned."""
    glances = _glances(pyramid, starts, models) if starts and starts[0][0].score >= CLEAR_SCORE else []
    if not glances or glances[0][0] < _CLEAR_RECALL:
        return []
    recall, best = glances[0]
    others = [r for r, (g, _) in glances if (g.model.key, g.turn) != (best[0].model.key, best[0].turn)]
    return [best] if not others or recall - max(others) >= _CLEAR_RECALL_LEAD else []


def _glances(
    pyramid: Pyramid, starts: list[tuple[Guess, Floats]], models: tuple[PageModel, ...]
) -> list[tuple[float, tuple[Guess, Floats]]]:
    """The best guesses laid on roughly, with their recall, best first; of a page and its twins, those of the best."""
    least = max([HOPELESS_SCORE, *(guess.score - _FAR_BEHIND for guess, _ in starts[:1])])
    hopeful = [(guess, start) for guess, start in starts[:_GLANCES] if guess.score >= least]
    ranked = sorted(((glance(pyramid, g.model, start), (g, start)) for g, start in hopeful), key=lambda r: -r[0])
    first: dict[tuple[tuple[str, int], int], PageModel] = {}
    for _, (guess, _) in ranked:
        first.setdefault((_family(guess.model, models)[0], guess.turn), guess.model)
    return [r for r in ranked if r[1][0].model is first[_family(r[1][0].model, models)[0], r[1][0].turn]]


def _family(model: PageModel, models: tuple[PageModel, ...]) -> list[tuple[str, int]]:
    """Keys of a page and its twins, sorted."""
    return sorted(m.key for m in (model, *twins(model, models)))


def _guesses(pyramid: Pyramid, models: tuple[PageModel, ...], long_side_px: int) -> list[tuple[Guess, Floats]]:
    """Guesses in one picture size, best first, each with photo px from page mm."""
    view = rectified_view(pyramid, long_side_px)
    if view is None:
        return []
    photo_from_rect = np.linalg.inv(view.rect_from_photo)
    return [(guess, photo_from_rect @ guess.rect_from_page) for guess in search(view.lines, models)]


def _is_clear(starts: list[tuple[Guess, Floats]]) -> bool:
    if not starts or starts[0][0].score < CLEAR_SCORE:
        return False
    return len(starts) == 1 or starts[0][0].score - starts[1][0].score >= CLEAR_LEAD


def _closer_look(pyramid: Pyramid, weak: PageFit) -> PageFit | None:
    """The same page again in the part of the picture where it was found: no lines of its surroundings mislead now."""
    corners = weak.page_map.to_photo(np.array(Box(0.0, 0.0, *weak.model.page.size_mm).corners_mm))
    grey = pyramid.level(0)
    spare = 0.05 * np.ptp(corners, axis=0)
    low = np.maximum(np.floor(corners.min(0) - spare), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(0) + spare), (grey.shape[1], grey.shape[0])).astype(int)
    if (high - low).min() < _SMALLEST_CROP_PX:
        return None
    contest = _contest(Pyramid(np.ascontiguousarray(grey[low[1] : high[1], low[0] : high[0]])), (weak.model,))
    if contest is None:
        return None
    found = contest.best
    back = np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
    return replace(found, page_map=PageMap(back @ found.page_map.homography, found.page_map.mesh))
