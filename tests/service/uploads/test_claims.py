"""What clients say about their photos, taken apart."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ServiceError
from service.uploads.checks import warnings_of
from service.uploads.claims import Claim, claim_from_text, parse_metadata
from service.uploads.resumable import parse_checksum

KEYS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"], exclude_characters=","), min_size=1)


T = TypeVar("T")


def outcome(work: Callable[[], T]) -> tuple[T | None, str | None]:
    """What it returned, and the code it refused with; anything else it raises is a failure."""
    try:
        return work(), None
    except ServiceError as error:
        return None, error.code


@given(st.dictionaries(KEYS, st.text(st.characters(exclude_categories=["Cs"]))))
def test_metadata_comes_back(values: dict[str, str]) -> None:
    header = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}".strip() for key, value in values.items())
    if len(header) > 8192:
        return
    assert parse_metadata(header) == values


@given(st.text(max_size=300))
def test_any_header_is_understood_or_refused(header: str) -> None:
    found, code = outcome(lambda: parse_metadata(header))
    assert code in (None, "bad_request")
    assert all(key.isascii() and " " not in key for key in found or {})


@given(
    st.dictionaries(
        st.sampled_from(["election", "tps", "page", "captured_at", "sha256", "replaces", "filename", "filetype", "x"]),
        st.text(max_size=60),
    )
)
def test_any_text_is_a_claim_or_refused(values: dict[str, str]) -> None:
    claim, code = outcome(lambda: claim_from_text(values))
    assert code in (None, "invalid_fields")
    assert claim is None or len(claim.tps) == 13


@given(st.text(max_size=80))
def test_any_checksum_is_understood_or_refused(header: str) -> None:
    checksum, code = outcome(lambda: parse_checksum(header))
    assert code in (None, "bad_request")
    assert checksum is None or len(checksum.digest) in (20, 32)


WHOLE = {"election": "ppwp-2024", "tps": "1871011001001"}


def test_a_whole_claim() -> None:
    claim = claim_from_text(
        {
            **WHOLE,
            "page": "2",
            "captured_at": "2024-02-14T18:00:00+07:00",
            "sha256": "AB" * 32,
            "filename": " ../../C\u00e9\x00\n1.jpg\ud800",
            "filetype": "",
        }
    )
    assert claim.captured_at == datetime(2024, 2, 14, 11, tzinfo=UTC)
    assert claim.sha256 == "ab" * 32
    assert claim.filename == "../../C\u00e91.jpg"
    assert (claim.page, claim.filetype, claim.replaces) == (2, None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("election", "../x"),
        ("tps", "187101100100"),
        ("tps", "18710110010011"),
        ("tps", "١٨٧١٠١١٠٠١٠٠١"),
        ("page", "0"),
        ("page", "two"),
        ("captured_at", "2024-02-14T18:00:00"),
        ("captured_at", "0001-01-01T00:00:00+14:00"),
        ("captured_at", "yesterday"),
        ("captured_at", "1707908400"),
        ("sha256", "ab" * 31),
        ("replaces", "x" * 32),
    ],
)
def test_a_field_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ServiceError, match="invalid_fields") as caught:
        claim_from_text({**WHOLE, name: value})
    assert [field["field"] for field in caught.value.details["fields"]] == [name]
    assert value not in str(caught.value.details["fields"][0]["field"])


NOW = datetime(2026, 2, 14, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("off_by", "warned"),
    [
        (timedelta(minutes=9), False),
        (timedelta(minutes=11), True),
        (timedelta(days=-29), False),
        (timedelta(days=-31), True),
    ],
)
def test_a_clock_far_off_is_a_warning(off_by: timedelta, warned: bool) -> None:
    claim = Claim(election="ppwp-2024", tps="1871011001001", captured_at=NOW + off_by)
    assert [warning["code"] for warning in warnings_of(claim, NOW)] == ["clock_off"] * warned


def test_no_clock_no_warning() -> None:
    assert warnings_of(Claim(election="ppwp-2024", tps="1871011001001"), NOW) == []
