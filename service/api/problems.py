"""Every failure becomes the one error shape here, whatever raised it."""

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from ocr_pipeline.errors import PhotoRejected, TurusError
from service.errors import ServiceError, problem_body
from service.store.engine import cause_of, is_disk_full, is_outage

MEDIA_TYPE = "application/problem+json"
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type", 400: "bad_request"}
_log = structlog.get_logger()


def install(app: FastAPI) -> None:
    """Makes the app answer every exception with the one shape."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(TurusError, _reader_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(PoolTimeout, _database_error)
    app.add_exception_handler(Exception, unexpected)


def answer(error: ServiceError, request_id: str | None = None) -> JSONResponse:
    """The response for an error."""
    headers = dict(error.headers)
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse(error.body(request_id), error.status, headers, MEDIA_TYPE)


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """A bug: recorded with its trace, answered without one."""
    _log.error("request.failed", exc_info=error, path=_route_of(request))
    return answer(ServiceError("internal"), _request_id(request))


def _service_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)
    return answer(error, _request_id(request))


def _reader_error(request: Request, error: Exception) -> JSONResponse:
    """An error of the reader that reached a request: what the caller sent is wrong (an unknown form, a bad photo)."""
    assert isinstance(error, TurusError)
    status = 422 if isinstance(error, PhotoRejected) else 400
    body = problem_body(error.code, status, error.message_id, error.message_en, None, _request_id(request))
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    """What was sent does not fit; says where, and never repeats the value (it may be a password)."""
    assert isinstance(error, RequestValidationError)
    wrong = [{"field": ".".join(str(part) for part in e["loc"]), "problem": e["msg"]} for e in error.errors()]
    undecodable = any(e["type"] == "json_invalid" for e in error.errors())
    code = "bad_request" if undecodable else "invalid_fields"
    return answer(ServiceError(code, details={"fields": wrong}), _request_id(request))


def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _BY_STATUS.get(error.status_code, "bad_request" if error.status_code < 500 else "internal")
    headers: Mapping[str, str] = error.headers or {}
    response = answer(ServiceError(code, headers=headers), _request_id(request))
    response.status_code = error.status_code if error.status_code in _BY_STATUS else response.status_code
    return response


def _database_error(request: Request, error: Exception) -> JSONResponse:
    if is_outage(error):
        # Not the exception's text: it carries the statement and its values.
        _log.warning("database.away", error=type(error).__name__, cause=cause_of(error))
        code = "disk_full" if is_disk_full(error) else "database_away"
        return answer(ServiceError(code), _request_id(request))
    return unexpected(request, error)


def _request_id(request: Request) -> str | None:
    found: Any = getattr(request.state, "request_id", None)
    return found if isinstance(found, str) else None


def _route_of(request: Request) -> str:
    """The route's pattern, not the path: paths hold ids, and tokens have been seen in them."""
    return getattr(request.scope.get("route"), "path", "(no route)")
