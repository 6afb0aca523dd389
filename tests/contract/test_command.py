"""The reading contract from outside: the real command, real files, one JSON object a line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from ocr_pipeline.errors import REASONS
from ocr_pipeline.values import CLASSES, UNDECIDED, Why
from tests.contract.test_serialise import NUMBER_KEYS, PAGE_KEYS

SAMPLES = Path(__file__).parents[2] / "samples"


def turus(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "service.cli.main", *arguments], capture_output=True, check=False)


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    photo = (SAMPLES / "tps-a-hal2.jpg").read_bytes()
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("bukan foto", encoding="utf-8")
    (folder / "truncated.jpg").write_bytes(photo[: len(photo) // 2])
    (folder / "folder.jpg").mkdir()
    (folder / "wrong-extension.png").write_bytes(photo)
    return folder


@pytest.fixture(scope="module")
def lines(bad_folder: Path) -> list[dict[str, Any]]:
    paths = [str(bad_folder / name) for name in ("empty.jpg", "text.jpg", "truncated.jpg", "folder.jpg", "no.jpg")]
    good = [str(bad_folder / "wrong-extension.png"), str(SAMPLES / "tps-a-hal3.jpg")]
    done = turus("read", "--json", "--together", *paths, *good)
    assert done.returncode == 0
    assert done.stderr == b""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["photo"] for line in found[:-1]] == [*paths, *good]
    return found


def test_a_bad_file_gets_its_reason_and_the_batch_goes_on(lines: list[dict[str, Any]]) -> None:
    reasons = [line["reason"] for line in lines[:5]]

    assert reasons == ["unreadable_file", "unreadable_file", "unreadable_file", "not_a_file", "missing"]
    assert all(line["outcome"] == "rejected" and line["numbers"] == {} for line in lines[:5])


def test_a_good_photo_is_read_whatever_its_name_says(lines: list[dict[str, Any]]) -> None:
    truth = [json.loads(line) for line in (SAMPLES / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    values = {one["file"]: one["values"] for one in truth}

    read = lines[5]

    assert (read["form"], read["page"], read["reason"]) == ("c-hasil-ppwp-2024", 2, None)
    assert {field: n["value"] for field, n in read["numbers"].items()} == values["tps-a-hal2.jpg"]


def test_every_line_keeps_to_the_contract(lines: list[dict[str, Any]]) -> None:
    for line in lines[:-1]:
        assert set(line) >= PAGE_KEYS
        assert line["outcome"] in ("accepted", "review", "rejected")
        assert (line["reason"] in REASONS) == (line["outcome"] == "rejected")
        accepted = [n["decision"] == "accepted" for n in line["numbers"].values()]
        assert (line["outcome"] == "accepted") == (bool(accepted) and all(accepted))
        for n in line["numbers"].values():
            assert set(n) >= NUMBER_KEYS
            assert set(n["as_written"]) <= {*CLASSES, UNDECIDED}
            assert set(n["why"]) <= set(get_args(Why))
            assert (n["why"] == []) == (n["decision"] == "accepted")
            assert 0 <= n["p"] <= 1
            assert len(n["quad_photo"]) == 4
            assert n["words_quad_photo"] is None or len(n["words_quad_photo"]) == 4
            assert set(n["evidence"]) <= {"digits", "bubbles", "tally", "row_totals"}


def test_together_adds_the_station(lines: list[dict[str, Any]]) -> None:
    station = lines[-1]

    assert station["tps"] == [line["photo"] for line in lines[:-1]]
    assert station["form"] == "c-hasil-ppwp-2024"
    assert station["verdict"] in ("consistent", "reading_uncertain", "form_inconsistent", "incomplete")
    assert set(station["numbers"]) == {"paslon_1", "paslon_2", "paslon_3", "sah", "tidak_sah", "total"}
    rules = {rule["id"]: rule["holds"] for rule in station["rules"]}
    assert rules["surat_jumlah"] is None


def test_another_form_than_the_one_asked_for_is_wrong_usage_when_unknown() -> None:
    done = turus("read", "--json", "--form", "no-such-form", str(SAMPLES / "tps-a-hal2.jpg"))

    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"turus: unknown_form\n")


def test_a_reader_of_our_output_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m service.cli.main read --json {os.devnull}x {os.devnull}y {os.devnull}z | head -n 1"

    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True)

    assert done.stdout.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
