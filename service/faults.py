"""Named points of the photo's path at which a test can kill the process, as a power cut would.

Nothing happens unless the environment names a point when the process starts: ``TURUS_FAULT=read.before_record:2``
kills it at the second passing of that point.
"""

import os
import signal
import threading
from typing import Final

POINTS: Final = (
    "intake.spooled",
    "intake.hashed",
    "intake.stored",
    "intake.before_commit",
    "intake.after_commit",
    "job.taken",
    "job.tried",
    "read.before",
    "read.after",
    "read.before_record",
    "read.recorded",
    "decide.before",
    "decide.before_commit",
    "decide.committed",
    "job.before_done",
)
"""Every point, in the order of the path."""

VARIABLE: Final = "TURUS_FAULT"


def parse(text: str) -> tuple[str, int] | None:
    """The point and passing that the variable names; ``None`` when it is empty.

    Raises:
        ValueError: no such point, or no passing from 1 on: a test that kills nothing must not look like a pass.
    """
    if not text:
        return None
    point, _, passing = text.partition(":")
    if point not in POINTS or not (passing or "1").isdecimal() or int(passing or "1") < 1:
        raise ValueError(f"{VARIABLE}={text}: not one of {', '.join(POINTS)}, or no passing from 1 on")
    return point, int(passing or "1")


_wanted = parse(os.environ.get(VARIABLE, ""))
_lock = threading.Lock()
_passed = 0


def at(point: str) -> None:
    """Passes a point; ends the process by SIGKILL where the environment says so, and does nothing otherwise."""
    if _wanted is None or point != _wanted[0]:
        return
    global _passed
    with _lock:
        _passed += 1
        if _passed == _wanted[1]:
            os.kill(os.getpid(), signal.SIGKILL)
