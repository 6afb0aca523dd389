"""One connection to the server: requests with the token, errors as exceptions, repeats where they are safe."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx2

from service.client.problems import Refused, WrongAddress
from service.client.retry import Attempts, Patience

T = TypeVar("T")


class Wire:
    """Requests to one server. Not for use by several threads at once."""

    def __init__(
        self,
        url: str,
        token: str | None,
        patience: Patience,
        timeout_s: float,
        transport: httpx2.BaseTransport | None,
    ) -> None:
        headers = {"User-Agent": "turus-client", "Accept": "application/json"}
        self.patience = patience
        self.base = url.rstrip("/")
        self._client = httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 15)),
            transport=transport,
            follow_redirects=False,  # a redirect must not carry the token elsewhere
        )
        if token:
            self.use_token(token)

    def use_token(self, token: str) -> None:
        """Who asks, from now on."""
        self._client.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def request(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        """One request, once.

        Args:
            method: HTTP method.
            path: path below the server's address; of a full address only its path is used.
            arguments: as for ``httpx2.Client.request``.

        Raises:
            Refused: the server answered with an error.
            WrongAddress: the server is elsewhere.
            httpx2.TransportError: no answer, or one that is not the service's: the login page of a public network.
        """
        response = self._client.request(method, self.base + self._path(path), **arguments)
        if response.is_redirect:
            self._judge_redirect(response)
        if response.status_code >= 300:
            raise Refused(response)
        if response.content and not response.headers.get("content-type", "").startswith("application/json"):
            raise httpx2.RemoteProtocolError("something else than the service answered")
        return response

    def _judge_redirect(self, response: httpx2.Response) -> NoReturn:
        target = response.url.join(response.headers.get("location", ""))
        if target.host == response.url.host and target.scheme != response.url.scheme:
            raise WrongAddress(f"{target.scheme}://{target.netloc.decode()}")
        raise httpx2.RemoteProtocolError(f"redirected to {target.host}")

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        """A request that may be repeated, until it gets an answer that is not for later; the answer's JSON.

        Raises:
            Refused: the server answered with an error that repeating does not mend.
            CannotReach: patience is at its end.
        """
        return self.repeat(lambda: self.request(method, path, **arguments)).json()

    def repeat(self, attempt: Callable[[], T], attempts: Attempts | None = None) -> T:
        """Tries until it works.

        Raises:
            Refused: for good, or patience is at its end.
            CannotReach: patience is at its end.
        """
        attempts = attempts or Attempts(self.patience)
        while True:
            try:
                return attempt()
            except httpx2.TransportError as error:
                attempts.wait(error)
            except Refused as error:
                if not error.is_transient:
                    raise
                attempts.wait(error)

    def _path(self, path: str) -> str:
        """An address the server gave may be absolute; only its path is used, below the address we were given."""
        parts = urlsplit(path)
        own = urlsplit(self.base).path
        found = parts.path.removeprefix(own) if own and parts.netloc else parts.path
        return found + (f"?{parts.query}" if parts.query else "")


def header(response: httpx2.Response, name: str) -> str:
    """A header that the service always sends.

    Raises:
        httpx2.RemoteProtocolError: it is not there, so something between us and the service answered.
    """
    value: str | None = response.headers.get(name)
    if value is None:
        raise httpx2.RemoteProtocolError(f"an answer without {name}")
    return value


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not ``None``."""
    return {name: value for name, value in values.items() if value is not None}
