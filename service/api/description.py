"""The OpenAPI document: what FastAPI makes of the routes, with the errors as they are really answered."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.problems import MEDIA_TYPE

_REFERENCE = {"$ref": "#/components/schemas/ProblemAnswer"}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document; made once.

    FastAPI writes ``application/json`` and its own shape where we answer ``application/problem+json`` and ours.
    """
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for methods in document["paths"].values():
            for operation in methods.values():
                _errors_as_answered(operation)
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


def _errors_as_answered(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status >= "400":
            response["content"] = {MEDIA_TYPE: {"schema": _REFERENCE}}
            if status in ("503", "507", "429"):
                response.setdefault("headers", {})["Retry-After"] = {"schema": {"type": "integer"}}
