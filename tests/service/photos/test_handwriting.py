"""The same sheet under two stations raises one alarm; different sheets, and two photos of one station, raise none."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import func, select

from ocr_pipeline.recognition.handwriting import fingerprint, sheet_name
from service.access import Role
from service.audit import Act, append
from service.photos import handwriting
from service.photos.handwriting import look_for_same
from service.store.photos import Alarm, Photo
from service.store.readings import HandwritingKey, Reading
from tests.service.photos.stand import World, number
from tests.service.photos.test_change import change
from tests.service.places import FORM

NUMBERS = {f"paslon_{n}": number(value) for n, value in ((1, 92), (2, 110), (3, 47))}


def sheet(hand: int) -> bytes:
    """The fingerprint of a made-up sheet: blobs of ink where this hand puts them."""
    rng = np.random.default_rng(hand)
    cells = []
    for _ in range(9):
        cell = np.zeros((40, 40), np.float32)
        for y, x in rng.integers(9, 28, (4, 2)):
            cell[y : y + 4, x : x + 3] = 1
        cells.append(cell)
    found = fingerprint(sheet_name(FORM, 2), cells)
    assert found is not None
    return found


def sent(world: World, tps: str, hand: int | None, **changes: str) -> Reading:
    sender, _ = world.person(Role.KPPS, tps)
    photo = world.photo(sender, tps, **changes)
    return world.reading(photo, NUMBERS, fingerprint=None if hand is None else sheet(hand))


def look(world: World, reading: Reading) -> Sequence[Act]:
    with world.services.store.write() as session:
        photo = session.get_one(Photo, reading.photo_id)
        acts = look_for_same(session, world.services, world.election, photo.tps, reading)
        append(session, acts, world.services.now())
    return acts


def alarms(world: World) -> list[Alarm]:
    with world.services.store.read() as session:
        return list(session.scalars(select(Alarm).order_by(Alarm.id)))


def test_one_sheet_under_two_stations_raises_one_alarm(world: World) -> None:
    first, second = sent(world, world.places.tps[0], 1), sent(world, world.places.tps[4], 1)
    assert look(world, first) == []
    assert {act.chain for act in look(world, second)} == set(world.places.kecamatan)
    assert look(world, second) == []
    assert look(world, first) == []
    (alarm,) = alarms(world)
    assert alarm.kind == "same_handwriting"
    assert {alarm.tps, alarm.tps_other} == {world.places.tps[0], world.places.tps[4]}
    assert sorted(alarm.details["photos"]) == sorted((first.photo_id, second.photo_id))
    assert alarm.details["likeness"] > 0.99
    with world.services.store.read() as session:
        assert session.scalar(select(func.count()).select_from(HandwritingKey)) == 6


def test_other_sheets_with_the_same_numbers_raise_none(world: World) -> None:
    look(world, sent(world, world.places.tps[0], 1))
    assert look(world, sent(world, world.places.tps[4], 2)) == []
    assert look(world, sent(world, world.places.tps[4], None)) == []
    assert alarms(world) == []


def test_retakes_of_one_station_raise_none(world: World) -> None:
    look(world, sent(world, world.places.tps[0], 1))
    assert look(world, sent(world, world.places.tps[0], 1)) == []


def test_withdrawn_photos_and_the_same_file_raise_none(world: World) -> None:
    look(world, sent(world, world.places.tps[0], 1, sha256="aa" * 32))
    assert look(world, sent(world, world.places.tps[4], 1, sha256="aa" * 32)) == []
    third = sent(world, world.places.tps[1], 1)
    with world.services.store.write() as session:
        for photo in session.scalars(select(Photo).where(Photo.id != third.photo_id)):
            photo.state = "withdrawn"
    assert look(world, third) == []


def test_a_retake_moved_to_another_station_raises_one(world: World) -> None:
    """Two photos of one sheet are right in one station, and wrong as soon as one of them lies elsewhere."""
    first, second = sent(world, world.places.tps[0], 1), sent(world, world.places.tps[0], 1)
    look(world, first)
    look(world, second)
    _, headers = world.person(Role.PPK, world.places.kecamatan[0])
    assert change(world, "move", second.photo_id, headers, tps=world.places.tps[3]).status_code == 200
    assert [alarm.kind for alarm in alarms(world)] == ["same_handwriting"]


def test_the_work_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handwriting, "MAX_CANDIDATES", 2)
    compared: list[bytes] = []

    def likeness(one: bytes, other: bytes) -> float:
        compared.append(other)
        return 0.0

    monkeypatch.setattr(handwriting, "likeness", likeness)
    for hand, tps in enumerate(world.places.tps[:4]):
        look(world, sent(world, tps, hand))
    compared.clear()
    look(world, sent(world, world.places.tps[4], 9))
    assert compared == [sheet(3), sheet(2)]


def test_a_damaged_old_fingerprint_keeps_nothing_from_being_recorded(world: World) -> None:
    damaged = sent(world, world.places.tps[1], None)
    with world.services.store.write() as session:
        session.add(
            Reading(
                **{
                    column.key: getattr(damaged, column.key)
                    for column in Reading.__table__.columns
                    if column.key not in ("id", "reader_rev", "fingerprint", "evidence")
                },
                id="f" * 32,
                reader_rev="old",
                fingerprint=b"nonsense",
            )
        )
        session.flush()
        look_for_same(session, world.services, world.election, world.places.tps[1], session.get_one(Reading, "f" * 32))
    look(world, sent(world, world.places.tps[0], 1))
    assert look(world, sent(world, world.places.tps[4], 1)) != []


def test_two_readings_recorded_at_once_see_each_other(world: World) -> None:
    first, second = sent(world, world.places.tps[0], 1), sent(world, world.places.tps[4], 1)
    later = threading.Thread(target=look, args=(world, second))
    with world.services.store.write() as session:
        look_for_same(session, world.services, world.election, world.places.tps[0], first)
        later.start()
        later.join(0.5)  # without a lock it would look, see nothing that is committed, and be done by now
    later.join()
    assert len(alarms(world)) == 1
