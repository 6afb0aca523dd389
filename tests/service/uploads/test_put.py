"""The whole file as one body."""

from fastapi.testclient import TestClient
from sqlalchemy import select

from service.services import Services
from service.store.audit import AuditEvent
from service.store.photos import Photo, PhotoEvent
from service.store.readings import Job
from service.uploads.receipts import verify_kept
from tests.service.places import ELECTION, Places
from tests.service.uploads.conftest import Officer, make_photo, sha_of


def put(client: TestClient, officer: Officer, data: bytes, tps: str, **params: str):  # type: ignore[no-untyped-def]
    query = {"election": ELECTION, "tps": tps, **params}
    return client.put(f"/photos/{sha_of(data)}", params=query, content=data, headers=officer.headers)


def test_a_photo_sent_is_a_photo_kept(client: TestClient, services: Services, places: Places, kpps: Officer) -> None:
    data = make_photo()
    answer = put(client, kpps, data, places.tps[0], page="2", captured_at="2026-02-14T19:58:00+07:00")
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert receipt["sha256"] == sha_of(data)
    assert receipt["size_bytes"] == len(data)
    assert (receipt["tps"], receipt["page"], receipt["on_behalf"]) == (places.tps[0], 2, False)
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
