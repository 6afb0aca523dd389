"""``turus eval``: how well labelled photos, their degraded copies, or labelled boxes are read."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from service.cli.own_forms import Forms
from service.cli.read import Form, Jobs, Json, check_form, with_progress

if TYPE_CHECKING:
    from ocr_pipeline.evaluation.labels import Label
    from ocr_pipeline.evaluation.metrics import Evaluation
    from ocr_pipeline.reader import PageResult

DEFAULT_COMMAND = "labels"


class _LabelsByDefault(TyperGroup):
    """``turus eval LABELS`` is short for ``turus eval labels LABELS``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_LabelsByDefault,
    help="Ukur ketepatan: `eval LABELS` atau `eval boxes DIR` / Measure accuracy.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("labels")
def labels(
    path: Annotated[Path, typer.Argument(metavar="LABELS", help="Berkas labels.jsonl. / The labels.jsonl.")],
    form: Form = None,
    degrade: Annotated[
        bool,
        typer.Option("--degrade", help="Ukur salinan yang dirusak. / Measure degraded copies of every photo instead."),
    ] = False,
    work: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Simpan salinan itu di sini. / Keep those copies here (default: a temporary folder)."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Simpan yang gagal sebagai gambar di sini (reports/...). / Save what failed as pictures here.",
        ),
    ] = None,
    json: Json = False,
    jobs: Jobs = None,
    forms: Forms = None,
    show: Annotated[int, typer.Option(min=0, help="Paling banyak angka salah yang dirinci. / Misses to list.")] = 30,
) -> None:
    """Bandingkan pembacaan dengan label / Compare readings with labels."""
    from ocr_pipeline.evaluation.labels import load_labels

    check_form(form)
    if degrade and report is not None:
        raise typer.BadParameter("--report tidak dapat bersama --degrade / --report does not go with --degrade")
    wanted = load_labels(path, form)
    if degrade:
        parts, took_s = _measure_degraded(path, form, work, jobs)
        _report_degraded(parts, took_s, json, show)
    else:
        results, took_s = _read(wanted, jobs)
        evaluation = _scored(wanted, results)
        _report(evaluation, took_s, json, show)
        if report is not None:
            from service.report.failures import write_failures

            print(write_failures(evaluation, results, report), file=sys.stderr)


@app.command("boxes")
def boxes(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Potongan kotak dan labels.csv. / Box crops and labels.csv (file,label)."),
    ],
    json: Json = False,
) -> None:
    """Ukur model angka pada potongan kotak / Measure the digit model on crops of single boxes."""
    from ocr_pipeline.evaluation.boxes import evaluate_boxes

    result = evaluate_boxes(folder)
    if json:
        _print_json(result)
        return
    from service.cli.eval_table import print_boxes

    print_boxes(result)


def _read(labels: "list[Label]", jobs: int | None) -> "tuple[dict[str, PageResult], float]":
    """The readings of the labelled photos by ``PageRead.photo``; also the seconds it took."""
    import time

    from service.cli.batch import Job, Task, load_reader, process_count, read_batch

    began = time.perf_counter()
    tasks = [Task(label.path) for label in labels]
    results = read_batch(tasks, Job(load_reader), process_count(jobs, len(tasks)))
    found = {page.read.photo: page for pages in with_progress(results, len(tasks)) for page in pages}
    return found, time.perf_counter() - began


def _scored(labels: "list[Label]", results: "dict[str, PageResult]") -> "Evaluation":
    from ocr_pipeline.evaluation.metrics import evaluate

    return evaluate(labels, {name: result.read for name, result in results.items()})


def _measure_degraded(
    path: Path, form: str | None, work: Path | None, jobs: int | None
) -> "tuple[dict[str, Evaluation], float]":
    """Makes the degraded copies and scores them, one evaluation a degradation; also the seconds the reading took."""
    import tempfile
    from contextlib import nullcontext

    from ocr_pipeline.evaluation.degrade import degrade_dataset
    from ocr_pipeline.evaluation.labels import load_labels
    from ocr_pipeline.evaluation.metrics import split

    folder = tempfile.TemporaryDirectory() if work is None else nullcontext(str(work))
    with folder as name:
        copies = degrade_dataset(path, Path(name), None if form is None else {form})
        labels = load_labels(copies)
        results, took_s = _read(labels, jobs)
    return split(_scored(labels, results), lambda label: str(label.degradation)), took_s


def _report(evaluation: "Evaluation", took_s: float, json: bool, show: int) -> None:
    from service.cli.eval_table import evaluation_to_dict, print_evaluation

    if json:
        _print_json({**evaluation_to_dict(evaluation), "seconds": round(took_s, 1)})
    else:
        print_evaluation(evaluation, took_s, show)


def _report_degraded(parts: "dict[str, Evaluation]", took_s: float, json: bool, show: int) -> None:
    from service.cli.eval_table import evaluation_to_dict, print_degradations

    if json:
        whole = {name: evaluation_to_dict(part) for name, part in parts.items()}
        _print_json({"degradations": whole, "seconds": round(took_s, 1)})
    else:
        print_degradations(parts, took_s, show)


def _print_json(value: dict[str, Any]) -> None:
    import json

    print(json.dumps(value))
