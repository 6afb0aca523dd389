"""``turus form new``: what it writes, and what it refuses before anything is measured."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_pipeline.forms.loading import parse_definition
from tests.authoring.pages import INVENTED, drawn
from tests.cli.conftest import Turus
from tools.form_pictures import PRINT


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_several_scans_are_the_pages_of_one_form(turus: Turus, here: Path) -> None:
    for name in ("depan.png", "belakang.png"):
        cv2.imwrite(name, drawn(INVENTED.id, 1))

    code, out, _ = turus("form", "new", "depan.png", "belakang.png", "--id", "dua-halaman", "--paper", "a4")

    form = parse_definition((here / "dua-halaman.toml").read_text(encoding="utf-8"), "dua-halaman")
    assert code == 0
    assert [page.page for page in form.pages] == [1, 2]
    assert [n.field for n in form.numbers] == [f"angka_{i}" for i in range(1, 25)]
    assert (here / "dua-halaman-hal1.png").exists()
    assert (here / "dua-halaman-hal2.png").exists()
    assert "dua-halaman.toml: 24 angka / numbers" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--id", "C Hasil"], "must be lower-case letters"),
        (["--id", "c-hasil-ppwp-2024"], "is in the library already"),
        (["--id", "ada"], "must be a .toml file that does not exist yet"),
        (["--id", "baru", "--paper", "b7"], "Unknown paper 'b7'"),
        (["--id", "baru", "--page", "2"], "There is no page 2; there are 1."),
        (["--id", "baru", "--paper", "330x215"], "another shape than paper"),
        (["--id", "baru", "--out", "tidak/ada/baru.toml"], "No such file"),
    ],
)
def test_what_cannot_work_is_said_and_nothing_is_written(
    turus: Turus, here: Path, arguments: list[str], said: str
) -> None:
    (here / "ada.toml").write_text("mine", encoding="utf-8")

    code, _, err = turus("form", "new", str(PRINT), *arguments)

    assert code == 2
    assert said in err
    assert [path.name for path in here.iterdir()] == ["ada.toml"]
    assert (here / "ada.toml").read_text(encoding="utf-8") == "mine"


def test_a_scan_without_its_paper_s_size_is_asked_for_it(turus: Turus, here: Path) -> None:
    cv2.imwrite("kosong.png", np.full((1500, 1061), 250, np.uint8))

    code, _, err = turus("form", "new", "kosong.png", "--id", "baru")
    assert (code, err.splitlines()[0]) == (2, "turus: bad_source")

    code, out, _ = turus("form", "new", "kosong.png", "--id", "baru", "--paper", "a4")
    assert code == 0
    assert "Tidak ada kotak angka" in out


def test_a_file_that_is_no_picture_is_refused(turus: Turus, here: Path) -> None:
    (here / "surat.pdf").write_text("not a PDF", encoding="utf-8")
    code, _, err = turus("form", "new", "surat.pdf", "--id", "baru", "--paper", "a4")
    assert (code, err.splitlines()[0]) == (2, "turus: unreadable_file")
