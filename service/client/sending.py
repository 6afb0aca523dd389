"""Sending one photo so that it arrives: announce, create or resume, append, and ask again after every failure.

The server keeps what arrived, so nothing about an upload needs to be kept here: after a cut, also in a new process, the
same announcement finds it.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from service.client.problems import FileChanged, Refused
from service.client.receipts import ReceiptInfo
from service.client.retry import Attempts
from service.client.wire import Wire, given, header

CHUNK_BYTES = 256 * 1024
"""Bytes of one request: small enough that a slow phone sees progress, large enough that answers cost little."""

TUS = {"Tus-Resumable": "1.0.0"}
MAX_RESTARTS = 3
"""Times an upload is begun anew because all of it arrived and was not what was announced."""

OnProgress = Callable[[int, int], None]
"""Called with bytes that are safe at the server, and bytes in all."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A photo and where it is to go."""

    path: Path
    sha256: str
    size_bytes: int
    election: str
    tps: str
    page: int | None = None
    captured_at: datetime | None = None
    replaces: str | None = None

    def announcement(self) -> dict[str, Any]:
        """The body of ``POST /photos/announce``."""
        return given(
            {
                "election": self.election,
                "tps": self.tps,
                "sha256": self.sha256,
                "size_bytes": self.size_bytes,
                "page": self.page,
                "captured_at": self.captured_at.isoformat() if self.captured_at else None,
                "replaces": self.replaces,
            }
        )

    def metadata(self) -> str:
        """The header ``Upload-Metadata``."""
        values = {**self.announcement(), "filename": self.path.name}
        del values["size_bytes"]
        return ",".join(f"{name} {_base64(str(value).encode())}" for name, value in values.items())


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 (lower-case hex) and size of a file.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
            size_bytes += len(block)
    return digest.hexdigest(), size_bytes


def send(wire: Wire, errand: Errand, on_progress: OnProgress | None) -> ReceiptInfo:
    """Sends until there is a receipt.

    Raises:
        Refused: the server will not take this photo, or patience is at its end.
        CannotReach: patience is at its end.
        FileChanged: the file is another one by now.
    """
    attempts = Attempts(wire.patience)
    restarts = 0
    while True:
        try:
            return _attempt(wire, errand, attempts, on_progress or (lambda _done, _all: None))
        except httpx2.TransportError as error:
            attempts.wait(error)
        except Refused as error:
            if error.code == "checksum_mismatch":
                # A byte changed on its way, or here. Only the first is worth another try.
                restarts += 1
                if hash_file(errand.path) != (errand.sha256, errand.size_bytes):
                    raise FileChanged from error
                if restarts > MAX_RESTARTS:
                    raise
            elif error.code not in _BEGIN_AGAIN and not error.is_transient:
                raise
            attempts.wait(error)


_BEGIN_AGAIN = frozenset(
    {"offset_conflict", "unknown_upload", "upload_gone", "upload_interrupted", "upload_taken_over"}
)
"""Codes after which the next announcement says how to go on."""


def _attempt(wire: Wire, errand: Errand, attempts: Attempts, on_progress: OnProgress) -> ReceiptInfo:
    told = wire.request("POST", "/photos/announce", json=errand.announcement()).json()
    if told["status"] == "stored":
        on_progress(errand.size_bytes, errand.size_bytes)
        return ReceiptInfo.from_json(told["receipt"])
    if told["status"] == "resume":
        upload = told["upload"]
        response = wire.request("HEAD", upload, headers=TUS)
    else:
        created = {**TUS, "Upload-Length": str(errand.size_bytes), "Upload-Metadata": errand.metadata()}
        response = wire.request("POST", "/uploads", headers=created)
        upload = header(response, "location")
    offset = _offset(response)
    on_progress(offset, errand.size_bytes)
    with errand.path.open("rb") as file:
        while "turus-receipt" not in response.headers:
            file.seek(offset)
            chunk = file.read(CHUNK_BYTES)
            if not chunk and offset < errand.size_bytes:
                raise FileChanged
            response = wire.request("PATCH", upload, content=chunk, headers=_patch_headers(offset, chunk))
            if _offset(response) > offset:
                attempts.progressed()
            offset = _offset(response)
            on_progress(offset, errand.size_bytes)
    return ReceiptInfo.from_json(wire.request("GET", f"/receipts/{header(response, 'turus-receipt')}").json())


def _offset(response: httpx2.Response) -> int:
    return int(header(response, "upload-offset"))


def _patch_headers(offset: int, chunk: bytes) -> dict[str, str]:
    return {
        **TUS,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {_base64(hashlib.sha256(chunk).digest())}",
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
