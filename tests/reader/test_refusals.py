"""Every reason for refusing a photo, reached by a picture that deserves it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import ocr_pipeline.reader
from ocr_pipeline.errors import REASONS, UnknownFormError
from ocr_pipeline.forms.definition import Number
from ocr_pipeline.forms.library import load_form
from ocr_pipeline.reader import Reader
from ocr_pipeline.synthesis import SyntheticPhoto
from ocr_pipeline.synthesis.surface import View
from ocr_pipeline.values import Grey
from tests.reader.photos import FORM, grey_of, plain_photo, read_one, save, save_grey


def block_px(photo: SyntheticPhoto, number: Number, with_boxes: bool = True) -> tuple[int, int, int, int]:
    """The part of the photo that holds a candidate's bubbles and boxes: left, top, right, bottom."""
    assert number.bubbles is not None
    a = number.area_mm
    top = a.y_mm - 8 if with_boxes else number.bubbles.y_mm[0] - 5
    corners = np.array([[a.x_mm - 12, top], [a.x_mm + a.w_mm + 12, number.bubbles.y_mm[-1] + 8]])
    (x0, y0), (x1, y1) = np.rint(photo.shot.to_photo(corners)).astype(int).tolist()
    return x0, y0, x1, y1


def missing(folder: Path) -> Path:
    return folder / "tidak-ada.jpg"


def not_a_file(folder: Path) -> Path:
    return folder


def unreadable(folder: Path) -> Path:
    path = folder / "rusak.jpg"
    path.write_bytes(b"bukan gambar")
    return path


def blank_wall(folder: Path) -> Path:
    return save_grey(np.full((1200, 900), 220, np.uint8), folder)


def two_sheets(folder: Path) -> Path:
    both = [grey_of(plain_photo(page)) for page in (1, 3)]
    height = min(len(grey) for grey in both)
    return save_grey(np.concatenate([grey[:height] for grey in both], axis=1), folder)


def two_stations_of_one_page(folder: Path) -> Path:
    grey = grey_of(plain_photo(2))
    return save_grey(np.concatenate([grey, grey], axis=1), folder)


def sheet_with_a_foreign_tag(folder: Path) -> Path:
    """The page of another form of the same make: same lines, a tag that no form of the library has."""
    photo = plain_photo(2)
    tag = photo.page.tag
    assert tag is not None
    grey = grey_of(photo).copy()
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10)
    foreign = cv2.copyMakeBorder(cv2.aruco.generateImageMarker(dictionary, 7, 320), 40, 40, 40, 40, 0, value=255)
    corners = np.array([[40, 40], [360, 40], [360, 360], [40, 360]], np.float32)
    place = photo.shot.to_photo(np.array(tag.quad_mm)).astype(np.float32)
    size = (grey.shape[1], grey.shape[0])
    turn = cv2.getPerspectiveTransform(corners, place)
    pasted = cv2.warpPerspective(foreign, turn, size)
    covered = cv2.warpPerspective(np.full_like(foreign, 255), turn, size) > 127
    grey[covered] = pasted[covered]
    return save_grey(grey, folder)


def sliver(folder: Path) -> Path:
    return save_grey(np.full((9000, 9), 200, np.uint8), folder)


def lower_rows_cut_off(folder: Path) -> Path:
    """The last line of page 3 hangs out of the picture; the boxes of a number with it."""
    photo = plain_photo(3)
    a = photo.page.numbers[-1].area_mm
    cut = round(float(photo.shot.to_photo(np.array([[a.x_mm, a.y_mm + a.h_mm / 2]]))[0, 1]))
    return save_grey(np.ascontiguousarray(grey_of(photo)[:cut]), folder)


def right_side_cut_off(folder: Path) -> Path:
    """The last box of every candidate is out of the picture."""
    photo = plain_photo(2)
    box = photo.page.numbers[0].boxes[-1]
    cut = round(float(photo.shot.to_photo(np.array([[box.x_mm + 3, box.y_mm]]))[0, 0]))
    return save_grey(np.ascontiguousarray(grey_of(photo)[:, :cut]), folder)


def reflection_on_a_number(folder: Path) -> Path:
    """A lamp mirrored in the plastic over the sheet, right on the second candidate."""
    return save_grey(mirrored_lamp(plain_photo(2), 1, 45, 3.0), folder)


