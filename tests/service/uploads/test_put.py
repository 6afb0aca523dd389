"""The whole file at once: as a body, or in a form; and asking before sending."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from service.access import Role
from service.errors import ServiceError
from service.services import Services
from service.store.audit import AuditEvent
from service.store.photos import Alarm, Photo, PhotoEvent, Receipt
from service.store.readings import Job
from service.store.regions import Election
from service.uploads.intake import Intake
from service.uploads.receipts import verify_kept
from tests.service.conftest import Clock
from tests.service.places import ELECTION, Places
from tests.service.uploads.conftest import Officer, Response, make_app, make_officer, make_photo, sha_of


def put(client: TestClient, officer: Officer, data: bytes, tps: str, **params: str) -> Response:
    query = {"election": ELECTION, "tps": tps, **params}
    return client.put(f"/photos/{sha_of(data)}", params=query, content=data, headers=officer.headers)


def post(client: TestClient, officer: Officer, data: bytes, fields: dict[str, str]) -> Response:
    return client.post("/photos", data=fields, files={"photo": ("C1.jpg", data)}, headers=officer.headers)


def announce(client: TestClient, officer: Officer, data: bytes, tps: str, **more: Any) -> Response:
    body = {"election": ELECTION, "tps": tps, "sha256": sha_of(data), "size_bytes": len(data), **more}
    return client.post("/photos/announce", json=body, headers=officer.headers)


def code_of(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def count(services: Services, table: type) -> int:
    with services.store.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_photo_sent_is_a_photo_kept(client: TestClient, services: Services, places: Places, kpps: Officer) -> None:
    data = make_photo()
    answer = put(client, kpps, data, places.tps[0], page="2", captured_at="2026-02-15T02:58:00+07:00")
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert receipt["sha256"] == sha_of(data)
    assert receipt["size_bytes"] == len(data)
    assert (receipt["tps"], receipt["page"], receipt["on_behalf"]) == (places.tps[0], 2, False)
    assert receipt["warnings"] == []
    assert verify_kept(receipt, client.get("/receipts/key").json()["key"])
    assert services.blobs.get(f"originals/{sha_of(data)}") == data
    with services.store.read() as session:
        photo = session.scalars(select(Photo)).one()
        job = session.scalars(select(Job)).one()
        event = session.scalars(select(PhotoEvent)).one()
        act = session.scalars(select(AuditEvent).where(AuditEvent.action == "photo.received")).one()
    assert (photo.id, photo.state, photo.tps_sent, photo.page) == (receipt["photo"], "received", places.tps[0], 2)
    assert (photo.format, photo.width_px, photo.height_px) == ("jpeg", 320, 240)
    assert (job.photo_id, job.state, job.priority) == (photo.id, "waiting", 0)
    assert (event.photo_id, event.kind, event.tps_after) == (photo.id, "sent", places.tps[0])
    assert (act.chain, act.subject, act.account_id) == (places.kecamatan[0], f"photo:{photo.id}", kpps.actor.account_id)


def test_repeated_by_any_way_it_is_one_photo_and_one_receipt(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = make_photo(1)
    first = put(client, kpps, data, places.tps[0])
    fields = {"election": ELECTION, "tps": places.tps[0]}
    again = [put(client, kpps, data, places.tps[0]), post(client, kpps, data, fields)]
    assert first.status_code == 201
    assert [answer.status_code for answer in again] == [200, 200]
    assert all(answer.json() == first.json() for answer in again)
    assert [count(services, table) for table in (Photo, Receipt, Job, PhotoEvent)] == [1, 1, 1, 1]


def test_a_known_photo_is_answered_without_reading_it_and_after_the_election(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = make_photo(2)
    receipt = put(client, kpps, data, places.tps[0]).json()
    with services.store.write() as session:
        election = session.get(Election, ELECTION)
        assert election is not None
        election.state = "closed"
    query = {"election": ELECTION, "tps": places.tps[0]}
    answer = client.put(f"/photos/{sha_of(data)}", params=query, content=b"", headers=kpps.headers)
    assert (answer.status_code, answer.json()) == (200, receipt)
    assert announce(client, kpps, data, places.tps[0]).json()["status"] == "stored"
    assert code_of(put(client, kpps, make_photo(3), places.tps[0])) == (409, "election_closed")


def test_another_account_gets_its_own_receipt_for_the_same_photo(
    client: TestClient, services: Services, places: Places, kpps: Officer, ppk: Officer
) -> None:
    data = make_photo(4)
    first, second = (put(client, officer, data, places.tps[0]) for officer in (kpps, ppk))
    assert (first.status_code, second.status_code) == (201, 201)
    mine, theirs = first.json(), second.json()
    assert mine["photo"] == theirs["photo"]
    assert mine["id"] != theirs["id"]
    assert (mine["on_behalf"], theirs["on_behalf"]) == (False, True)
    assert [count(services, table) for table in (Photo, Receipt, Job)] == [1, 2, 1]
    with services.store.read() as session:
        actions = session.scalars(
            select(AuditEvent.action).where(AuditEvent.action.like("photo.%")).order_by(AuditEvent.seq)
        ).all()
    assert actions == ["photo.received", "photo.received_again"]


def test_an_announcement_never_tells_what_others_sent(
    client: TestClient, places: Places, kpps: Officer, ppk: Officer
) -> None:
    sent, never = make_photo(5), make_photo(6)
    put(client, kpps, sent, places.tps[0])
    assert announce(client, kpps, sent, places.tps[0]).json()["receipt"]["sha256"] == sha_of(sent)
    about_sent, about_never = (announce(client, ppk, data, places.tps[0]) for data in (sent, never))
    assert (
        about_sent.json()
        == about_never.json()
        == {
            "status": "send",
            "receipt": None,
            "upload": None,
            "offset_bytes": None,
        }
    )
    assert announce(client, ppk, sent, places.tps[1]).json()["status"] == "send"


def test_an_announcement_finds_ones_own_unfinished_upload(
    client: TestClient, places: Places, kpps: Officer, ppk: Officer
) -> None:
    from tests.service.uploads.test_tus import begin, patch

    data = make_photo(7)
    url = begin(client, kpps, data, places.tps[0], sha256=sha_of(data))
    patch(client, kpps, url, 0, data[:1234])
    found = announce(client, kpps, data, places.tps[0], captured_at="2026-02-14T19:00:00Z", page=2).json()
    assert (found["status"], found["upload"], found["offset_bytes"]) == ("resume", url, 1234)
    assert announce(client, ppk, data, places.tps[0]).json()["status"] == "send"


def test_the_same_photo_under_two_stations_raises_an_alarm(
    client: TestClient, services: Services, places: Places, ppk: Officer
) -> None:
    data = make_photo(8)
    photos = [put(client, ppk, data, tps).json()["photo"] for tps in places.tps[:2]]
    put(client, ppk, data, places.tps[1])
    with services.store.read() as session:
        alarm = session.scalars(select(Alarm)).one()
    assert alarm.kind == "same_photo"
    assert {alarm.tps, alarm.tps_other} == set(places.tps[:2])
    assert sorted(alarm.details["photos"]) == sorted(photos)


def test_a_retake_is_a_new_photo_that_names_the_old_one(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    old = put(client, kpps, make_photo(9), places.tps[0]).json()["photo"]
    new = put(client, kpps, make_photo(10), places.tps[0], replaces=old).json()["photo"]
    with services.store.read() as session:
        assert session.get_one(Photo, new).replaces == old
        kinds = session.execute(select(PhotoEvent.photo_id, PhotoEvent.kind)).all()
    assert {tuple(kind) for kind in kinds} == {(old, "sent"), (old, "replaced"), (new, "sent")}
    for wrong in ("0" * 32, put(client, kpps, make_photo(9), places.tps[0]).json()["id"]):
        assert code_of(put(client, kpps, make_photo(11), places.tps[0], replaces=wrong)) == (422, "unknown_replaced")


def test_kpps_replace_only_what_the_kpps_of_the_station_sent(
    client: TestClient, services: Services, places: Places, kpps: Officer, ppk: Officer
) -> None:
    colleague = make_officer(services, Role.KPPS, places.tps[0])
    own, of_ppk, elsewhere = (
        put(client, officer, make_photo(seed), tps).json()["photo"]
        for officer, seed, tps in ((kpps, 21, places.tps[0]), (ppk, 22, places.tps[0]), (ppk, 23, places.tps[1]))
    )
    with services.store.write() as session:  # a person moves it here
        moved = session.get_one(Photo, elsewhere)
        moved.tps, moved.on_behalf = places.tps[0], False
    for refused in (of_ppk, elsewhere):
        answer = put(client, kpps, make_photo(24), places.tps[0], replaces=refused)
        assert code_of(answer) == (403, "not_yours_to_replace")
    assert count(services, Photo) == 3
    assert put(client, colleague, make_photo(24), places.tps[0], replaces=own).status_code == 201
    assert put(client, ppk, make_photo(25), places.tps[0], replaces=of_ppk).status_code == 201
    assert put(client, ppk, make_photo(26), places.tps[0], replaces=own).status_code == 201


def test_a_clock_far_off_is_noted_on_the_receipt(client: TestClient, places: Places, kpps: Officer) -> None:
    answer = put(client, kpps, make_photo(12), places.tps[0], captured_at="1970-01-01T00:00:12Z")
    assert answer.status_code == 201
    assert [warning["code"] for warning in answer.json()["warnings"]] == ["clock_off"]
    assert verify_kept(answer.json())


def test_what_may_not_be_sent(client: TestClient, services: Services, places: Places, kpps: Officer) -> None:
    data = make_photo(13)
    neighbour, elsewhere = places.tps[1], places.tps[4]
    assert code_of(put(client, kpps, data, neighbour)) == (403, "foreign_region")
    assert code_of(put(client, kpps, data, places.tps[0], election="other-2024")) == (404, "unknown_election")
    assert code_of(put(client, kpps, data, places.tps[0], page="9")) == (422, "unknown_page")
    assert code_of(put(client, kpps, data, "123")) == (422, "invalid_fields")
    ppk = make_officer(services, Role.PPK, places.kecamatan[0])
    assert code_of(put(client, ppk, data, places.kecamatan[0] + "1001999")) == (404, "unknown_tps")
    assert code_of(put(client, ppk, data, elsewhere)) == (403, "foreign_region")
    witness = make_officer(services, Role.SAKSI, "")
    assert code_of(put(client, witness, data, places.tps[0])) == (403, "forbidden")
    anonymous = client.put(f"/photos/{sha_of(data)}", params={"election": ELECTION, "tps": places.tps[0]}, content=data)
    assert code_of(anonymous) == (401, "not_logged_in")
    assert count(services, Photo) == 0
    assert not list(services.blobs.keys(""))


def test_an_election_takes_photos_only_while_it_is_open(
    client: TestClient, services: Services, places: Places, kpps: Officer, clock: Clock
) -> None:
    with services.store.write() as session:
        election = session.get_one(Election, ELECTION)
        election.opens_at, election.closes_at = clock.now + timedelta(hours=1), clock.now + timedelta(hours=2)
    data = make_photo(14)
    assert code_of(put(client, kpps, data, places.tps[0])) == (409, "election_closed")
    clock.advance(hours=1)
    assert put(client, kpps, data, places.tps[0]).status_code == 201
    clock.advance(hours=1)
    assert code_of(put(client, kpps, make_photo(15), places.tps[0])) == (409, "election_closed")


def test_one_account_cannot_fill_the_disk(services: Services, places: Places, kpps: Officer) -> None:
    """A bound on one account's photos of a station; what it sent before is still answered, and the PPK can send."""
    bounded = replace(services, settings=services.settings.model_copy(update={"max_photos_per_station": 2}))
    with Intake(bounded, sweep_every_s=0) as intake:
        client = TestClient(make_app(bounded, intake))
        first, second, third = (make_photo(number) for number in (30, 31, 32))
        for data in (first, second):
            assert put(client, kpps, data, places.tps[0]).status_code == 201
        assert code_of(put(client, kpps, third, places.tps[0])) == (409, "too_many_photos")
        assert put(client, kpps, first, places.tps[0]).status_code == 200
        ppk = make_officer(bounded, Role.PPK, places.kecamatan[0])
        assert put(client, ppk, third, places.tps[0]).status_code == 201


