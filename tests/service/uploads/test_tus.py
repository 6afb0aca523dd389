"""The tus protocol, request by request."""

import base64
import hashlib
import shutil
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from service.access import Role
from service.services import Services
from service.store.photos import Photo, Receipt, Upload
from service.uploads.intake import Intake
from tests.service.conftest import Clock
from tests.service.places import ELECTION, Places
from tests.service.uploads.conftest import Officer, Response, make_app, make_officer, make_photo, sha_of

TUS = {"Tus-Resumable": "1.0.0"}
PATCH_TYPE = {"Content-Type": "application/offset+octet-stream"}


def encode(values: dict[str, str]) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


def create(
    client: TestClient, officer: Officer, data: bytes, tps: str, first: bytes | None = None, **metadata: str
) -> Response:
    headers = {
        **TUS,
        **officer.headers,
        "Upload-Length": str(len(data)),
        "Upload-Metadata": encode({"election": ELECTION, "tps": tps, **metadata}),
    }
    if first is not None:
        headers |= PATCH_TYPE
    return client.post("/uploads", headers=headers, content=first or b"")


def patch(client: TestClient, officer: Officer, url: str, offset: int, data: bytes, **headers: str) -> Response:
    own = {**TUS, **PATCH_TYPE, **officer.headers, "Upload-Offset": str(offset), **headers}
    return client.patch(url, headers=own, content=data)


def head(client: TestClient, officer: Officer, url: str) -> Response:
    return client.head(url, headers={**TUS, **officer.headers})


def begin(client: TestClient, officer: Officer, data: bytes, tps: str, **metadata: str) -> str:
    answer = create(client, officer, data, tps, None, **metadata)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def code_of(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_an_upload_in_three_pieces(client: TestClient, services: Services, places: Places, kpps: Officer) -> None:
    data = make_photo(1)
    url = begin(client, kpps, data, places.tps[0], page="2", filename="/etc/passwd")
    cuts = [0, 10_000, 25_000, len(data)]
    for start, end in pairwise(cuts):
        state = head(client, kpps, url)
        assert (state.status_code, state.headers["Upload-Offset"]) == (200, str(start))
        assert state.headers["Upload-Length"] == str(len(data))
        assert state.headers["Cache-Control"] == "no-store"
        answer = patch(client, kpps, url, start, data[start:end])
        assert answer.status_code == 204, answer.text
        assert answer.headers["Upload-Offset"] == str(end)
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    receipt = client.get(f"/receipts/{answer.headers['Turus-Receipt']}", headers=kpps.headers).json()
    assert (receipt["sha256"], receipt["page"]) == (sha_of(data), 2)
    assert services.blobs.get(f"originals/{sha_of(data)}") == data
    with services.store.read() as session:
        photo = session.scalars(select(Photo)).one()
    assert (photo.channel, photo.capture["filename"]) == ("tus", "/etc/passwd")
    done = client.get(url, headers=kpps.headers).json()
    assert (done["state"], done["offset_bytes"], done["receipt"]["id"]) == ("done", len(data), receipt["id"])


def test_the_options_are_told_to_anybody(client: TestClient, services: Services) -> None:
    for url in ("/uploads", "/uploads/anything"):
        answer = client.options(url)
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "checksum",
            "termination",
            "expiration",
        }
        assert answer.headers["Tus-Max-Size"] == str(services.settings.max_photo_bytes)
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_the_whole_photo_with_the_creation(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = make_photo(2)
    answer = create(client, kpps, data, places.tps[0], first=data, sha256=sha_of(data))
    assert answer.status_code == 201
    assert answer.headers["Upload-Offset"] == str(len(data))
    assert answer.headers["Turus-Receipt"]
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 1


def test_a_wrong_offset_is_told_the_true_one(client: TestClient, places: Places, kpps: Officer) -> None:
    data = make_photo(3)
    url = begin(client, kpps, data, places.tps[0])
    patch(client, kpps, url, 0, data[:100])
    for wrong in (0, 50, 101, 40_000):
        answer = patch(client, kpps, url, wrong, data[100:])
        assert code_of(answer) == (409, "offset_conflict")
        assert answer.headers["Upload-Offset"] == "100"
    assert patch(client, kpps, url, 100, data[100:]).status_code == 204


def test_the_last_piece_repeated_gets_the_same_receipt(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = make_photo(4)
    url = begin(client, kpps, data, places.tps[0])
    patch(client, kpps, url, 0, data[:20_000])
    first = patch(client, kpps, url, 20_000, data[20_000:])
    again = patch(client, kpps, url, 20_000, data[20_000:])
    assert (first.status_code, again.status_code) == (204, 204)
    assert first.headers["Turus-Receipt"] == again.headers["Turus-Receipt"]
    state = head(client, kpps, url)
    assert state.headers["Upload-Offset"] == str(len(data))
    assert state.headers["Turus-Receipt"] == first.headers["Turus-Receipt"]
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Receipt)) == 1


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_with_a_wrong_sum_counts_for_nothing(
    client: TestClient, places: Places, kpps: Officer, algorithm: str
) -> None:
    data = make_photo(5)
    url = begin(client, kpps, data, places.tps[0])
    right = base64.b64encode(hashlib.new(algorithm, data[:1000]).digest()).decode()
    wrong = patch(client, kpps, url, 0, data[:999] + b"?", **{"Upload-Checksum": f"{algorithm} {right}"})
    assert code_of(wrong) == (460, "checksum_mismatch")
    assert head(client, kpps, url).headers["Upload-Offset"] == "0"
    assert patch(client, kpps, url, 0, data[:1000], **{"Upload-Checksum": f"{algorithm} {right}"}).status_code == 204


