"""Whatever happens to a photo, its sender is told what to do, in both languages."""

import pytest

from ocr_pipeline.errors import REASONS
from service.photos.advice import ADVICE, advice, failure_words, reason_words
from service.photos.alarms import KINDS, words_of
from service.report.words import Words


@pytest.mark.parametrize("state", ["received", "failed", "withdrawn"])
def test_every_state_has_advice(state: str) -> None:
    assert advice(state, None, None) == ADVICE[state]


@pytest.mark.parametrize("outcome", ["accepted", "review"])
def test_read_photos_are_advised_by_outcome(outcome: str) -> None:
    assert advice("read", outcome, None) == ADVICE[outcome]


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_refused_photos_are_advised_by_reason(reason: str) -> None:
    assert advice("read", "rejected", reason) == Words(*REASONS[reason])


def test_what_a_photo_is_no_more_goes_first() -> None:
    assert advice("withdrawn", "rejected", "blurred", replaced=True, erased=True) == ADVICE["erased"]
    assert advice("withdrawn", "accepted", None, replaced=True) == ADVICE["withdrawn"]
    assert advice("read", "rejected", "blurred", replaced=True) == ADVICE["replaced"]


@pytest.mark.parametrize("code", ["reader_crashed", "reader_timeout", "blob_missing"])
def test_failures_have_words_of_their_own(code: str) -> None:
    assert failure_words(code) != ADVICE["failed"]


def test_codes_of_a_newer_program_have_words_too() -> None:
    for words in (reason_words("torn_in_two"), failure_words("sunspots"), words_of("eclipse")):
        assert words.id
        assert words.en
    assert all(words.id and words.en for words in [*ADVICE.values(), *KINDS.values()])
