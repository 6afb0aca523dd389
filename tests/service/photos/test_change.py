"""Moving, withdrawing and restoring: who may, what is kept, what is decided again."""

from typing import Any

import pytest
from sqlalchemy import select

from service.access import Role
from service.audit.verify import stored_links, verify_links
from service.ids import new_id
from service.store.audit import AuditEvent
from service.store.photos import Photo, PhotoEvent
from service.store.recap import Pleno
from tests.service.photos.stand import World, number


def change(world: World, what: str, photo: str, headers: dict[str, str], rev: int = 1, **body: Any) -> Any:
    return world.client.post(
        f"/photos/{photo}/{what}", json={"reason": "Salah TPS", **body}, headers={**headers, "If-Match": f'"{rev}"'}
    )


def row(world: World, photo: str) -> Photo:
    with world.services.store.read() as session:
        return session.get_one(Photo, photo)


def audit_of(world: World, photo: str) -> list[tuple[str, str]]:
    with world.services.store.read() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.subject == f"photo:{photo}").order_by(AuditEvent.chain)
        )
        return [(event.chain, event.action) for event in events]


def test_a_photo_moves_with_its_history_and_both_stations_are_decided(world: World) -> None:
    sender, _ = world.person(Role.KPPS, world.places.tps[0])
    mover, headers = world.person(Role.PPK_WEB, world.places.kecamatan[0])
    photo = world.photo(sender, world.places.tps[0], page=1)
    answer = change(world, "move", photo, headers, tps=world.places.tps[3], page=2)
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    body = answer.json()
    assert (body["tps"], body["tps_sent"], body["page"], body["rev"]) == (
        world.places.tps[3],
        world.places.tps[0],
        2,
        2,
    )
    with world.services.store.read() as session:
        events = session.scalars(select(PhotoEvent).where(PhotoEvent.photo_id == photo)).all()
    assert [
        (e.kind, e.tps_before, e.tps_after, e.page_before, e.page_after, e.account_id, e.reason) for e in events
    ] == [("moved", world.places.tps[0], world.places.tps[3], 1, 2, mover, "Salah TPS")]
    assert world.decided == [(photo, world.places.tps[3])]
    assert audit_of(world, photo) == [(world.places.kecamatan[0], "photo.moved")]


def test_a_move_between_kecamatan_is_in_both_audit_chains(world: World) -> None:
    sender, _ = world.person(Role.KPPS, world.places.tps[4])
    photo = world.photo(sender, world.places.tps[4])
    _, headers = world.person(Role.PPK, world.places.city)
    assert change(world, "move", photo, headers, tps=world.places.tps[0]).status_code == 200
    assert audit_of(world, photo) == [(chain, "photo.moved") for chain in world.places.kecamatan]
    assert row(world, photo).kecamatan == world.places.kecamatan[0]
    with world.services.store.read() as session:
        for chain in world.places.kecamatan:
            assert not verify_links(stored_links(session, chain)).flaws


def test_a_move_needs_both_stations_in_the_region(world: World) -> None:
    sender, kpps = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0])
    _, here = world.person(Role.PPK, world.places.kecamatan[0])
    _, there = world.person(Role.PPK, world.places.kecamatan[1])
    for headers, tps in ((here, world.places.tps[4]), (there, world.places.tps[4]), (kpps, world.places.tps[1])):
        answer = change(world, "move", photo, headers, tps=tps)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_region")
    assert (row(world, photo).tps, world.decided, audit_of(world, photo)) == (world.places.tps[0], [], [])


def test_kpps_mends_the_page_of_its_own_station(world: World) -> None:
    _, headers = world.person(Role.KPPS, world.places.tps[0])
    ppk, _ = world.person(Role.PPK, world.places.kecamatan[0])
    photo = world.photo(ppk, world.places.tps[0], page=1)
    assert change(world, "move", photo, headers, page=3).json()["page"] == 3
    assert change(world, "move", photo, headers, rev=2, page=None).json()["page"] is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tps": "1871011001099"}, "unknown_tps"),
        ({"page": 9}, "unknown_page"),
        ({}, "nothing_to_change"),
        ({"page": None}, "nothing_to_change"),
        ({"tps": "18710110"}, "invalid_fields"),
        ({"page": 2, "reason": ""}, "invalid_fields"),
        ({"page": 2, "reason": "x" * 501}, "invalid_fields"),
        ({"page": 2, "reason": "salah\x00"}, "invalid_fields"),
        ({"page": 2, "reason": "salah\u202eTPS"}, "invalid_fields"),
        ({"page": True}, "invalid_fields"),
        ({"page": 2, "colour": "red"}, "invalid_fields"),
    ],
)
def test_wrong_moves_change_nothing(world: World, body: dict[str, Any], code: str) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    photo = world.photo(sender, world.places.tps[0])
    answer = change(world, "move", photo, headers, **body)
    assert answer.json()["code"] == code
    assert (row(world, photo).rev, world.decided, audit_of(world, photo)) == (1, [], [])


