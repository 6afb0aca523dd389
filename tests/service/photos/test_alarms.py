"""Alarms are raised once, seen by those responsible for either station, cleared by those responsible for both."""

from sqlalchemy import select

from service.access import Role
from service.audit import Act, append
from service.photos.alarms import raise_alarm
from service.store.audit import AuditEvent
from service.store.photos import Alarm
from tests.service.photos.stand import World


def raised(world: World, key: str, tps: str, other: str | None = None, kind: str = "same_photo") -> list[Act]:
    with world.services.store.write() as session:
        now = world.services.now()
        acts = raise_alarm(session, kind, key, world.election, tps, {"photos": []}, now, other)
        append(session, acts, now)
    return acts


def test_one_fact_raises_one_alarm(world: World) -> None:
    first, second = world.places.tps[0], world.places.tps[4]
    acts = raised(world, "same_photo:a:b", first, second)
    assert [(act.action, act.chain) for act in acts] == [
        ("alarm.raised", world.places.kecamatan[0]),
        ("alarm.raised", world.places.kecamatan[1]),
    ]
    assert raised(world, "same_photo:a:b", first, second) == []
    with world.services.store.read() as session:
        assert len(session.scalars(select(Alarm)).all()) == 1


def test_both_sides_see_an_alarm_and_only_one_above_both_clears_it(world: World) -> None:
    raised(world, "same_photo:a:b", world.places.tps[0], world.places.tps[4])
    _, here = world.person(Role.PPK, world.places.kecamatan[0])
    _, there = world.person(Role.PENGAWAS, world.places.kecamatan[1])
    _, city = world.person(Role.KPU_KOTA, world.places.city)
    seen = [world.client.get("/alarms", headers=headers).json()["items"] for headers in (here, there, city)]
    assert [len(items) for items in seen] == [1, 1, 1]
    alarm = seen[0][0]
    assert alarm["tps_other"] == world.places.tps[4]
    assert "dua TPS" in alarm["message"]["id"]
    url, body = f"/alarms/{alarm['id']}/clear", {"reason": "Foto TPS 1 sudah dipindah"}
    assert world.client.post(url, json=body, headers=there).json()["code"] == "forbidden"
    assert world.client.post(url, json=body, headers=here).json()["code"] == "foreign_region"
    cleared = world.client.post(url, json=body, headers=city)
    assert cleared.status_code == 200
    assert cleared.json()["reason"] == body["reason"]
    assert cleared.json()["cleared_at"]
    again = world.client.post(url, json=body, headers=city)
    assert (again.status_code, again.json()["code"]) == (409, "alarm_cleared")
    with world.services.store.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.subject == f"alarm:{alarm['id']}")).all()
    assert sorted((event.chain, event.action) for event in events) == sorted(
        (chain, action) for chain in world.places.kecamatan for action in ("alarm.raised", "alarm.cleared")
    )


def test_those_who_send_photos_learn_of_no_alarm(world: World) -> None:
    """An alarm would tell a KPPS that its photo is at another station too."""
    raised(world, "same_photo:a:b", world.places.tps[0], world.places.tps[4])
    for role, scope in ((Role.KPPS, world.places.tps[0]), (Role.SAKSI, world.places.city)):
        _, headers = world.person(role, scope)
        assert world.client.get("/alarms", headers=headers).json()["code"] == "forbidden"


def test_alarms_are_listed_by_region_kind_and_state_page_by_page(world: World) -> None:
    tps = world.places.tps
    raised(world, "a", tps[0])
    raised(world, "b", tps[1], kind="page_mismatch")
    raised(world, "c", tps[4])
    _, headers = world.person(Role.KPU_KOTA, world.places.city)

    def keys(**params: str | int) -> list[str]:
        items = world.client.get("/alarms", params=params, headers=headers).json()["items"]
        return [item["tps"] for item in items]

    assert keys() == [tps[4], tps[1], tps[0]]
    assert keys(region=world.places.kecamatan[0]) == [tps[1], tps[0]]
    assert keys(kind="page_mismatch") == [tps[1]]
    assert keys(open="false") == []
    first = world.client.get("/alarms?limit=2", headers=headers).json()
    assert keys(limit=2, after=first["next"]) == [tps[0]]
    cleared = world.client.post(f"/alarms/{first['items'][0]['id']}/clear", json={"reason": "x"}, headers=headers)
    assert cleared.status_code == 200
    assert keys(open="true") == [tps[1], tps[0]]
