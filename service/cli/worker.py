"""``turus worker``: reads photos until it is told to stop."""

from typing import Annotated

import typer

Slot = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=999,
        show_default=False,
        help="Nomor pekerja di mesin ini; bawaan: yang bebas. / Number of this worker here; default: a free one.",
    ),
]
Readers = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=64,
        show_default=False,
        help="Foto yang dibaca sekaligus; bawaan: TURUS_READERS. / Photos read at once; default: TURUS_READERS.",
    ),
]
UntilIdle = Annotated[
    bool,
    typer.Option("--until-idle", help="Berhenti bila tidak ada pekerjaan lagi. / End when there is no work left."),
]


def worker(slot: Slot = None, readers: Readers = None, until_idle: UntilIdle = False) -> int:
    """Satu proses pembaca foto; jalankan sebanyak yang perlu. / One process that reads photos; run any number."""
    import signal
    import threading

    from ocr_pipeline.revision import reader_revision
    from service.cli.local import open_services
    from service.jobs.dbos_engine import DbosQueue
    from service.jobs.worker import Options, concurrency, own_name, run_worker
    from service.logs import set_up_logs

    services = open_services()
    set_up_logs(services.settings)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    count = readers or services.settings.readers
    with own_name(services, slot) as worker_id:
        queue = DbosQueue(
            services.settings.jobs_database,
            worker_id,
            reader_revision(),
            concurrency=concurrency(count),
            stop_timeout_s=2 * services.settings.read_timeout_s + 10,
        )
        run_worker(services, queue, Options(worker_id, count, until_idle), stop)
    services.store.close()
    return 0
