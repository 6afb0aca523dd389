"""``turus bench read``: how long one photo takes on one core, and what a batch costs."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.errors import UsageProblem
from service.cli.read import Json

if TYPE_CHECKING:
    from ocr_pipeline.evaluation.speed import BatchTimes, ReadTimes


app = typer.Typer(
    help="Ukur kecepatan: read, uploads, jobs, recap, phones / Measure speed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
"""The other benches add themselves in service/cli/main.py."""


@app.command("read")
def bench(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="Foto yang diukur. / The photo to measure.")],
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Ulangan. / Repeats; medians are shown.")] = 15,
    batch: Annotated[
        int, typer.Option(min=0, metavar="N", help="Baca N kali berturut-turut. / Then read it N times in a row.")
    ] = 0,
    json: Json = False,
) -> None:
    """Ukur waktu dan memori pada satu inti / Measure time and memory on one core."""
    from ocr_pipeline.evaluation.speed import time_batch, time_reads
    from service.cli.batch import load_reader

    reader = load_reader()
    try:
        times = time_reads(reader.read_file, photo, repeat)
    except ValueError as error:
        raise UsageProblem(f"{photo} tidak dapat diukur: {error}.", f"{photo} cannot be measured: {error}.") from error
    whole = time_batch(reader.read_file, photo, max(batch, 4)) if batch else None
    if json:
        import json as json_lines
        from dataclasses import asdict

        print(json_lines.dumps({"photo": photo, **asdict(times), "batch": None if whole is None else asdict(whole)}))
    else:
        _print(photo, times, whole)


def _print(photo: str, times: "ReadTimes", batch: "BatchTimes | None") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    refused = f" [red]{times.reason}[/red]" if times.reason else ""
    console.print(
        f"{photo}: {times.outcome}{refused}, median {times.repeats}×, satu thread / one thread", soft_wrap=True
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Tahap / stage")
    table.add_column("ms", justify="right")
    for stage, took_ms in times.stages_ms.items():
        if stage != "total":
            table.add_row(stage, f"{took_ms:.1f}")
    table.add_section()
    table.add_row("seluruhnya, dari berkas / whole read, from the file", f"{times.read_ms:.1f}")
    table.add_row("  tercepat / fastest", f"{times.read_best_ms:.1f}")
    table.add_row("  waktu prosesor / processor time", f"{times.cpu_ms:.1f}")
    table.add_row("dekode saja (abu-abu, ukuran penuh) / bare decode", f"{times.decode_ms:.1f}")
    table.add_row("[bold]perbandingan / ratio[/bold]", f"[bold]{times.ratio:.1f}×[/bold]")
    console.print(table)
    console.print(f"memori puncak / peak memory: {times.peak_rss_mib:.0f} MiB")
    if batch is not None:
        quarters = ", ".join(f"{rss:.0f}" for rss in batch.rss_mib)
        console.print(
            f"{batch.n}×: {batch.photos_per_s:.1f} foto per detik per inti / photos per second per core; "
            f"memori tiap perempat / memory at each quarter: {quarters} MiB, "
            f"puncak / peak {batch.peak_rss_mib:.0f} MiB",
            soft_wrap=True,
        )
