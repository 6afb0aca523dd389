"""Finds which page a photo shows and where every point of it lies: the ladder of registration.

With a tag: the tag names page and turn and pins the start. Without: all pages of all known forms compete by their ruled
lines. Either way the page's own rules give the geometry, and the gate has the last word.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ocr_pipeline.errors import PhotoRejected
from ocr_pipeline.imaging.failure import has_rules
from ocr_pipeline.registration.by_lines import compete, tag_confirms
from ocr_pipeline.registration.by_tag import fit_by_tag
from ocr_pipeline.registration.model import PageModel
from ocr_pipeline.registration.neighbours import another_form
from ocr_pipeline.registration.page_fit import PageFit
from ocr_pipeline.registration.patch import Pyramid
from ocr_pipeline.registration.tag import TagSighting, find_tags

BLIND_F, BLIND_LEAD = 0.80, 0.20
"""What a fit needs whose form has a tag that is not seen: agreement, and lead over any other page."""
SURE_F, SURE_RECALL, SURE_LEAD = 0.80, 0.90, 0.12
"""What a fit of a page without a tag needs to be believed..."""
LEAST_F, LEAST_RECALL, LEAST_LEAD = 0.74, 0.84, 0.10
"""...and to be shown to a person. On real photos right fits have at least 0.90, 0.95 and 0.20; the best wrong fits of
photos whose own form was taken out of the library have an F of 0.80 with a third of the page out of the frame, or a
recall of at most 0.87 (docs/architecture.md)."""
TWIN_LEAD = 0.03
"""Least lead of a variant of a form over its other variants, which have most of their rules in common."""
LEAST_VISIBLE = 0.75
"""Share of a page without a tag that has to be in the photo: a corner of one form looks like a corner of another."""


def register(pyramid: Pyramid, models: Sequence[PageModel]) -> PageFit:
    """Places the best page in a photo.

    Args:
        pyramid: of the upright photo.
        models: every page that may be in it.

    Raises:
        PhotoRejected: not_a_form, unknown_form (a tag that no form of the library has), several_forms, cropped,
            not_registered (the caller looks for a better reason).
    """
    if not has_rules(pyramid.level(0)):
        raise PhotoRejected("not_a_form", "hardly a ruled line")
    competing = tuple(models)
    by_tag: dict[int, list[PageModel]] = defaultdict(list)
    for model in competing:
        if model.page.tag is not None:
            by_tag[model.page.tag.id].append(model)
    fit = _by_tag(pyramid, by_tag, find_tags(pyramid, by_tag.keys(), thorough=False))
    if fit is None:
        fit = _by_lines_or_hidden_tag(pyramid, competing, by_tag)
    if another_form(pyramid, fit, competing):
        raise PhotoRejected("several_forms", "a second page lies beside the one found")
    return fit


def _by_tag(
    pyramid: Pyramid, by_tag: Mapping[int, Sequence[PageModel]], sightings: tuple[TagSighting, ...]
) -> PageFit | None:
    known = [s for s in sightings if s.id in by_tag]
    if len(known) > 1:
        raise PhotoRejected("several_forms", "two tags")
    return _best_by_tag(pyramid, by_tag[known[0].id], known[0]) if known else None


def _best_by_tag(pyramid: Pyramid, models: Sequence[PageModel], sighting: TagSighting) -> PageFit:
    """The page a tag names; variants of a form bear the same tag, and their lines tell them apart."""
    if len(models) == 1:
        return fit_by_tag(pyramid, models[0], sighting)
    fits: list[PageFit] = []
    for model in models:
        with suppress(PhotoRejected):
            fits.append(fit_by_tag(pyramid, model, sighting))
    if not fits:
        raise PhotoRejected("not_registered")
    fits.sort(key=lambda f: -f.score.f)
    if len(fits) > 1 and fits[0].score.f - fits[1].score.f < TWIN_LEAD:
        raise PhotoRejected("unknown_form", f"variants {fits[0].score.f:.2f} and {fits[1].score.f:.2f}")
    return fits[0]


def _by_lines_or_hidden_tag(
    pyramid: Pyramid, models: tuple[PageModel, ...], by_tag: Mapping[int, Sequence[PageModel]]
) -> PageFit:
    """The long search for a tag takes as long as all the rest: it is made only where lines leave a doubt."""
    found: PageFit | PhotoRejected
    try:
        found = _by_lines(pyramid, models)
    except PhotoRejected as refusal:
        found = refusal
    if isinstance(found, PageFit) and found.confirmed:
        return found
    sightings = find_tags(pyramid, by_tag.keys())
    tagged = _by_tag(pyramid, by_tag, sightings)
    if tagged is not None:
        return tagged
    if sightings:
        raise PhotoRejected("unknown_form", f"tag {sightings[0].id}")
    if isinstance(found, PhotoRejected):
        raise found
    return found


def _by_lines(pyramid: Pyramid, models: tuple[PageModel, ...]) -> PageFit:
    contest = compete(pyramid, models)
    best = contest.best
    f, recall, lead = best.score.f, best.score.recall, best.score.f - contest.rival
    if f - contest.twin < TWIN_LEAD:
        raise PhotoRejected("unknown_form", f"f {f:.2f}, another variant {contest.twin:.2f}")
    if best.model.page.tag is None:
        confirmed = f >= SURE_F and recall >= SURE_RECALL and lead >= SURE_LEAD
        doubtful = f >= LEAST_F and recall >= LEAST_RECALL and lead >= LEAST_LEAD
        if doubtful and best.score.visible < LEAST_VISIBLE:
            raise PhotoRejected("cropped", f"visible {best.score.visible:.2f}")
    else:
        confirmed = tag_confirms(pyramid, best, models)
        # A hand may cover the tag; then lines alone must be beyond doubt, and a person decides.
        doubtful = f >= BLIND_F and lead >= BLIND_LEAD
    if not confirmed and not doubtful:
        raise PhotoRejected("not_a_form", f"f {f:.2f}, recall {recall:.2f}, lead {lead:.2f}")
    return replace(best, confirmed=confirmed)
