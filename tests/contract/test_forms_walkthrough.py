"""docs/forms.md, followed to the letter by somebody who only has a form's print and a photo of a filled one."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.library import form_ids
from ocr_pipeline.forms.loading import parse_definition
from tools.form_pictures import TRUE_VALUES, invented_form

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "forms.md").read_text(encoding="utf-8").split("### How much it finds")[0]
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [text for language, text in BLOCKS if not language]
NAMES = re.findall(r"^\| (angka_\d+) \| (\w+) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", PAGE, re.MULTILINE)
SUMS = next(text for language, text in BLOCKS if language == "toml")
FILE = "formulir/c-hasil-pilkades.toml"


class Technician:
    """Types commands in a folder that holds the documentation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "docs").symlink_to(ROOT / "docs")
        turus = folder / "bin" / "turus"
        turus.parent.mkdir()
        turus.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m service.cli.main "$@"\n')
        turus.chmod(0o755)

    def types(self, commands: str, *, code: int = 0) -> str:
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        env = {name: value for name, value in os.environ.items() if not name.startswith("TURUS_")}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env={**env, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "160"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    @property
    def text(self) -> str:
        return (self.folder / FILE).read_text(encoding="utf-8")

    def writes(self, text: str) -> None:
        (self.folder / FILE).write_text(text, encoding="utf-8")


def named(text: str) -> str:
    """The proposal with the table of the page written into it, as an editor would."""
    parts = text.split("[[pages.numbers]]")
    assert len(parts) == len(NAMES) + 1
    for i, (proposed, field, label_id, label_en, words) in enumerate(NAMES, 1):
        part = parts[i]
        assert f'field = "{proposed}"' in part
        part = part.replace(f'field = "{proposed}"', f'field = "{field}"')
        part = re.sub(r"^label = .*$", f'label = {{ id = "{label_id}", en = "{label_en}" }}', part, flags=re.MULTILINE)
        part = re.sub(r"^excel_column = .*$", f'excel_column = "{label_id}"', part, flags=re.MULTILINE)
        if words.strip():
            part = re.sub(r"^(boxes = .*)$", rf"\1\nwords = {words.strip()}", part, flags=re.MULTILINE)
        parts[i] = part
    return "[[pages.numbers]]".join(parts)


def form_in(text: str) -> FormDefinition:
    return parse_definition(text, FILE)


def worst_edge_mm(found: FormDefinition, true: FormDefinition) -> float:
    """Largest distance of an edge of a box from where it was drawn, mm of A4."""
    pairs = [
        (a, b)
        for mine, theirs in zip(found.numbers, true.numbers, strict=True)
        for a, b in zip(mine.boxes, theirs.boxes, strict=True)
    ]
    off = [np.abs(np.subtract(a.corners_mm, b.corners_mm)).max() for a, b in pairs]
    return float(max(off)) * 297 / true.page(1).size_mm[1]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Technician, list[str]]:
    """The page, followed once: who did it, and what each block of commands said."""
    technician = Technician(tmp_path_factory.mktemp("pilkades"))
    said = [technician.types(COMMANDS[0])]
    technician.writes(named(technician.text) + "\n" + SUMS)
    said += [technician.types(block) for block in COMMANDS[1:]]
    return technician, said


def test_the_form_is_not_in_the_library() -> None:
    assert "c-hasil-pilkades" not in form_ids()
    assert [block.split()[:3] for block in COMMANDS[1:]] == [
        ["turus", "form", "check"],
        ["turus", "form", "preview"],
        ["turus", "read", "--forms"],
        ["turus", "synth", "--forms"],
    ]


def test_what_is_proposed_is_where_it_was_printed(followed: tuple[Technician, list[str]]) -> None:
    technician, said = followed
    found, true = form_in(technician.text), invented_form()

    assert "angka / numbers: 12, kotak / boxes: 36" in said[0]
    assert "kisi turus / tally grids: 3" in said[0]
    assert (technician.folder / "formulir" / "c-hasil-pilkades-hal1.png").stat().st_size > 10_000
    assert worst_edge_mm(found, true) < 0.3
    assert [n.field for n in found.numbers] == [n.field for n in true.numbers]
    assert found.rules == true.rules


def test_the_finished_definition_is_sound_and_nothing_is_left_to_say(followed: tuple[Technician, list[str]]) -> None:
    assert followed[1][1] == f"{FILE}: baik / sound, 12 angka / numbers, 6 aturan / rules\n"


def test_the_preview_is_drawn(followed: tuple[Technician, list[str]]) -> None:
    assert (followed[0].folder / "formulir" / "pratinjau.jpg").stat().st_size > 50_000


def test_the_photo_is_read_right_and_every_number_goes_to_a_person(followed: tuple[Technician, list[str]]) -> None:
    technician, said = followed
    true = json.loads(TRUE_VALUES.read_text(encoding="utf-8"))
    read = json.loads(technician.types("turus read --forms formulir --json docs/img/forms-photo.jpg"))

    assert (read["form"], read["page"], read["outcome"]) == ("c-hasil-pilkades", 1, "review")
    assert {name: n["value"] for name, n in read["numbers"].items()} == true
    assert {tuple(n["why"]) for n in read["numbers"].values()} == {("unmeasured",)}
    assert {n["decision"] for n in read["numbers"].values()} == {"review"}
    assert all(str(value) in said[3] for value in true.values())


def test_the_drawn_photos_are_measured(followed: tuple[Technician, list[str]]) -> None:
    assert re.search(r"c-hasil-pilkades", followed[1][4])
    assert (followed[0].folder / "formulir" / "contoh" / "truth.jsonl").exists()


def test_a_slip_in_the_editor_is_explained(followed: tuple[Technician, list[str]]) -> None:
    technician, _ = followed
    good = technician.text
    try:
        slips = good.replace('field = "sah"', 'field = "suara"').replace("review_order = 9", "review_order = 8")
        technician.writes(slips)
        said = technician.types(f"turus form check {FILE}", code=1)
    finally:
        technician.writes(good)

    at = 1 + good.splitlines().index("review_order = 9")
    assert f"{FILE}:{at}: review order 8 appears 2 times" in said
    assert "sah is not a number of the form" in said
    assert "Beri tiap angka `review_order` sendiri." in said
