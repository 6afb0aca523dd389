import json
import sys
from pathlib import Path

import pytest

from ocr_pipeline.values import RuleCheck, TpsRead
from service.cli.main import main
from service.cli.read import overlay_names
from tests.cli.fake_reader import FORM, load_fake, page_read


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.batch.load_reader", load_fake)


def turus(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["turus", *arguments])
    return main()


def test_json_is_one_line_a_photo_in_input_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turus(monkeypatch, "read", "--json", "--jobs", "2", "slow.jpg", "missing.jpg", "c.pdf") == 0

    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["photo"] for line in lines] == ["slow.jpg", "missing.jpg", "c.pdf#1", "c.pdf#2"]
    assert [line["outcome"] for line in lines] == ["review", "rejected", "review", "review"]
    assert lines[1]["reason"] == "missing"
    assert lines[1]["numbers"] == {}
    assert err == ""


def test_another_page_than_the_one_asked_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turus(monkeypatch, "read", "--json", "--page", "2", "a.jpg") == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "review"

    assert turus(monkeypatch, "read", "--json", "--jobs", "2", "--page", "3", "a.jpg", "b.jpg") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["outcome"], line["reason"]) for line in lines] == [("rejected", "wrong_page")] * 2


@pytest.mark.parametrize("arguments", [("--page", "0"), ("--form", FORM, "--page", "9"), ("--page", "dua")])
def test_a_page_that_cannot_be_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert turus(monkeypatch, "read", *arguments, "a.jpg") == 2
    assert "--page" in capsys.readouterr().err


def test_together_adds_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    joint = TpsRead(
        ("a.jpg", "b.jpg"), FORM, page_read("a.jpg").numbers, (RuleCheck("sah_total", None, "error"),), "incomplete"
    )
    monkeypatch.setattr("ocr_pipeline.reader.read_together", lambda results: joint)

    assert turus(monkeypatch, "read", "--together", "--json", "a.jpg", "b.jpg") == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    assert lines[2]["tps"] == ["a.jpg", "b.jpg"]
    assert lines[2]["verdict"] == "incomplete"
    assert lines[2]["rules"] == [{"id": "sah_total", "holds": None, "severity": "error"}]


def test_the_table_of_a_station_names_the_numbers_that_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    joint = TpsRead(("a.jpg",), FORM, page_read("a.jpg").numbers, (), "incomplete")
    monkeypatch.setattr("ocr_pipeline.reader.read_together", lambda results: joint)

    turus(monkeypatch, "read", "--together", "a.jpg")

    station = capsys.readouterr().out.split("TPS: ")[1]
    assert "2 angka diterima, 1 harus diperiksa" in station
    assert "Suara paslon 2" in station
    assert "Suara paslon 1" not in station
    assert "Belum lengkap" in station


def test_the_table_says_what_was_read_why_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert turus(monkeypatch, "read", "a.jpg", "missing.jpg") == 0

    out = capsys.readouterr().out
    assert "Suara paslon 1" in out
    assert "X92" in out
    assert "tulisan kurang jelas" in out
    assert "the writing is not clear enough" in out
    assert "Bandingkan 1 angka" in out
    assert "Berkas tidak ditemukan" in out
    assert "2 foto: 0 diterima, 1 perlu diperiksa, 1 ditolak" in out


def test_an_undecided_number_is_never_shown_as_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turus(monkeypatch, "read", "a.jpg")

    row = next(line for line in capsys.readouterr().out.splitlines() if "1?3" in line)
    assert row.split("1?3")[1].split()[0] == "–"


def test_a_folder_for_overlays_that_cannot_be_made_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert turus(monkeypatch, "read", "--overlay", str(tmp_path / "file" / "sub"), "a.jpg") == 2
    assert "turus: file_problem" in capsys.readouterr().err


def test_overlay_names_never_collide(tmp_path: Path) -> None:
    names = overlay_names(["x/a.jpg", "y/a.png", "A.jpg", "b.jpg", "a-2.jpg"], tmp_path)
    assert names == ["a", "a-2", "A-3", "b", "a-2-2"]


def test_an_overlay_picture_never_takes_the_place_of_a_photo(tmp_path: Path) -> None:
    """Neither of its own nor of another of the batch, also under a page's name, a link or another spelling."""
    (tmp_path / "link").symlink_to(tmp_path)
    photos = ["hal2.jpg", "b.halaman-1.jpg", "link/c.JPG", "elsewhere/d.jpg"]
    paths = [*(str(tmp_path / p) for p in photos), "x/b.pdf", "y/HAL2.png"]
    names = overlay_names(paths, tmp_path)
    assert names == ["hal2.hasil", "b.halaman-1.hasil", "c.hasil", "d", "b.hasil", "HAL2.hasil-2"]
