"""The handwriting of whole pages, from files: one sheet in two photos, and equal numbers by another hand."""

import itertools
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.evaluation.degrade import DEGRADATIONS
from ocr_pipeline.reader import Reader
from ocr_pipeline.recognition.handwriting import SAME_SHEET, Fingerprint, handwriting_buckets, likeness, sheet_name
from ocr_pipeline.synthesis.draw import draw_page
from ocr_pipeline.synthesis.fill import fill_page, write_station
from ocr_pipeline.synthesis.handwriting import random_writer
from ocr_pipeline.synthesis.photograph import PhotoSettings, photograph
from ocr_pipeline.synthesis.surface import Shape, View
from ocr_pipeline.values import Grey
from tests.reader.photos import FORM, LONG_SIDE_PX, PLAIN, read_one

SCALE = 3.0
VALUES = {**{n.field: 12 for n in FORM.numbers}, "paslon_1": 92, "paslon_2": 111, "paslon_3": 48}
ANOTHER_PHOTO = PhotoSettings(
    long_side_px=LONG_SIDE_PX + 300,
    shape=Shape(curl_mm=9),
    view=View(roll_deg=-4, tilt_deg=12, share=0.9),
    blur_px=0.5,
    exposure=0.6,
    jpeg_quality=70,
)


def sheet(hand: int, page: int = 2) -> Grey:
    """Page filled by one hand; every hand writes the same numbers."""
    rng = np.random.default_rng([hand, page])
    picture = draw_page(FORM.page(page), SCALE)
    station = write_station(FORM, VALUES, random_writer(rng, "X"), rng)
    fill_page(picture, SCALE, FORM.page(page), station, rng)
    return picture


def read(reader: Reader, picture: Grey, settings: PhotoSettings, folder: Path) -> tuple[Fingerprint, tuple[str, ...]]:
    path = folder / "foto.jpg"
    path.write_bytes(photograph(picture, SCALE, settings, np.random.default_rng(1)).encode())
    result = read_one(reader, path)
    assert result.fingerprint is not None
    assert result.read.form is not None
    assert result.read.page is not None
    values = {field: n.value for field, n in result.read.numbers.items()}
    return result.fingerprint, handwriting_buckets(sheet_name(result.read.form, result.read.page), values)


@pytest.mark.parametrize("page", [1, 2])
def test_two_photos_of_one_sheet_are_recognised(reader: Reader, tmp_path: Path, page: int) -> None:
    paper = sheet(1, page)
    one, keys = read(reader, paper, PLAIN, tmp_path)
    other, other_keys = read(reader, paper, ANOTHER_PHOTO, tmp_path)
    assert one != other
    assert likeness(one, other) >= SAME_SHEET
    assert set(keys) & set(other_keys)
    assert max(len(one), len(other)) < 4_000


def test_equal_numbers_by_another_hand_are_candidates_but_no_alarm(reader: Reader, tmp_path: Path) -> None:
    one, keys = read(reader, sheet(1), PLAIN, tmp_path)
    other, other_keys = read(reader, sheet(2), PLAIN, tmp_path)
    assert set(keys) & set(other_keys)
    assert likeness(one, other) < SAME_SHEET


def test_a_page_on_which_nothing_is_written_has_no_fingerprint(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "kosong.png"
    shot = photograph(draw_page(FORM.page(1), 2.0), 2.0, replace(PLAIN, long_side_px=1800), np.random.default_rng(0))
    assert cv2.imwrite(str(path), shot.image)
    result = read_one(reader, path)
    assert result.read.page == 1
    assert result.fingerprint is None


def test_a_refused_photo_has_no_fingerprint(reader: Reader, tmp_path: Path) -> None:
    assert read_one(reader, tmp_path / "tidak-ada.jpg").fingerprint is None


def test_real_sheets_are_told_apart_and_their_worse_copies_recognised(
    reader: Reader, shared_dir: Path, tmp_path: Path
) -> None:
    hands: list[list[Fingerprint]] = []
    for name in ("tps_0120", "tps_0523", "tps_1105"):
        photo = shared_dir / "realforms" / "c-hasil-ppwp-2024" / f"{name}.jpg"
        picture = np.asarray(cv2.imread(str(photo), cv2.IMREAD_COLOR), np.uint8)
        copy = DEGRADATIONS["tilt_blur"](picture, np.random.default_rng(3))
        assert cv2.imwrite(str(tmp_path / "salinan.png"), copy)
        found = [read_one(reader, path).fingerprint for path in (photo, tmp_path / "salinan.png")]
        hands.append([hand for hand in found if hand is not None])
    assert [len(sheet) for sheet in hands] == [2, 2, 2]
    assert min(likeness(*sheet) for sheet in hands) >= SAME_SHEET
    others = [likeness(a, b) for one, other in itertools.combinations(hands, 2) for a in one for b in other]
    assert max(others) < SAME_SHEET
