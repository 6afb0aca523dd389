"""What routes ask for: the services, and who is asking. A route without one of the two marks does not start."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from service.access import Action, Actor, authorise
from service.accounts.sessions import actor_from_token
from service.errors import ServiceError
from service.services import Services

SESSION_COOKIE = "turus_session"
_bearer = HTTPBearer(auto_error=False, description="a session or device token from POST /auth/login or /auth/activate")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def get_services(request: Request) -> Services:
    """The process's services."""
    services: Services = request.app.state.services
    return services


Svc = Annotated[Services, Depends(get_services)]


def origin_of(request: Request) -> str | None:
    """Network address of the caller (uvicorn has already believed the trusted proxies)."""
    return request.client.host if request.client else None


class Requires:
    """Route mark: the caller must be logged in and its role must have the action.

    The region is checked by the handler with :func:`service.access.authorise`, as soon as it knows which one it
    touches.
    """

    def __init__(self, action: Action) -> None:
        self.action = action

    def __call__(
        self,
        request: Request,
        services: Svc,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Actor:
        """The caller.

        Raises:
            ServiceError: ``not_logged_in``, ``session_ended``, ``forbidden``, ``cross_site``.
        """
        token = bearer.credentials if bearer else request.cookies.get(SESSION_COOKIE)
        if not token:
            raise ServiceError("not_logged_in", headers={"WWW-Authenticate": "Bearer"})
        if bearer is None and request.method not in _SAFE_METHODS:
            _refuse_cross_site(request)
        actor = actor_from_token(services, token, origin_of(request))
        authorise(actor, self.action)
        request.state.actor = actor
        return actor


class Public:
    """Route mark: anybody may call this. Say why in the route's docstring."""

    def __call__(self) -> None:
        """Lets everybody pass."""


PUBLIC = Public()


def _refuse_cross_site(request: Request) -> None:
    """A cookie travels by itself, so a request made by another site is refused (by the browser's own headers)."""
    site = request.headers.get("sec-fetch-site")
    if site in ("same-origin", "none"):
        return
    origin = request.headers.get("origin")
    if site is None and origin is not None and origin == f"{request.url.scheme}://{request.headers.get('host')}":
        return
    raise ServiceError("cross_site")
