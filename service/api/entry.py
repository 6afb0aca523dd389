"""The page behind an activation link: with nothing else, the first administrator and everybody after can get in."""

from functools import cache
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, select_autoescape

from service.api.deps import PUBLIC

router = APIRouter(include_in_schema=False)
Anybody = Annotated[None, Depends(PUBLIC)]
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"


@router.get("/")
def start(_: Anybody) -> RedirectResponse:
    """Sends people to the reference until there is a start page. Public: it holds nothing."""
    return RedirectResponse("/docs")


@router.get("/activate")
def page(_: Anybody) -> HTMLResponse:
    """The form. Public: whoever activates has no session yet; the secret stands after # and is not sent with this."""
    return HTMLResponse(_read("activate.html"), headers={"Content-Security-Policy": _POLICY})


@router.get("/activate.css")
def style(_: Anybody) -> Response:
    """Its style. Public like the page."""
    return Response(_read("activate.css"), media_type="text/css")


@router.get("/activate.js")
def script(_: Anybody) -> Response:
    """Its script. Public like the page."""
    return Response(_read("activate.js"), media_type="text/javascript")


@cache
def _read(name: str) -> str:
    environment = Environment(loader=PackageLoader("service.api"), autoescape=select_autoescape(default=True))
    return environment.get_template(name).render()