@pytest.mark.parametrize("sum_text", ["md5 abcd", "sha1", "sha1 !!!!", "sha1 YWJj", ""])
def test_a_sum_that_cannot_be_one_is_refused(client: TestClient, places: Places, kpps: Officer, sum_text: str) -> None:
    data = make_photo(5)
    url = begin(client, kpps, data, places.tps[0])
    answer = patch(client, kpps, url, 0, data, **{"Upload-Checksum": sum_text})
    assert code_of(answer) == (400, "bad_request")
    assert head(client, kpps, url).headers["Upload-Offset"] == "0"


def test_a_photo_that_is_not_what_was_announced_starts_again(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = make_photo(6)
    url = begin(client, kpps, data, places.tps[0], sha256=sha_of(data))
    patch(client, kpps, url, 0, data[:5_000])
    broken = data[5_000:-1] + b"?"
    assert code_of(patch(client, kpps, url, 5_000, broken)) == (460, "checksum_mismatch")
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 0
    assert head(client, kpps, url).headers["Upload-Offset"] == "0"
    assert patch(client, kpps, url, 0, data).status_code == 204


@pytest.mark.parametrize("there", [10_000, None])
def test_an_upload_whose_parts_are_gone_begins_again(
    client: TestClient, services: Services, places: Places, kpps: Officer, there: int | None
) -> None:
    data = make_photo(9)
    url = begin(client, kpps, data, places.tps[0])
    patch(client, kpps, url, 0, data[:10_000])
    with services.store.write() as session:
        session.execute(update(Upload).values(offset_bytes=there or len(data)))
    shutil.rmtree(services.settings.spool_dir / "parts")
    assert head(client, kpps, url).headers["Upload-Offset"] == "0"
    assert patch(client, kpps, url, 0, data).headers["Turus-Receipt"]
    assert services.blobs.get(f"originals/{sha_of(data)}") == data


def test_what_is_no_photo_is_refused_once_and_for_all(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = b"%!PS these are words and no photo" * 100
    url = begin(client, kpps, data, places.tps[0])
    assert code_of(patch(client, kpps, url, 0, data)) == (422, "not_a_photo")
    assert code_of(patch(client, kpps, url, 0, data)) == (422, "not_a_photo")
    assert head(client, kpps, url).status_code == 422
    state = client.get(url, headers=kpps.headers).json()
    assert (state["state"], state["refused"]) == ("terminated", "not_a_photo")
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 0
    assert not list(services.blobs.keys("originals/"))


def test_a_jpeg_cut_short_is_kept(client: TestClient, places: Places, kpps: Officer) -> None:
    whole = make_photo(7, 0)
    data = whole[: len(whole) // 2]
    answer = create(client, kpps, data, places.tps[0], first=data)
    assert answer.status_code == 201
    assert answer.headers["Turus-Receipt"]


def test_cancelled_is_gone_and_a_received_photo_is_not_cancelled(
    client: TestClient, places: Places, kpps: Officer
) -> None:
    data = make_photo(8)
    url = begin(client, kpps, data, places.tps[0])
    patch(client, kpps, url, 0, data[:100])
    assert client.delete(url, headers={**TUS, **kpps.headers}).status_code == 204
    assert head(client, kpps, url).status_code == 410
    assert code_of(patch(client, kpps, url, 100, data[100:])) == (410, "upload_gone")
    assert code_of(client.delete(url, headers={**TUS, **kpps.headers})) == (410, "upload_gone")
    done = create(client, kpps, data, places.tps[0], first=data).headers["Location"]
    assert code_of(client.delete(done, headers={**TUS, **kpps.headers})) == (409, "upload_done")


def test_an_expired_upload_is_gone(client: TestClient, places: Places, kpps: Officer, clock: Clock) -> None:
    data = make_photo(9)
    url = begin(client, kpps, data, places.tps[0])
    clock.advance(hours=71)
    assert patch(client, kpps, url, 0, data[:100]).status_code == 204  # more came: its time starts again
    clock.advance(hours=71)
    assert head(client, kpps, url).status_code == 200
    clock.advance(hours=2)
    assert head(client, kpps, url).status_code == 410
    assert code_of(patch(client, kpps, url, 100, data[100:])) == (410, "upload_gone")


def test_nobody_elses_upload_exists(
    client: TestClient, services: Services, places: Places, kpps: Officer, ppk: Officer
) -> None:
    data = make_photo(10)
    url = begin(client, kpps, data, places.tps[0])
    for answer in (
        client.get(url, headers=ppk.headers),
        patch(client, ppk, url, 0, data),
        client.delete(url, headers={**TUS, **ppk.headers}),
    ):
        assert code_of(answer) == (404, "unknown_upload")
    assert head(client, ppk, url).status_code == 404
    for made_up in ("/uploads/" + "0" * 32, "/uploads/x", "/uploads/%00", "/uploads/..%2F..%2Fetc"):
        assert head(client, kpps, made_up).status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "tus_version"),
        ({"Upload-Length": "x"}, 400, "bad_request"),
        ({"Upload-Length": "-1"}, 400, "bad_request"),
        ({"Upload-Length": "0"}, 422, "not_a_photo"),
        ({"Upload-Length": "9" * 12}, 413, "photo_too_large"),
        ({"Upload-Defer-Length": "1"}, 400, "bad_request"),
        ({"Upload-Concat": "partial"}, 400, "bad_request"),
        ({"Upload-Metadata": "election"}, 422, "invalid_fields"),
        ({"Upload-Metadata": "election !"}, 400, "bad_request"),
        ({"Upload-Metadata": "k " + "QUFB" * 3000}, 400, "bad_request"),
        ({"Authorization": "Bearer nobody"}, 401, "not_logged_in"),
    ],
)
def test_a_creation_that_is_wrong(
    client: TestClient, places: Places, kpps: Officer, change: dict[str, str], status: int, code: str
) -> None:
    headers = {
        **TUS,
        **kpps.headers,
        "Upload-Length": "1000",
        "Upload-Metadata": encode({"election": ELECTION, "tps": places.tps[0]}),
        **change,
    }
    answer = client.post("/uploads", headers=headers)
    assert code_of(answer) == (status, code)
    assert answer.headers["Tus-Resumable"] == "1.0.0"


