"""Evidence as bytes: the same to the last bit, and a damaged blob says so."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ocr_pipeline.errors import EvidenceError
from ocr_pipeline.evidence_codec import pack_evidence, unpack_evidence
from ocr_pipeline.values import CLASSES, NO_BUBBLE, Floats, NumberEvidence
from tests.decoding.build import seen

ANY_FLOAT = st.floats(width=64)
"""Infinities, every NaN, negative zero and subnormals among them."""


def floats(rows: int, columns: int) -> st.SearchStrategy[Floats]:
    return hnp.arrays(np.float64, (rows, columns), elements=ANY_FLOAT)


@st.composite
def numbers(draw: st.DrawFn) -> NumberEvidence:
    boxes = draw(st.integers(0, 5))
    bubbled = draw(st.booleans())
    return NumberEvidence(
        field=draw(st.text(max_size=20)),
        boxes=draw(floats(boxes, len(CLASSES))),
        bubbles=draw(floats(boxes, NO_BUBBLE + 1)) if bubbled else None,
        bubble_marks=draw(st.text("0123456789_?", min_size=boxes, max_size=boxes)) if bubbled else None,
        placed=draw(st.booleans()),
        quad_photo=draw(floats(4, 2)),
        crossed_out=draw(st.booleans()),
        words_quad_photo=draw(floats(4, 2)) if draw(st.booleans()) else None,
    )


def same_bits(one: Floats | None, other: Floats | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


@given(st.lists(numbers(), max_size=4, unique_by=lambda n: n.field))
def test_what_is_packed_comes_back_bit_for_bit(given_numbers: list[NumberEvidence]) -> None:
    evidence = {n.field: n for n in given_numbers}
    back = unpack_evidence(pack_evidence(evidence))
    assert list(back) == list(evidence)
    for field, one in evidence.items():
        other = back[field]
        assert (other.field, other.bubble_marks, other.placed, other.crossed_out) == (
            one.field, one.bubble_marks, one.placed, one.crossed_out,
        )  # fmt: skip
        assert same_bits(one.boxes, other.boxes)
        assert same_bits(one.bubbles, other.bubbles)
        assert same_bits(one.quad_photo, other.quad_photo)
        assert same_bits(one.words_quad_photo, other.words_quad_photo)


def page() -> dict[str, NumberEvidence]:
    return {f"n{i}": seen(f"n{i}", "X12", "012") for i in range(4)}


def test_the_arrays_that_come_back_are_read_only() -> None:
    back = unpack_evidence(pack_evidence(page()))
    with pytest.raises(ValueError, match="read-only"):
        back["n0"].boxes[0, 0] = 0


def test_the_same_evidence_gives_the_same_bytes() -> None:
    assert pack_evidence(page()) == pack_evidence(page())


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    packed = bytearray(pack_evidence(page()))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    try:
        back = unpack_evidence(bytes(packed))
    except EvidenceError:
        return
    # A few bits of a zlib stream mean nothing (its announced effort); then all must be as it was.
    assert pack_evidence(back) == pack_evidence(page())


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_cut_blob_is_damaged(share: float) -> None:
    packed = pack_evidence(page())
    with pytest.raises(EvidenceError):
        unpack_evidence(packed[: int(share * len(packed))])


@given(st.binary(max_size=200))
def test_random_bytes_are_damaged_and_nothing_worse(data: bytes) -> None:
    for start in (b"", b"TE\x01", b"TE\x02"):
        with pytest.raises(EvidenceError):
            unpack_evidence(start + data)


def test_evidence_stored_by_the_first_version_is_still_read() -> None:
    floats = np.arange(2 * 13 + 8 + 2 * 11, dtype="<f8")
    planes = floats.view(np.uint8).reshape(-1, 8).T.tobytes()
    old = b"TE\x01" + blob(b'[["paslon_1",2,2,"4_",1,0]]', planes)[3:]

    found = unpack_evidence(old)["paslon_1"]

    assert (found.field, found.bubble_marks, found.placed, found.crossed_out) == ("paslon_1", "4_", True, False)
    assert found.words_quad_photo is None
    assert found.boxes.ravel().tolist() == list(range(26))
    assert found.quad_photo.ravel().tolist() == list(range(26, 34))
    assert found.bubbles is not None
    assert found.bubbles.ravel().tolist() == list(range(34, 56))
    assert unpack_evidence(pack_evidence({"paslon_1": found}))["paslon_1"].words_quad_photo is None


def blob(header: bytes, floats: bytes = b"") -> bytes:
    return b"TE\x02" + zlib.compress(len(header).to_bytes(4, "big") + header + floats)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"7",
        b"{}x",
        b'[["a",1,null,null,1,0]]',
        b'[["a",1,null,null,1,0,0]]',
        b'[["a",-1,null,null,1,0,0]]',
        b'[["a",1e9,null,null,1,0,0]]',
        b'[["a",9999999999999999999999,null,null,1,0,0]]',
        b'[["a",0,null,null,1,0,1]]',
        b"[[7,0,null,null,1,0,0]]",
        b"[" * 100_000,
    ],
)
def test_a_header_that_makes_no_sense_is_damage(header: bytes) -> None:
    with pytest.raises(EvidenceError):
        unpack_evidence(blob(header))


def test_left_over_floats_and_left_over_bytes_are_damage() -> None:
    with pytest.raises(EvidenceError):
        unpack_evidence(blob(b"[]", bytes(8)))
    with pytest.raises(EvidenceError):
        unpack_evidence(pack_evidence(page()) + b"\0")


def test_a_small_blob_cannot_unpack_to_a_huge_one() -> None:
    with pytest.raises(EvidenceError):
        unpack_evidence(blob(b"[]", bytes(64 * 1024 * 1024)))


def test_another_version_is_named_as_such() -> None:
    for version in (0, 3, 255):
        with pytest.raises(EvidenceError, match="version"):
            unpack_evidence(b"TE" + bytes([version]) + pack_evidence(page())[3:])


@pytest.mark.parametrize(
    "wrong",
    [
        {"b": seen("a", "X12")},
        {"a": seen("a", np.zeros((3, 12)))},
        {"a": seen("a", np.zeros((3, 13), np.float32))},
    ],
)
def test_evidence_that_is_none_is_a_programming_error(wrong: dict[str, NumberEvidence]) -> None:
    with pytest.raises(ValueError, match=r"evidence of a under b|an array of"):
        pack_evidence(wrong)