def test_one_account_cannot_take_every_place(intake: Intake) -> None:
    limit = intake.services.settings.max_open_uploads
    with ExitStack() as places:
        for _ in range(limit):
            places.enter_context(intake.receiving("one"))
        with pytest.raises(ServiceError) as refused, intake.receiving("one"):
            pass
        assert (refused.value.code, refused.value.details) == ("too_many_requests", {"limit": limit})
        with intake.receiving("another"):
            assert intake.receiving_now == limit + 1
    with intake.receiving("one"):
        assert intake.receiving_now == 1


def test_a_body_that_is_not_the_photo_announced(
    client: TestClient, services: Services, places: Places, kpps: Officer
) -> None:
    data = make_photo(16)
    query = {"election": ELECTION, "tps": places.tps[0]}
    answer = client.put(f"/photos/{sha_of(data)}", params=query, content=data[:-1], headers=kpps.headers)
    assert code_of(answer) == (460, "checksum_mismatch")
    assert count(services, Photo) == 0
    assert put(client, kpps, data, places.tps[0]).status_code == 201


def test_too_large_in_bytes_or_pixels(services: Services, places: Places, kpps: Officer) -> None:
    small = services.settings.model_copy(update={"max_photo_bytes": 30_000, "max_photo_pixels": 320 * 240 - 1})
    strict = Services(small, services.store, services.blobs, services.keys, services.now)
    with Intake(strict, sweep_every_s=0) as intake:
        client = TestClient(make_app(strict, intake))
        data = make_photo(17, 40_000)
        query = {"election": ELECTION, "tps": places.tps[0]}
        assert code_of(put(client, kpps, data, places.tps[0])) == (413, "photo_too_large")

        def unannounced() -> Any:
            yield data[:20_000]
            yield data[20_000:]

        streamed = client.put(f"/photos/{sha_of(data)}", params=query, content=unannounced(), headers=kpps.headers)
        assert code_of(streamed) == (413, "photo_too_large")
        assert code_of(post(client, kpps, make_photo(17, 200_000), query)) == (413, "photo_too_large")
        assert code_of(put(client, kpps, make_photo(18, 0), places.tps[0])) == (413, "too_many_pixels")
    assert count(services, Photo) == 0


