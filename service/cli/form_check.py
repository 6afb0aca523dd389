"""``turus form check``: every mistake in definitions, where it is, and how to mend it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.errors import UsageProblem, print_error
from service.cli.own_forms import Forms

if TYPE_CHECKING:
    from ocr_pipeline.forms.definition import FormDefinition

What = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FORM|FILE.toml]...", help="Bawaan: seluruh pustaka. / Default: the whole library."),
]


def check(what: What = None, forms: Forms = None) -> None:
    """Periksa definisi; kode keluar 1 bila ada yang salah / Check definitions; exit 1 when one is wrong."""
    from ocr_pipeline.errors import DefinitionError
    from ocr_pipeline.forms.library import form_ids

    wrong = 0
    for name in what or form_ids():
        text = _text(name)
        try:
            found = _forms(name, text)
        except DefinitionError as error:
            wrong += 1
            n = len(error.problems)
            print_error(error.code, f"{name}: {n} masalah", f"{name}: {n} problems")
            _explain(name, text, error.problems)
        else:
            _say_sound(name, text, found)
    if wrong:
        raise typer.Exit(1)


def _text(name: str) -> str | None:
    """The text of a file; ``None`` for a form of the library."""
    if not name.endswith(".toml"):
        return None
    try:
        return Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{name} bukan teks UTF-8.", f"{name} is no UTF-8 text.") from error


def _forms(name: str, text: str | None) -> "tuple[FormDefinition, ...]":
    from ocr_pipeline.errors import DefinitionError
    from ocr_pipeline.forms.library import clashes, load_form
    from ocr_pipeline.forms.loading import parse_definitions

    if text is None:
        return (load_form(name),)
    found = parse_definitions(text, name)
    problems = clashes(found)
    stem = Path(name).stem
    if found[0].id != stem:
        problems.append(f"the file is called {stem}.toml but its id is {found[0].id}")
    if problems:
        raise DefinitionError(name, tuple(problems))
    return found


def _explain(name: str, text: str | None, problems: tuple[str, ...]) -> None:
    """Each problem on three lines: where and what, then how to mend it in both languages."""
    from ocr_pipeline.authoring.advice import advice_on, line_of

    for problem in problems:
        line = None if text is None else line_of(problem, text)
        advice = advice_on(problem)
        print(f"{name}{'' if line is None else f':{line}'}: {problem}")
        print(f"  {advice.id}\n  {advice.en}")


def _say_sound(name: str, text: str | None, found: "tuple[FormDefinition, ...]") -> None:
    from ocr_pipeline.authoring.advice import line_of, warnings_about

    numbers, rules = len(found[0].numbers), len(found[0].rules)
    print(f"{name}: baik / sound, {numbers} angka / numbers, {rules} aturan / rules")
    if text is None:
        return
    for warning in warnings_about(found):
        line = line_of(warning.en, text)
        print(f"{name}{'' if line is None else f':{line}'}: peringatan / warning")
        print(f"  {warning.id}\n  {warning.en}")
