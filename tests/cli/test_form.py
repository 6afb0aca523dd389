import re
from importlib import resources
from pathlib import Path

import pytest
from PIL import Image

from ocr_pipeline.forms.library import form_ids, load_form
from tests.cli.conftest import Turus
from tools.form_pictures import TRUE_FORM

SAMPLES = Path(__file__).parents[2] / "samples"
FORM = "c-hasil-ppwp-2024"


def test_list_names_every_form(turus: Turus) -> None:
    _, out, _ = turus("form", "list")

    assert all(form_id in out for form_id in form_ids())


def test_show_prints_every_number_and_rule(turus: Turus) -> None:
    code, out, _ = turus("form", "show", FORM)

    form = load_form(FORM)
    assert code == 0
    assert all(number.field in out for number in form.numbers)
    assert all(rule.id in out for rule in form.rules)
    assert "sah + tidak_sah = total" in out


def test_check_passes_the_library(turus: Turus) -> None:
    code, out, err = turus("form", "check")

    assert (code, err) == (0, "")
    assert out.count("baik / sound") == len(form_ids())


def test_check_prints_every_problem_of_a_file(turus: Turus, tmp_path: Path) -> None:
    text = (resources.files("ocr_pipeline.forms") / "library" / f"{FORM}.toml").read_text(encoding="utf-8")
    broken = text.replace('total = "sah"', 'total = "nothing"', 1).replace("review_order = 2", "review_order = 1", 1)
    path = tmp_path / "broken.toml"
    path.write_text(broken, encoding="utf-8")

    code, out, err = turus("form", "check", str(path))

    assert code == 1
    assert err.startswith("turus: bad_definition\n")
    problems = [line for line in out.splitlines() if line.startswith(f"{path}:")]
    assert any("nothing" in line for line in problems)
    assert any("review order 1" in line for line in problems)
    where, order = next(
        re.findall(r":(\d+): review order (\d+) appears", line)[0] for line in problems if "order" in line
    )
    assert broken.splitlines()[int(where) - 1] == f"review_order = {order}"
    assert "Give every number a `review_order` of its own." in out


def test_check_goes_on_after_a_wrong_file(turus: Turus, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("= no toml", encoding="utf-8")

    code, out, _ = turus("form", "check", str(path), FORM)

    assert code == 1
    assert f"{FORM}: baik / sound" in out


def test_preview_draws_the_definition_and_says_where(turus: Turus, tmp_path: Path) -> None:
    target = tmp_path / "preview.jpg"

    code, out, _ = turus("form", "preview", FORM, str(SAMPLES / "tps-a-hal2.jpg"), "--out", str(target))

    assert code == 0
    assert str(target) in out
    with Image.open(target) as picture:
        assert max(picture.size) == 2000


@pytest.mark.parametrize(("name", "said"), [("preview.xyz", "usage"), ("no-folder/preview.jpg", "file_problem")])
def test_preview_that_cannot_be_written_is_wrong_usage(turus: Turus, tmp_path: Path, name: str, said: str) -> None:
    code, _, err = turus("form", "preview", FORM, str(SAMPLES / "tps-a-hal2.jpg"), "--out", str(tmp_path / name))

    assert code == 2
    assert err.startswith(f"turus: {said}\n")


def test_preview_of_a_refused_photo_says_why(turus: Turus) -> None:
    code, _, err = turus("form", "preview", FORM, "no-such-photo.jpg")

    assert code == 2
    assert err.startswith("turus: missing\n")


@pytest.mark.usefixtures("fresh_library")
def test_preview_of_a_file_on_a_photo_of_another_form_says_so(turus: Turus, tmp_path: Path) -> None:
    target = tmp_path / "preview.png"

    code, _, err = turus("form", "preview", str(TRUE_FORM), str(SAMPLES / "tps-a-hal2.jpg"), "-o", str(target))

    assert code == 2
    assert err.startswith("turus: wrong_form\n")
    assert not target.exists()


@pytest.mark.usefixtures("fresh_library")
def test_own_forms_are_listed_and_shown(turus: Turus, tmp_path: Path) -> None:
    (tmp_path / TRUE_FORM.name).write_text(TRUE_FORM.read_text(encoding="utf-8"), encoding="utf-8")

    code, out, _ = turus("form", "show", "c-hasil-pilkades", "--forms", str(tmp_path))
    assert code == 0
    assert all(number.field in out for number in load_form("c-hasil-pilkades").numbers)


def test_a_folder_with_a_wrong_form_ends_the_command_with_every_mistake(turus: Turus, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("= no toml", encoding="utf-8")
    (tmp_path / "b.toml").write_text('id = "b"', encoding="utf-8")

    code, _, err = turus("read", "--forms", str(tmp_path), str(SAMPLES / "tps-a-hal2.jpg"))

    assert code == 2
    assert err.startswith("turus: bad_definition\n")
    assert "a.toml: not TOML" in err
    assert "b.toml: form: rev is missing" in err
