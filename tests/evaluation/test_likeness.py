"""The measurement of likeness itself: what it counts as a pair, and what it prints."""

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.evaluation.likeness import BoxCrops, Row, Shown, around_frame, boxes_found, main, pairs
from ocr_pipeline.recognition.handwriting import SAME_SHEET, Fingerprint, fingerprint, likeness
from ocr_pipeline.values import Grey
from tests.recognition.test_handwriting import SHEET, page, prepared, written_box


def test_pairs_are_of_one_printed_page_and_have_fingerprints() -> None:
    shown = [
        Shown("a", "f/2", "photo", page(1)),
        Shown("a", "f/2", "blur", page(1)),
        Shown("b", "f/2", "photo", page(2)),
        Shown("b", "f/2", "dark", None),
        Shown("c", "f/3", "photo", page(1)),
    ]
    same = pairs(shown, "satu", lambda a, b: a.sheet == b.sheet)
    assert (same.sheets, len(same.values), same.called_same) == (1, 1, 1)
    different = pairs(shown, "dua", lambda a, b: a.sheet != b.sheet)
    assert (different.sheets, len(different.values), different.called_same) == (2, 2, 0)


def test_a_row_counts_what_is_called_one_sheet() -> None:
    row = Row("uji", 4, np.array([0.1, 0.2, SAME_SHEET, 0.99]))
    assert row.called_same == 2
    assert row.text().startswith("| uji | 4 | 4 | 0.10 |")
    assert "2 (50.0 %)" in row.text()
    assert "bound" not in row.text()
    assert "bound 77.64 %" in Row("uji", 4, np.array([0.1])).text()
    assert Row("kosong", 0, np.zeros(0)).text().startswith("| kosong | 0 | 0 |")


def hand_with(*empty: int) -> Fingerprint | None:
    return fingerprint(
        "f/2", [None if i in empty else c for i, c in enumerate(prepared([written_box(1, i) for i in range(9)]))]
    )


def test_written_and_empty_boxes_are_counted_apart() -> None:
    shown = [Shown("a", "f/2", "photo", hand_with(0), "X23_56789"), Shown("b", "f/2", "photo", None, "_" * 9)]
    assert boxes_found(shown) == "handwriting found in 7 of 8 written boxes and in 1 of 10 empty ones"


def archive(folder: Path) -> Path:
    """Crops of every symbol by four blocks; each crop is written differently."""
    lines = ["file,label,class_in_source,block"]
    path = folder / "boxes.zip"
    with zipfile.ZipFile(path, "w") as out:
        for k, symbol in enumerate("0123456789X"):
            for i in range(12):
                _, data = cv2.imencode(".jpg", written_box(100 + i, k), [cv2.IMWRITE_JPEG_QUALITY, 95])
                name = f"{symbol}_{i}.jpg"
                out.writestr(name, data.tobytes())
                lines.append(f"{name},{symbol},{symbol},{symbol}-{i // 3}")
        out.writestr("labels.csv", "\n".join(lines))
    return path


def test_put_together_pages_of_other_crops_are_not_one_sheet(tmp_path: Path) -> None:
    crops = BoxCrops(archive(tmp_path))
    assert len(crops) == 11 * 12
    two, likest, _ = crops.rows(9, 20)
    assert len(two.values) == len(likest.values) == 20
    assert np.median(two.values) < np.median(likest.values) < SAME_SHEET


def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a single photo of the library's forms: the rows are there and empty."""
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps({"file": "x.jpg", "form": "lain", "expect": "rejected"}) + "\n", encoding="utf-8")
    assert main([str(labels), "--stations", "0", "--boxes", str(archive(tmp_path)), "--pages", "3"]) == 0
    out = capsys.readouterr().out
    assert "132 box crops" in out
    assert "| real, one sheet, mild copies | 0 | 0 |" in out
    assert "ms to compare" in out


@pytest.mark.parametrize(("margin_px", "stretch"), [(3, 1.0), (0, 1.3), (8, 0.8)])
def test_a_crop_is_brought_to_where_the_reader_would_cut_it(margin_px: int, stretch: float) -> None:
    """The same boxes cut wider and squeezed, as the archive's crops are, are one sheet with the reader's own cells."""

    def other_crop(box: Grey) -> Grey:
        wide = np.pad(box, margin_px, "edge")
        return np.asarray(cv2.resize(wide, None, fx=stretch, fy=1.2), np.uint8)

    recut = fingerprint(SHEET, prepared([around_frame(other_crop(written_box(1, i))) for i in range(9)]))
    assert recut is not None
    assert likeness(page(1), recut) >= SAME_SHEET
