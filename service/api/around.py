"""What happens around every request: its id, limits, headers, figures and log line.

Plain ASGI, because Starlette's convenience middleware puts streamed bodies through a queue of its own.
"""

import re
import time
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import metrics
from service.api.problems import answer
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services

MAX_BODY_BYTES: Final = 1_000_000
"""Largest body of an ordinary request; routes that take files bound their own."""

TAKES_FILES: Final = re.compile(r"/uploads(/[^/]*)?|/photos(/[0-9a-fA-F]{64})?|/users/import")
"""Paths whose routes take files."""

_ID = re.compile(r"^[0-9A-Za-z_.-]{1,64}$")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
}
_log = structlog.get_logger()


class Around:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.match(given) else new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request_id)
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                out = MutableHeaders(scope=message)
                out["X-Request-Id"] = request_id
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
                out.setdefault("Cache-Control", "no-store")
            await send(message)

        metrics.IN_FLIGHT.inc()
        try:
            refusal = _too_big(scope["path"], headers)
            if refusal is not None:
                await answer(refusal, request_id)(scope, receive, send_with_headers)
            else:
                await self._app(scope, _bounded(scope["path"], receive), send_with_headers)
        finally:
            metrics.IN_FLIGHT.dec()
            _record(scope, status, time.perf_counter() - started)


def _takes_files(path: str) -> bool:
    return TAKES_FILES.fullmatch(path) is not None


def _too_big(path: str, headers: Headers) -> ServiceError | None:
    length = headers.get("content-length", "")
    if not _takes_files(path) and length.isdigit() and int(length) > MAX_BODY_BYTES:
        return ServiceError("body_too_large", details={"limit_bytes": MAX_BODY_BYTES})
    return None


def _bounded(path: str, receive: Receive) -> Receive:
    """Counts a body that announced no length, and ends it at the limit."""
    if _takes_files(path):
        return receive
    seen_bytes = 0

    async def counted() -> Message:
        nonlocal seen_bytes
        message = await receive()
        seen_bytes += len(message.get("body", b""))
        if seen_bytes > MAX_BODY_BYTES:
            raise ServiceError("body_too_large", details={"limit_bytes": MAX_BODY_BYTES})
        return message

    return counted


def _record(scope: Scope, status: int, took_s: float) -> None:
    route = getattr(scope.get("route"), "path", "(none)")
    method = (
        scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
    )
    metrics.REQUESTS.labels(method, route, str(status)).inc()
    metrics.REQUEST_SECONDS.labels(method, route).observe(took_s)
    level = _log.warning if status >= 500 else _log.debug if route in ("/health", "/ready", "/metrics") else _log.info
    actor = scope["state"].get("actor")
    level(
        "request",
        method=method,
        route=route,
        status=status,
        took_ms=round(took_s * 1000, 1),
        account=actor.account_id if actor else None,
    )
