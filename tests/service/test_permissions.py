"""Every route of the service and who may call it: a table that is complete, holds nothing else, and is tried out."""

import re
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient

import service.app
from service.access import GRANTS, Action, Role
from service.api.deps import Requires
from service.app import create_app, mark_of
from service.services import Services
from tests.service.people import bearer, make_account, token_for

PUBLIC = None

TABLE: dict[tuple[str, str], Action | None] = {
    # getting in and out
    ("POST", "/auth/activate"): PUBLIC,
    ("POST", "/auth/login"): PUBLIC,
    ("POST", "/auth/logout"): Action.OWN_ACCOUNT,
    ("GET", "/auth/me"): Action.OWN_ACCOUNT,
    ("GET", "/auth/sessions"): Action.OWN_ACCOUNT,
    ("DELETE", "/auth/sessions/{session_id}"): Action.OWN_ACCOUNT,
    ("PUT", "/auth/password"): Action.OWN_ACCOUNT,
    # other people's accounts
    ("GET", "/users"): Action.MANAGE_ACCOUNTS,
    ("POST", "/users"): Action.MANAGE_ACCOUNTS,
    ("POST", "/users/import"): Action.MANAGE_ACCOUNTS,
    ("GET", "/users/{user_id}"): Action.MANAGE_ACCOUNTS,
    ("POST", "/users/{user_id}/invite"): Action.MANAGE_ACCOUNTS,
    ("POST", "/users/{user_id}/disable"): Action.MANAGE_ACCOUNTS,
    ("POST", "/users/{user_id}/enable"): Action.MANAGE_ACCOUNTS,
    ("POST", "/users/{user_id}/erase"): Action.MANAGE_ACCOUNTS,
    ("GET", "/users/{user_id}/sessions"): Action.MANAGE_ACCOUNTS,
    ("POST", "/users/{user_id}/revoke"): Action.MANAGE_ACCOUNTS,
    # regions and elections
    ("GET", "/regions/search"): Action.SEE_RECAP,
    ("GET", "/regions/{code}"): Action.SEE_RECAP,
    ("GET", "/elections"): Action.SEE_RECAP,
    ("POST", "/elections"): Action.MANAGE_ELECTIONS,
    ("GET", "/elections/{election_id}"): Action.SEE_RECAP,
    ("PATCH", "/elections/{election_id}"): Action.MANAGE_ELECTIONS,
    ("POST", "/elections/{election_id}/open"): Action.MANAGE_ELECTIONS,
    ("POST", "/elections/{election_id}/close"): Action.MANAGE_ELECTIONS,
    # sending photos
    ("POST", "/photos/announce"): Action.UPLOAD,
    ("PUT", "/photos/{photo_id}"): Action.UPLOAD,
    ("POST", "/photos"): Action.UPLOAD,
    ("OPTIONS", "/uploads"): PUBLIC,
    ("POST", "/uploads"): Action.UPLOAD,
    ("OPTIONS", "/uploads/{upload_id}"): PUBLIC,
    ("GET", "/uploads/{upload_id}"): Action.UPLOAD,
    ("HEAD", "/uploads/{upload_id}"): Action.UPLOAD,
    ("PATCH", "/uploads/{upload_id}"): Action.UPLOAD,
    ("DELETE", "/uploads/{upload_id}"): Action.UPLOAD,
    ("POST", "/uploads/{upload_id}"): Action.UPLOAD,
    ("GET", "/receipts/key"): PUBLIC,
    ("GET", "/receipts/{receipt_id}"): Action.OWN_ACCOUNT,
    # photos
    ("GET", "/photos"): Action.SEE_PHOTO,
    ("GET", "/photos/{photo_id}"): Action.SEE_PHOTO,
    ("GET", "/photos/{photo_id}/history"): Action.SEE_PHOTO,
    ("GET", "/photos/{photo_id}/view"): Action.SEE_PHOTO,
    ("GET", "/photos/{photo_id}/numbers/{field}/crop"): Action.SEE_PHOTO,
    ("GET", "/photos/{photo_id}/original"): Action.SEE_ORIGINAL,
    ("POST", "/photos/{photo_id}/move"): Action.MOVE_PHOTO,
    ("POST", "/photos/{photo_id}/withdraw"): Action.MOVE_PHOTO,
    ("POST", "/photos/{photo_id}/restore"): Action.MOVE_PHOTO,
    ("GET", "/photos/{photo_id}/events"): Action.SEE_PHOTO,
    ("GET", "/events"): Action.SEE_PHOTO,
    ("GET", "/alarms"): Action.SEE_AUDIT,
    ("POST", "/alarms/{alarm_id}/clear"): Action.CLEAR_ALARM,
    # numbers
    ("GET", "/stations/{tps}"): Action.SEE_RECAP,
    ("GET", "/stations/{tps}/numbers/{field}"): Action.SEE_RECAP,
    ("POST", "/stations/{tps}/state"): Action.STATE,
    ("POST", "/stations/{tps}/confirm"): Action.CONFIRM,
    ("POST", "/stations/{tps}/confirm-many"): Action.CONFIRM,
    ("POST", "/stations/{tps}/change"): Action.CHANGE,
    ("GET", "/recap/{election_id}/{region}"): Action.SEE_RECAP,
    ("GET", "/recap/{election_id}/{region}/stations"): Action.SEE_RECAP,
    ("GET", "/pleno/{election_id}/{kecamatan}"): Action.SEE_RECAP,
    ("POST", "/pleno/{election_id}/{kecamatan}/open"): Action.PLENO,
    ("POST", "/pleno/{election_id}/{kecamatan}/finalise"): Action.PLENO,
    ("POST", "/pleno/{election_id}/{kecamatan}/reopen"): Action.REOPEN_PLENO,
    # reading again
    ("POST", "/batches/preview"): Action.REPROCESS,
    ("POST", "/batches"): Action.REPROCESS,
    ("GET", "/batches"): Action.REPROCESS,
    ("GET", "/batches/{batch_id}"): Action.REPROCESS,
    ("POST", "/batches/{batch_id}/pause"): Action.REPROCESS,
    ("POST", "/batches/{batch_id}/resume"): Action.REPROCESS,
    ("POST", "/batches/{batch_id}/cancel"): Action.REPROCESS,
    ("GET", "/batches/{batch_id}/changes"): Action.REPROCESS,
    ("GET", "/batches/{batch_id}/report"): Action.REPROCESS,
    # audit trail
    ("GET", "/audit/seals"): PUBLIC,
    ("GET", "/audit/{chain}"): Action.SEE_AUDIT,
    ("GET", "/audit/{chain}/verify"): Action.SEE_AUDIT,
    ("GET", "/audit/{chain}/export"): Action.SEE_AUDIT,
    # running it
    ("GET", "/health"): PUBLIC,
    ("GET", "/ready"): PUBLIC,
    ("GET", "/metrics"): Action.OPERATE,
    # pages
    ("GET", "/docs"): PUBLIC,
    ("GET", "/"): PUBLIC,
    ("GET", "/activate"): PUBLIC,
    ("GET", "/activate.css"): PUBLIC,
    ("GET", "/activate.js"): PUBLIC,
}
"""Written by hand: a new route is not there until somebody has thought about who may call it."""

