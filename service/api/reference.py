"""``/docs``: every route on one page, drawn from the OpenAPI document. No script, nothing loaded from elsewhere."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from service.access import GRANTS, Action
from service.api.deps import PUBLIC
from service.errors import problem_table

router = APIRouter(include_in_schema=False)
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_STYLE_ONLY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@router.get("/docs")
def reference(request: Request, _: Annotated[None, Depends(PUBLIC)]) -> HTMLResponse:
    """The reference. Public: the code is open, and the page holds nothing else."""
    return HTMLResponse(_page(request.app), headers={"Content-Security-Policy": _STYLE_ONLY})


@cache
def _page(app: FastAPI) -> str:
    document = app.openapi()
    environment = Environment(loader=PackageLoader("service.api"), autoescape=select_autoescape(default=True))
    return environment.get_template("reference.html").render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        description=document["info"]["description"],
        groups=_groups(document),
        problems=sorted(problem_table().items()),
    )


def _groups(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for route in _routes(document):
        groups.setdefault(route["tag"], []).append(route)
    return groups


def _routes(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method not in methods:
                continue
            found = methods[method]
            action = found.get("x-action")
            yield {
                "tag": (found.get("tags") or ["other"])[0],
                "method": method.upper(),
                "path": path,
                "title": found.get("summary", ""),
                "text": found.get("description", ""),
                "roles": _roles(action),
                "parameters": found.get("parameters", []),
                "body": _schema_name(found.get("requestBody", {})),
                "fields": list(_fields(document, _schema_name(found.get("requestBody", {})))),
                "answers": [(status, _schema_name(a)) for status, a in found["responses"].items() if status < "300"],
            }


def _roles(action: str | None) -> str:
    if action is None:
        return "semua orang / anybody"
    return ", ".join(role.value for role in GRANTS if Action(action) in GRANTS[role])


def _fields(document: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    schema = document["components"]["schemas"].get(name, {})
    for field, described in schema.get("properties", {}).items():
        kinds = [choice.get("type") or _last(choice.get("$ref", "")) for choice in described.get("anyOf", [described])]
        yield {
            "name": field,
            "required": field in schema.get("required", ()),
            "kind": " / ".join(filter(None, kinds)),
            "text": described.get("description", ""),
            "example": next(iter(described.get("examples", ())), None),
        }


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _schema_name(holder: Mapping[str, Any]) -> str:
    for kind, content in holder.get("content", {}).items():
        schema = content.get("schema", {})
        reference = schema.get("$ref") or schema.get("items", {}).get("$ref", "")
        return _last(str(reference)) or schema.get("title") or kind
    return ""
