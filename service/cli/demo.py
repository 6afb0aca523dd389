"""``turus demo``: reads the samples that come with Turus and leaves something to look at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.read import Jobs, tasks_of

if TYPE_CHECKING:
    from rich.console import Console

    from ocr_pipeline.reader import PageResult
    from ocr_pipeline.values import TpsRead

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
"""In a checkout; a wheel carries none, and draws some."""

REPORT = "index.html"


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder hasil. / Folder for the results.")] = Path(
        "build/demo"
    ),
    jobs: Jobs = None,
) -> None:
    """Baca contoh bawaan: tabel, gambar, laporan HTML / Read the samples: table, pictures, HTML report."""
    from rich import console as rich_console

    from ocr_pipeline.evaluation.labels import load_labels
    from service.cli.batch import Job, load_reader, process_count, read_batch
    from service.cli.table import print_page, print_tps
    from service.report.html import make_card, render_report

    truth = sample_truth(out)
    labels = load_labels(truth)
    tasks = tasks_of([label.path for label in labels], out)
    console = rich_console.Console(highlight=False)
    results: list[PageResult] = []
    for pages in read_batch(tasks, Job(load_reader), process_count(jobs, len(tasks))):
        for page in pages:
            print_page(console, page.read)
        results += pages
    stations = together(results, truth)
    for station in stations:
        print_tps(console, station)
    _print_comparison(console, results, truth)
    report = out / REPORT
    report.write_text(render_report([make_card(result) for result in results], stations), encoding="utf-8")
    console.print(f"\nGambar hasil baca / pictures of the readings: {out}/*.jpg", soft_wrap=True)
    console.print(f"[bold]Laporan / report: {report}[/bold]", soft_wrap=True)


def sample_truth(out: Path) -> Path:
    """The truth file of the samples; without samples beside the project, some are drawn first."""
    truth = SAMPLES / "truth.jsonl"
    if truth.is_file():
        # Short names on the screen where that is possible: most people run this in the checkout.
        here = Path.cwd()
        return truth.relative_to(here) if truth.is_relative_to(here) else truth
    from ocr_pipeline.forms.library import load_form
    from ocr_pipeline.synthesis import write_dataset
    from service.cli.synth import DEFAULT_FORM

    return write_dataset(out / "samples", load_form(DEFAULT_FORM), stations=2, seed=1)


def together(results: "list[PageResult]", truth: Path) -> "list[TpsRead]":
    """Decides the pages of each station together; the truth file's seed says which pages belong to one station."""
    import json

    from ocr_pipeline.reader import read_together

    stations: dict[object, list[PageResult]] = {}
    lines = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines() if line.strip()]
    seeds = {str(truth.parent / line["file"]): line.get("seed") for line in lines}
    for result in results:
        seed = seeds.get(result.read.photo)
        if seed is not None and result.read.outcome != "rejected":
            stations.setdefault(seed, []).append(result)
    return [read_together(pages) for pages in stations.values() if len(pages) > 1]


def _print_comparison(console: "Console", results: "list[PageResult]", truth: Path) -> None:
    """How the demo compares with the truth; a demo that only shows itself proves nothing."""
    from ocr_pipeline.evaluation.labels import load_labels
    from ocr_pipeline.evaluation.metrics import evaluate

    total = evaluate(load_labels(truth), {result.read.photo: result.read for result in results}).total
    console.print(
        f"Dibandingkan dengan kebenarannya / against the truth: {total.numbers.hits}/{total.numbers.n} angka benar / "
        f"numbers right, {total.silent.hits} salah diam-diam / silent errors"
    )
