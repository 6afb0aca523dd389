"""Forms of one's own, beside those that ship with Turus."""

from pathlib import Path

import pytest

from ocr_pipeline.errors import DefinitionError, UnknownFormError
from ocr_pipeline.forms.library import form_ids, load_form, own_files, use_files, use_folder
from ocr_pipeline.registration.model import page_models
from ocr_pipeline.revision import reader_revision
from tests.forms.text import SOUND, spoilt

SHIPPED = "c-hasil-ppwp-2024"
pytestmark = pytest.mark.usefixtures("fresh_library")


def write(folder: Path, name: str, text: str = SOUND) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def named(form_id: str, tag: int = 7) -> str:
    return spoilt(('id = "uji"', f'id = "{form_id}"'), ("id = 7,", f"id = {tag},"))


def problems_of(folder: Path) -> tuple[str, ...]:
    with pytest.raises(DefinitionError) as caught:
        use_folder(folder)
    return caught.value.problems


def test_a_folder_s_forms_are_known_like_the_shipped_ones(tmp_path: Path) -> None:
    before = form_ids()
    path = write(tmp_path, "uji")

    assert use_folder(tmp_path) == ("uji",)
    assert form_ids() == tuple(sorted([*before, "uji"]))
    assert load_form("uji").rev == 3
    assert [model.key for model in page_models("uji")] == [("uji", 1)]
    assert own_files() == (path.resolve(),)
    assert load_form(SHIPPED).id == SHIPPED


def test_a_form_asked_for_too_early_is_found_once_it_is_there(tmp_path: Path) -> None:
    write(tmp_path, "uji")
    with pytest.raises(UnknownFormError):
        load_form("uji")
    revision = reader_revision()

    use_folder(tmp_path)

    assert load_form("uji").id == "uji"
    assert reader_revision() != revision, "readings made without the form are made again with it"


def test_the_same_folder_twice_is_no_mistake(tmp_path: Path) -> None:
    write(tmp_path, "uji")
    use_folder(tmp_path)
    assert use_folder(tmp_path) == ("uji",)


def test_every_mistake_of_every_file_is_named_and_nothing_is_added(tmp_path: Path) -> None:
    write(tmp_path, "sound", named("sound"))
    write(tmp_path, "broken", "= no toml")
    write(tmp_path, "other-name", named("wrong-name"))
    (tmp_path / "latin.toml").write_bytes('id = "caf\xe9"'.encode("latin-1"))
    write(tmp_path, "no-total", named("no-total").replace('total = "a"', 'total = "nothing"'))

    problems = problems_of(tmp_path)

    assert [p.split(":")[0] for p in problems] == ["broken.toml", "latin.toml", "no-total.toml", "other-name.toml"]
    assert "sound" not in form_ids()
    assert own_files() == ()


def test_a_shipped_form_cannot_be_replaced(tmp_path: Path) -> None:
    write(tmp_path, SHIPPED, named(SHIPPED))
    assert problems_of(tmp_path) == (f"{SHIPPED}.toml: the id {SHIPPED} belongs to a form that ships with Turus",)


def test_a_known_id_does_not_change_its_meaning(tmp_path: Path) -> None:
    use_files([write(tmp_path, "uji")])
    write(tmp_path, "uji", spoilt(("rev = 3", "rev = 4")))

    assert problems_of(tmp_path) == ("uji.toml: the id uji belongs to another form",)
    assert load_form("uji").rev == 3


def test_a_tag_names_one_page_of_one_form(tmp_path: Path) -> None:
    write(tmp_path, "taken", named("taken", tag=102))
    write(tmp_path, "one", named("one", tag=9))
    write(tmp_path, "two", named("two", tag=9))

    assert set(problems_of(tmp_path)) == {
        f"taken.toml: tag 36h10 102 belongs to {SHIPPED}",
        "two.toml: tag 36h10 9 belongs to one",
    }


def test_a_folder_without_definitions_is_a_wrong_folder(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == ("no .toml file",)
    with pytest.raises(FileNotFoundError):
        use_folder(tmp_path / "nowhere")
