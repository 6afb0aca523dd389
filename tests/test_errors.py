import re

import pytest

from ocr_pipeline.errors import (
    REASONS,
    DefinitionError,
    EvidenceError,
    LabelsError,
    ModelError,
    PhotoRejected,
    TurusError,
    UnknownFormError,
)
from ocr_pipeline.imaging.files import LIMITS

CONTRACT = [
    "missing",
    "not_a_file",
    "unreadable_file",
    "encrypted",
    "animated",
    "too_large",
    "not_a_form",
    "unknown_form",
    "wrong_form",
    "wrong_page",
    "several_forms",
    "not_registered",
    "cropped",
    "blurred",
    "too_dark",
    "glare",
    "low_resolution",
]
"""Reasons of the reading contract: other programs rely on the words."""

EVERY_KIND: list[tuple[TurusError, str]] = [
    (DefinitionError("uji.toml", ("the form has no pages", "rule x: no terms")), "bad_definition"),
    (UnknownFormError("c-hasil-dpr-2024", ("c-hasil-ppwp-2024",)), "unknown_form"),
    (ModelError("kartu hilang", "the card is missing"), "bad_model"),
    (LabelsError("baris 3 bukan JSON", "line 3 is not JSON"), "bad_labels"),
    (EvidenceError("isinya rusak", "damaged"), "bad_evidence"),
    *((PhotoRejected(reason), reason) for reason in CONTRACT),
]


@pytest.mark.parametrize(("error", "code"), EVERY_KIND, ids=[code for _, code in EVERY_KIND])
def test_every_error_has_a_code_and_speaks_both_languages(error: TurusError, code: str) -> None:
    assert isinstance(error, TurusError)
    assert error.code == code
    assert re.fullmatch(r"[a-z_]+", error.code)
    assert error.message_id != error.message_en
    for message in (error.message_id, error.message_en):
        assert message.strip() == message
        assert message[0].isupper()
        assert message.endswith(".")
        assert "{" not in message
    assert code in str(error)


def test_the_reasons_are_those_of_the_contract() -> None:
    assert list(REASONS) == CONTRACT


def test_every_reason_tells_the_officer_what_to_do() -> None:
    """One sentence says what is wrong, another what to do next."""
    for reason, (message_id, message_en) in REASONS.items():
        assert message_id.count(".") >= 2, reason
        assert message_en.count(".") >= 2, reason
    assert len({m for pair in REASONS.values() for m in pair}) == 2 * len(REASONS)


def test_the_limits_in_the_advice_are_those_that_are_held() -> None:
    for message in REASONS["too_large"]:
        assert re.findall(r"\d+", message) == [
            str(LIMITS.file_bytes // 2**20),
            str(LIMITS.pixels // 1_000_000),
            str(LIMITS.pages),
        ]


def test_the_table_of_reasons_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        REASONS["blurred"] = ("", "")  # type: ignore[index]


def test_a_reason_outside_the_table_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        PhotoRejected("buram")


def test_the_detail_is_for_the_log_and_not_for_the_officer() -> None:
    refusal = PhotoRejected("blurred", "sigma 4.2 px")
    assert refusal.detail == "sigma 4.2 px"
    assert "sigma" not in refusal.message_id + refusal.message_en
    assert PhotoRejected("blurred").detail is None


def test_a_definition_error_carries_its_problems_one_by_one_and_in_the_message() -> None:
    problems = ("the form has no pages", "rule x: no terms")
    error = DefinitionError("uji.toml", problems)
    assert error.problems == problems
    for problem in problems:
        assert problem in error.message_id
        assert problem in error.message_en


def test_what_was_asked_for_and_what_there_is_are_both_named() -> None:
    error = UnknownFormError("c-hasil-dpr-2024", ("a-1", "b-2"))
    for message in (error.message_id, error.message_en):
        assert "c-hasil-dpr-2024" in message
        assert "a-1, b-2" in message


def test_one_except_clause_catches_them_all() -> None:
    for error, _ in EVERY_KIND:
        with pytest.raises(TurusError):
            raise error