def test_without_a_version_or_type_nothing_is_done(client: TestClient, places: Places, kpps: Officer) -> None:
    data = make_photo(11)
    url = begin(client, kpps, data, places.tps[0])
    no_version = client.patch(url, headers={**kpps.headers, **PATCH_TYPE, "Upload-Offset": "0"}, content=data)
    assert code_of(no_version) == (412, "tus_version")
    assert no_version.headers["Tus-Version"] == "1.0.0"
    other_type = patch(client, kpps, url, 0, data, **{"Content-Type": "image/jpeg"})
    assert code_of(other_type) == (415, "unsupported_media_type")
    no_offset = client.patch(url, headers={**TUS, **PATCH_TYPE, **kpps.headers}, content=data)
    assert code_of(no_offset) == (400, "bad_request")
    assert head(client, kpps, url).headers["Upload-Offset"] == "0"


def test_more_than_was_announced_is_refused(client: TestClient, places: Places, kpps: Officer) -> None:
    data = make_photo(12)
    url = begin(client, kpps, data, places.tps[0])
    assert code_of(patch(client, kpps, url, 0, data + b"x")) == (413, "upload_too_long")

    def stream() -> object:
        yield data
        yield b"x"

    headers = {**TUS, **PATCH_TYPE, **kpps.headers, "Upload-Offset": "0"}
    answer = client.patch(url, headers=headers, content=stream())  # type: ignore[arg-type]
    assert code_of(answer) == (413, "upload_too_long")
    assert patch(client, kpps, url, 0, data).status_code == 204