def test_nothing_is_left_behind(client: TestClient, intake: Intake, places: Places, kpps: Officer) -> None:
    data = make_photo(19)
    put(client, kpps, data, places.tps[0])
    put(client, kpps, b"no photo at all" * 100, places.tps[0])
    post(client, kpps, make_photo(20), {"election": ELECTION, "tps": places.tps[0]})
    post(client, kpps, make_photo(21), {"election": ELECTION})
    intake.__exit__(None, None, None)  # waits for the cleaning up
    assert list(intake.scratch_dir.iterdir()) == []


# forms


@pytest.mark.parametrize("file_first", [False, True])
def test_a_form_with_its_fields_in_any_order(
    client: TestClient, services: Services, places: Places, kpps: Officer, file_first: bool
) -> None:
    data = make_photo(22)
    fields = [("election", (None, ELECTION)), ("tps", (None, places.tps[0])), ("page", (None, "1"))]
    file = [("photo", ("../../C1 hal 1.jpg", data, "image/jpeg"))]
    fields += [("else", (None, "x" * 9000)), ("else", (None, "again"))]
    parts: list[Any] = file + fields if file_first else fields + file
    answer = client.post("/photos", files=parts, headers=kpps.headers)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["sha256"], answer.json()["page"]) == (sha_of(data), 1)
    with services.store.read() as session:
        photo = session.scalars(select(Photo)).one()
    assert (photo.channel, photo.capture["filetype"]) == ("multipart", "image/jpeg")


