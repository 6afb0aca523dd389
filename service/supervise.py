"""Keeps the processes of ``turus serve`` running: starts them, restarts what dies, and ends them together."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

import structlog

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
STEADY_S = 60.0
"""A process that ran this long had a good start: its next restart is immediate again."""
STOP_MARGIN_S = 60.0
"""What a process may need to end beyond reading its last photos."""

_PR_SET_PDEATHSIG = 1
_log = structlog.get_logger()


class _Child:
    """One process that should be running."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = list(arguments)
        self.wait_s = FIRST_WAIT_S
        self.start_at = 0.0
        self.started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.started_at = time.monotonic()
        command = [sys.executable, "-m", "service.cli.main", *self.arguments]
        self.process = subprocess.Popen(command, preexec_fn=_end_with_parent)

    def look(self) -> None:
        """Notices that the process ended, and plans its restart."""
        if self.process is None:
            if time.monotonic() >= self.start_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        ran_s = time.monotonic() - self.started_at
        self.wait_s = FIRST_WAIT_S if ran_s > STEADY_S else min(self.wait_s * 2, LONGEST_WAIT_S)
        _log.warning("process.ended", command=self.arguments[0], code=code, restart_in_s=self.wait_s)
        self.process, self.start_at = None, time.monotonic() + self.wait_s


def supervise(commands: Sequence[Sequence[str]], longest_read_s: float) -> int:
    """Runs ``turus <command>`` for each until SIGTERM or SIGINT; returns the exit code.

    Args:
        commands: arguments of each process.
        longest_read_s: how long a photo may take; a worker may have to finish one and begin another before it ends.
    """
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    children = [_Child(command) for command in commands]
    while not stopping:
        for child in children:
            child.look()
        time.sleep(0.1)
    processes = [child.process for child in children if child.process is not None]
    return _stop_all(processes, 2 * longest_read_s + STOP_MARGIN_S)


def _stop_all(processes: Sequence[subprocess.Popen[bytes]], within_s: float) -> int:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + within_s
    late = 0
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            late += 1
    return 1 if late else 0


def _end_with_parent() -> None:
    """In the child, before it runs: SIGTERM when the supervisor dies, even by kill -9; Ctrl-C is the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
