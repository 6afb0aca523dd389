"""Rows of the speed table: what is drawn for them, and when a limit counts as kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from ocr_pipeline.evaluation.speed import COLUMNS, DRAWN, Drawn, ReadTimes, kept, main, measure, row
from ocr_pipeline.forms.library import load_form
from tests.cli.fake_reader import FakeReader

TIMES = ReadTimes(3, 40.0, 700.0, 690.0, 695.0, 17.5, 17.4, {}, 200.0, "accepted", None)
SAMPLE = str(Path(__file__).parents[2] / "samples" / "tps-a-hal2.jpg")


def test_a_limit_is_kept_by_a_reading_that_is_fast_enough_and_never_by_a_refusal() -> None:
    assert kept(20, TIMES)
    assert not kept(17, TIMES)
    assert not kept(20, replace(TIMES, outcome="rejected", reason="blurred"))


def test_a_busy_machine_does_not_break_a_limit() -> None:
    assert kept(20, replace(TIMES, read_ms=9000, ratio=90))


def test_a_row_stands_under_its_columns() -> None:
    line = row("no tag", 20.0, TIMES)

    assert line.split() == ["40.0", "700", "17.5", "695", "17.4", "accepted", "at", "most", "20:", "yes", "no", "tag"]
    assert line.index("accepted") == COLUMNS.index("outcome")
    assert line.index("no tag") == COLUMNS.index("photo")
    assert "NO" in row("x", 17.0, TIMES)


def test_pages_with_and_without_a_tag_are_drawn() -> None:
    tagged = {load_form(drawn.form).page(drawn.page).tag is not None: drawn.limit for drawn in DRAWN}

    assert tagged == {True: 15.0, False: 20.0}


def test_drawn_photos_come_first_and_named_ones_have_no_limit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Drawn, "write", lambda self, folder: Path(SAMPLE))
    monkeypatch.setattr("ocr_pipeline.reader.Reader.load", FakeReader)

    found = list(measure(FakeReader().read_file, [SAMPLE], 1))
    code = main([SAMPLE, "--repeats", "1"])

    assert [(name, limit) for name, limit, _ in found] == [*((d.name, d.limit) for d in DRAWN), (SAMPLE, None)]
    assert code == 0
    assert len(capsys.readouterr().out.splitlines()) == len(DRAWN) + 2
