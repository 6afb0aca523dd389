"""``turus bench phones``: many slow phones whose connections break, against a web process of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.read import Json

if TYPE_CHECKING:
    from service.photos.phones import Plan
    from service.settings import Settings


def bench_phones(
    phones: Annotated[int, typer.Option(min=1, max=1000, help="Banyaknya ponsel. / How many phones.")] = 200,
    size: Annotated[int, typer.Option(min=10_000, help="Bita per foto. / Bytes of a photo.")] = 1_000_000,
    slowest: Annotated[float, typer.Option(min=1, help="kbit/s paling lambat. / The slowest phone.")] = 64,
    fastest: Annotated[float, typer.Option(min=1, help="kbit/s paling cepat. / The fastest phone.")] = 256,
    breaks: Annotated[
        float, typer.Option(min=0, max=0.95, help="Bagian sambungan yang putus. / Share of connections that break.")
    ] = 0.3,
    silence: Annotated[
        float, typer.Option(min=0.1, help="Detik diam sebelum sambungan ditinggal. / Seconds of silence.")
    ] = 15,
    give_up: Annotated[float, typer.Option(min=1, help="Detik paling lama per ponsel. / Longest per phone.")] = 1800,
    max_receiving: Annotated[
        int | None, typer.Option(min=1, help="TURUS_MAX_RECEIVING untuk proses web. / For the web process.")
    ] = None,
    chunk_timeout: Annotated[
        float | None, typer.Option(min=0.1, help="TURUS_CHUNK_TIMEOUT_S untuk proses web. / For the web process.")
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="Basis data kosong. / An empty database; default: SQLite in the folder.")
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Di disk mana; dihapus sesudahnya. / On which disk; what it makes is deleted.")
    ] = Path(),
    seed: Annotated[int, typer.Option(help="Benih dari semua kejadian. / Seed of everything.")] = 1,
    json: Json = False,
) -> int:
    """Simulasi ponsel di jaringan buruk / Simulate phones on bad networks.

    0: semua foto tiba, utuh, sekali / every photo arrived, intact, once.
    """
    import json as json_lines

    from service.cli.bench_place import bench_place
    from service.photos.phones import Plan

    with bench_place(folder, database_url) as settings:
        wanted = {"max_receiving": max_receiving, "chunk_timeout_s": chunk_timeout}
        settings = settings.model_copy(update={name: value for name, value in wanted.items() if value is not None})
        plan = Plan(phones, size, slowest, fastest, breaks, silence, min(10.0, phones / 20), seed)
        figures = _run(settings, plan, give_up)
    if json:
        print(json_lines.dumps(figures))
    else:
        _print(figures)
    return 0 if figures["arrived"] == figures["intact"] == figures["once"] == phones else 1


def _run(settings: "Settings", plan: "Plan", give_up_s: float) -> dict[str, Any]:
    import asyncio
    import time

    from sqlalchemy import make_url

    from service.cli.serve import free_port
    from service.photos.phones import run_phones
    from service.photos.phones_check import Memory, check
    from service.uploads import bench
    from service.uploads.bench_client import ELECTION

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    senders = bench.prepare_database(settings)
    port = free_port("127.0.0.1")
    with bench.web_process(settings, port) as process, Memory(process.pid) as memory:
        client_started = time.process_time()
        run = asyncio.run(run_phones(plan, port, senders, ELECTION, give_up_s))
        client_cpu_s = time.process_time() - client_started
        cost = bench.server_cost(process)
    found = check(settings, run)
    waits = sorted(run.tally.finished_s)
    return {
        "database": make_url(settings.database).get_backend_name(),
        "phones": plan.phones,
        "size_bytes": plan.size_bytes,
        "kbit_s": [plan.least_kbit_s, plan.most_kbit_s],
        "seed": plan.seed,
        "max_receiving": settings.max_receiving,
        "arrived": found.arrived,
        "intact": found.intact,
        "once": found.once,
        "receipts_genuine": found.receipts_genuine,
        "strangers": found.strangers,
        "wall_s": round(run.took_s, 1),
        "median_s": round(waits[len(waits) // 2], 1) if waits else None,
        "slowest_s": round(waits[-1], 1) if waits else None,
        "connections": run.tally.connections,
        "breaks": dict(run.tally.breaks),
        "refusals": dict(run.tally.refusals),
        "retries": run.tally.retries,
        "requests": run.tally.requests,
        "sent_per_needed": round(run.tally.sent_bytes / (plan.phones * plan.size_bytes), 3),
        "gave_up": len(run.tally.gave_up),
        "server_rss_mib": memory.figures(),
        "server_cpu_s": round(cost.cpu_s, 1),
        "client_cpu_s": round(client_cpu_s, 1),
    }


def _print(figures: dict[str, Any]) -> None:
    rss, n = figures["server_rss_mib"], figures["phones"]
    low, high = figures["kbit_s"]
    print(f"{n} ponsel / phones, {low:g}-{high:g} kbit/s, {figures['size_bytes']} B, {figures['database']}")
    print(
        f"tiba / arrived: {figures['arrived']}   utuh / intact: {figures['intact']}   sekali / once: {figures['once']}"
        f"   tanda terima sah / genuine receipts: {figures['receipts_genuine']}   lain / others: {figures['strangers']}"
    )
    print(
        f"waktu / wall: {figures['wall_s']} s   median {figures['median_s']} s   "
        f"terlama / slowest {figures['slowest_s']} s   menyerah / gave up: {figures['gave_up']}"
    )
    print(
        f"sambungan / connections: {figures['connections']}   putus / broken: {figures['breaks']}   "
        f"ditolak / refused: {figures['refusals'] or 'tidak ada / none'}"
    )
    print(
        f"ulangan / retries: {figures['retries']}   permintaan / requests: {figures['requests']}   "
        f"terkirim per perlu / sent per needed: {figures['sent_per_needed']}"
    )
    print(
        "memori server / server memory (RSS, MiB): "
        + "   ".join(f"{name} {value}" for name, value in rss.items())
        + f"   CPU: server {figures['server_cpu_s']} s, klien / client {figures['client_cpu_s']} s"
    )
