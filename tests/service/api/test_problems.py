"""Whatever goes wrong, the answer has the one shape, a stable code and two languages."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from psycopg.errors import DiskFull
from pydantic import Field
from sqlalchemy.exc import OperationalError

from ocr_pipeline.errors import PhotoRejected, UnknownFormError
from service.api import problems
from service.api.around import MAX_BODY_BYTES, Around
from service.api.deps import PUBLIC
from service.api.shapes import Body
from service.errors import ServiceError, problem_table, register
from service.services import build_services
from service.settings import Settings


class Numbers(Body):
    value: int = Field(ge=0)
    secret: str = ""


def _faulty() -> sqlite3.OperationalError:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(sqlite3.OperationalError) as raised:
        connection.execute("SELECT nothing FROM nowhere")
    return raised.value


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    services = build_services(Settings(data_dir=tmp_path))
    app = FastAPI(dependencies=[Depends(PUBLIC)])
    app.state.services = services
    problems.install(app)

    @app.get("/raise/{what}")
    def raising(what: str) -> None:
        raise {
            "busy": ServiceError("busy"),
            "full": ServiceError("disk_full", details={"free": 0}),
            "away": OperationalError("SELECT secret", {"name": "Budi"}, OSError("no route")),
            "database full": OperationalError("SELECT secret", {"name": "Budi"}, DiskFull("no space")),
            "faulty": OperationalError("SELECT secret", {"name": "Budi"}, _faulty()),
            "bug": ZeroDivisionError("Budi"),
            "form": UnknownFormError("c9", ("c1",)),
            "photo": PhotoRejected("blurred"),
        }[what]

    @app.post("/numbers")
    def numbers(body: Numbers) -> int:
        return body.value

    app.add_middleware(Around, services=services)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("busy", 503, "busy"),
        ("full", 507, "disk_full"),
        ("away", 503, "database_away"),
        ("database full", 507, "disk_full"),
        ("faulty", 500, "internal"),
        ("bug", 500, "internal"),
        ("form", 400, "unknown_form"),
        ("photo", 422, "blurred"),
    ],
)
def test_every_failure_has_the_one_shape(client: TestClient, what: str, status: int, code: str) -> None:
    answer = client.get(f"/raise/{what}")
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    assert body["message"]["id"] != body["message"]["en"]
    assert "Budi" not in answer.text
    assert "SELECT" not in answer.text
    assert ("retry-after" in answer.headers) == (status in (503, 507))
    assert len(body["request_id"]) == 32


def test_wrong_fields_are_named_and_their_values_are_not_repeated(client: TestClient) -> None:
    answer = client.post("/numbers", json={"value": -1, "secret": "hunter2", "extra": 1})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_fields")
    assert [field["field"] for field in answer.json()["details"]["fields"]] == ["body.value", "body.extra"]
    assert "hunter2" not in answer.text


def test_false_is_not_zero(client: TestClient) -> None:
    assert client.post("/numbers", json={"value": False}).status_code == 422


def test_a_body_that_is_no_json_is_a_bad_request(client: TestClient) -> None:
    answer = client.post("/numbers", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_unknown_paths_and_methods_have_the_shape_too(client: TestClient) -> None:
    assert client.get("/nowhere").json()["code"] == "not_found"
    assert client.put("/numbers").json()["code"] == "method_not_allowed"


def test_an_ordinary_body_is_bounded(client: TestClient) -> None:
    big = b'{"value": 1, "secret": "' + b"x" * MAX_BODY_BYTES + b'"}'
    answer = client.post("/numbers", content=big, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    def endless() -> Iterator[bytes]:
        yield big

    chunked = client.post("/numbers", content=endless(), headers={"content-type": "application/json"})
    assert chunked.status_code in (400, 413), "a body without a length ends at the limit as well"


def test_answers_carry_an_id_and_protective_headers(client: TestClient) -> None:
    own = client.get("/nowhere", headers={"x-request-id": "officer-7"})
    assert own.headers["x-request-id"] == "officer-7"
    forged = client.get("/nowhere", headers={"x-request-id": "a b<script>"})
    assert "<" not in forged.headers["x-request-id"]
    assert own.headers["x-content-type-options"] == "nosniff"
    assert own.headers["cache-control"] == "no-store"


def test_a_code_means_one_thing() -> None:
    with pytest.raises(ValueError, match="busy"):
        register({"busy": (503, "lain", "other")})
    with pytest.raises(ValueError, match="fine_code"):
        register({"fine_code": (200, "baik", "fine")})


def test_every_text_says_something_in_both_languages() -> None:
    for code, problem in problem_table().items():
        assert problem.message_id.endswith("."), code
        assert problem.message_en.endswith("."), code
        assert problem.message_id != problem.message_en, code
