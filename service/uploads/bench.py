"""``turus bench uploads``: a real web process, and a client process whose photos arrive as phones send them.

Arrivals are Poisson: photos come when they come, whether or not the ones before are done, and the time of each is
counted from when it was due. A client that waits for answers before it sends more would hide every stall.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, insert, select

from service.access import Role
from service.accounts.tokens import new_token, token_hash
from service.blobs.port import original_key
from service.ids import new_id
from service.services import build_services
from service.settings import Settings
from service.store.accounts import Account, LoginSession
from service.store.migrate import migrate
from service.store.photos import Photo
from service.store.readings import Job
from service.store.regions import Election, Region, Tps
from service.uploads.bench_client import ELECTION, Outcome, Plan, Sender, run_client

KECAMATAN: Final = 20
TPS_EACH: Final = 50
START_WAIT_S: Final = 30


@dataclass(frozen=True, slots=True)
class ServerCost:
    """What the web process used: processor time, and most memory at once."""

    cpu_s: float
    peak_rss_mib: float


def prepare_database(settings: Settings) -> list[Sender]:
    """Migrates and fills in a made-up city with one active KPPS account for each station."""
    services = build_services(settings)
    migrate(services.store)
    now = services.now()
    later = now + timedelta(days=30)
    regions = [("", None, 0, ""), ("99", "", 1, "BENCH"), ("9999", "99", 2, "KOTA BENCH")]
    stations, accounts, sessions, senders = [], [], [], []
    for k in range(1, KECAMATAN + 1):
        kecamatan, desa = f"9999{k:02d}", f"9999{k:02d}2001"
        regions += [(kecamatan, "9999", 3, f"KECAMATAN {k}"), (desa, kecamatan, 4, f"DESA {k}")]
        for number in range(1, TPS_EACH + 1):
            tps, account, token = f"{desa}{number:03d}", new_id(), new_token()
            stations.append({"code": tps, "desa": desa, "kecamatan": kecamatan, "number": number})
            accounts.append(
                {"id": account, "role": Role.KPPS.value, "scope": tps, "state": "active", "created_at": now, "rev": 1}
            )
            sessions.append(
                {
                    "id": new_id(),
                    "token_hash": token_hash(token),
                    "account_id": account,
                    "kind": "device",
                    "label": "bench",
                    "created_at": now,
                    "last_used_at": now,
                    "expires_at": later,
                    "grace_until": later,
                }
            )
            senders.append(Sender(tps, token))
    with services.store.write() as session:
        session.execute(
            insert(Region), [dict(zip(("code", "parent", "level", "name"), row, strict=True)) for row in regions]
        )
        session.execute(insert(Tps), stations)
        session.execute(
            insert(Election),
            [
                {
                    "id": ELECTION,
                    "name": "Bench",
                    "scope": "9999",
                    "forms": [],
                    "recap_fields": [],
                    "limits": {},
                    "state": "open",
                    "created_at": now,
                    "rev": 1,
                }
            ],
        )
        session.execute(insert(Account), accounts)
        session.execute(insert(LoginSession), sessions)
    services.store.close()
    return senders


@contextmanager
def web_process(settings: Settings, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A web process of its own on that port, answering.

    Raises:
        RuntimeError: it did not start; with the end of what it said.
    """
    log = settings.data_dir / "web.log"
    environment = {
        **os.environ,
        "TURUS_DATA_DIR": str(settings.data_dir),
        "TURUS_DATABASE_URL": settings.database,
        "TURUS_LOG_LEVEL": "error",
        "TURUS_RATE_LIMITS": "false",
        "TURUS_MIN_FREE_BYTES": str(settings.min_free_bytes),
        "TURUS_MAX_RECEIVING": str(settings.max_receiving),
        "TURUS_CHUNK_TIMEOUT_S": str(settings.chunk_timeout_s),
    }
    command = [sys.executable, "-m", "service.cli.main", "web", "--port", str(port)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        _wait_until_it_answers(process, port, log)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def server_cost(process: "subprocess.Popen[bytes]") -> ServerCost:
    """What the process has used so far (Linux: ``/proc``)."""
    folder = Path(f"/proc/{process.pid}")
    ticks = (folder / "stat").read_text().rpartition(")")[2].split()
    peak_kib = next(
        int(line.split()[1]) for line in (folder / "status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return ServerCost((int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"), peak_kib / 1024)


def send_all(plan: Plan, port: int, senders: Sequence[Sender]) -> Outcome:
    """Runs the client in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(run_client, (plan, port, list(senders)))


def count_kept(settings: Settings, size_bytes: int) -> tuple[int, int, int]:
    """Photos in the database, those whose bytes lie in the store in full, and jobs."""
    services = build_services(settings)
    with services.store.read() as session:
        names = session.scalars(select(Photo.sha256)).all()
        jobs = session.scalar(select(func.count()).select_from(Job)) or 0
    whole = sum(services.blobs.size(original_key(name)) == size_bytes for name in names)
    services.store.close()
    return len(names), whole, jobs


def fsync_ms(folder: Path, repeats: int = 30) -> float:
    """Median time of writing 4 kB and syncing it there; what the disk can do at best."""
    path = folder / "fsync.tmp"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(repeats):
            started = time.perf_counter()
            file.write(os.urandom(4096))
            os.fsync(file.fileno())
            times.append((time.perf_counter() - started) * 1000)
    path.unlink()
    return sorted(times)[repeats // 2]


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    import http.client

    deadline = time.monotonic() + START_WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/receipts/key")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError(f"the web process did not start:\n{log.read_text()[-2000:]}")


def outcome_json(outcome: Outcome, more: Mapping[str, Any]) -> str:
    """One line for programs."""
    figures = {
        "sent": outcome.sent,
        "accepted": outcome.accepted,
        "errors": dict(outcome.errors),
        "per_s": round(outcome.sent / outcome.took_s, 1),
        **{f"p{p}_ms": round(outcome.percentile_ms(p / 100), 1) for p in (50, 95, 99)},
        "max_ms": round(outcome.waits_ms[-1], 1) if outcome.waits_ms else None,
        "reconnects": outcome.reconnects,
        "client_cpu_s": round(outcome.client_cpu_s, 2),
    }
    return json.dumps({**figures, **more})
