"""``turus form preview``: a definition drawn on a photo."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.errors import UsageProblem
from service.cli.own_forms import Forms

What = Annotated[
    str,
    typer.Argument(metavar="FORM|FILE.toml", help="Id formulir atau berkas definisi. / Form id or definition file."),
]


def preview(
    what: What,
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="Foto halamannya. / A photo of one of its pages.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Gambar hasil. / Picture to write.")
    ] = None,
    forms: Forms = None,
) -> None:
    """Gambar definisi di atas foto / Draw the definition on a photo."""
    from ocr_pipeline.errors import PhotoRejected
    from ocr_pipeline.forms.library import load_form
    from ocr_pipeline.reader import Reader
    from service.report.overlay import draw_definition
    from service.report.pictures import colour_photo

    known = _ids(what)
    load_form(known[0])
    result = Reader.load().read_file(photo)[0]
    if result.fit is None:
        raise PhotoRejected(result.read.reason or "not_registered")
    if result.fit.model.form_id not in known:
        raise PhotoRejected("wrong_form")
    page = result.fit.model.page
    target = out or Path(f"{Path(photo).stem}.{result.fit.model.form_id}-hal{page.page}.jpg")
    picture = draw_definition(colour_photo(result.read.photo), result.fit.page_map, page)
    try:
        picture.save(target, quality=90)
    except ValueError as error:
        raise UsageProblem(f"Jenis gambar {target} tidak dikenal.", f"Unknown kind of picture: {target}.") from error
    print(f"{page.title_id} / {page.title_en}\n{target}")


def _ids(what: str) -> tuple[str, ...]:
    """Form ids meant: one of the library's, or those of a file (the variants of a form are several)."""
    from ocr_pipeline.forms.library import use_files

    return use_files([Path(what)]) if what.endswith(".toml") else (what,)
