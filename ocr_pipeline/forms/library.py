"""The forms that ship with Turus: one TOML file each in ``library/``."""

from functools import cache
from importlib import resources

from ocr_pipeline.errors import DefinitionError, UnknownFormError
from ocr_pipeline.forms.definition import FormDefinition
from ocr_pipeline.forms.loading import parse_definition

_FOLDER = resources.files("ocr_pipeline.forms") / "library"


@cache
def form_ids() -> tuple[str, ...]:
    """Ids of all forms in the library, sorted."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load_form(form_id: str) -> FormDefinition:
    """A form of the library by its id.

    Raises:
        UnknownFormError: no such form.
        DefinitionError: its file is wrong.
    """
    if form_id not in form_ids():
        raise UnknownFormError(form_id, form_ids())
    definition = parse_definition((_FOLDER / f"{form_id}.toml").read_text(encoding="utf-8"), form_id)
    if definition.id != form_id:
        raise DefinitionError(form_id, (f"the file is called {form_id}.toml but its id is {definition.id}",))
    return definition
