"""Fingerprints of handwriting on cells drawn here: frames, guides, and strokes of different hands."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.errors import EvidenceError
from ocr_pipeline.recognition.digits import prepare_cell
from ocr_pipeline.recognition.handwriting import (
    LEAST_BOXES,
    LONGEST_BUCKET,
    MOST_BOXES,
    SAME_SHEET,
    Cells,
    Fingerprint,
    box_likeness,
    fingerprint,
    handwriting_buckets,
    likeness,
    sheet_name,
)
from ocr_pipeline.values import Grey

SHEET = sheet_name("c-hasil-ppwp-2024", 2)
SIDE_PX = 48
BOXES = 9


def empty_box(shift: tuple[int, int] = (0, 0), guide: bool = True) -> Grey:
    """A printed box as the reader cuts it, with dotted guides."""
    box = np.full((SIDE_PX, SIDE_PX), 225, np.uint8)
    x, y = shift
    cv2.rectangle(box, (4 + x, 4 + y), (43 + x, 43 + y), 40, 2)
    if guide:
        for at in range(12, 38, 3):
            for across in (16, 24, 32):
                box[at + y, across + x] = 200
                box[across + y, at + x] = 200
    return box


def written_box(hand: int, number: int, shift: tuple[int, int] = (0, 0), level: int = 60) -> Grey:
    """Three strokes that this hand writes in this box."""
    rng = np.random.default_rng([hand, number])
    box = empty_box(shift)
    points = rng.integers(12, 36, (4, 2))
    cv2.polylines(box, [(points + shift).astype(np.int32)], False, level, 2, cv2.LINE_AA)
    return box


def prepared(boxes: list[Grey]) -> list[Cells | None]:
    return [prepare_cell(box) for box in boxes]


def page(hand: int, shift: tuple[int, int] = (0, 0), boxes: int = BOXES) -> Fingerprint:
    found = fingerprint(SHEET, prepared([written_box(hand, i, shift) for i in range(boxes)]))
    assert found is not None
    return found


def test_one_sheet_is_wholly_like_itself() -> None:
    assert likeness(page(1), page(1)) == pytest.approx(1)


@pytest.mark.parametrize("shift", [(1, 0), (0, -1), (-1, 1), (2, 2), (-2, 1)])
def test_boxes_cut_a_little_off_are_one_sheet_all_the_same(shift: tuple[int, int]) -> None:
    assert likeness(page(1), page(1, shift)) >= SAME_SHEET


def test_other_writing_is_another_sheet() -> None:
    values = [likeness(page(1), page(hand)) for hand in range(2, 30)]
    assert max(values) < SAME_SHEET


def test_two_boxes_in_three_of_another_sheet_are_not_enough() -> None:
    mixed = [written_box(1 if i % 3 else 2, i) for i in range(BOXES)]
    other = fingerprint(SHEET, prepared(mixed))
    assert other is not None
    assert likeness(page(1), other) < SAME_SHEET


def test_light_and_shade_do_not_matter() -> None:
    ramp = np.linspace(0.5, 1, SIDE_PX)[:, None]
    shaded = [(box * ramp).astype(np.uint8) for box in (written_box(1, i) for i in range(BOXES))]
    found = fingerprint(SHEET, prepared(shaded))
    assert found is not None
    assert likeness(page(1), found) >= SAME_SHEET


@pytest.mark.parametrize("guide", [True, False])
def test_print_is_no_handwriting(guide: bool) -> None:
    assert fingerprint(SHEET, prepared([empty_box(guide=guide)] * 20)) is None


def test_a_shadow_across_empty_boxes_is_no_handwriting() -> None:
    shadow = empty_box()
    shadow[20:] = (shadow[20:] * 0.9).astype(np.uint8)
    assert fingerprint(SHEET, prepared([shadow] * 20)) is None


def test_too_few_written_boxes_have_no_fingerprint() -> None:
    written = [written_box(1, i) for i in range(LEAST_BOXES)]
    empty = [empty_box()] * 10
    assert fingerprint(SHEET, prepared(written + empty)) is not None
    assert fingerprint(SHEET, prepared(written[1:] + empty)) is None
    assert fingerprint(SHEET, []) is None


def test_boxes_that_were_not_found_or_are_empty_are_not_compared() -> None:
    cells = prepared([written_box(1, i) for i in range(BOXES)])
    cells[2] = None
    cells[5] = prepare_cell(empty_box())
    part = fingerprint(SHEET, cells)
    assert part is not None
    assert set(box_likeness(page(1), part)) == set(range(BOXES)) - {2, 5}
    assert likeness(page(1), part) == pytest.approx(1)


def test_too_few_boxes_in_common_are_never_alike() -> None:
    cells = prepared([written_box(1, i) for i in range(2 * LEAST_BOXES)])
    some = fingerprint(SHEET, cells[: LEAST_BOXES + 1])
    rest = fingerprint(SHEET, [None] * LEAST_BOXES + cells[LEAST_BOXES:])
    assert some is not None
    assert rest is not None
    assert likeness(some, rest) == 0


def test_pages_of_different_print_are_never_alike() -> None:
    cells = prepared([written_box(1, i) for i in range(BOXES)])
    other = fingerprint(sheet_name("c-hasil-ppwp-2024", 3), cells)
    assert other is not None
    assert likeness(page(1), other) == 0
    assert box_likeness(page(1), other) == {}


def test_a_fingerprint_stays_small_on_a_page_of_many_boxes() -> None:
    full = page(1, boxes=256)
    assert len(full) == len(page(1, boxes=MOST_BOXES)) < 3_200
    assert len(page(1)) < 100 * BOXES
    with pytest.raises(ValueError, match="257 boxes"):
        page(1, boxes=257)


def random_page(seed: int) -> Fingerprint:
    cells = np.random.default_rng(seed).uniform(-0.5, 1.5, (BOXES, 40, 40)).astype(np.float32)
    found = fingerprint(SHEET, list(cells))
    assert found is not None
    return found


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_likeness_lies_between_0_and_1_and_does_not_depend_on_the_order(one: int, other: int) -> None:
    a, b = random_page(one), random_page(other)
    assert 0 <= likeness(a, b) <= 1
    assert likeness(a, b) == pytest.approx(likeness(b, a))


@pytest.mark.parametrize("damage", [b"", b"HW", b"XX" + bytes(91), b"HW\x02" + bytes(90)])
def test_what_is_no_fingerprint_says_so(damage: bytes) -> None:
    with pytest.raises(EvidenceError):
        likeness(page(1), damage)
    with pytest.raises(EvidenceError):
        likeness(damage, page(1))


def test_a_cut_fingerprint_says_so() -> None:
    with pytest.raises(EvidenceError):
        likeness(page(1), page(1)[:-1])


READ = {"paslon_1": 92, "paslon_2": 111, "paslon_3": 48}


def test_every_pair_of_three_numbers_is_a_key() -> None:
    keys = handwriting_buckets(SHEET, READ)
    assert len(set(keys)) == 3
    assert keys[0] == "c-hasil-ppwp-2024/2|paslon_1=92|paslon_2=111"


@pytest.mark.parametrize("field", READ)
@pytest.mark.parametrize("seen", [77, None, 3])
def test_one_number_misread_or_unread_leaves_a_key_in_common(field: str, seen: int | None) -> None:
    assert set(handwriting_buckets(SHEET, READ)) & set(handwriting_buckets(SHEET, READ | {field: seen}))


def test_two_numbers_misread_leave_none() -> None:
    other = handwriting_buckets(SHEET, READ | {"paslon_1": 77, "paslon_2": 78})
    assert not set(handwriting_buckets(SHEET, READ)) & set(other)


def test_the_order_of_the_numbers_does_not_matter() -> None:
    assert handwriting_buckets(SHEET, dict(reversed(READ.items()))) == handwriting_buckets(SHEET, READ)


def test_unread_and_short_numbers_are_no_key() -> None:
    assert handwriting_buckets(SHEET, {"a": None, "b": 9, "c": 0, "d": 120}) == ()
    assert len(handwriting_buckets(SHEET, {"a": 10, "b": 99})) == 1


def test_keys_of_other_pages_differ_and_none_is_too_long() -> None:
    assert not set(handwriting_buckets("x/1", READ)) & set(handwriting_buckets("x/2", READ))
    long = {f"{letter * 60}": 100 for letter in "abc"}
    keys = handwriting_buckets(SHEET, long)
    assert len(set(keys)) == 3
    assert all(len(key) <= LONGEST_BUCKET for key in keys)
