from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.authoring.sheet import SHEET_LONG_SIDE, load_sheet, straighten
from ocr_pipeline.errors import PhotoRejected, SourceError
from ocr_pipeline.imaging.decode import PhotoSource
from tests.authoring.pages import INVENTED, drawn, scanned
from tools.form_pictures import PRINT

A4 = (210.0, 297.0)


def saved(folder: Path, width: int, height: int) -> PhotoSource:
    path = folder / "scan.png"
    cv2.imwrite(str(path), np.full((height, width), 240, np.uint8))
    return PhotoSource(str(path), path)


def test_a_pdf_says_how_large_its_paper_is() -> None:
    sheet = load_sheet(PhotoSource(str(PRINT), PRINT, 1), None)

    assert sheet.size_mm == A4
    assert max(sheet.grey.shape) == SHEET_LONG_SIDE
    assert sheet.px_per_mm == pytest.approx((9.43, 9.43), abs=0.02)


def test_a_scan_needs_its_paper_named(tmp_path: Path) -> None:
    source = saved(tmp_path, 1240, 1754)

    with pytest.raises(SourceError, match="--paper"):
        load_sheet(source, None)
    assert load_sheet(source, A4).size_mm == A4


@pytest.mark.parametrize(
    ("size", "said"), [((1600, 1754), "another shape"), ((500, 707), "too small"), ((1754, 1240), "another shape")]
)
def test_a_picture_that_cannot_be_measured_is_refused(tmp_path: Path, size: tuple[int, int], said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        load_sheet(saved(tmp_path, *size), A4)
    assert caught.value.code == "bad_source"


def test_a_file_that_is_no_picture_is_refused_as_a_photo_would_be() -> None:
    with pytest.raises(PhotoRejected) as caught:
        load_sheet(PhotoSource(__file__, Path(__file__)), A4)
    assert caught.value.reason == "unreadable_file"


def test_a_straight_page_is_left_as_it_is() -> None:
    grey = drawn(INVENTED.id, 1)
    assert straighten(grey, A4).tilt_deg == 0


def test_the_map_leads_back_to_the_source() -> None:
    """A point of the paper is found in the askew scan where it was put."""
    grey = drawn(INVENTED.id, 1)
    height, width = grey.shape
    sheet = straighten(scanned(grey, 1.2), A4)
    points_mm = np.array([[15.0, 47.0], [195.0, 250.0]])
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.2, 1.0)
    there = np.c_[points_mm * (height / 297) - 0.5, np.ones(2)] @ turn.T

    assert np.abs(sheet.map_of(A4).to_photo(points_mm) - there).max() < 3
