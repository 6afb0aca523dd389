"""What can go wrong: the server refused, or it cannot be reached."""

from collections.abc import Mapping
from typing import Any

import httpx2

TRANSIENT_STATUSES = frozenset({408, 423, 425, 429, 500, 502, 503, 504, 507})
"""Statuses after which the same request may do better later: the server is busy, full, restarting, or was cut off."""


class ClientProblem(Exception):
    """Base of this client's errors; says in both languages what to do next.

    Attributes:
        code: stable code, lower snake case (docs/errors.md).
        message_id: what to do next, in Indonesian.
        message_en: the same in English.
    """

    def __init__(self, code: str, message_id: str, message_en: str) -> None:
        super().__init__(f"{code}: {message_en}")
        self.code = code
        self.message_id = message_id
        self.message_en = message_en


class Refused(ClientProblem):
    """The server answered with an error.

    Attributes:
        status: HTTP status.
        details: plain values for a program.
        request_id: to quote to whoever runs the server.
        retry_after_s: seconds after which it wants to be asked again, if it said so.
        headers: of the answer.
    """

    def __init__(self, response: httpx2.Response) -> None:
        body = _problem(response)
        message = body.get("message") or {}
        super().__init__(
            str(body.get("code") or f"http_{response.status_code}"),
            str(message.get("id") or f"Server menjawab {response.status_code}. Coba lagi nanti."),
            str(message.get("en") or f"The server answered {response.status_code}. Try again later."),
        )
        self.status = response.status_code
        self.details: Mapping[str, Any] = body.get("details") or {}
        self.request_id: str | None = response.headers.get("x-request-id")
        self.retry_after_s = _seconds(response.headers.get("retry-after"))
        self.headers: Mapping[str, str] = response.headers

    @property
    def is_transient(self) -> bool:
        """Whether trying again may help."""
        return self.status in TRANSIENT_STATUSES


class CannotReach(ClientProblem):
    """No answer came, or no useful one, for as long as the client was willing to wait."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "cannot_reach",
            "Server tidak dapat dihubungi. Foto di perangkat ini tetap aman; ulangi perintah yang sama nanti.",
            f"The server cannot be reached ({detail}). The photo is safe here; repeat the same command later.",
        )


class WrongAddress(ClientProblem):
    """The server says that it is to be reached another way."""

    def __init__(self, address: str) -> None:
        super().__init__(
            "wrong_address",
            f"Alamat server berbeda. Pakai {address}.",
            f"The server's address is another one. Use {address}.",
        )


class BadReceipt(ClientProblem):
    """The server's receipt does not fit the photo, or its signature is not the server's."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "bad_receipt",
            "Tanda terima dari server tidak cocok dengan foto ini. Jangan hapus fotonya; hubungi PPK.",
            f"The receipt does not fit this photo ({detail}). Keep the photo and ask the PPK.",
        )


class EmptyFile(ClientProblem):
    """There is nothing in the file."""

    def __init__(self) -> None:
        super().__init__(
            "empty_file",
            "Berkas ini kosong. Ambil ulang fotonya.",
            "This file is empty. Take the photo again.",
        )


class FileChanged(ClientProblem):
    """The file is not the same any more as when sending began."""

    def __init__(self) -> None:
        super().__init__(
            "file_changed",
            "Berkas berubah selama dikirim. Kirim ulang.",
            "The file changed while it was being sent. Send it again.",
        )


def _problem(response: httpx2.Response) -> Mapping[str, Any]:
    """The problem document of an answer; a proxy's own error page is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) and isinstance(body.get("message"), dict | None) else {}


def _seconds(retry_after: str | None) -> float | None:
    """Seconds of a ``Retry-After`` header; the form with a date is not used by this service and ignored."""
    if retry_after is None or not retry_after.strip().isdigit():
        return None
    return float(retry_after)