def mirrored_lamp(photo: SyntheticPhoto, number: int, radius_px: float, strength: float) -> Grey:
    """Light is added, so that black print turns white as well."""
    grey = grey_of(photo)
    centre = photo.shot.to_photo(np.array([photo.page.numbers[number].area_mm.centre_mm]))[0]
    y, x = np.ogrid[: grey.shape[0], : grey.shape[1]]
    away = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * radius_px**2)
    return np.asarray(np.clip(grey + strength * 255 * np.exp(-away), 0, 255), np.uint8)


def night(folder: Path) -> Path:
    return save(plain_photo(2, exposure=0.04), folder)


def no_focus(folder: Path) -> Path:
    return save_grey(np.asarray(cv2.GaussianBlur(grey_of(plain_photo(2)), (0, 0), 25), np.uint8), folder)


def thumbnail(folder: Path) -> Path:
    return save(plain_photo(2, long_side_px=420), folder)


def small_in_the_frame(folder: Path) -> Path:
    """A large photo in which the sheet is small: its boxes have too few pixels all the same."""
    return save(plain_photo(2, long_side_px=1500, view=View(share=0.31)), folder)


DESERVED: list[tuple[Callable[[Path], Path], str]] = [
    (missing, "missing"),
    (not_a_file, "not_a_file"),
    (unreadable, "unreadable_file"),
    (blank_wall, "not_a_form"),
    (two_sheets, "several_forms"),
    (two_stations_of_one_page, "several_forms"),
    (sheet_with_a_foreign_tag, "unknown_form"),
    (sliver, "low_resolution"),
    (right_side_cut_off, "cropped"),
    (lower_rows_cut_off, "cropped"),
    (night, "too_dark"),
    (reflection_on_a_number, "glare"),
    (no_focus, "blurred"),
    (thumbnail, "low_resolution"),
    (small_in_the_frame, "low_resolution"),
]


@pytest.mark.parametrize(("picture", "reason"), DESERVED, ids=[f"{p.__name__}-{r}" for p, r in DESERVED])
def test_a_picture_is_refused_for_what_is_wrong_with_it(
    reader: Reader, tmp_path: Path, picture: Callable[[Path], Path], reason: str
) -> None:
    result = read_one(reader, picture(tmp_path))
    assert (result.read.outcome, result.read.reason) == ("rejected", reason)
    assert reason in REASONS
    assert result.read.numbers == {}
    assert result.read.rules == ()
    assert result.read.quality is None
    assert (result.read.form, result.read.page, result.read.form_rev) == (None, None, None)
    assert result.evidence == {}
    assert result.fit is None
    assert result.read.timing_ms["total"] >= 0


def test_the_hash_is_known_wherever_there_was_a_picture(reader: Reader, tmp_path: Path) -> None:
    assert read_one(reader, missing(tmp_path)).read.sha256 is None
    assert read_one(reader, unreadable(tmp_path)).read.sha256 is not None
    assert read_one(reader, blank_wall(tmp_path)).read.sha256 is not None


def numbers_out_of_focus(folder: Path, sigma_px: float) -> Path:
    """The form is sharp, its numbers are smeared: a wet patch, or a lens too close to a curled side."""
    photo = plain_photo(2)
    grey = grey_of(photo)
    soft = np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma_px), np.uint8)
    for number in photo.page.numbers:
        x0, y0, x1, y1 = block_px(photo, number)
        grey[y0:y1, x0:x1] = soft[y0:y1, x0:x1]
    return save_grey(grey, folder)


def test_numbers_out_of_focus_are_blurred_though_the_form_is_found(reader: Reader, tmp_path: Path) -> None:
    read = read_one(reader, numbers_out_of_focus(tmp_path, 8)).read
    assert (read.outcome, read.reason) == ("rejected", "blurred")


def test_numbers_too_soft_to_be_found_are_blurred(reader: Reader, tmp_path: Path) -> None:
    """ "Flatten the paper" is the wrong advice here."""
    read = read_one(reader, numbers_out_of_focus(tmp_path, 5)).read
    assert (read.outcome, read.reason) == ("rejected", "blurred")


