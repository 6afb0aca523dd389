"""``turus bench uploads``: a real web process, and a client process whose photos arrive as phones send them.

Arrivals are Poisson: photos come when they come, whether or not the ones before are done, and the time of each is
counted from when it was due. A client that waits for answers before it sends more would hide every stall.
"""

import asyncio
import base64
import hashlib
import io
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlencode

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

Way = Literal["put", "tus"]

ELECTION: Final = "bench-uploads"
KECAMATAN: Final = 20
TPS_EACH: Final = 50
START_WAIT_S: Final = 30
ANSWER_WAIT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent.

    Attributes:
        per_s: photos due each second, on average.
        seconds: for how long.
        size_bytes: of each photo.
        way: ``put``, or ``tus`` (creation with upload).
        seed: of the arrivals.
    """

    per_s: float
    seconds: float
    size_bytes: int
    way: Way
    seed: int


@dataclass(frozen=True, slots=True)
class Sender:
    """An officer of one station."""

    tps: str
    token: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        sent: photos due.
        accepted: answered with a receipt.
        errors: how many of each other answer (status or exception).
        took_s: from the first due to the last answer.
        waits_ms: time of each accepted photo from when it was due, sorted.
        client_cpu_s: processor time of the client.
        reconnects: photos sent again because an idle connection had been closed.
    """

    sent: int
    accepted: int
    errors: Mapping[str, int]
    took_s: float
    waits_ms: Sequence[float]
    client_cpu_s: float
    reconnects: int

    def percentile_ms(self, p: float) -> float:
        """The time within which the share ``p`` (0 to 1) was answered; the next larger one that occurred."""
        return self.waits_ms[min(len(self.waits_ms) - 1, int(p * len(self.waits_ms)))] if self.waits_ms else 0.0


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
        return pool.apply(_client, (plan, port, list(senders)))


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


# the client process


def _client(plan: Plan, port: int, senders: list[Sender]) -> Outcome:
    import uvloop

    return uvloop.run(_Client(plan, port, senders).run())


class _Client:
    """Sends each photo when it is due, over whichever connection is free or a new one."""

    def __init__(self, plan: Plan, port: int, senders: list[Sender]) -> None:
        self.plan, self.port, self.senders = plan, port, senders
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.waits_ms: list[float] = []
        self.errors: Counter[str] = Counter()
        self.reconnects = 0
        body = _photo(plan.size_bytes - 16, plan.seed)
        self.body, self.digest = body, hashlib.sha256(body)

    async def run(self) -> Outcome:
        chance = random.Random(self.plan.seed)
        loop = asyncio.get_running_loop()
        started = loop.time() + 0.2
        tasks: list[asyncio.Task[None]] = []
        due = started + chance.expovariate(self.plan.per_s)
        while due < started + self.plan.seconds:
            await asyncio.sleep(max(0.0, due - loop.time()))
            tasks.append(asyncio.create_task(self._send(len(tasks), due)))
            due += chance.expovariate(self.plan.per_s)
        await asyncio.gather(*tasks)
        took_s = loop.time() - started
        for _, writer in self.idle:
            writer.close()
        return Outcome(
            len(tasks),
            len(self.waits_ms),
            dict(self.errors),
            took_s,
            sorted(self.waits_ms),
            time.process_time(),
            self.reconnects,
        )

    async def _send(self, index: int, due: float) -> None:
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):
                status = await self._request(index)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.errors[type(error).__name__] += 1
            return
        if status == 201:
            self.waits_ms.append((asyncio.get_running_loop().time() - due) * 1000)
        else:
            self.errors[str(status)] += 1

    async def _request(self, index: int) -> int:
        head, tail = self._head(index)
        while True:
            fresh = not self.idle
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port) if fresh else self.idle.pop()
            try:
                writer.write(head)
                writer.write(self.body)
                writer.write(tail)
                await writer.drain()
                answer = await reader.readuntil(b"\r\n\r\n")
            except (ConnectionError, asyncio.IncompleteReadError):
                writer.close()
                if fresh:
                    raise
                self.reconnects += 1  # the server had closed an idle connection: not the photo's fault
                continue
            await self._rest_of(answer, reader, writer)
            return int(answer.split(b" ", 2)[1])

    async def _rest_of(self, answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        headers = dict(line.split(b": ", 1) for line in answer.lower().split(b"\r\n")[1:] if b": " in line)
        await reader.readexactly(int(headers.get(b"content-length", b"0")))
        if headers.get(b"connection") == b"close":
            writer.close()
        else:
            self.idle.append((reader, writer))

    def _head(self, index: int) -> tuple[bytes, bytes]:
        sender = self.senders[index % len(self.senders)]
        tail = f"{index:016d}".encode()
        digest = self.digest.copy()
        digest.update(tail)
        sha256 = digest.hexdigest()
        common = f"Host: bench\r\nAuthorization: Bearer {sender.token}\r\nContent-Length: {self.plan.size_bytes}\r\n"
        if self.plan.way == "put":
            query = urlencode({"election": ELECTION, "tps": sender.tps})
            line = f"PUT /photos/{sha256}?{query} HTTP/1.1\r\n"
            return f"{line}{common}Content-Type: application/octet-stream\r\n\r\n".encode(), tail
        values = {"election": ELECTION, "tps": sender.tps, "sha256": sha256}
        metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())
        own = (
            f"Tus-Resumable: 1.0.0\r\nUpload-Length: {self.plan.size_bytes}\r\nUpload-Metadata: {metadata}\r\n"
            "Content-Type: application/offset+octet-stream\r\n\r\n"
        )
        return f"POST /uploads HTTP/1.1\r\n{common}{own}".encode(), tail


def _photo(size_bytes: int, seed: int) -> bytes:
    """A JPEG followed by noise up to the size: only headers are read on the way in."""
    from PIL import Image

    chance = random.Random(seed)
    buffer = io.BytesIO()
    Image.frombytes("L", (64, 48), chance.randbytes(64 * 48)).resize((400, 300)).save(buffer, "JPEG")
    data = buffer.getvalue()
    if len(data) > size_bytes:
        raise ValueError(f"a photo of the bench has at least {len(data)} bytes")
    return data + chance.randbytes(size_bytes - len(data))


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
