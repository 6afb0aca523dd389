import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.cli.conftest import Turus
from tests.cli.fake_reader import FORM, load_fake


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.batch.load_reader", load_fake)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Two photos of which the fake reads one number wrongly, and one that must be rejected."""
    right = {"paslon_1": 92, "paslon_2": 113, "paslon_3": 0}
    wrong = {"paslon_1": 93, "paslon_2": 113, "paslon_3": 0}
    entries: list[dict[str, Any]] = [
        {"file": "a.jpg", "form": FORM, "page": 2, "values": right, "capture": "sharp"},
        {"file": "b.jpg", "form": FORM, "page": 2, "values": wrong, "capture": "folded"},
        {"file": "missing.jpg", "expect": "rejected"},
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    for name in ("a.jpg", "b.jpg"):
        cv2.imwrite(str(tmp_path / name), np.full((60, 40, 3), 200, np.uint8))
    return path


@pytest.mark.parametrize("explicit", [(), ("labels",)])
def test_labels_are_scored_with_or_without_the_word(turus: Turus, labels: Path, explicit: tuple[str, ...]) -> None:
    code, out, _ = turus("eval", *explicit, str(labels), "--json")

    total = json.loads(out)["total"]
    assert code == 0
    assert (total["numbers"]["hits"], total["numbers"]["n"]) == (3, 6)
    assert (total["silent"]["hits"], total["silent"]["n"]) == (1, 4)
    assert 0.2 < total["silent"]["upper"] < 1
    assert (total["rejects"]["hits"], total["rejects"]["n"]) == (1, 1)
    assert total["no_answer"] == 0


def test_options_may_stand_before_the_labels(turus: Turus, labels: Path) -> None:
    code, out, _ = turus("eval", "--form", FORM, str(labels), "--json", "--jobs", "2")

    assert code == 0
    assert json.loads(out)["total"]["photos"] == 3


def test_the_table_names_silent_errors_with_what_is_wrong_with_the_photo(turus: Turus, labels: Path) -> None:
    _, out, _ = turus("eval", str(labels))

    assert "SALAH DIAM-DIAM" in out
    line = next(line for line in out.splitlines() if "DIAM / SILENT" in line)
    assert "b.jpg paslon_1: 93 → X92" in line
    assert "folded" in line
    assert "3/6" in out


def test_each_family_has_a_row_and_what_the_digit_model_has_seen_stands_apart(turus: Turus, tmp_path: Path) -> None:
    folder = tmp_path / "c1-ppwp-2019"
    folder.mkdir()
    names = ["aceh-01aluebagok_01-p2.jpg", "aceh-01aluebagok_01-p2.png", "aceh-05cotbuloh_01-p2.png"]
    entries = [{"file": f"c1-ppwp-2019/{name}", "form": FORM, "page": 2, "values": {"paslon_1": 92}} for name in names]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")

    _, out, _ = turus("eval", str(path))
    found = json.loads(turus("eval", str(path), "--json")[1])

    rows = {re.split("  +", line.strip())[0]: line.split() for line in out.splitlines()}
    assert rows[f"{FORM} p2"][2:] == ["3/3", "3/3", "3/3", "0", "0"]
    assert rows["dilatih / seen"][3:] == ["1/1", "1/1", "1/1", "0", "0"]
    assert rows["asing / unseen"][3:] == ["2/2", "2/2", "2/2", "0", "0"]
    assert "Of 3 photos 1 took part in training" in out.replace("\n", " ")
    assert {name: part["photos"] for name, part in found["digits_seen"].items()} == {"seen": 1, "unseen": 2}
    assert [file["seen"]["constants"] for file in found["files"]] == [False, True, True]


def test_what_failed_is_saved_as_pictures(turus: Turus, labels: Path, tmp_path: Path) -> None:
    code, out, err = turus("eval", str(labels), "--json", "--report", str(tmp_path / "out"))

    assert code == 0
    assert json.loads(out)["total"]["photos"] == 3
    assert str(tmp_path / "out" / "index.html") in err.replace("\n", "")
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "b.jpg" in html
    assert {path.name for path in (tmp_path / "out").glob("*.jpg")} >= {"001.jpg", "001-paslon_1.jpg"}


def test_a_report_of_degraded_copies_is_refused(turus: Turus, labels: Path, tmp_path: Path) -> None:
    code, _, err = turus("eval", str(labels), "--degrade", "--report", str(tmp_path / "out"))

    assert code == 2
    assert "--report" in err


def test_degraded_copies_are_made_and_scored_apart(turus: Turus, labels: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"

    code, out, _ = turus("eval", str(labels), "--degrade", "--work", str(work), "--json")

    found = json.loads(out)["degradations"]
    assert code == 0
    assert len(found) == 10
    assert all(part["total"]["photos"] == 2 for part in found.values())
    assert len(list(work.rglob("*.jpg"))) == 20


def test_degraded_copies_are_shown_as_a_table(turus: Turus, labels: Path) -> None:
    _, out, _ = turus("eval", str(labels), "--degrade")

    assert "motion_9" in out
    row = next(line for line in out.splitlines() if line.startswith("semua / all"))
    assert row.split()[3:] == ["60", "30", "40", "10", "0/20", "0"]


def test_boxes_are_scored(turus: Turus, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((60, 60), 235, np.uint8))
    (tmp_path / "labels.csv").write_text("file,label\nblank.png,blank\nblank.png,7\nblank.png,?\n", encoding="utf-8")

    code, out, _ = turus("eval", "boxes", str(tmp_path), "--json")
    table = turus("eval", "boxes", str(tmp_path))[1]

    found = json.loads(out)
    assert code == 0
    assert found["n"] == 2
    assert found["wrong"][-1][:2] == ["blank.png", "7"]
    assert "/2" in table