def test_another_form_than_the_one_asked_for_is_the_wrong_form(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(FORM, id="formulir-lain")
    known = {FORM.id: FORM, other.id: other}
    monkeypatch.setattr(ocr_pipeline.reader, "load_form", known.__getitem__)
    path = save(plain_photo(3), tmp_path)
    read = read_one(reader, path, other.id).read
    assert (read.outcome, read.reason, read.numbers) == ("rejected", "wrong_form", {})
    assert read_one(reader, path, FORM.id).read.outcome == "review"


def test_another_page_than_the_one_asked_for_is_the_wrong_page(reader: Reader, tmp_path: Path) -> None:
    path = save(plain_photo(3), tmp_path)
    (wrong,) = reader.read_file(str(path), FORM.id, page=2)
    assert (wrong.read.outcome, wrong.read.reason, wrong.read.numbers) == ("rejected", "wrong_page", {})
    (right,) = reader.read_file(str(path), page=3)
    assert (right.read.outcome, right.read.page) == ("review", 3)


def test_a_form_nobody_knows_is_a_mistake_of_the_caller(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(UnknownFormError):
        reader.read_file(str(missing(tmp_path)), "c-hasil-dpr-2024")
    assert load_form(FORM.id) is FORM


def test_one_bad_page_does_not_stop_the_others(reader: Reader, tmp_path: Path) -> None:
    """A scan of several pages in one file: each page has its own outcome."""
    blank = Image.fromarray(np.full((1200, 900), 220, np.uint8))
    good = Image.fromarray(grey_of(plain_photo(3)))
    path = tmp_path / "pindai.tiff"
    blank.save(path, save_all=True, append_images=[good])
    first, second = reader.read_file(str(path))
    assert (first.read.photo, first.read.reason) == (f"{path}#1", "not_a_form")
    assert (second.read.photo, second.read.page) == (f"{path}#2", 3)


@pytest.mark.parametrize("blur_px", [2.0, 3.0])
def test_blur_at_the_limit_never_gives_a_wrong_accepted_number(reader: Reader, tmp_path: Path, blur_px: float) -> None:
    photo = plain_photo(2, blur_px=blur_px)
    read = read_one(reader, save(photo, tmp_path)).read
    # Without this, a reader that never reads anything would pass.
    assert read.outcome == "rejected" or any(n.value is not None for n in read.numbers.values())
    for number in read.numbers.values():
        if number.decision == "accepted":
            assert number.value == photo.station.numbers[number.field].value


def test_a_number_covered_by_a_hand_is_not_accepted(reader: Reader, tmp_path: Path) -> None:
    """The rest of the page is fine: only what is covered goes to a person."""
    photo = plain_photo(2, seed=4)
    x0, y0, x1, y1 = block_px(photo, photo.page.numbers[2])
    grey = grey_of(photo)
    grey[y0:y1, x0:x1] = 110
    read = read_one(reader, save_grey(grey, tmp_path)).read
    assert read.outcome in ("review", "rejected")
    if read.outcome == "review":
        assert read.numbers["paslon_3"].decision == "review"
        assert read.numbers["paslon_3"].value is None


def test_a_reflection_beside_the_numbers_refuses_nothing(reader: Reader, tmp_path: Path) -> None:
    photo = plain_photo(2, seed=1)
    grey = mirrored_lamp(photo, 1, 12, 2.0)
    read = read_one(reader, save_grey(grey, tmp_path)).read
    assert read.outcome in ("accepted", "review")
    for field, number in read.numbers.items():
        assert number.decision == "review" or number.value == photo.station.numbers[field].value


def test_bubbles_that_say_something_else_than_the_boxes_are_not_accepted(reader: Reader, tmp_path: Path) -> None:
    """The right digits over another number's bubbles: no channel outvotes the other in silence."""
    photo = plain_photo(2, seed=1)
    grey = grey_of(photo)
    one, other = photo.page.numbers[0], photo.page.numbers[1]
    assert photo.station.numbers[one.field].value != photo.station.numbers[other.field].value
    x0, y0, x1, y1 = block_px(photo, one, with_boxes=False)
    u0, v0, u1, v1 = block_px(photo, other, with_boxes=False)
    width, height = min(x1 - x0, u1 - u0), min(y1 - y0, v1 - v0)
    grey[y0 : y0 + height, x0 : x0 + width] = grey[v0 : v0 + height, u0 : u0 + width]
    read = read_one(reader, save_grey(grey, tmp_path)).read
    assert read.outcome == "review"
    number = read.numbers[one.field]
    assert number.decision == "review"
    assert "channels_disagree" in number.why