def test_nobody_overwrites_what_he_has_not_seen(world: World) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    photo = world.photo(sender, world.places.tps[0])
    blind = world.client.post(f"/photos/{photo}/move", json={"page": 2, "reason": "x"}, headers=headers)
    assert (blind.status_code, blind.json()["code"]) == (428, "precondition_required")
    assert change(world, "move", photo, headers, page=2).status_code == 200
    late = change(world, "move", photo, headers, page=3)
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert row(world, photo).page == 2


def test_withdrawn_photos_stay_and_come_back(world: World) -> None:
    sender, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(sender, world.places.tps[0])
    world.reading(photo, {"paslon_1": number(92)})
    gone = change(world, "withdraw", photo, headers)
    assert gone.json()["state"] == "withdrawn"
    assert "ditarik" in gone.json()["advice"]["id"]
    assert change(world, "withdraw", photo, headers, rev=2).json()["code"] == "nothing_to_change"
    assert change(world, "move", photo, headers, rev=2, page=1).json()["code"] == "photo_withdrawn"
    back = change(world, "restore", photo, headers, rev=2)
    assert (back.json()["state"], back.json()["rev"]) == ("read", 3)
    assert world.decided == [(photo, world.places.tps[0])] * 2
    assert [action for _, action in audit_of(world, photo)] == ["photo.withdrawn", "photo.restored"]
    kinds = [event["kind"] for event in world.client.get(f"/photos/{photo}/history", headers=headers).json()["events"]]
    assert kinds == ["withdrawn", "restored"]


@pytest.mark.parametrize(("failure", "state"), [(None, "received"), ("reader_timeout", "failed")])
def test_restored_photos_are_as_far_as_they_were(world: World, failure: str | None, state: str) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    photo = world.photo(sender, world.places.tps[0], state="withdrawn", failure=failure)
    assert change(world, "restore", photo, headers).json()["state"] == state


def test_kpps_withdraws_only_what_it_sent(world: World) -> None:
    ppk, _ = world.person(Role.PPK, world.places.kecamatan[0])
    _, headers = world.person(Role.KPPS, world.places.tps[0])
    photo = world.photo(ppk, world.places.tps[0], on_behalf=True)
    answer = change(world, "withdraw", photo, headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_photo")


@pytest.mark.parametrize("role", [Role.PPS, Role.SAKSI, Role.PENGAWAS, Role.KPU_KOTA, Role.ADMIN])
def test_those_who_only_look_change_nothing(world: World, role: Role) -> None:
    sender, _ = world.person(Role.KPPS, world.places.tps[0])
    scope = {Role.PPS: world.places.desas[0], Role.ADMIN: ""}.get(role, world.places.city)
    _, headers = world.person(role, scope)
    photo = world.photo(sender, world.places.tps[0])
    for what in ("move", "withdraw", "restore"):
        assert change(world, what, photo, headers).json()["code"] == "forbidden"


def test_photos_that_are_not_there_or_erased(world: World) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    assert change(world, "withdraw", new_id(), headers).json()["code"] == "not_found"
    photo = world.photo(sender, world.places.tps[0], erased_at=world.services.now())
    assert change(world, "withdraw", photo, headers).json()["code"] == "photo_erased"


def test_what_a_finalised_recap_rests_on_stays_where_it_is(world: World) -> None:
    sender, headers = world.person(Role.PPK, world.places.kecamatan[0])
    photo = world.photo(sender, world.places.tps[0])
    with world.services.store.write() as session:
        session.add(
            Pleno(
                id=new_id(),
                election_id=world.election,
                kecamatan=world.places.kecamatan[0],
                state="finalised",
                opened_at=world.services.now(),
                opened_by=sender,
            )
        )
    for what, body in (("move", {"page": 2}), ("withdraw", {})):
        answer = change(world, what, photo, headers, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "pleno_finalised")
    assert row(world, photo).rev == 1