def test_a_creation_repeated_gives_the_unused_upload_again(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = make_photo(13)
    first = begin(client, kpps, data, places.tps[0], sha256=sha_of(data))
    assert begin(client, kpps, data, places.tps[0], sha256=sha_of(data)) == first
    patch(client, kpps, first, 0, data[:10])
    assert begin(client, kpps, data, places.tps[0], sha256=sha_of(data)) != first


def test_too_many_unfinished_uploads(
    client: TestClient, services: Services, places: Places, kpps: Officer, clock: Clock
) -> None:
    limit = services.settings.max_open_uploads
    urls = []
    for seed in range(limit):
        data = make_photo(seed, 1000)
        urls.append(begin(client, kpps, data, places.tps[0]))
        patch(client, kpps, urls[-1], 0, data[:10])
        clock.advance(seconds=1)
    one_more = create(client, kpps, make_photo(99, 1000), places.tps[0])
    assert code_of(one_more) == (429, "too_many_uploads")
    assert "Retry-After" in one_more.headers
    clock.advance(hours=1)
    assert create(client, kpps, make_photo(99, 1000), places.tps[0]).status_code == 201
    states = [client.get(url, headers=kpps.headers).json()["state"] for url in urls]
    assert states == ["terminated"] + ["open"] * (limit - 1)  # the longest idle one made room


def test_unused_uploads_never_lock_an_officer_out(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    for seed in range(2 * services.settings.max_open_uploads):
        assert create(client, kpps, make_photo(seed, 900), places.tps[0]).status_code == 201


def test_patch_and_delete_through_post(client: TestClient, places: Places, kpps: Officer) -> None:
    data = make_photo(14)
    url = begin(client, kpps, data, places.tps[0])
    headers = {**TUS, **PATCH_TYPE, **kpps.headers, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert client.post(url, headers=headers, content=data[:100]).headers["Upload-Offset"] == "100"
    headers["X-HTTP-Method-Override"] = "DELETE"
    assert client.post(url, headers=headers).status_code == 204
    headers["X-HTTP-Method-Override"] = "PUT"
    assert client.post(url, headers=headers).status_code == 405


def test_an_officer_moved_elsewhere_cannot_go_on(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    from service.store.accounts import Account

    data = make_photo(15)
    url = begin(client, kpps, data, places.tps[0])
    with services.store.write() as session:
        account = session.get(Account, kpps.actor.account_id)
        assert account is not None
        account.scope = places.tps[1]
    assert code_of(patch(client, kpps, url, 0, data)) == (403, "foreign_region")


def test_racing_last_pieces_make_one_photo(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = make_photo(16)
    url = begin(client, kpps, data, places.tps[0])
    answers: list[Response] = []
    threads = [threading.Thread(target=lambda: answers.append(patch(client, kpps, url, 0, data))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [answer for answer in answers if answer.status_code == 204]
    assert good
    assert all(answer.status_code in (204, 409, 423) for answer in answers), [a.text for a in answers]
    assert len({answer.headers["Turus-Receipt"] for answer in good}) == 1
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 1
        assert session.scalar(select(func.count()).select_from(Receipt)) == 1


def test_two_processes_finishing_one_upload_make_one_photo(
    services: Services, intake: Intake, places: Places, kpps: Officer
) -> None:
    data = make_photo(17)
    with Intake(services, sweep_every_s=0) as other:
        clients = [TestClient(make_app(services, one)) for one in (intake, other)]
        url = begin(clients[0], kpps, data, places.tps[0])
        answers: list[Response] = []

        def send(client: TestClient) -> Callable[[], None]:
            return lambda: answers.append(patch(client, kpps, url, 0, data))

        threads = [threading.Thread(target=send(client)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answer.status_code for answer in answers] == [204, 204]
    assert len({answer.headers["Turus-Receipt"] for answer in answers}) == 1
    with services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 1
        assert session.scalars(select(Upload.state)).all() == ["done"]


def test_another_process_goes_on_where_one_stopped(
    services: Services, intake: Intake, places: Places, ppk: Officer
) -> None:
    data = make_photo(18)
    with Intake(services, sweep_every_s=0) as other:
        first, second = (TestClient(make_app(services, one)) for one in (intake, other))
        url = begin(first, ppk, data, places.tps[1])
        patch(first, ppk, url, 0, data[:7_000])
        assert head(second, ppk, url).headers["Upload-Offset"] == "7000"
        answer = patch(second, ppk, url, 7_000, data[7_000:])
    assert answer.status_code == 204
    assert services.blobs.get(f"originals/{sha_of(data)}") == data
    with services.store.read() as session:
        assert session.scalars(select(Photo.on_behalf)).one() is True


def test_other_roles_send_nothing(client: TestClient, services: Services, places: Places) -> None:
    for role, scope in ((Role.SAKSI, ""), (Role.PPK_WEB, places.kecamatan[0]), (Role.ADMIN, "")):
        officer = make_officer(services, role, scope)
        assert code_of(create(client, officer, make_photo(1), places.tps[0])) == (403, "forbidden")
