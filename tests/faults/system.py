"""A web process and a worker process on one database, which a test kills and starts again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import httpx2

from service.cli.serve import free_port
from service.faults import VARIABLE

START_WITHIN_S = 60.0
STOP_WITHIN_S = 60.0


class Process:
    """One ``turus`` command that can be killed, waited for and started again."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self._arguments = arguments
        self._environment = environment
        self._log_path = log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, fault: str = "") -> None:
        """Starts it; with a fault it kills itself at that point (service/faults.py)."""
        environment = {**self._environment, **({VARIABLE: fault} if fault else {})}
        command = [sys.executable, "-m", "service.cli.main", *self._arguments]
        with self._log_path.open("ab") as log:  # the process keeps its own
            self._running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    @property
    def dead(self) -> bool:
        """Whether it ended, by itself or by a kill."""
        return self._running is None or self._running.poll() is not None

    @property
    def killed(self) -> bool:
        """Whether it ended by SIGKILL."""
        return self._running is not None and self._running.poll() == -signal.SIGKILL

    def kill(self) -> None:
        """``kill -9``."""
        assert self._running is not None
        self._running.kill()
        self._running.wait()

    def stop(self) -> int:
        """Asks it to end, as ``systemctl stop`` does; returns its exit code."""
        if self._running is None:
            return 0
        self._running.terminate()
        try:
            return self._running.wait(STOP_WITHIN_S)
        finally:
            self._running.kill()
            self._running.wait()


class System:
    """Web and worker. Use it as a context: both are ended when it is left."""

    def __init__(self, data_dir: Path, database_url: str, **settings: str) -> None:
        """Names what would run; nothing starts yet.

        Args:
            data_dir: folder for photos, spool, keys and logs.
            database_url: a migrated database.
            settings: further ``TURUS_...`` settings, lower case without the prefix.
        """
        self.port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        own = {
            "data_dir": str(data_dir),
            "database_url": database_url,
            "rate_limits": "false",
            "min_free_bytes": "0",
            "log_format": "json",
            "readers": "1",
            **settings,
        }
        environment = {**os.environ, **{f"TURUS_{name.upper()}": value for name, value in own.items()}}
        self.web = Process(["web", "--port", str(self.port)], environment, data_dir / "web.log")
        self.worker = Process(["worker"], environment, data_dir / "worker.log")

    def __enter__(self) -> "System":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.worker.stop()
        self.web.stop()

    def start_web(self, fault: str = "") -> None:
        """Starts the web process and waits until it answers.

        Raises:
            TimeoutError: it never did.
        """
        self.web.start(fault)
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"{self.url}/health", timeout=2).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        raise TimeoutError("the web process does not answer; see web.log")
