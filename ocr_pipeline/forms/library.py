"""The forms a process knows: those that ship with Turus, in ``library/``, and a technician's own.

One TOML file a form, or one file for the variants of a form. :func:`use_folder` is the one way in for forms that do not
ship with Turus: whoever starts a process calls it, before the first photo. Forms are only ever added, and a known id
never changes its meaning, so whatever was derived from a form stays right.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from ocr_pipeline.errors import DefinitionError, UnknownFormError
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.loading import parse_definitions
from ocr_pipeline.forms.variants import ids_in

_FOLDER = resources.files("ocr_pipeline.forms") / "library"
_own: dict[str, FormDefinition] = {}
"""Forms added in this process, by id."""
_own_files: dict[Path, None] = {}


def form_ids() -> tuple[str, ...]:
    """Ids of all forms, sorted."""
    return tuple(sorted([*_stems(), *_own]))


def load_form(form_id: str) -> FormDefinition:
    """A form by its id.

    Raises:
        UnknownFormError: no such form.
        DefinitionError: its file is wrong.
    """
    if form_id in _own:
        return _own[form_id]
    if form_id not in _stems():
        raise UnknownFormError(form_id, form_ids())
    return _forms_in(_stems()[form_id])[form_id]


def use_folder(folder: Path) -> tuple[str, ...]:
    """Adds every form of a folder, ``*.toml``, to those this process knows.

    Args:
        folder: named by whoever runs Turus; never by somebody on the network.

    Returns:
        The ids of its forms.

    Raises:
        DefinitionError: lists every mistake in every file; nothing is added then.
        OSError: the folder cannot be read.
    """
    files = sorted(file for file in folder.resolve().iterdir() if file.name.endswith(".toml"))
    if not files:
        raise DefinitionError(str(folder), ("no .toml file",))
    return use_files(files)


def use_files(files: Iterable[Path]) -> tuple[str, ...]:
    """Adds the forms of some files, like :func:`use_folder`."""
    found: dict[str, FormDefinition] = {}
    problems: list[str] = []
    read = tuple(file.resolve() for file in files)
    for file in read:
        try:
            forms = _own_forms(file)
        except DefinitionError as error:
            problems += [f"{file.name}: {problem}" for problem in error.problems]
            continue
        problems += [f"{file.name}: {problem}" for problem in clashes(forms, found)]
        found |= {form.id: form for form in forms}
    if problems:
        raise DefinitionError(", ".join(sorted({str(file.parent) for file in read})), tuple(problems))
    _own.update(found)
    _own_files.update(dict.fromkeys(read))
    return tuple(found)


def own_files() -> tuple[Path, ...]:
    """The files whose forms were added in this process, for the processes it starts."""
    return tuple(_own_files)


def _own_forms(file: Path) -> tuple[FormDefinition, ...]:
    stem = file.name.removesuffix(".toml")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DefinitionError(stem, ("not UTF-8 text",)) from error
    return _called(parse_definitions(text, stem), stem)


def clashes(forms: Sequence[FormDefinition], beside: Mapping[str, FormDefinition] = MappingProxyType({})) -> list[str]:
    """What of a file's forms another form has already: an id, or the tag of a page; each as one sentence.

    Args:
        forms: those of one file.
        beside: others that are about to be added with them, by id.
    """
    return [*_taken_ids(forms, beside), *_taken_tags(forms, beside)]


def _taken_ids(forms: Sequence[FormDefinition], beside: Mapping[str, FormDefinition]) -> Iterator[str]:
    for form in forms:
        if form.id in _stems() and load_form(form.id) != form:
            yield f"the id {form.id} belongs to a form that ships with Turus"
        elif form.id in beside or _own.get(form.id, form) != form:
            yield f"the id {form.id} belongs to another form"


def _taken_tags(forms: Sequence[FormDefinition], beside: Mapping[str, FormDefinition]) -> Iterator[str]:
    mine = {form.id for form in forms}
    taken = {tag: other.id for other in (*map(load_form, form_ids()), *beside.values()) for tag in other.tags}
    for family, number in sorted({tag for form in forms for tag in form.tags} & taken.keys()):
        if (owner := taken[family, number]) not in mine:
            yield f"tag {family} {number} belongs to {owner}"


def _called(forms: tuple[FormDefinition, ...], stem: str) -> tuple[FormDefinition, ...]:
    if forms[0].id != stem:
        raise DefinitionError(stem, (f"the file is called {stem}.toml but its id is {forms[0].id}",))
    return forms


@cache
def _stems() -> Mapping[str, str]:
    """Id of each form that ships with Turus -> name of the file that defines it, without its ending."""
    files = {entry.name.removesuffix(".toml"): entry for entry in _FOLDER.iterdir() if entry.name.endswith(".toml")}
    return {form_id: stem for stem, file in files.items() for form_id in ids_in(file.read_text(encoding="utf-8"), stem)}


@cache
def _forms_in(stem: str) -> Mapping[str, FormDefinition]:
    text = (_FOLDER / f"{stem}.toml").read_text(encoding="utf-8")
    return {form.id: form for form in _called(parse_definitions(text, stem), stem)}
