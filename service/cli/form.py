"""``turus form``: the library of form definitions, for whoever writes or checks one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.errors import UsageProblem, print_error

if TYPE_CHECKING:
    from ocr_pipeline.forms.definition import Number, Page

app = typer.Typer(
    help="Pustaka formulir: list, show, preview, check / The library of forms.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FormId = Annotated[str, typer.Argument(metavar="FORM", help="Id formulir. / Form id.")]


@app.command("list")
def list_forms() -> None:
    """Sebutkan semua formulir / List all forms."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from ocr_pipeline.forms.library import form_ids, load_form

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Id", no_wrap=True)
    for name in ("Nama / name", "Halaman / pages", "Angka / numbers"):
        table.add_column(name)
    for form_id in form_ids():
        form = load_form(form_id)
        pages = ", ".join(str(p.page) for p in form.pages)
        table.add_row(form_id, f"{form.title_id}\n[dim]{form.title_en}[/dim]", pages, str(len(form.numbers)))
    Console(highlight=False).print(table)


@app.command("show")
def show(form_id: FormId) -> None:
    """Tampilkan halaman, angka, dan aturan / Show pages, numbers and rules."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from ocr_pipeline.forms.library import load_form
    from service.report.words import rule_text

    form = load_form(form_id)
    console = Console(highlight=False)
    console.print(f"[bold]{form.id}[/bold] rev {form.rev}: {form.title_id} [dim]{form.title_en}[/dim]\n")
    for page in form.pages:
        console.print(f"[bold]{page.title_id}[/bold] [dim]{page.title_en}[/dim]")
        console.print(_page_facts(page))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in ("Field", "Arti / meaning", "Kotak / boxes", "Saluran / channels"):
            table.add_column(name)
        for number in page.numbers:
            meaning = f"{number.label_id} [dim]{number.label_en}[/dim]"
            table.add_row(number.field, meaning, str(len(number.boxes)), _channels(number))
        console.print(table)
        console.print()
    rules = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("Aturan / rule", "Kode", "Jika gagal / if broken", "Isi / what must hold"):
        rules.add_column(name)
    for rule in form.rules:
        broken = "periksa / check" if rule.severity == "error" else "peringatan / warning"
        rules.add_row(rule.id, rule.code, broken, rule_text(rule, str))
    console.print(rules)


@app.command("preview")
def preview(
    form_id: FormId,
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="Foto halamannya. / A photo of one of its pages.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Gambar hasil. / Picture to write (default: beside you).")
    ] = None,
) -> None:
    """Gambar definisi di atas foto / Draw the definition on a photo."""
    from ocr_pipeline.errors import PhotoRejected
    from ocr_pipeline.forms.library import load_form
    from ocr_pipeline.reader import Reader
    from service.report.overlay import draw_definition
    from service.report.pictures import colour_photo

    load_form(form_id)
    result = Reader.load().read_file(photo, form_id)[0]
    if result.fit is None:
        raise PhotoRejected(result.read.reason or "not_registered")
    page = result.fit.model.page
    target = out or Path(f"{Path(photo).stem}.{form_id}-hal{page.page}.jpg")
    picture = draw_definition(colour_photo(result.read.photo), result.fit.page_map, page)
    try:
        picture.save(target, quality=90)
    except ValueError as error:
        raise UsageProblem(f"Jenis gambar {target} tidak dikenal.", f"Unknown kind of picture: {target}.") from error
    print(f"{page.title_id} / {page.title_en}\n{target}")


@app.command("check")
def check(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FORM|FILE.toml]...", help="Bawaan: seluruh pustaka. / Default: the whole library."),
    ] = None,
) -> None:
    """Periksa definisi; kode keluar 1 bila ada yang salah / Check definitions; exit 1 when one is wrong."""
    from ocr_pipeline.errors import DefinitionError
    from ocr_pipeline.forms.library import form_ids

    wrong = 0
    for name in what or form_ids():
        try:
            numbers, rules = _check_one(name)
        except DefinitionError as error:
            wrong += 1
            print_error(error.code, f"{name}: {len(error.problems)} masalah", f"{name}: {len(error.problems)} problems")
            for problem in error.problems:
                print(f"{name}: {problem}")
        else:
            print(f"{name}: baik / sound, {numbers} angka / numbers, {rules} aturan / rules")
    if wrong:
        raise typer.Exit(1)


def _check_one(name: str) -> tuple[int, int]:
    from ocr_pipeline.forms.library import load_form
    from ocr_pipeline.forms.loading import parse_definition

    if not name.endswith(".toml"):
        form = load_form(name)
        return len(form.numbers), len(form.rules)
    try:
        text = Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{name} bukan teks UTF-8.", f"{name} is no UTF-8 text.") from error
    form = parse_definition(text, name)
    return len(form.numbers), len(form.rules)


def _page_facts(page: "Page") -> str:
    width, height = page.size_mm
    tag = f"AprilTag {page.tag.family} {page.tag.id}" if page.tag else "tanpa tag / no tag"
    measured = "sudah diukur / measured" if page.measured else "belum diukur / unmeasured: selalu diperiksa orang"
    return f"{width:g} × {height:g} mm, {tag}, {measured}"


def _channels(number: "Number") -> str:
    channels = [("bulatan", number.bubbles), ("turus", number.tally), ("jumlah baris", number.row_totals)]
    return ", ".join(["angka", *(name for name, found in channels if found is not None)])
