"""``turus form``: the library of form definitions, for whoever writes or checks one."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import form_check, form_new, form_preview
from service.cli.own_forms import Forms

if TYPE_CHECKING:
    from ocr_pipeline.forms.definition import Number, Page

app = typer.Typer(
    help="Pustaka formulir: list, show, new, check, preview / The library of forms.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("new")(form_new.new)
app.command("check")(form_check.check)
app.command("preview")(form_preview.preview)

FormId = Annotated[str, typer.Argument(metavar="FORM", help="Id formulir. / Form id.")]


@app.command("list")
def list_forms(forms: Forms = None) -> None:
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
def show(form_id: FormId, forms: Forms = None) -> None:
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


def _page_facts(page: "Page") -> str:
    tag = f"AprilTag {page.tag.family} {page.tag.id}" if page.tag else "tanpa tag / no tag"
    measured = "sudah diukur / measured" if page.measured else "belum diukur / unmeasured: selalu diperiksa orang"
    return f"{tag}, {measured}"


def _channels(number: "Number") -> str:
    channels = [("bulatan", number.bubbles), ("turus", number.tally), ("jumlah baris", number.row_totals)]
    return ", ".join(["angka", *(name for name, found in channels if found is not None)])
