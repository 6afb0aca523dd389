"""Simulated phones on bad networks: slow, cut off at random bytes, silent for a while; seeded, so it can be repeated.

Each phone sends one photo by tus over raw sockets. Its bytes pass a token bucket in small pieces, and its kernel may
hold only a few of them (``SO_SNDBUF``), or the rate would be fiction. A connection that is going to break is drawn when
it is opened, with the byte at which it does: most break with a reset, some fall silent without a word, some break when
all is sent and the answer is on its way. Loopback has no packet loss, so what TCP does about it is not shown here.
"""

import asyncio
import base64
import hashlib
import io
import json
import random
import socket
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from service.uploads.bench_client import Sender

PIECE_BYTES: Final = 2048
SEND_BUFFER_BYTES: Final = 8192
CHUNK_BYTES: Final = 256 * 1024
ANSWER_WAIT_S: Final = 30.0
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 8.0
KINDS: Final = ("reset", "silence", "answer_lost")
KIND_WEIGHTS: Final = (7, 2, 1)
TUS: Final = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated.

    Attributes:
        phones: how many, each with a photo and a station of its own.
        size_bytes: of each photo.
        least_kbit_s: the slowest phone's rate.
        most_kbit_s: the fastest one's.
        break_chance: share of connections that break, 0-1.
        silence_s: how long a silent connection stays open before its phone gives it up.
        start_s: phones begin within this time.
        seed: of everything.
    """

    phones: int = 200
    size_bytes: int = 1_000_000
    least_kbit_s: float = 64
    most_kbit_s: float = 256
    break_chance: float = 0.3
    silence_s: float = 15
    start_s: float = 10
    seed: int = 1


@dataclass(slots=True)
class Tally:
    """What happened on the way, over all phones."""

    connections: int = 0
    requests: int = 0
    breaks: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    finished_s: list[float] = field(default_factory=list)
    gave_up: list[str] = field(default_factory=list)

    @property
    def retries(self) -> int:
        """Attempts that had to be repeated."""
        return self.breaks.total() + self.refusals.total()


class Film:
    """The photo of one phone: a picture, then noise that no other phone has; made piece by piece, never whole."""

    def __init__(self, picture: bytes, size_bytes: int, seed: str) -> None:
        self.size_bytes = size_bytes
        self._picture = picture
        self._block = random.Random(seed).randbytes(8192)
        digest = hashlib.sha256()
        for start in range(0, size_bytes, CHUNK_BYTES):
            digest.update(self.piece(start, start + CHUNK_BYTES))
        self.sha256 = digest.hexdigest()

    def piece(self, start: int, end: int) -> bytes:
        """Bytes from ``start`` to before ``end``."""
        end = min(end, self.size_bytes)
        head = self._picture[start:end]
        at = max(start - len(self._picture), 0)
        need = end - start - len(head)
        first = at % len(self._block)
        repeats = (first + need) // len(self._block) + 1
        return head + (self._block * repeats)[first : first + need]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it: seconds, what happened, which photo each station's phone had, the receipts they got."""

    took_s: float
    tally: Tally
    expected: Mapping[str, str]
    receipts: Sequence[str]


