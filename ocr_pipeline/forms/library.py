"""The forms that ship with Turus: one TOML file each in ``library/``, or one file for the variants of a form."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from ocr_pipeline.errors import DefinitionError, UnknownFormError
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.loading import parse_definitions
from ocr_pipeline.forms.variants import ids_in

_FOLDER = resources.files("ocr_pipeline.forms") / "library"


@cache
def form_ids() -> tuple[str, ...]:
    """Ids of all forms in the library, sorted."""
    return tuple(sorted(_stems()))


@cache
def load_form(form_id: str) -> FormDefinition:
    """A form of the library by its id.

    Raises:
        UnknownFormError: no such form.
        DefinitionError: its file is wrong.
    """
    if form_id not in form_ids():
        raise UnknownFormError(form_id, form_ids())
    return _forms_in(_stems()[form_id])[form_id]


@cache
def _stems() -> Mapping[str, str]:
    """Form id -> name of the file that defines it, without its ending."""
    files = {entry.name.removesuffix(".toml"): entry for entry in _FOLDER.iterdir() if entry.name.endswith(".toml")}
    return {form_id: stem for stem, file in files.items() for form_id in ids_in(file.read_text(encoding="utf-8"), stem)}


@cache
def _forms_in(stem: str) -> Mapping[str, FormDefinition]:
    forms = parse_definitions((_FOLDER / f"{stem}.toml").read_text(encoding="utf-8"), stem)
    if forms[0].id != stem:
        raise DefinitionError(stem, (f"the file is called {stem}.toml but its id is {forms[0].id}",))
    return {form.id: form for form in forms}
