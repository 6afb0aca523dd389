"""A real server on a real port, and a network that breaks when it is told to."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Runs the app behind uvicorn in a thread; gives its address."""
    config = uvicorn.Config(app, log_level="critical", timeout_keep_alive=30, lifespan="off")
    with running(uvicorn.Server(config)) as url:
        yield url


@contextmanager
def running(server: uvicorn.Server) -> Iterator[str]:
    """Runs a server in a thread; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listener.close()
    assert not thread.is_alive(), "the server did not stop"


class CuttingProxy:
    """Passes TCP on, and cuts a connection when the bytes sent by clients, all connections together, reach a mark.

    Attributes:
        sent_bytes: bytes passed from clients to the server.
        cuts: connections cut so far.
    """

    def __init__(self, target: str, marks: list[int], lose_answers: int = 0, harsh: bool = False) -> None:
        """Prepares.

        Args:
            target: address of the server, ``http://host:port``.
            marks: counts of sent bytes at which the connection is cut, each once.
            lose_answers: after the last mark, so many answers (to requests with a body) are swallowed with the
                connection.
            harsh: the server gets a reset too, and loses what it has not read yet; else a plain end.
        """
        host, port = target.removeprefix("http://").split(":")
        self._target = (host, int(port))
        self._marks = sorted(marks)
        self._lose_answers = lose_answers
        self._harsh = harsh
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent_bytes = 0
        self.cuts = 0
        self.url = ""

    def __enter__(self) -> "CuttingProxy":
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.05)  # transports close themselves in the loop's next turns

    async def _connection(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(*self._target)
        back = asyncio.ensure_future(self._pass_back(server, to_client))
        try:
            await self._pass_on(client, to_client, to_server)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            back.cancel()
            if self._harsh:
                _reset(to_server)
            else:
                to_server.close()
            _reset(to_client)

    async def _pass_on(
        self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter, to_server: asyncio.StreamWriter
    ) -> None:
        while data := await client.read(16 * 1024):
            if self._marks and self.sent_bytes + len(data) >= self._marks[0]:
                await self._send(to_server, data[: max(0, self._marks.pop(0) - self.sent_bytes)])
                self.cuts += 1
                return
            await self._send(to_server, data)

    async def _pass_back(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            while data := await server.read(16 * 1024):
                if not self._marks and self._lose_answers and b" 204 " in data[:20]:
                    self._lose_answers -= 1
                    self.cuts += 1
                    _reset(to_client)
                    return
                to_client.write(data)
                await to_client.drain()
            to_client.close()
        except ConnectionError:
            return

    async def _send(self, to_server: asyncio.StreamWriter, data: bytes) -> None:
        to_server.write(data)
        await to_server.drain()
        self.sent_bytes += len(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection the hard way (RST)."""
    if writer.transport.is_closing():
        return
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
