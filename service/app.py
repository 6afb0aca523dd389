"""The web process: routes, error answers, and what happens around every request."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from ocr_pipeline import __version__
from service.api import (
    audit,
    auth,
    batches,
    elections,
    entry,
    health,
    photos,
    pleno,
    problems,
    recap,
    receipts,
    reference,
    regions,
    stations,
    uploads,
    users,
)
from service.api.around import Around
from service.api.deps import Public, Requires
from service.api.description import describe
from service.api.shapes import ProblemAnswer
from service.housekeeping import Housekeeping
from service.services import Services
from service.uploads.intake import Intake

ROUTERS: Sequence[APIRouter] = (
    auth.router,
    users.router,
    regions.router,
    elections.router,
    uploads.router,
    photos.router,
    receipts.router,
    stations.router,
    recap.router,
    pleno.router,
    batches.router,
    audit.router,
    health.router,
    reference.router,
    entry.router,
)

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer}
    for status in (400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429, 503, 507)
}


def create_app(services: Services) -> FastAPI:
    """The application.

    Raises:
        RuntimeError: a route says neither who may call it nor that everybody may (a programming error).
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with Intake(services) as intake, Housekeeping(services):
            app.state.intake = intake
            yield

    app = FastAPI(
        title="Turus",
        version=__version__,
        description="Foto formulir penghitungan suara menjadi angka yang dapat dipercaya. / "
        "Photos of polling-station tally forms into numbers that can be trusted.",
        lifespan=lifespan,
        docs_url=None,  # the page at /docs is our own: no script from elsewhere, and it works without internet
        redoc_url=None,
        responses=_ERRORS,
    )
    app.state.services = services
    for router in ROUTERS:
        _require_marks(router)
        app.include_router(router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    problems.install(app)
    app.add_middleware(Around, services=services)
    return app


def mark_of(route: APIRoute) -> Requires | Public | None:
    """Who may call a route: its mark, or ``None`` when it has none."""
    return _find_mark(route.dependant)


def _find_mark(dependant: Dependant) -> Requires | Public | None:
    if isinstance(dependant.call, Requires | Public):
        return dependant.call
    found = (_find_mark(inner) for inner in dependant.dependencies)
    return next((mark for mark in found if mark is not None), None)


def _require_marks(router: APIRouter) -> None:
    """Refuses a route that says nothing, and writes the others' action into the OpenAPI document.

    Included routers keep their routes to themselves (FastAPI resolves them late), so ``app.routes`` would show none.
    """
    for context in iter_route_contexts(router.routes):
        route = context.original_route
        mark = mark_of(route) if isinstance(route, APIRoute) else None
        if mark is None or not isinstance(route, APIRoute):
            raise RuntimeError(f"route without Requires or PUBLIC: {context.path}")
        if isinstance(mark, Requires):
            route.openapi_extra = {**(route.openapi_extra or {}), "x-action": mark.action.value}