def raw_form(
    client: TestClient, officer: Officer, body: bytes, kind: str = "multipart/form-data; boundary=b"
) -> Response:
    return client.post("/photos", content=body, headers={**officer.headers, "Content-Type": kind})


def test_forms_that_are_wrong(client: TestClient, services: Services, places: Places, kpps: Officer) -> None:
    data, fields = make_photo(23), {"election": ELECTION, "tps": places.tps[0]}
    assert code_of(post(client, kpps, data, {"election": ELECTION})) == (422, "invalid_fields")
    assert code_of(post(client, kpps, data, {**fields, "sha256": "0" * 64})) == (460, "checksum_mismatch")
    assert code_of(post(client, kpps, data, {**fields, "page": "x" * 5000})) == (400, "bad_request")
    assert code_of(client.post("/photos", data=fields, headers=kpps.headers)) == (415, "unsupported_media_type")
    no_file = client.post("/photos", files={"election": (None, ELECTION)}, headers=kpps.headers)
    assert code_of(no_file) == (422, "invalid_fields")
    two = client.post("/photos", files=[("photo", ("a", data)), ("photo", ("b", data))], headers=kpps.headers)
    assert code_of(two) == (400, "bad_request")
    assert code_of(raw_form(client, kpps, b"nonsense")) == (400, "bad_request")
    assert code_of(raw_form(client, kpps, b"--b\r\nX: " + b"y" * 9000)) == (400, "bad_request")
    assert code_of(raw_form(client, kpps, b"", "multipart/form-data")) == (415, "unsupported_media_type")
    cut = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n' + data
    assert code_of(raw_form(client, kpps, cut)) == (422, "invalid_fields")
    assert count(services, Photo) == 0
