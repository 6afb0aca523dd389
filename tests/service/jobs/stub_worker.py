"""``turus worker --until-idle`` with the stub reader: ``stub_worker.py RECORDED SLOT``."""

import sys
import threading

from ocr_pipeline.revision import reader_revision
from service.jobs.dbos_engine import DbosQueue
from service.jobs.worker import Options, concurrency, own_name, run_worker
from service.logs import set_up_logs
from service.services import build_services
from service.settings import Settings
from tests.service.jobs.conftest import STUB


def main() -> None:
    settings = Settings()
    services = build_services(settings)
    set_up_logs(settings)
    program = (sys.executable, str(STUB), sys.argv[1])
    with own_name(services, int(sys.argv[2])) as worker_id:
        queue = DbosQueue(
            settings.jobs_database, worker_id, reader_revision(), concurrency=concurrency(2), stop_timeout_s=30
        )
        run_worker(services, queue, Options(worker_id, 2, until_idle=True, program=program), threading.Event())
    services.store.close()


if __name__ == "__main__":
    main()
