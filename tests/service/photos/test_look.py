"""Looking at photos: what they say of themselves, lists, history, the view and the original."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from service.access import Role
from service.blobs.port import original_key, view_key
from service.ids import new_id
from service.store.audit import AuditEvent
from service.store.photos import Photo, PhotoEvent
from tests.service.photos.stand import World, number

JPEG = b"\xff\xd8 a picture \xff\xd9"


def test_a_photo_says_where_it_belongs_what_was_read_and_what_to_do(world: World) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0], page_claimed=2)
    waiting = world.client.get(f"/photos/{photo}", headers=headers)
    assert waiting.status_code == 200
    assert waiting.json()["state"] == "received"
    assert waiting.json()["outcome"] is None
    assert "aman tersimpan" in waiting.json()["advice"]["id"]
    world.reading(photo, {"paslon_1": number(92), "paslon_2": number(None, "review", ["low_confidence"])})
    read = world.client.get(f"/photos/{photo}", headers=headers)
    body = read.json()
    assert read.headers["etag"] == f'"{body["rev"]}"'
    assert (body["state"], body["outcome"], body["page_read"]) == ("read", "review", 2)
    assert body["sender_role"] == "kpps"
    assert [n["field"] for n in body["numbers"]] == ["paslon_1", "paslon_2"]
    assert body["numbers"][0] == {
        "part": 0,
        "field": "paslon_1",
        "value": 92,
        "as_written": "092",
        "p": 0.9998,
        "decision": "accepted",
        "why": [],
        "has_words": False,
    }
    assert body["numbers"][1]["why"] == ["low_confidence"]
    assert body["parts"][0]["coverage"] == 1.0


def test_a_refused_photo_says_what_to_do_in_both_languages(world: World) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0])
    world.reading(photo, reason="blurred")
    body = world.client.get(f"/photos/{photo}", headers=headers).json()
    assert (body["outcome"], body["reason"]["code"]) == ("rejected", "blurred")
    assert "foto ulang" in body["advice"]["id"]
    assert "retake" in body["advice"]["en"]


def test_a_failed_photo_names_its_failure(world: World) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0], state="failed", failure="reader_crashed")
    body = world.client.get(f"/photos/{photo}", headers=headers).json()
    assert body["failure"]["code"] == "reader_crashed"
    assert body["failure"]["message"]["id"]
    assert "PPK" in body["advice"]["id"]


def test_the_newest_revision_is_shown_with_all_pages_of_a_pdf(world: World) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    photo = world.photo(sender, world.places.tps[0], format="pdf")
    world.reading(photo, {"paslon_1": number(1)}, part=1)
    world.reading(photo, {"sah": number(2)}, part=2, page=3)
    world.reading(photo, {"paslon_1": number(3)}, part=1, reader_rev="2")
    world.reading(photo, part=2, reader_rev="2", reason="not_a_form")
    body = world.client.get(f"/photos/{photo}", headers=headers).json()
    assert (body["reader_rev"], body["outcome"], body["page_read"]) == ("2", "accepted", 2)
    assert [(n["part"], n["value"]) for n in body["numbers"]] == [(1, 3)]
    assert [part["outcome"] for part in body["parts"]] == ["accepted", "rejected"]


def test_others_photos_are_not_shown(world: World) -> None:
    sender, _ = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0])
    _, neighbour = world.person(Role.KPPS, world.places.tps[1])
    answer = world.client.get(f"/photos/{photo}", headers=neighbour)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_region")
    _, admin = world.person(Role.ADMIN, "")
    assert world.client.get(f"/photos/{photo}", headers=admin).json()["code"] == "forbidden"
    assert world.client.get(f"/photos/{photo}").json()["code"] == "not_logged_in"
    assert world.client.get(f"/photos/{new_id()}", headers=neighbour).json()["code"] == "not_found"


def test_the_sender_still_sees_a_photo_that_was_moved_away(world: World) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0])
    with world.services.store.write() as session:
        session.get_one(Photo, photo).tps = world.places.tps[1]
    assert world.client.get(f"/photos/{photo}", headers=headers).json()["tps"] == world.places.tps[1]


def test_lists_keep_to_the_region_and_turn_pages(world: World) -> None:
    sender, _ = world.person(Role.PPK, world.places.kecamatan[0])
    there, _ = world.person(Role.PPK, world.places.kecamatan[1])
    mine = [world.photo(sender, tps) for tps in world.places.tps[:3]]
    other = world.photo(there, world.places.tps[4])
    _, ppk = world.person(Role.PPK, world.places.kecamatan[0])
    first = world.client.get("/photos?limit=2", headers=ppk).json()
    second = world.client.get("/photos", params={"limit": 2, "after": first["next"]}, headers=ppk).json()
    assert [item["id"] for item in first["items"] + second["items"]] == mine[::-1]
    assert second["next"] is None
    _, nation = world.person(Role.KPU_RI, "")
    everything = world.client.get("/photos?region=0", headers=nation).json()["items"]
    assert {item["id"] for item in everything} == {*mine, other}
    one = world.client.get("/photos", params={"region": world.places.tps[1]}, headers=ppk).json()["items"]
    assert [item["id"] for item in one] == [mine[1]]
    foreign = world.client.get("/photos", params={"region": world.places.kecamatan[1]}, headers=ppk)
    assert foreign.json()["code"] == "foreign_region"


def test_lists_filter_by_state_and_election(world: World) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    unread = world.photo(sender, world.places.tps[0])
    read = world.photo(sender, world.places.tps[1])
    world.reading(read, {"paslon_1": number(92)})

    def listed(**params: str) -> list[str]:
        return [item["id"] for item in world.client.get("/photos", params=params, headers=headers).json()["items"]]

    assert listed(state="received") == [unread]
    assert listed(state="read") == [read]
    assert listed(election=world.election) == [read, unread]
    assert listed(election="another") == []


@pytest.mark.parametrize(
    "query",
    ["region=99999", "region=%D9%A1%D9%A1", "state=lost", "limit=0", "limit=201", "after=!", "election=%00"],
)
def test_wrong_queries_are_refused(world: World, query: str) -> None:
    _, headers = world.person(Role.PPK, world.places.kecamatan[0])
    assert world.client.get(f"/photos?{query}", headers=headers).status_code in (400, 422)


def test_history_holds_events_readings_and_retakes(world: World) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    first = world.photo(sender, world.places.tps[0])
    second = world.photo(sender, world.places.tps[0], replaces=first)
    third = world.photo(sender, world.places.tps[0], replaces=second)
    world.reading(second, {"paslon_1": number(92)})
    with world.services.store.write() as session:
        event = PhotoEvent(id=new_id(), photo_id=second, kind="sent", account_id=sender, at=world.services.now())
        session.add(event)
    body = world.client.get(f"/photos/{second}/history", headers=headers).json()
    assert body["versions"] == [first, second, third]
    assert [(event["kind"], event["role"]) for event in body["events"]] == [("sent", "kpps")]
    assert [reading["outcome"] for reading in body["readings"]] == ["accepted"]
    replaced = world.client.get(f"/photos/{first}", headers=headers).json()
    assert replaced["replaced_by"] == second
    assert "diganti" in replaced["advice"]["id"]


def test_the_view_comes_when_the_photo_is_read(world: World) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0])
    url = f"/photos/{photo}/view"
    assert world.client.get(url, headers=headers).json()["code"] == "not_ready"
    world.reading(photo, {"paslon_1": number(92)})
    assert world.client.get(url, headers=headers).json()["code"] == "no_view"
    world.services.blobs.put_bytes(view_key(photo, 0), JPEG)
    found = world.client.get(url, headers=headers)
    assert (found.status_code, found.content) == (200, JPEG)
    assert found.headers["content-type"] == "image/jpeg"
    assert found.headers["cache-control"] == "private, no-cache"
    again = world.client.get(url, headers={**headers, "If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert world.client.get(f"{url}?part=3", headers=headers).json()["code"] == "not_found"


def test_the_original_is_for_the_audit_and_audited(world: World) -> None:
    sender, kpps = world.person(Role.KPPS, world.places.tps[0])
    auditor, kpu = world.person(Role.KPU_KOTA, world.places.city)
    photo = world.photo(sender, world.places.tps[0])
    with world.services.store.read() as session:
        sha256 = session.get_one(Photo, photo).sha256
    url = f"/photos/{photo}/original"
    assert world.client.get(url, headers=kpps).json()["code"] == "forbidden"
    missing = world.client.get(url, headers=kpu)
    assert missing.status_code >= 400
    world.services.blobs.put_bytes(original_key(sha256), JPEG)
    found = world.client.get(url, headers=kpu)
    assert found.content == JPEG
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["content-disposition"] == f'attachment; filename="turus-{photo}.jpg"'
    with world.services.store.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.subject == f"photo:{photo}")).all()
    assert [(event.action, event.account_id) for event in events] == [("photo.original_taken", auditor)]
    assert list((world.services.settings.spool_dir / "scratch").iterdir()) == []
    assert world.services.blobs.get(original_key(sha256)) == JPEG


def test_an_erased_photo_has_no_picture(world: World) -> None:
    sender, headers = world.person(Role.KPU_KOTA, world.places.city)
    photo = world.photo(sender, world.places.tps[0], erased_at=datetime(2027, 1, 1, tzinfo=UTC))
    for what in ("view", "original"):
        answer = world.client.get(f"/photos/{photo}/{what}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (410, "photo_erased")
    assert "dihapus" in world.client.get(f"/photos/{photo}", headers=headers).json()["advice"]["id"]
