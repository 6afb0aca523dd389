"""The client of ``turus bench uploads``: a process of its own that sends photos when they are due."""

import asyncio
import base64
import hashlib
import io
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

Way = Literal["put", "tus"]

ELECTION: Final = "bench-uploads"
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


def run_client(plan: Plan, port: int, senders: list[Sender]) -> Outcome:
    """Sends everything; call it in a process that does nothing else."""
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
        body = bench_photo(plan.size_bytes - 16, plan.seed)
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


def bench_photo(size_bytes: int, seed: int) -> bytes:
    """A JPEG followed by noise up to the size: only headers are read on the way in."""
    from PIL import Image

    chance = random.Random(seed)
    buffer = io.BytesIO()
    Image.frombytes("L", (64, 48), chance.randbytes(64 * 48)).resize((400, 300)).save(buffer, "JPEG")
    data = buffer.getvalue()
    if len(data) > size_bytes:
        raise ValueError(f"a photo of the bench has at least {len(data)} bytes")
    return data + chance.randbytes(size_bytes - len(data))