FRAMEWORK = {"/openapi.json"}
"""Served by FastAPI itself, for anybody: the description of all this."""

SCOPES = {
    Role.KPPS: "1871011001001",
    Role.PPS: "1871011001",
    Role.PPK: "187101",
    Role.PPK_MOBILE: "187101",
    Role.PPK_WEB: "187101",
    Role.KPU_KOTA: "1871",
    Role.KPU_PROVINSI: "18",
    Role.KPU_RI: "",
    Role.SAKSI: "187101",
    Role.PENGAWAS: "1871",
    Role.ADMIN: "",
}

DUMMIES = {"code": "187101", "region": "187101", "tps": "1871011001001", "kecamatan": "187101", "chain": "187101"}
"""Path parameters that must look like something; any other one is the id of nothing."""


def routes(app: FastAPI) -> Iterator[tuple[str, str, APIRoute | None]]:
    """Method, path and route of everything the app answers to, included routers and all."""
    for context in iter_route_contexts(app.routes):
        assert context.path is not None
        assert context.methods is not None, "a mount or a websocket: say here who may use it"
        route = context.original_route
        if isinstance(route, APIRoute):
            for method in context.methods:
                yield method, context.path, route
        else:
            assert context.path in FRAMEWORK
            yield "GET", context.path, None


