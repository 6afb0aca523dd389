"""What the steps do to the database, whatever order and however often they are called."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from ocr_pipeline.evidence_codec import unpack_evidence
from service.access import Actor, Role
from service.blobs.port import original_key, view_key
from service.ids import new_id
from service.jobs import deciding
from service.jobs.queue import Run
from service.jobs.reader_pool import ReaderPool
from service.jobs.requests import redecide
from service.photos.crops import find_crop
from service.store.audit import AuditEvent
from service.store.photos import Alarm, Photo, PhotoEvent
from service.store.readings import Decision, HandwritingKey, Job, Reading, StationReading
from tests.service.jobs.world import World, job_id


def test_a_stored_photo_becomes_a_reading_and_numbers(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    world.work()
    (reading,) = world.readings(photo)
    assert (reading.form_id, reading.page, reading.outcome) == ("c-hasil-ppwp-2024", 2, "accepted")
    assert "photo" not in reading.body
    assert world.services.blobs.get(view_key(photo, 0)).startswith(b"\xff\xd8")
    assert world.get(photo).state == "read"
    job = world.job(photo)
    assert (job.state, job.tries, job.breaks, job.error) == ("done", 1, 0, None)
    said = {d.field: (d.value, d.photo_id) for d in world.rows(Decision) if d.outcome == "accepted"}
    assert said["paslon_1"] == (reading.body["numbers"]["paslon_1"]["value"], photo)
    actions = [event.action for event in world.rows(AuditEvent, AuditEvent.subject == f"photo:{photo}")]
    assert actions == ["photo.read"]
    assert world.rows(HandwritingKey)


def test_the_line_in_words_travels_from_the_photo_to_the_reviewer(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    world.work()
    (reading,) = world.readings(photo)
    sender = Actor(world.sender, Role.KPPS, world.places.tps[0])

    crops = {
        of: Image.open(BytesIO(find_crop(world.services, sender, photo, "paslon_1", of).load()))
        for of in ("both", "boxes", "words")
    }

    assert reading.evidence is not None
    assert unpack_evidence(reading.evidence)["paslon_1"].words_quad_photo is not None
    assert len(reading.body["numbers"]["paslon_1"]["words_quad_photo"]) == 4
    assert crops["both"].height > crops["boxes"].height + 50
    assert crops["words"].width > 2 * crops["words"].height
    assert all(np.asarray(crop.convert("L")).std() > 10 for crop in crops.values())  # there is writing on it


def test_repeating_every_step_changes_nothing(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    (run,) = world.take()
    assert world.read(run)
    assert world.read(run)
    assert world.job(photo).tries == 1
    assert world.decide(run) == "done"
    before = [len(world.rows(table)) for table in (Reading, StationReading, Decision, AuditEvent)]
    assert not world.read(run)
    assert world.decide(run) == "old"
    assert [len(world.rows(table)) for table in (Reading, StationReading, Decision, AuditEvent)] == before


def test_a_run_that_was_handed_over_again_does_nothing(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    (old,) = world.take()
    with world.services.store.write() as session:
        session.execute(update(Job).values(state="waiting"))
    (new,) = world.take()
    assert new == Run(old.job_id, 2)
    assert not world.read(old)
    assert world.decide(old) == "old"
    assert world.readings(photo) == []
    assert world.read(new)


def test_pages_of_a_station_are_decided_together(world: World) -> None:
    for page in (1, 2, 3):
        world.photo({"sample": f"tps-a-hal{page}"})
    world.work()
    station = world.station()
    assert station is not None
    assert (station.seq, station.verdict) == (3, "consistent")
    assert sorted(station.body["chosen"]) == ["1", "2", "3"]


def test_a_photo_that_breaks_its_reader_fails_after_bounded_tries_and_says_why(world: World) -> None:
    photo = world.photo({"do": "crash"})
    good = world.photo({"sample": "tps-a-hal2"})
    for _ in range(world.services.settings.read_tries):
        assert world.get(photo).state == "received"
        world.work()
        world.services.now.advance(minutes=2)  # type: ignore[attr-defined]
    assert (world.get(photo).state, world.get(photo).failure) == ("failed", "reader_crashed")
    job = world.job(photo)
    assert (job.state, job.error, job.breaks) == ("failed", "reader_crashed", world.services.settings.read_tries)
    assert world.get(good).state == "read"
    assert world.take() == []
    actions = [event.action for event in world.rows(AuditEvent, AuditEvent.subject == f"photo:{photo}")]
    assert actions == ["photo.failed"]


def test_a_photo_that_broke_a_reader_once_waits_and_is_read(world: World, tmp_path: Path) -> None:
    photo = world.photo({"do": "crash_once", "mark": str(tmp_path / "mark"), "sample": "tps-a-hal2"})
    world.work()
    assert world.job(photo).state == "waiting"
    assert world.take() == []  # not before its time
    world.services.now.advance(minutes=2)  # type: ignore[attr-defined]
    world.work()
    assert world.get(photo).state == "read"
    assert len(world.readings(photo)) == 1


def test_a_photo_that_hangs_ends_as_a_timeout(world: World, stub: tuple[str, ...]) -> None:
    photo = world.photo({"do": "hang"})
    world.readers.close()
    world.readers = ReaderPool(1, 0.3, stub)
    for _ in range(3):
        world.work()
        world.services.now.advance(minutes=2)  # type: ignore[attr-defined]
    assert world.get(photo).failure == "reader_timeout"
    world.readers.close()


def test_a_fault_of_the_reader_fails_the_photo_only(world: World) -> None:
    photo = world.photo({"do": "fault"})
    for _ in range(3):
        world.work()
        world.services.now.advance(minutes=2)  # type: ignore[attr-defined]
    assert world.get(photo).failure == "reader_crashed"


def test_a_photo_whose_file_is_gone_fails_at_once(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    world.services.blobs.delete(original_key(world.get(photo).sha256))
    world.work()
    assert (world.get(photo).state, world.get(photo).failure) == ("failed", "blob_missing")


def test_beginnings_that_never_came_back_end_too(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    with world.services.store.write() as session:
        session.execute(update(Job).values(tries=9))
    world.work()
    assert world.get(photo).failure == "reader_crashed"
    assert world.readings(photo) == []


def test_a_withdrawn_photo_is_not_read(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"}, state="withdrawn")
    world.work()
    assert world.readings(photo) == []
    assert (world.job(photo).state, world.job(photo).error) == ("done", "withdrawn")
    assert world.get(photo).state == "withdrawn"


def test_withdrawing_and_restoring_takes_the_numbers_out_and_back(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    world.work()
    station = world.station()
    assert station is not None
    for state, seq in (("withdrawn", 2), ("read", 3)):
        with world.services.store.write() as session:
            row = session.get_one(Photo, photo, with_for_update=True)
            row.state = state
            session.flush()
            redecide(session, world.services, row)
        world.work()
        now = world.station()
        assert now is not None
        assert now.seq == seq
        assert bool(now.body["numbers"]) is (state == "read")
    assert len(world.readings(photo)) == 1
    assert world.recap_row()["v00"] == station.body["numbers"]["paslon_1"]["value"]


def test_a_moved_photo_is_decided_at_both_stations(world: World) -> None:
    first, second = world.places.tps[:2]
    photo = world.photo({"sample": "tps-a-hal2"}, first)
    world.work()
    with world.services.store.write() as session:
        row = session.get_one(Photo, photo, with_for_update=True)
        row.tps = second
        session.flush()
        redecide(session, world.services, row)
    world.work()
    left, came = world.station(first), world.station(second)
    assert left is not None
    assert came is not None
    assert left.body["numbers"] == {}
    assert came.body["numbers"]["paslon_1"]["value"] is not None
    assert world.recap_row(first)["v00"] is None
    assert world.recap_row(second)["v00"] is not None


def test_a_photo_moved_while_it_is_being_decided_leaves_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.places.tps[:2]
    photo = world.photo({"sample": "tps-a-hal2"}, first)
    world.work()
    assert world.recap_row(first)["v00"] is not None
    _ask_again(world, photo)
    places_of = deciding._places
    moves = iter([second])

    def moved_meanwhile(*args: Any) -> Any:
        found = places_of(*args)
        for tps in moves:
            _ask_again(world, photo, tps=tps)
        return found

    monkeypatch.setattr(deciding, "_places", moved_meanwhile)
    world.work()
    assert world.job(photo).state == "done"
    assert world.recap_row(first)["v00"] is None
    assert world.recap_row(second)["v00"] is not None


def _ask_again(world: World, photo: str, **changes: str) -> None:
    """What :mod:`service.photos.change` does in its transaction: the change, its event, and the request."""
    with world.services.store.write() as session:
        row = session.get_one(Photo, photo, with_for_update=True)
        before = row.tps
        for name, value in changes.items():
            setattr(row, name, value)
        event = {"id": new_id(), "photo_id": photo, "kind": "moved", "at": world.services.now()}
        session.add(PhotoEvent(**event, tps_before=before, tps_after=row.tps))
        session.flush()
        redecide(session, world.services, row)


def test_a_retake_counts_instead_of_the_photo_it_replaces(world: World) -> None:
    first = world.photo({"sample": "tps-a-hal2"})
    world.work()
    before = world.recap_row()["v00"]
    retake = world.photo({"sample": "tps-a-hal2"}, replaces=first)
    world.work()
    station = world.station()
    assert station is not None
    assert station.body["chosen"]["2"]["photo"] == retake
    assert station.body["differing"] == []
    assert world.recap_row()["v00"] == before is not None


def test_a_retake_that_reads_another_number_than_was_accepted_goes_to_a_person(world: World) -> None:
    """Also when it was retaken once more, and the photos in between agree."""
    first = world.photo({"sample": "tps-a-hal2"})
    world.work()
    was = world.readings(first)[0].body["numbers"]
    assert world.recap_row()["v00"] is not None
    replaced = first
    for _ in range(2):
        replaced = retake = world.photo({"sample": "tps-b-hal2"}, replaces=replaced)
        world.work()
        now = world.readings(retake)[0].body["numbers"]
        station = world.station()
        assert station is not None
        assert station.body["chosen"]["2"]["photo"] == retake
        settled = {name for name, number in was.items() if number["decision"] == "accepted"}
        wanted = {name for name in settled if now[name]["value"] != was[name]["value"]}
        assert set(station.body["differing"]) == wanted != set()
        assert {station.body["numbers"][name]["decision"] for name in wanted} == {"review"}
        assert world.recap_row()["v00"] is None


def test_two_photos_of_a_page_that_differ_go_to_a_person(world: World) -> None:
    world.photo({"sample": "tps-a-hal2"})
    world.photo({"sample": "tps-b-hal2"})
    world.work()
    station = world.station()
    assert station is not None
    assert station.body["differing"]
    assert all(station.body["numbers"][field]["decision"] == "review" for field in station.body["differing"])


def test_a_damaged_reading_goes_to_a_person_and_keeps_no_other_page_from_counting(world: World, recorded: Path) -> None:
    broken = world.photo({"sample": "tps-a-hal2"})
    head = json.loads((recorded / "tps-a-hal2.json").read_text())["read"]
    with world.services.store.write() as session:
        job = session.get_one(Job, job_id(broken))
        job.read_at, job.tries = world.services.now(), 1
        session.add(
            Reading(
                id=new_id(),
                photo_id=broken,
                part=0,
                reader_rev=job.reader_rev,
                pipeline_rev=head["pipeline_rev"],
                form_id=head["form"],
                form_rev=head["form_rev"],
                page=head["page"],
                outcome=head["outcome"],
                body=head,
                evidence=(recorded / "tps-a-hal2.evidence").read_bytes()[:-9],
                took_ms=1,
                created_at=world.services.now(),
            )
        )
    other = world.photo({"sample": "tps-a-hal1"})
    world.work()
    assert [world.job(photo).state for photo in (broken, other)] == ["done", "done"]
    station = world.station()
    assert station is not None
    numbers = station.body["numbers"]
    good = world.readings(other)[0].body["numbers"]
    assert {(numbers[name]["decision"], numbers[name]["value"]) for name in head["numbers"]} == {("review", None)}
    assert {name: numbers[name]["value"] for name in good} == {name: good[name]["value"] for name in good}
    assert (world.recap_row()["v00"], world.recap_row()["review"] & 1) == (None, 1)
    (alarm,) = world.rows(Alarm)
    assert (alarm.kind, alarm.details["photo"], alarm.details["page"]) == ("reading_damaged", broken, 2)


def test_a_wrong_claim_of_the_page_raises_an_alarm_and_keeps_the_numbers(world: World) -> None:
    world.photo({"sample": "tps-a-hal2"}, page_claimed=3, page=3)
    world.work()
    (alarm,) = world.rows(Alarm, Alarm.kind == "page_mismatch")
    assert alarm.details["found"] == [2]
    assert world.recap_row()["v00"] is not None


def test_a_page_that_a_person_disputes_goes_to_a_person(world: World) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    world.work()
    with world.services.store.write() as session:
        row = session.get_one(Photo, photo, with_for_update=True)
        row.page = 3
        session.flush()
        redecide(session, world.services, row)
    world.work()
    station = world.station()
    assert station is not None
    assert {number["decision"] for number in station.body["numbers"].values()} == {"review"}


def test_each_page_of_a_file_is_read_once_and_counts_when_all_are_there(world: World) -> None:
    wish = {"parts": [1, 2], "samples": ["tps-a-hal1", "tps-a-hal2"], "do": "crash_part", "part": 2}
    photo = world.photo(wish, format="pdf")
    world.work()
    assert [r.part for r in world.readings(photo)] == [1]
    assert world.job(photo).read_at is None
    key = original_key(world.get(photo).sha256)
    world.services.blobs.delete(key)
    world.services.blobs.put_bytes(key, json.dumps({**wish, "do": None}).encode())
    world.services.now.advance(minutes=2)  # type: ignore[attr-defined]
    world.work()
    assert [r.part for r in world.readings(photo)] == [1, 2]
    station = world.station()
    assert station is not None
    assert sorted(station.body["chosen"]) == ["1", "2"]


@pytest.mark.parametrize("when", ["waiting", "done"])
def test_asking_again_needs_no_second_reading(world: World, when: str) -> None:
    photo = world.photo({"sample": "tps-a-hal2"})
    if when == "done":
        world.work()
    with world.services.store.write() as session:
        redecide(session, world.services, session.get_one(Photo, photo, with_for_update=True))
    assert [job.id for job in world.rows(Job)] == [job_id(photo)]
    world.work()
    assert len(world.readings(photo)) == 1
    assert world.job(photo).state == "done"
