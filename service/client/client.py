"""The client's one class."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from service.client.problems import BadReceipt, EmptyFile
from service.client.receipts import ReceiptInfo, verify_receipt
from service.client.retry import Patience
from service.client.sending import Errand, OnProgress, hash_file, send
from service.client.values import LoginInfo, PhotoInfo
from service.client.wire import Wire, given

POLL_FIRST_S, POLL_LONGEST_S = 1.0, 10.0


class TurusClient:
    """A client of one server, for one account. Not for use by several threads at once; make one for each.

    Every method raises ``Refused`` when the server refuses for good, and ``CannotReach`` (or the last ``Refused``) when
    nothing has got through for as long as ``patience`` says.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        server_key: str | None = None,
        patience: Patience | None = None,
        timeout_s: float = 60.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Connects when first used.

        Args:
            url: the server's address, for example ``https://turus.example``.
            token: from :meth:`activate` or :meth:`log_in`.
            server_key: the key its receipts must be signed with, base64; ``None``: asked for once.
            patience: how long to go on trying.
            timeout_s: silence after which a request counts as failed.
            transport: for tests.
        """
        self._wire = Wire(url, token, patience or Patience(), timeout_s, transport)
        self._server_key = server_key

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._wire.close()

    # who one is

    def activate(
        self,
        *,
        token: str | None = None,
        code: str | None = None,
        phone: str | None = None,
        password: str | None = None,
        device: str = "",
    ) -> LoginInfo:
        """Turns a one-time link's token, or a code with its phone number, into a session; this client then uses it.

        Tried once: a repeat after a lost answer would only hear that the code has been used.

        Raises:
            Refused: ``activation_failed`` and others.
            httpx2.TransportError: no answer came.
        """
        body = given({"token": token, "code": code, "phone": phone, "password": password, "device": device})
        return self._enter("/auth/activate", body)

    def log_in(self, login: str, password: str, device: str = "") -> LoginInfo:
        """Opens a session with a password; this client then uses it.

        Raises:
            Refused: ``login_failed`` and others.
            httpx2.TransportError: no answer came.
        """
        return self._enter("/auth/login", {"login": login, "password": password, "device": device})

    def log_out(self) -> None:
        """Ends the session."""
        self._wire.repeat(lambda: self._wire.request("POST", "/auth/logout"))

    def me(self) -> dict[str, Any]:
        """The account, what it may do, and until when, as the server answers it."""
        answer: dict[str, Any] = self._wire.ask("GET", "/auth/me")
        return answer

    # photos

    def send_photo(
        self,
        path: str | Path,
        election: str,
        tps: str,
        page: int | None = None,
        *,
        captured_at: datetime | None = None,
        replaces: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> ReceiptInfo:
        """Sends a photo and returns its receipt, checked against the file and the server's key.

        Goes on from where an earlier attempt was cut off, also one of another process. Sending the same photo again
        only fetches its receipt.

        Args:
            path: the file.
            election: id of the election.
            tps: station, 13 digits.
            page: page of the form; ``None``: the reader finds it.
            captured_at: when it was taken, with a time zone.
            replaces: photo that this one is a retake of.
            on_progress: called with the bytes that are safe at the server, and the bytes in all.

        Raises:
            Refused: with the server's code, for example ``foreign_region`` or ``not_a_photo``.
            CannotReach: nothing got through for longer than the client's patience.
            EmptyFile: there is nothing in it.
            FileChanged: the file changed meanwhile.
            BadReceipt: the receipt is not for this photo, or not signed by this server.
            OSError: the file cannot be read.
        """
        path = Path(path)
        sha256, size_bytes = hash_file(path)
        if size_bytes == 0:
            raise EmptyFile
        errand = Errand(path, sha256, size_bytes, election, tps, page, captured_at, replaces)
        receipt = send(self._wire, errand, on_progress)
        self._check(receipt, errand)
        return receipt

    def photo(self, photo_id: str) -> PhotoInfo:
        """A photo: how far it has come, what was read, what to do next."""
        return PhotoInfo.from_json(self._wire.ask("GET", f"/photos/{photo_id}"))

    def photos(
        self, *, region: str | None = None, election: str | None = None, state: str | None = None
    ) -> Iterator[PhotoInfo]:
        """All photos of a region, newest first, fetched as they are asked for."""
        query = given({"region": region, "election": election, "state": state})
        while True:
            page = self._wire.ask("GET", "/photos", params=query)
            yield from map(PhotoInfo.from_json, page["items"])
            if page["next"] is None:
                return
            query["after"] = page["next"]

    def wait_for_photo(self, photo_id: str, timeout_s: float = 600.0) -> PhotoInfo:
        """Waits until a photo is read, failed or withdrawn; returns it as it is when the time is over."""
        patience = self._wire.patience
        end = patience.now() + timeout_s
        pause_s = POLL_FIRST_S
        while True:
            photo = self.photo(photo_id)
            if photo.is_final or patience.now() + pause_s > end:
                return photo
            patience.sleep(pause_s)
            pause_s = min(POLL_LONGEST_S, pause_s * 1.5)

    def receipt(self, receipt_id: str) -> ReceiptInfo:
        """A receipt given before."""
        return ReceiptInfo.from_json(self._wire.ask("GET", f"/receipts/{receipt_id}"))

    def server_key(self) -> str:
        """The key that the server signs receipts with, base64; asked for once."""
        if self._server_key is None:
            self._server_key = str(self._wire.ask("GET", "/receipts/key")["key"])
        return self._server_key

    def _enter(self, path: str, body: dict[str, Any]) -> LoginInfo:
        login = LoginInfo.from_json(self._wire.request("POST", path, json=body).json())
        self._wire.use_token(login.token)
        return login

    def _check(self, receipt: ReceiptInfo, errand: Errand) -> None:
        sent = (errand.sha256, errand.size_bytes, errand.election, errand.tps)
        if (receipt.sha256, receipt.size_bytes, receipt.election, receipt.tps) != sent:
            raise BadReceipt("it names another photo or station")
        if not verify_receipt(receipt.raw, self.server_key()):
            raise BadReceipt("its signature is not the server's")
