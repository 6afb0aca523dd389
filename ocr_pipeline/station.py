"""The pages of one polling station decided together, from stored evidence: no photo and no model is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ocr_pipeline.decoding.decode import decode
from ocr_pipeline.decoding.policy import Policy
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.recognition.card import DigitCard, shipped_card
from ocr_pipeline.values import DecodedNumbers, NumberEvidence, Quality


@dataclass(frozen=True, slots=True)
class PageEvidence:
    """What one photo says about one page.

    Attributes:
        form: form id.
        page: page of the form, from 1.
        values: field -> value as read from this photo alone; ``None`` where undecided or empty.
        evidence: field -> what the picture says.
        quality: how good the photo is; ``None`` counts as the worst.
        key: the caller's name of this photo or reading, given back in :attr:`StationRead.chosen`.
    """

    form: str
    page: int
    values: Mapping[str, int | None]
    evidence: Mapping[str, NumberEvidence]
    quality: Quality | None
    key: str


@dataclass(frozen=True, slots=True)
class StationRead:
    """One polling station as decided.

    Attributes:
        decoded: its numbers, all rules of the form, and the verdict.
        chosen: page -> key of the photo that counts.
        differing: fields that two photos of one page read differently; all of them go to a person.
    """

    decoded: DecodedNumbers
    chosen: Mapping[int, str]
    differing: frozenset[str]


def decide_station(pages: Sequence[PageEvidence], form: FormDefinition, policy: Policy) -> StationRead:
    """Decide the pages of one station together, rules across pages included.

    Of several photos of one page one counts: the one with more placed numbers; then the one whose boxes are larger
    measured in its own blur (sharpness times px per box); then the later in ``pages``. A number that another photo of
    the page reads differently, or not at all, goes to a person (they may be of two stations): it counts as not placed,
    and its ``why`` says ``low_confidence`` like every number that was not placed. Evidence of other forms is left out.

    Args:
        pages: in the order in which the photos came.
        form: the station's form.
        policy: thresholds.

    Raises:
        ValueError: evidence that does not belong to the form, see :func:`~ocr_pipeline.decoding.decode.decode`.
    """
    of_page: dict[int, list[PageEvidence]] = {}
    for each in pages:
        if each.form == form.id:
            of_page.setdefault(each.page, []).append(each)
    evidence: dict[str, NumberEvidence] = {}
    chosen: dict[int, str] = {}
    differing: set[str] = set()
    for page in sorted(of_page):
        photos = of_page[page]
        # max takes the first of equals, and the later photo is to win.
        best = max(reversed(photos), key=_goodness)
        chosen[page] = best.key
        for field, own in best.evidence.items():
            same = len({photo.values.get(field) for photo in photos}) == 1
            evidence[field] = own if same else replace(own, placed=False)
            if not same:
                differing.add(field)
    return StationRead(decode(form, evidence, form.measured_fields, policy), chosen, frozenset(differing))


@cache
def default_policy() -> Policy:
    """The decoder's policy with what the shipped digit model's card says.

    Raises:
        ModelError: the model or its card is missing or damaged.
    """
    return policy_of(shipped_card())


def policy_of(card: DigitCard) -> Policy:
    """The decoder's policy for a digit model."""
    return Policy(box_alone=card.accept_probability)


def _goodness(photo: PageEvidence) -> tuple[int, float]:
    placed = sum(e.placed for e in photo.evidence.values())
    return placed, 0.0 if photo.quality is None else photo.quality.sharpness * photo.quality.px_per_box
