from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.reader import PageResult
from ocr_pipeline.values import NumberRead
from service.report.overlay import AMBER, GREEN, LONGEST_PX, draw_definition, draw_overlay, save_overlays
from service.report.pictures import colour_photo
from tests.cli.fake_reader import number, page_read, rejected


def count(picture: Image.Image, colour: tuple[int, int, int]) -> int:
    """Pixels of exactly that colour; photos of paper hardly have any."""
    return int((np.asarray(picture) == colour).all(axis=2).sum())


def photo_part(picture: Image.Image) -> Image.Image:
    """The picture without the legend, which shows all colours."""
    return picture.crop((0, 0, picture.width, LONGEST_PX))


def test_decisions_have_their_own_colour_and_line(accepted_page: PageResult) -> None:
    photo = colour_photo(accepted_page.read.photo)
    first, *others = accepted_page.read.numbers.values()
    doubtful = replace(first, decision="review", why=("low_confidence",))
    mixed = {n.field: n for n in (doubtful, *others)}

    plain = photo_part(draw_overlay(photo, accepted_page))
    marked = photo_part(draw_overlay(photo, replace(accepted_page, read=replace(accepted_page.read, numbers=mixed))))

    assert count(plain, AMBER) == 0
    assert count(marked, AMBER) > 200
    assert 200 < count(marked, GREEN) < count(plain, GREEN)


def test_boxes_are_drawn_where_they_were_read() -> None:
    photo = np.full((400, 300, 3), 200, np.uint8)
    result = PageResult(page_read("a.jpg", (number("paslon_1", 92, "X92", row=2),)), {}, None)

    drawn = np.asarray(photo_part(draw_overlay(photo, result)))

    scale = LONGEST_PX / 400
    rows, columns = np.nonzero((drawn == GREEN).all(axis=2))
    edge = columns < 70 * scale
    assert 10 * scale - 12 <= columns.min() <= 10 * scale
    assert 90 * scale - 12 <= rows[edge].min() <= 90 * scale
    assert 110 * scale <= rows[edge].max() <= 110 * scale + 16


def test_filled_bubbles_are_ringed(accepted_page: PageResult) -> None:
    photo = colour_photo(accepted_page.read.photo)
    unread = {field: replace(e, bubble_marks="???") for field, e in accepted_page.evidence.items()}

    ringed = np.asarray(photo_part(draw_overlay(photo, accepted_page)), np.int16)
    bare = np.asarray(photo_part(draw_overlay(photo, replace(accepted_page, evidence=unread))), np.int16)

    changed = np.abs(ringed - bare).max(axis=2) > 60
    assert changed.sum() > 500


def test_a_refused_photo_shows_its_reason() -> None:
    photo = np.full((400, 300, 3), 200, np.uint8)

    picture = draw_overlay(photo, PageResult(rejected("a.jpg", "glare"), {}, None))

    assert picture.height > LONGEST_PX
    assert (np.asarray(photo_part(picture)) == 200).all()


@pytest.mark.parametrize("shape", [(40, 3000, 3), (3000, 40, 3), (8, 8, 3)])
def test_odd_photos_can_be_drawn_on(shape: tuple[int, int, int]) -> None:
    photo = np.full(shape, 200, np.uint8)
    numbers: tuple[NumberRead, ...] = (number("paslon_1", None, "???", 0.1, ("low_confidence",)),)

    picture = draw_overlay(photo, PageResult(page_read("a.jpg", numbers), {}, None))

    assert max(photo_part(picture).size) >= LONGEST_PX - 1


def test_pictures_are_written_one_a_page_and_only_for_photos_that_open(
    tmp_path: Path, accepted_page: PageResult
) -> None:
    gone = PageResult(rejected(str(tmp_path / "gone.jpg"), "missing"), {}, None)

    assert save_overlays([accepted_page], tmp_path / "one") == [tmp_path / "one.jpg"]
    assert save_overlays([accepted_page, gone], tmp_path / "two") == [tmp_path / "two.halaman-1.jpg"]
    with Image.open(tmp_path / "one.jpg") as picture:
        assert picture.width > 800


def test_the_definition_can_be_drawn_on_a_photo(accepted_page: PageResult) -> None:
    assert accepted_page.fit is not None
    page = load_form("c-hasil-ppwp-2024").page(2)

    picture = draw_definition(colour_photo(accepted_page.read.photo), accepted_page.fit.page_map, page)

    assert count(picture, GREEN) > 500
    assert count(picture, AMBER) > 500
