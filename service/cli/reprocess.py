"""``turus reprocess``: read many photos again, by filter, behind the live uploads."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from service.batches.batches import Preview
    from service.batches.filters import BatchFilter
    from service.services import Services

_SHOWN = 50
"""Changed numbers printed; all of them are in the report."""

Region = Annotated[str, typer.Option(help="Kode wilayah; 0: semua. / Region or station code; 0: everywhere.")]
Codes = Annotated[
    list[str] | None,
    typer.Option("--reason", help="Ditolak karena ini; boleh diulang. / Refused for this; may be repeated."),
]
Failures = Annotated[
    list[str] | None,
    typer.Option("--failure", help="Gagal dengan kode ini; boleh diulang. / Failed with this code; may be repeated."),
]
Outcomes = Annotated[
    list[str] | None, typer.Option("--outcome", help="accepted, review, rejected; boleh diulang. / May be repeated.")
]
BatchId = Annotated[str | None, typer.Option(metavar="ID", help="Kumpulan yang sudah ada. / A batch that exists.")]


def reprocess(
    region: Region = "0",
    election: Annotated[str | None, typer.Option(help="Satu pemilihan. / One election.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Yang gagal dibaca. / Those that failed.")] = False,
    failures: Failures = None,
    reasons: Codes = None,
    outcomes: Outcomes = None,
    form: Annotated[str | None, typer.Option(help="Formulir ini saja. / Only this form.")] = None,
    not_current: Annotated[
        bool, typer.Option("--not-current", help="Dibaca pembaca lain. / Read by another reader than the present one.")
    ] = False,
    pipeline_older_than: Annotated[
        str | None, typer.Option(metavar="N", help="Jalur baca lebih lama. / Read by an older pipeline.")
    ] = None,
    model_older_than: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Model lebih lama: digits-2. / Read by an older model.")
    ] = None,
    px_per_box_below: Annotated[
        float | None, typer.Option(metavar="PX", help="Kotak lebih kecil. / Digit boxes smaller than this.")
    ] = None,
    sharpness_below: Annotated[
        float | None, typer.Option(metavar="0-1", help="Kurang tajam. / Less sharp than this.")
    ] = None,
    channels_disagree: Annotated[
        bool, typer.Option("--channels-disagree", help="Angka dan bulatan berbeda. / Digits and bubbles differ.")
    ] = False,
    per_minute: Annotated[int, typer.Option(min=1, help="Foto per menit. / Photos a minute at most.")] = 600,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Hanya hitung jumlah dan waktunya. / Only counts and cost.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Jangan bertanya. / Do not ask.")] = False,
    wait: Annotated[bool, typer.Option(help="Tunggu sampai selesai. / Wait until it is done.")] = True,
    report: Annotated[Path | None, typer.Option(help="Simpan laporan (.json atau .csv). / Save the report.")] = None,
    watch: BatchId = None,
    pause: BatchId = None,
    resume: BatchId = None,
    cancel: BatchId = None,
) -> int:
    """Baca ulang banyak foto; keputusan orang tetap. / Read many photos again; what people decided stays."""
    from service.batches import batches
    from service.cli.local import open_services

    services = open_services()
    for act, batch_id in ((batches.pause, pause), (batches.resume, resume), (batches.cancel, cancel)):
        if batch_id is not None:
            batch = act(services, None, batch_id)
            print(f"{batch.id}: {batch.state}")
            return 0
    if watch is not None:
        return follow(services, watch, report)
    wanted = _filter(
        region,
        {
            "election": election,
            "failed": failed,
            "failures": tuple(failures or ()),
            "reasons": tuple(reasons or ()),
            "outcomes": tuple(outcomes or ()),
            "form": form,
            "not_current": not_current,
            "pipeline_older_than": pipeline_older_than,
            "model_older_than": model_older_than,
            "px_per_box_below": px_per_box_below,
            "sharpness_below": sharpness_below,
            "channels_disagree": channels_disagree,
        },
    )
    with services.store.read() as session:
        found = batches.preview(session, wanted, per_minute)
    _print_preview(found, per_minute)
    if dry_run or found.photos == 0:
        return 0
    if not yes and not _agreed():
        return 1
    batch = batches.create(services, None, wanted, per_minute)
    print(f"Kumpulan / batch {batch.id}")
    return follow(services, batch.id, report) if wait else 0


def follow(services: "Services", batch_id: str, report: Path | None) -> int:
    """Shows a batch until it is over or paused, then its report; exit code 1 when a photo failed."""
    from service.batches.batches import get

    _follow_live(services, batch_id)
    with services.store.read() as session:
        batch = get(session, None, batch_id)
    return _print_report(services, batch_id, batch.state, report)


def _filter(region: str, given: dict[str, object]) -> "BatchFilter":
    from service.batches.filters import BatchFilter
    from service.regions.codes import region_from_path

    return BatchFilter(region=region_from_path(region), **given)  # type: ignore[arg-type]


def _agreed() -> bool:
    if not sys.stdin.isatty():
        print("Tambahkan --yes untuk memulai. / Add --yes to begin.", file=sys.stderr)
        return False
    return typer.confirm("Mulai? / Begin?")


def _print_preview(found: "Preview", per_minute: int) -> None:
    print(f"{found.photos} foto cocok. / {found.photos} photos fit.")
    print(f"  {found.to_read} dibaca ulang / read again with {found.reader_rev}")
    if found.already_read:
        print(
            f"  {found.already_read} sudah dibaca pembaca ini: hasilnya akan sama, hanya diputuskan lagi. / "
            "read by this very reader: it would say the same, so they are only decided again."
        )
    if found.core_seconds is None:
        print("  waktu belum terukur / time not measured yet")
    else:
        print(
            f"  {found.core_seconds:.0f} detik pada satu inti ({found.ms_per_photo:.0f} ms per foto), "
            f"paling cepat {found.least_seconds:.0f} detik pada {per_minute} per menit / "
            "seconds on one core, and at least at this rate"
        )


def _follow_live(services: "Services", batch_id: str) -> None:
    """A bar on a terminal; elsewhere a line whenever something changed."""
    import time

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from service.batches.batches import get, progress

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    last, warned = -1, False
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Membaca / reading", total=None)
        while True:
            with services.store.read() as session:
                batch = get(session, None, batch_id)
                counts = progress(session, [batch_id])[batch_id]
            over = sum(number for state, number in counts.items() if state not in ("waiting", "queued"))
            bar.update(task, total=batch.total, completed=over, description=f"Membaca / reading ({batch.state})")
            if not console.is_terminal and over != last:
                print(f"{over}/{batch.total} {batch.state}", file=sys.stderr)
            if batch.state != "running":
                return
            if not warned and not _workers(services):
                warned = True
                console.print("Tidak ada pekerja; jalankan `turus worker`. / No worker runs: start `turus worker`.")
            last = over
            time.sleep(1)


def _workers(services: "Services") -> int:
    from sqlalchemy import func, select

    from service.jobs.reconcile import is_alive
    from service.store.readings import Worker

    with services.store.read() as session:
        return session.scalar(select(func.count()).select_from(Worker).where(is_alive(services))) or 0


def _print_report(services: "Services", batch_id: str, state: str, to: Path | None) -> int:
    from service.batches.batches import get
    from service.batches.report import report_csv, report_json, report_rows, summary

    with services.store.read() as session:
        batch = get(session, None, batch_id)
    items = summary(services, batch)["items"]
    print(f"{state}: " + ", ".join(f"{name} {number}" for name, number in items.items() if number))
    changed = 0
    for changed, change in enumerate(report_rows(services, batch, "changes"), start=1):
        if changed <= _SHOWN:
            before, after = change["before"], change["after"]
            print(
                f"  {change['tps']} {change['field']}: {before['value']} ({before['state']}) "
                f"-> {after['value']} ({after['state']})"
            )
    print(f"{changed} angka berubah / numbers changed")
    for photo in report_rows(services, batch, "failed"):
        print(f"  gagal / failed: {photo['photo']} TPS {photo['tps']}: {photo['code']}")
    if to is not None:
        lines = report_csv(services, batch) if to.suffix == ".csv" else report_json(services, batch)
        with to.open("w", encoding="utf-8", newline="") as out:
            out.writelines(lines)
        print(f"Laporan / report: {to}")
    return 1 if items["failed"] else 0
