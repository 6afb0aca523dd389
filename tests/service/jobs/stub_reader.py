"""A reader for tests: what a "photo" (a line of JSON) tells it to do, with readings that the real reader made before.

``{"sample": "tps-a-hal1"}`` answers with that reading; ``"do"`` may be ``crash``, ``hang``, ``fault`` or ``crash_once``
(once for each file ``"mark"``); ``"parts": [1, 2]`` makes it a file with pages; ``"samples"`` names a reading for each.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from service.jobs.frames import read_frame, write_frame


def answer(recorded: Path, request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    wish = json.loads(Path(request["path"]).read_bytes())
    if request["op"] == "parts":
        return {"parts": wish.get("parts", [0])}, []
    part = int(request["part"])
    do = wish.get("do")
    if do == "crash" or (do == "crash_part" and part == wish["part"]):
        os._exit(11)
    if do == "crash_once" and not Path(wish["mark"]).exists():
        Path(wish["mark"]).touch()
        os._exit(11)
    if do == "hang":
        time.sleep(3600)
    if do == "fault":
        return {"broke": "ValueError: a fault in the reader"}, []
    time.sleep(wish.get("sleep_s", 0))
    sample = wish["samples"][part - 1] if "samples" in wish else wish["sample"]
    head = json.loads((recorded / f"{sample}.json").read_text())
    blobs = [(recorded / f"{sample}.{kind}").read_bytes() for kind in ("evidence", "fingerprint", "view")]
    return head, blobs


def main() -> None:
    recorded = Path(sys.argv[1])
    out = os.dup(1)
    write_frame(out, {"ready": True})
    while True:
        try:
            request = dict(read_frame(0).header)
        except EOFError:
            return
        write_frame(out, *answer(recorded, request))


if __name__ == "__main__":
    main()
