"""``turus read``: photos in, numbers out."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.own_forms import Forms

if TYPE_CHECKING:
    from ocr_pipeline.reader import PageResult
    from service.cli.batch import Task

LONG_BATCH = 5
"""Photos from which a progress bar is worth its line."""

Form = Annotated[
    str | None, typer.Option("--form", metavar="FORM", help="Formulir yang diharapkan. / The form that is expected.")
]
Page = Annotated[
    int | None,
    typer.Option(
        "--page", min=1, metavar="N", help="Nomor halaman cetak yang diharapkan. / The printed page that is expected."
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        metavar="N",
        show_default=False,
        help="Jumlah proses; 1 = satu proses, satu thread. Bawaan: sesuai banyaknya foto. / "
        "Processes; 1 is one process and one thread. Default: as many as the batch is worth.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Satu objek JSON per baris. / One JSON object a line.")]


def read(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Foto, pindaian, atau PDF. / Photos, scans or PDFs.")
    ],
    form: Form = None,
    page: Page = None,
    together: Annotated[
        bool,
        typer.Option(
            "--together", help="Semua foto adalah halaman satu TPS. / The photos are the pages of one polling station."
        ),
    ] = False,
    json: Json = False,
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Simpan gambar hasil baca di sini. / Save a picture of each reading in this folder."
        ),
    ] = None,
    forms: Forms = None,
    jobs: Jobs = None,
) -> None:
    """Baca angka dari foto formulir / Read the numbers of form photos."""
    from service.cli.batch import Job, load_reader, process_count, read_batch

    check_form(form, page)
    tasks = tasks_of(paths, overlay)
    results = read_batch(tasks, Job(load_reader, form, page), process_count(jobs, len(paths)))
    bar = not sys.stdout.isatty()
    shown = with_progress(results, len(paths), bar)
    if json:
        _print_json(shown, together)
    else:
        _print_tables(shown, together)


def check_form(form: str | None, page: int | None = None) -> None:
    """Refuses a form that is not in the library, and a page that it does not have, before anything is read.

    Raises:
        UnknownFormError: no such form.
        typer.BadParameter: no such page of that form.
    """
    if form is None:
        return
    from ocr_pipeline.forms.library import load_form

    pages = [p.page for p in load_form(form).pages]
    if page is not None and page not in pages:
        known = ", ".join(map(str, pages))
        raise typer.BadParameter(f"{form}: halaman {known}. / {form} has page {known}.", param_hint="--page")


def with_progress(results: "Iterator[list[PageResult]]", n: int, wanted: bool = True) -> "Iterator[list[PageResult]]":
    """The results, with a progress bar on stderr where that is a terminal and the batch is long."""
    if not (wanted and n >= LONG_BATCH and sys.stderr.isatty()):
        return results
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    def moving() -> "Iterator[list[PageResult]]":
        columns = (TextColumn("Membaca / reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
            yield from progress.track(results, total=n)

    return moving()


def tasks_of(paths: Sequence[str], overlay: Path | None) -> "list[Task]":
    """The files of a batch, with where their overlay pictures go; makes that folder."""
    from service.cli.batch import Task

    if overlay is None:
        return [Task(path) for path in paths]
    overlay.mkdir(parents=True, exist_ok=True)
    names = overlay_names(paths, overlay)
    return [Task(path, overlay / name) for path, name in zip(paths, names, strict=True)]


def overlay_names(paths: Sequence[str], folder: Path) -> list[str]:
    """A name for each photo's overlay picture, without suffix: the photo's own, numbered where two are alike.

    A picture never takes the name of a photo of the batch that lies in the folder itself: the photo would be lost.
    """
    photos = [Path(path.rpartition("#")[0] or path) for path in paths]
    mine = folder.resolve()
    here = [p.resolve().name.casefold() for p in photos if p.resolve().parent == mine]
    here += [p.name.casefold() for p in photos if p.parent.resolve() == mine]
    taken: set[str] = set()
    names = []
    for path in paths:
        stem = Path(path).stem or "foto"
        if any(photo.startswith(f"{stem}.".casefold()) for photo in here):
            stem = f"{stem}.hasil"
        name, k = stem, 2
        while name.casefold() in taken:
            name, k = f"{stem}-{k}", k + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _print_json(results: "Iterator[list[PageResult]]", together: bool) -> None:
    import json

    from ocr_pipeline.reader import read_together
    from ocr_pipeline.serialise import page_to_dict, tps_to_dict

    kept = []
    for pages in results:
        for page in pages:
            print(json.dumps(page_to_dict(page.read)), flush=True)
        kept += pages if together else []
    if together:
        print(json.dumps(tps_to_dict(read_together(kept))), flush=True)


def _print_tables(results: "Iterator[list[PageResult]]", together: bool) -> None:
    from collections import Counter

    from rich.console import Console

    from ocr_pipeline.reader import read_together
    from service.cli.table import print_page, print_summary, print_tps

    console = Console(highlight=False)
    outcomes: Counter[str] = Counter()
    rejected = []
    kept = []
    for pages in results:
        for page in pages:
            print_page(console, page.read)
            outcomes[page.read.outcome] += 1
            if page.read.reason is not None:
                rejected.append((page.read.photo, page.read.reason))
        kept += pages if together else []
    if together:
        print_tps(console, read_together(kept))
    if outcomes.total() > 1:
        print_summary(console, outcomes, rejected)
