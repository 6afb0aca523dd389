"""``turus region``: the tree of regions and polling stations."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.read import Json

if TYPE_CHECKING:
    from service.regions.load import ImportReport

app = typer.Typer(help="Wilayah dan TPS. / Regions and polling stations.", no_args_is_help=True)

STEPS = {
    "read": ("membaca", "reading"),
    "regions": ("wilayah", "regions"),
    "stations": ("TPS", "stations"),
    "counts": ("menghitung", "counting"),
}


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV (code,name,tps) atau JSON. / CSV or JSON, see docs/recap.md.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Hanya periksa, jangan simpan. / Check only, store nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Simpan wilayah dan TPS dari berkas; mengulang tidak mengubah apa pun. / Store regions and stations of a file."""
    from service.accounts.admin import CONSOLE
    from service.cli.local import open_services
    from service.regions.load import import_regions

    def tell(step: str, rows: int) -> None:
        indonesian, english = STEPS[step]
        print(f"{indonesian} / {english}: {rows}", file=sys.stderr)

    services = open_services()
    try:
        report = import_regions(services, file.read_bytes(), CONSOLE, dry_run=dry_run, progress=tell)
    finally:
        services.store.close()
    _print(report, json)


def _print(report: "ImportReport", as_json: bool) -> None:
    if as_json:
        import json as json_lines
        from dataclasses import asdict

        print(json_lines.dumps(asdict(report)))
        return
    if report.dry_run:
        print("hanya diperiksa, tidak ada yang disimpan / checked only, nothing was stored")
    renamed = f"{report.regions_renamed} ganti nama / renamed"
    print(f"wilayah / regions: {report.regions} ({report.regions_new} baru / new, {renamed})")
    print(f"TPS / stations: {report.stations} ({report.stations_new} baru / new)")
    if report.stations_not_in_file:
        print(f"TPS tidak ada di berkas, tetap disimpan / not in the file, kept: {report.stations_not_in_file}")
