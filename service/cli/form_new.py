"""``turus form new``: a proposed definition from clean pages, and a picture of what was found."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from service.cli.errors import UsageProblem

if TYPE_CHECKING:
    from ocr_pipeline.authoring.propose import Finding, Naming
    from ocr_pipeline.forms.definition import FormDefinition
    from ocr_pipeline.imaging.decode import PhotoSource

PAPERS: Final = {"a4": (210.0, 297.0), "f4": (215.0, 330.0), "folio": (210.0, 330.0)}
"""Width and height in mm; F4 as it is sold in Indonesia."""

Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE...", help="PDF atau pindaian kosong, urut halaman. / PDF or clean scans, in order."),
]
Id = Annotated[str, typer.Option("--id", metavar="ID", help="Id formulir baru. / Id of the new form.")]
Paper = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Kertas: a4, f4, folio, atau LEBARxTINGGI mm. Bawaan: ukuran PDF. / Paper: or WIDTHxHEIGHT in mm.",
    ),
]
OnlyPage = Annotated[
    int | None, typer.Option("--page", min=1, metavar="N", help="Hanya halaman ini dari PDF. / Only this page.")
]
Title = Annotated[str | None, typer.Option(metavar="TEXT", help="Judul formulir. / Title of the form.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Bawaan: ID.toml. / Default: ID.toml.")]


def new(
    sources: Sources, form_id: Id, paper: Paper = None, page: OnlyPage = None, title: Title = None, out: Out = None
) -> None:
    """Usulkan definisi dari halaman kosong / Propose a definition from clean pages."""
    from ocr_pipeline.authoring.propose import Naming, form_text, page_text
    from ocr_pipeline.forms.loading import parse_definition

    target = out or Path(f"{form_id}.toml")
    _refuse(form_id, target)
    texts, findings, first = [], [], 1
    for number, source in _pages(sources, page):
        naming = Naming(form_id, title or form_id, number, first)
        finding = _studied(source, paper)
        texts.append(page_text(naming, finding))
        findings.append((naming, source, finding))
        first += len(finding.layout.numbers)
    text = form_text(findings[0][0], texts)
    form = parse_definition(text, form_id)
    with target.open("x", encoding="utf-8") as file:
        file.write(text)
    for naming, source, finding in findings:
        picture = target.with_name(f"{target.stem}-hal{naming.page}.png")
        _draw(form, naming.page, source, finding, picture)
        _report(naming, finding, picture)
    print(f"{target}: {len(form.numbers)} angka / numbers")
    if not form.numbers:
        print(
            "Tidak ada kotak angka ditemukan: ukur dengan tangan (docs/forms.md), atau cari cetakan yang lebih jelas."
        )
        print("No boxes for digits were found: measure them by hand (docs/forms.md), or find a clearer print.")
    print(f"Lengkapi tiap ISI, lalu: turus form check {target}")
    print(f"Complete every FILL IN, then: turus form check {target}")


def _refuse(form_id: str, target: Path) -> None:
    """Refuses what cannot become a form, before anything is measured."""
    from ocr_pipeline.forms.checks import FORM_ID
    from ocr_pipeline.forms.library import form_ids

    if not FORM_ID.fullmatch(form_id):
        raise UsageProblem(
            f"Id {form_id!r} harus huruf kecil dan angka, bagiannya disambung dengan -. Contoh: c-hasil-pilkades.",
            f"The id {form_id!r} must be lower-case letters and digits, in parts joined by -: c-hasil-pilkades.",
        )
    if form_id in form_ids():
        raise UsageProblem(
            f"Formulir {form_id} sudah ada di pustaka. Pilih id lain.",
            f"Form {form_id} is in the library already. Choose another id.",
        )
    if target.suffix != ".toml" or target.exists():
        raise UsageProblem(
            f"{target} harus berkas .toml yang belum ada.", f"{target} must be a .toml file that does not exist yet."
        )


def _pages(sources: Sequence[str], only: int | None) -> "Iterator[tuple[int, PhotoSource]]":
    """Printed page numbers and where each page is."""
    from ocr_pipeline.imaging.decode import iter_photos

    pages = list(enumerate((photo for path in sources for photo in iter_photos(path)), 1))
    if only is None:
        yield from pages
    elif only <= len(pages):
        yield pages[only - 1]
    else:
        raise UsageProblem(
            f"Tidak ada halaman {only}; yang ada {len(pages)}.", f"There is no page {only}; there are {len(pages)}."
        )


def _studied(source: "PhotoSource", paper: str | None) -> "Finding":
    from ocr_pipeline.authoring.propose import study
    from ocr_pipeline.authoring.sheet import load_sheet
    from ocr_pipeline.imaging.cv import use_one_thread

    use_one_thread()
    return study(load_sheet(source, paper_size(paper)))


def paper_size(text: str | None) -> tuple[float, float] | None:
    """Width and height in mm of ``a4``, ``f4``, ``folio`` or ``600x900``.

    Raises:
        UsageProblem: none of these.
    """
    if text is None:
        return None
    if text.lower() in PAPERS:
        return PAPERS[text.lower()]
    found = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)", text)
    size = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if min(size) < 50 or max(size) > 2000:
        raise UsageProblem(
            f"Kertas {text!r} tidak dikenal. Tulis a4, f4, folio, atau LEBARxTINGGI dalam mm.",
            f"Unknown paper {text!r}. Write a4, f4, folio, or WIDTHxHEIGHT in mm.",
        )
    return size


def _draw(form: "FormDefinition", number: int, source: "PhotoSource", finding: "Finding", target: Path) -> None:
    from service.report.overlay import draw_definition
    from service.report.pictures import colour_photo

    page = form.page(number)
    draw_definition(colour_photo(source.name), finding.sheet.map_of(page.size_mm), page).save(target)


def _report(naming: "Naming", finding: "Finding", picture: Path) -> None:
    layout = finding.layout
    width, height = finding.sheet.size_mm
    axes = [sum(s.axis == axis for s in layout.rules) for axis in ("h", "v")]
    tilt = f"miring / tilt {finding.sheet.tilt_deg:.2f}°"
    print(f"Halaman {naming.page} / page {naming.page}: {width:g} x {height:g} mm, {tilt}")
    print(f"  garis / rules: {axes[0]} mendatar / horizontal, {axes[1]} tegak / vertical")
    print(f"  angka / numbers: {len(layout.numbers)}, kotak / boxes: {sum(len(n.boxes) for n in layout.numbers)}")
    print(f"  bulatan / bubbles: {sum(n.bubbles is not None for n in layout.numbers)} angka / numbers")
    tallies = [n.tally for n in layout.numbers if n.tally is not None] + list(layout.loose_tallies)
    print(f"  kisi turus / tally grids: {len(tallies)}, bidang terisi / filled bars: {len(finding.bars)}")
    print(f"  tag: {finding.tag.id if finding.tag else '-'}")
    for row in layout.unsure:
        print(f"  {len(row)} kotak sebaris dilewati / {len(row)} boxes in one row left out: lihat / see TOML")
    print(f"  {picture}")