def dummy(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: DUMMIES.get(found[1], "0" * 32), path)


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False, headers={"Tus-Resumable": "1.0.0"}) as made:
        yield made


def code(client: TestClient, method: str, path: str, headers: dict[str, str] | None = None) -> str:
    """The error code of a call without body or query, or ``ok``."""
    with client.stream(method, dummy(path), headers=headers) as answer:
        if answer.status_code < 400:
            return "ok"  # not read: it may be a stream that never ends
        answer.read()
    if method == "HEAD":
        return {401: "not_logged_in", 403: "forbidden"}.get(answer.status_code, "other")
    return str(answer.json()["code"])


def test_the_table_names_every_route_and_nothing_else(app: FastAPI) -> None:
    found = {(method, path): route for method, path, route in routes(app) if route is not None}

    assert set(found) - set(TABLE) == set(), "routes without a row: who may call them?"
    assert set(TABLE) - set(found) == set(), "rows without a route"
    marks = {key: mark_of(route) for key, route in found.items()}
    assert {key: mark.action if isinstance(mark, Requires) else PUBLIC for key, mark in marks.items()} == TABLE


def test_the_openapi_document_says_the_same(app: FastAPI) -> None:
    paths = app.openapi()["paths"]

    said = {
        (method.upper(), path): Action(route["x-action"]) if "x-action" in route else PUBLIC
        for path, methods in paths.items()
        for method, route in methods.items()
    }
    assert said
    assert said == {key: TABLE[key] for key in said}


def test_a_route_without_a_mark_keeps_the_service_from_starting(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner, outer = APIRouter(), APIRouter()
    inner.add_api_route("/forgotten", lambda: None)
    outer.include_router(inner, prefix="/deep")
    monkeypatch.setattr(service.app, "ROUTERS", (outer,))

    with pytest.raises(RuntimeError, match="/deep/forgotten"):
        create_app(services)


def test_without_a_token_everything_but_the_public_routes_is_closed(client: TestClient) -> None:
    answers = {key: code(client, *key) for key in TABLE}

    closed = {key for key, answer in answers.items() if answer == "not_logged_in"}
    assert closed == {key for key, action in TABLE.items() if action is not PUBLIC}


def test_a_made_up_token_opens_nothing(client: TestClient) -> None:
    answers = {key: code(client, *key, bearer("x" * 43)) for key in TABLE}

    assert {key for key, answer in answers.items() if answer == "not_logged_in"} == {
        key for key, action in TABLE.items() if action is not PUBLIC
    }


@pytest.mark.parametrize("role", Role)
def test_each_role_is_refused_exactly_what_it_lacks(client: TestClient, services: Services, role: Role) -> None:
    account = make_account(services, role, SCOPES[role])
    refused = set()
    for key in TABLE:
        answer = code(client, *key, bearer(token_for(services, account)))
        assert answer not in {"not_logged_in", "session_ended", "internal"}, key
        if answer == "forbidden":
            refused.add(key)

    assert refused == {key for key, action in TABLE.items() if action is not PUBLIC and action not in GRANTS[role]}
