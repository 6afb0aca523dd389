"""For whoever keeps the machine running: is it alive, is it ready, and its figures."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ocr_pipeline import __version__
from service import metrics
from service.access import Action, Actor
from service.api.deps import PUBLIC, Requires, Svc
from service.api.shapes import Answer
from service.errors import ServiceError
from service.health import readiness, refresh_metrics

router = APIRouter(tags=["operations"])
Anybody = Annotated[None, Depends(PUBLIC)]


class Alive(Answer):
    """The process answers."""

    status: str
    version: str


class Ready(Answer):
    """Uploads can be taken; each part is ``ok``."""

    status: str
    parts: dict[str, str]


@router.get("/health")
def health(_: Anybody) -> Alive:
    """Alive: the process answers. Public, for load balancers; it tells nothing about the data."""
    return Alive(status="ok", version=__version__)


@router.get("/ready")
def ready(services: Svc, _: Anybody) -> Ready:
    """Ready: database and storage answer, so uploads are taken. Public, for load balancers."""
    state = readiness(services)
    if not state.ready:
        code = "database_away" if state.parts["database"] != "ok" else "storage_away"
        raise ServiceError(code, details={"parts": dict(state.parts)})
    return Ready(status="ok", parts=dict(state.parts))


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def prometheus(services: Svc, _: Annotated[Actor, Depends(Requires(Action.OPERATE))]) -> Response:
    """Figures for Prometheus, of this process and of the whole queue."""
    refresh_metrics(services)
    return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)
