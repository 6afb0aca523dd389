"""A reader process: one photo at a time, in from stdin, out to stdout, until its parent is gone.

``python -m service.jobs.reader_child [--forms DIR]``; started by :mod:`service.jobs.reader_pool` and by nobody else.
"""

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from service.jobs.frames import read_frame, write_frame

if TYPE_CHECKING:
    from ocr_pipeline.reader import Reader

_STDIN: Final = 0
_GRACE_S: Final = 10.0
"""How much later than its parent a reader ends itself when one photo takes too long (the parent may be gone)."""


def main() -> None:
    """The process's life."""
    for name in (signal.SIGINT, signal.SIGTERM):
        # Ctrl-C and a service manager reach the whole group; the parent decides, and finishes what runs.
        signal.signal(name, signal.SIG_IGN)
    out = _own_stdout()
    requests = _requests()
    try:
        from ocr_pipeline.forms.library import use_folder
        from ocr_pipeline.reader import Reader

        if len(sys.argv) == 3 and sys.argv[1] == "--forms":
            use_folder(Path(sys.argv[2]))
        reader = Reader.load()
    except Exception as error:
        write_frame(out, {"failed": getattr(error, "code", type(error).__name__), "detail": str(error)})
        return
    write_frame(out, {"ready": True, "pid": os.getpid()})
    while True:
        request = requests.get()
        # A C thread keeps the time: it needs no interpreter, so a hang in native code ends as well.
        faulthandler.dump_traceback_later(float(request["timeout_s"]) + _GRACE_S, exit=True)
        try:
            header, blobs = _answer(reader, request)
        except Exception:
            header, blobs = {"broke": traceback.format_exc(limit=-4)}, []
        faulthandler.cancel_dump_traceback_later()
        write_frame(out, header, blobs)


def _own_stdout() -> int:
    """The line to the parent; what a native library prints goes to stderr instead."""
    out = os.dup(1)
    os.dup2(2, 1)
    return out


def _requests() -> "queue.SimpleQueue[dict[str, Any]]":
    """What the parent asks. When its end closes (it may have been killed) this process ends at once, also mid-read."""
    found: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen() -> None:
        try:
            while True:
                found.put(dict(read_frame(_STDIN).header))
        except (EOFError, OSError, ValueError):
            os._exit(0)

    threading.Thread(target=listen, name="requests", daemon=True).start()
    return found


def _answer(reader: "Reader", request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    from ocr_pipeline.imaging.decode import PhotoSource, iter_photos

    path = Path(request["path"])
    if request["op"] == "parts":
        return {"parts": [source.page or 0 for source in iter_photos(path)]}, []
    part = int(request["part"])
    return _read(reader, PhotoSource(request["name"], path, part or None))


def _read(reader: "Reader", source: Any) -> tuple[dict[str, Any], list[bytes]]:
    from ocr_pipeline.errors import PhotoRejected
    from ocr_pipeline.evidence_codec import pack_evidence
    from ocr_pipeline.imaging.view import render_view
    from ocr_pipeline.serialise import page_to_dict

    begun = time.perf_counter()
    result = reader.read_photo(source)
    took_ms = (time.perf_counter() - begun) * 1000
    evidence = pack_evidence(result.evidence) if result.evidence else b""
    fingerprint = getattr(result, "fingerprint", None) or b""
    try:
        view = render_view(source)
    except PhotoRejected:
        view = b""
    view_ms = (time.perf_counter() - begun) * 1000 - took_ms
    header = {"read": page_to_dict(result.read), "took_ms": took_ms, "view_ms": view_ms}
    return header, [evidence, bytes(fingerprint), view]


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(0)
