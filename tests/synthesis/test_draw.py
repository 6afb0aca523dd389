import cv2
import numpy as np
import pytest

from ocr_pipeline.forms.library import load_form
from ocr_pipeline.synthesis.draw import draw_page, header_blanks
from ocr_pipeline.values import Grey

FORM = load_form("c-hasil-ppwp-2024")
SCALE = 2.0


def darkness(picture: Grey, x_mm: float, y_mm: float) -> int:
    return 255 - int(picture[int(y_mm * SCALE), int(x_mm * SCALE), 0])


@pytest.fixture(scope="module", params=[page.page for page in FORM.pages])
def drawn(request: pytest.FixtureRequest) -> tuple[int, Grey]:
    return request.param, draw_page(FORM.page(request.param), SCALE)


def test_the_picture_has_the_size_of_the_page(drawn: tuple[int, Grey]) -> None:
    page, picture = drawn
    width, height = FORM.page(page).size_mm
    assert picture.shape == (height * SCALE, width * SCALE, 3)
    assert picture.dtype == np.uint8


def test_a_detector_finds_the_tag_with_its_corners_in_the_definitions_order(drawn: tuple[int, Grey]) -> None:
    page, picture = drawn
    tag = FORM.page(page).tag
    assert tag is not None
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36H10))
    corners, ids, _ = detector.detectMarkers(picture)
    assert np.ravel(ids).tolist() == [tag.id]
    found_mm = (np.reshape(corners, (4, 2)) + 0.5) / SCALE
    assert np.abs(found_mm - tag.quad_mm).max() < 0.6


def test_box_edges_are_dark_and_their_insides_light(drawn: tuple[int, Grey]) -> None:
    page, picture = drawn
    for number in FORM.page(page).numbers:
        for box in number.boxes:
            middle_x, middle_y = box.centre_mm
            assert darkness(picture, box.x_mm, middle_y) > 150
            assert darkness(picture, middle_x, box.y_mm + box.h_mm) > 150
            assert darkness(picture, middle_x + box.w_mm * 0.37, middle_y) < 20


def test_marks_are_checkers(drawn: tuple[int, Grey]) -> None:
    page, picture = drawn
    for mark in FORM.page(page).marks:
        quarter = mark.size_mm / 4
        inks = [
            darkness(picture, mark.x_mm + quarter * x, mark.y_mm + quarter * y) > 100 for y in (1, 3) for x in (1, 3)
        ]
        assert inks == [True, False, False, True]


def test_every_bubble_has_a_ring() -> None:
    page = FORM.page(2)
    picture = draw_page(page, 4.0)
    for number in page.numbers:
        assert number.bubbles is not None
        for x in number.bubbles.x_mm:
            for y in number.bubbles.y_mm:
                radius = number.bubbles.diameter_mm / 2
                ring = picture[int((y - radius - 1) * 4) : int((y - radius + 1) * 4), int(x * 4), 0]
                assert ring.min() < 100


def test_a_rule_between_pixels_is_as_dark_as_it_is_wide() -> None:
    page = FORM.page(1)
    rule = next(rule for rule in page.rules if rule.axis == "h" and rule.grey == 28)
    picture = draw_page(page, SCALE)
    column = 255.0 - picture[:, int((rule.from_mm + 1) * SCALE), 0]
    near = slice(int((rule.at_mm - 2) * SCALE), int((rule.at_mm + 2) * SCALE))
    assert column[near].sum() / SCALE == pytest.approx((255 - rule.grey) * rule.width_mm, rel=0.02)


def test_the_header_has_a_blank_for_each_printed_label() -> None:
    for page in FORM.pages:
        blanks = header_blanks(page)
        assert "Nomor TPS" in blanks
        for blank in blanks.values():
            assert 0 < blank.x_mm < blank.x_mm + blank.w_mm < page.size_mm[0]