class Broken(Exception):
    """The connection is gone, as drawn."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


class Line:
    """One connection of one phone, with its fate."""

    def __init__(self, phone: "Phone", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._phone = phone
        self._reader, self._writer = reader, writer
        self._sent_bytes = 0
        chance = phone.chance
        self._fate = chance.choices(KINDS, KIND_WEIGHTS)[0] if chance.random() < phone.plan.break_chance else None
        self._fate_at = chance.randrange(1, max(2, phone.left_bytes))

    @classmethod
    async def open(cls, phone: "Phone") -> "Line":
        """Connects, with a send buffer small enough that the rate is real."""
        plug = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plug.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", phone.port))
            reader, writer = await asyncio.open_connection(sock=plug)
        except BaseException:
            plug.close()
            raise
        writer.transport.set_write_buffer_limits(high=PIECE_BYTES)
        return cls(phone, reader, writer)

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """One request at the phone's rate, and its answer. An answer that comes early ends the sending.

        Raises:
            Broken: as drawn.
            OSError: the server closed the connection.
            asyncio.IncompleteReadError: likewise.
            TimeoutError: no answer came.
        """
        self._phone.tally.requests += 1
        every = {"Host": "phones", "Authorization": f"Bearer {self._phone.sender.token}", **headers}
        if body or method in ("POST", "PATCH"):
            every["Content-Length"] = str(len(body))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in every.items())
        answer = asyncio.ensure_future(self._answer(method))
        try:
            is_early = await self._send(head.encode() + b"\r\n" + body, answer)
            if self._fate == "answer_lost" and self._sent_bytes >= self._fate_at:
                self._break()
            async with asyncio.timeout(ANSWER_WAIT_S):
                reply = await answer
        finally:
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)
        if is_early:
            self.close()
        return reply

    async def _send(self, data: bytes, answer: "asyncio.Future[Reply]") -> bool:
        loop = asyncio.get_running_loop()
        started, start_bytes = loop.time(), self._sent_bytes
        for at in range(0, len(data), PIECE_BYTES):
            if answer.done():
                return True
            piece = data[at : at + PIECE_BYTES]
            if self._fate in ("reset", "silence") and self._sent_bytes + len(piece) >= self._fate_at:
                # About what the server has by then, so that the next connection's fate lies within what is left.
                self._phone.left_bytes = max(1, self._phone.left_bytes - at)
                self._writer.write(piece[: self._fate_at - self._sent_bytes])
                await self._writer.drain()
                if self._fate == "silence":
                    await asyncio.sleep(self._phone.plan.silence_s)
                self._break()
            self._writer.write(piece)
            await self._writer.drain()
            self._sent_bytes += len(piece)
            self._phone.tally.sent_bytes += len(piece)
            due = started + (self._sent_bytes - start_bytes) / self._phone.bytes_per_s
            await asyncio.sleep(max(0.0, due - loop.time()))
        return False

    def _break(self) -> None:
        self._phone.tally.breaks[self._fate or ""] += 1
        if self._fate == "silence":
            # Nobody told the server: the phone walks away and opens another connection. This end stays open.
            self._phone.silent.append(self._writer)
        else:
            plug = self._writer.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        raise Broken(self._fate)

    def close(self) -> None:
        """Ends it in good order."""
        if self._writer not in self._phone.silent:
            self._writer.close()

    @property
    def is_open(self) -> bool:
        """Whether it can be used again."""
        return not self._writer.is_closing() and not self._reader.at_eof()

    async def _answer(self, method: str) -> Reply:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        size_bytes = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        body = await self._reader.readexactly(size_bytes)
        if headers.get("connection") == "close":
            self._writer.close()
        return Reply(int(status_line.split(" ")[1]), headers, body)


class Phone:
    """One officer's phone with one photo."""

    def __init__(self, plan: Plan, index: int, sender: Sender, election: str, picture: bytes, port: int) -> None:
        self.plan, self.sender, self.port = plan, sender, port
        self.chance = random.Random(f"{plan.seed}/{index}")
        self.bytes_per_s = self.chance.uniform(plan.least_kbit_s, plan.most_kbit_s) * 1000 / 8
        self.film = Film(picture, plan.size_bytes, f"{plan.seed}/{index}/film")
        self.left_bytes = plan.size_bytes
        self.silent: list[asyncio.StreamWriter] = []
        self.tally = Tally()
        self._election = election

    async def send(self, tally: Tally, give_up_s: float) -> str | None:
        """Sends the photo, however often it takes; the receipt's id, ``None`` when time was over."""
        self.tally = tally
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.chance.uniform(0, self.plan.start_s))
        started = loop.time()
        failures = 0
        try:
            async with asyncio.timeout(give_up_s):
                while True:
                    before_bytes = self.left_bytes
                    receipt, pause_s = await self._attempt()
                    if receipt is not None:
                        tally.finished_s.append(loop.time() - started)
                        return receipt
                    failures = 0 if self.left_bytes < before_bytes else failures + 1
                    bound_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**failures)
                    await asyncio.sleep(pause_s + self.chance.uniform(0, bound_s))
        except TimeoutError:
            tally.gave_up.append(self.sender.tps)
            return None
        finally:
            for writer in self.silent:
                writer.transport.abort()

    async def _attempt(self) -> tuple[str | None, float]:
        """One connection's worth; the receipt's id or ``None``, and how long the server asked to wait."""
        try:
            line = await Line.open(self)
        except OSError as error:
            self.tally.refusals[type(error).__name__] += 1
            return None, 0.0
        self.tally.connections += 1
        try:
            return await self._talk(line)
        except Broken:
            return None, 0.0
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.tally.refusals[type(error).__name__] += 1
            return None, 0.0
        finally:
            line.close()

    async def _talk(self, line: Line) -> tuple[str | None, float]:
        film = self.film
        claim = {"election": self._election, "tps": self.sender.tps, "sha256": film.sha256}
        body = json.dumps({**claim, "size_bytes": film.size_bytes}).encode()
        reply = await line.ask("POST", "/photos/announce", {"Content-Type": "application/json"}, body)
        if reply.status != 200:
            return None, self._refused(reply)
        told = reply.json()
        if told["status"] == "stored":
            return str(told["receipt"]["id"]), 0.0
        if told["status"] == "resume":
            upload = told["upload"]
            reply = await line.ask("HEAD", upload, TUS)
        else:
            pairs = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in claim.items())
            headers = {**TUS, "Upload-Length": str(film.size_bytes), "Upload-Metadata": ",".join(pairs)}
            reply = await line.ask("POST", "/uploads", headers)
            upload = reply.headers.get("location", "")
        while reply.status in (200, 201, 204):
            if "turus-receipt" in reply.headers:
                return reply.headers["turus-receipt"], 0.0
            offset = int(reply.headers["upload-offset"])
            self.left_bytes = film.size_bytes - offset
            if not line.is_open:
                return None, 0.0
            headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            reply = await line.ask("PATCH", upload, headers, film.piece(offset, offset + CHUNK_BYTES))
        return None, self._refused(reply)

    def _refused(self, reply: Reply) -> float:
        code = reply.json()["code"] if reply.body else ""
        self.tally.refusals[f"{reply.status} {code}".strip()] += 1
        return float(reply.headers.get("retry-after", "0"))


def _picture(seed: int) -> bytes:
    """A small JPEG of noise; what is read of a photo on its way in is its header."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.frombytes("L", (64, 48), random.Random(seed).randbytes(64 * 48)).save(buffer, "JPEG")
    return buffer.getvalue()


async def run_phones(plan: Plan, port: int, senders: Sequence[Sender], election: str, give_up_s: float) -> Run:
    """All phones at once; ends when each has its receipt or has given up."""
    picture = _picture(plan.seed)
    phones = [Phone(plan, k, senders[k], election, picture, port) for k in range(plan.phones)]
    tally = Tally()
    loop = asyncio.get_running_loop()
    started = loop.time()
    receipts = await asyncio.gather(*(phone.send(tally, give_up_s) for phone in phones))
    expected = {phone.sender.tps: phone.film.sha256 for phone in phones}
    return Run(loop.time() - started, tally, expected, [receipt for receipt in receipts if receipt])
