"""Batches: what they take, how they run behind live photos, what they report, and what they never touch."""

import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import update

from ocr_pipeline.revision import reader_revision
from service.access import Actor, Role
from service.audit.verify import verify_database
from service.batches.batches import cancel, changed_items, create, pause, preview, progress, resume
from service.batches.drip import FEW_LIVE, PER_WORKER, drip
from service.batches.filters import BatchFilter, matching
from service.batches.report import escaped, report_csv, report_json
from service.blobs.port import original_key
from service.decisions.people import Claim, confirm
from service.errors import ServiceError
from service.ids import new_id
from service.jobs.requests import redecide
from service.store.photos import Photo
from service.store.readings import Batch, BatchItem, Decision, Job, Reading
from tests.service.jobs.world import World
from tests.service.people import make_account

OLD = "0+digits-0+c-hasil-ppwp-2024@1"
EVERYTHING = BatchFilter()


def old_photo(world: World, recorded: Path, sample: str, tps: str | None = None, **wrong: int) -> str:
    """A photo that an older reader has read; ``wrong``: values that it misread."""
    photo = world.photo({"sample": sample}, tps, state="read")
    body = json.loads((recorded / f"{sample}.json").read_text())["read"]
    body.pop("photo")
    for field, value in wrong.items():
        body["numbers"][field]["value"] = value
    now = world.services.now()
    with world.services.store.write() as session:
        session.execute(
            update(Job)
            .where(Job.photo_id == photo)
            .values(id=f"{photo}:{OLD}", reader_rev=OLD, state="done", read_at=now)
        )
        session.add(
            Reading(
                id=new_id(),
                photo_id=photo,
                part=0,
                reader_rev=OLD,
                pipeline_rev="0",
                form_id=body["form"],
                form_rev=body["form_rev"],
                page=body["page"],
                outcome=body["outcome"],
                px_per_box=body["quality"]["px_per_box"],
                sharpness=body["quality"]["sharpness"],
                body=body,
                evidence=(recorded / f"{sample}.evidence").read_bytes(),
                took_ms=300,
                created_at=now,
            )
        )
    return photo


def fits(world: World, wanted: BatchFilter) -> set[str]:
    with world.services.store.read() as session:
        return set(session.scalars(matching(session, wanted)))


def state_of(world: World, batch: Batch) -> str:
    with world.services.store.read() as session:
        return session.get_one(Batch, batch.id).state


def items(world: World, batch: Batch) -> dict[str, tuple[str, str | None]]:
    return {i.photo_id: (i.state, i.error) for i in world.rows(BatchItem, BatchItem.batch_id == batch.id)}


def run(world: World, turns: int = 6) -> None:
    """Batches give out, workers work, again and again."""
    for _ in range(turns):
        drip(world.services)
        world.work()
        world.services.now.advance(seconds=61)  # type: ignore[attr-defined]


def test_filters_take_what_they_say(world: World, recorded: Path) -> None:
    old = old_photo(world, recorded, "tps-a-hal2")
    new = world.photo({"sample": "tps-b-hal1"}, world.places.tps[4])
    world.work()
    failed = world.photo({"do": "crash"})
    for _ in range(3):
        world.work()
        world.services.now.advance(minutes=2)  # type: ignore[attr-defined]
    waiting = world.photo({"sample": "tps-a-hal3"})
    everything = fits(world, EVERYTHING)
    assert everything == {old, new, failed}
    assert waiting not in everything
    assert fits(world, BatchFilter(region="187101")) == {old, failed}
    assert fits(world, BatchFilter(region="18710")) == {old, new, failed}
    assert fits(world, BatchFilter(election="another")) == set()
    assert fits(world, BatchFilter(failed=True)) == {failed}
    assert fits(world, BatchFilter(failures=["reader_timeout"])) == set()
    assert fits(world, BatchFilter(failures=["reader_timeout", "reader_crashed"])) == {failed}
    assert fits(world, BatchFilter(not_current=True)) == {old}
    assert fits(world, BatchFilter(pipeline_older_than="1")) == {old}
    assert fits(world, BatchFilter(pipeline_older_than="0")) == set()
    assert fits(world, BatchFilter(model_older_than="digits-1")) == {old}
    assert fits(world, BatchFilter(model_older_than="digits-99")) == {old, new}
    assert fits(world, BatchFilter(outcomes=["accepted"])) == {old}
    assert fits(world, BatchFilter(outcomes=["review"])) == {new}
    assert fits(world, BatchFilter(reasons=["blurred"])) == set()
    assert fits(world, BatchFilter(form="c-hasil-ppwp-2024")) == {old, new}
    assert fits(world, BatchFilter(px_per_box_below=10_000.0)) == {old, new}
    assert fits(world, BatchFilter(px_per_box_below=1.0, sharpness_below=0.001)) == set()
    with pytest.raises(ValueError, match="number"):
        fits(world, BatchFilter(model_older_than="digits"))


def test_channels_that_disagree_are_found(world: World, recorded: Path) -> None:
    photo = old_photo(world, recorded, "tps-a-hal2")
    assert fits(world, BatchFilter(channels_disagree=True)) == set()
    other = world.photo({"sample": "tps-a-hal3"}, state="read")
    with world.services.store.write() as session:
        source = world.readings(photo)[0]
        session.execute(update(Job).where(Job.photo_id == other).values(state="done", read_at=world.services.now()))
        body = {**source.body, "numbers": {"paslon_1": {"value": 1, "why": ["channels_disagree"]}}}
        session.add(
            Reading(
                id=new_id(),
                photo_id=other,
                part=0,
                reader_rev=reader_revision(),
                pipeline_rev="1",
                outcome="review",
                body=body,
                took_ms=1,
                created_at=world.services.now(),
            )
        )
    assert fits(world, BatchFilter(channels_disagree=True)) == {other}


def test_a_filter_is_kept_without_what_was_not_asked() -> None:
    wanted = BatchFilter(region="18", failures=["a"], px_per_box_below=12.5, not_current=True)
    stored = json.loads(json.dumps(wanted.as_json()))
    assert stored == {"region": "18", "failures": ["a"], "px_per_box_below": 12.5, "not_current": True}


def test_a_dry_run_counts_and_changes_nothing(world: World, recorded: Path) -> None:
    old_photo(world, recorded, "tps-a-hal2")
    world.photo({"sample": "tps-a-hal3"})
    world.work()
    with world.services.store.read() as session:
        found = preview(session, EVERYTHING, 60)
    assert (found.photos, found.to_read, found.already_read) == (2, 1, 1)
    assert found.ms_per_photo is not None
    assert found.core_seconds == pytest.approx(found.ms_per_photo / 1000, abs=0.1)
    assert found.least_seconds == 2
    assert world.rows(Batch) == []
    assert world.take() == []


def test_a_batch_reads_again_and_tells_number_by_number_what_changed(world: World, recorded: Path) -> None:
    photo = old_photo(world, recorded, "tps-a-hal2")
    same = world.photo({"sample": "tps-b-hal2"}, world.places.tps[1])
    world.work()
    batch = create(world.services, None, EVERYTHING, 600)
    assert batch.total == 2
    run(world)
    assert state_of(world, batch) == "done"
    assert items(world, batch) == {photo: ("done", None), same: ("skipped", "already_read")}
    assert len(world.readings(photo)) == 2
    assert len(world.readings(same)) == 1
    with world.services.store.read() as session:
        ((item, tps),) = changed_items(session, batch.id, None, 10)
        assert changed_items(session, batch.id, item.photo_id, 10) == []
        assert dict(progress(session, [batch.id])[batch.id]) == {"done": 1, "skipped": 1}
        assert not verify_database(session).flaws
    assert (item.photo_id, tps) == (photo, world.places.tps[0])
    (change,) = [change for change in item.changes if change["field"] == "paslon_1"]
    assert change["before"] == {"value": None, "state": "unknown"}
    assert change["after"] == {"value": world.readings(photo)[1].body["numbers"]["paslon_1"]["value"], "state": "read"}


def test_what_a_person_decided_is_never_overwritten(world: World, recorded: Path) -> None:
    photo = old_photo(world, recorded, "tps-a-hal2")
    with world.services.store.write() as session:
        redecide(session, world.services, session.get_one(Photo, photo, with_for_update=True))
    world.work()
    tps = world.places.tps[0]
    actor = Actor(make_account(world.services, Role.PPK_WEB, "187101"), Role.PPK_WEB, "187101")
    claims = [Claim("paslon_1", "value", 7, photo_id=photo)]
    confirm(world.services, actor, world.election, tps, claims, lambda _seq: None)
    # The new reader sees other values in the same photo.
    key = original_key(world.get(photo).sha256)
    world.services.blobs.delete(key)
    world.services.blobs.put_bytes(key, b'{"sample": "tps-b-hal2"}')
    batch = create(world.services, None, BatchFilter(not_current=True), 600)
    run(world)
    assert items(world, batch) == {photo: ("done", None)}
    old, new = (reading.body["numbers"]["paslon_1"]["value"] for reading in world.readings(photo))
    assert old != new
    said = [(d.kind, d.value) for d in sorted(world.rows(Decision), key=lambda d: d.seq) if d.field == "paslon_1"]
    assert said == [("machine", old), ("confirmation", 7), ("machine", new)]
    assert world.recap_row()["v00"] == 7
    with world.services.store.read() as session:
        found = changed_items(session, batch.id, None, 10)
    fields = {change["field"] for item, _ in found for change in item.changes}
    assert "paslon_2" in fields
    assert "paslon_1" not in fields


def test_one_bad_file_never_stops_a_batch_and_is_named(world: World, recorded: Path) -> None:
    good = [old_photo(world, recorded, f"tps-a-hal{page}") for page in (1, 2, 3)]
    bad = old_photo(world, recorded, "tps-b-hal2", world.places.tps[1])
    key = original_key(world.get(bad).sha256)
    world.services.blobs.delete(key)
    world.services.blobs.put_bytes(key, b'{"do": "crash"}')
    batch = create(world.services, None, BatchFilter(not_current=True), 600)
    run(world, turns=8)
    assert state_of(world, batch) == "done"
    assert items(world, batch) == {**dict.fromkeys(good, ("done", None)), bad: ("failed", "reader_crashed")}
    # It keeps the reading that it had.
    assert world.get(bad).state == "read"
    with world.services.store.read() as session:
        row = session.get_one(Batch, batch.id)
    report = json.loads("".join(report_json(world.services, row)))
    (failed,) = report["failed"]
    assert (failed["photo"], failed["code"], failed["tps"]) == (bad, "reader_crashed", world.places.tps[1])
    assert report["items"] == {"waiting": 0, "queued": 0, "done": 3, "failed": 1, "skipped": 0}
    lines = list(csv.DictReader(io.StringIO("".join(report_csv(world.services, row)))))
    assert [line["state"] for line in lines if line["photo"] == bad] == ["failed"]
    assert {line["photo"] for line in lines} == {*good, bad}


def test_a_failed_photo_gets_new_tries(world: World) -> None:
    photo = world.photo({"do": "crash"})
    for _ in range(3):
        world.work()
        world.services.now.advance(minutes=2)  # type: ignore[attr-defined]
    assert world.get(photo).state == "failed"
    key = original_key(world.get(photo).sha256)
    world.services.blobs.delete(key)
    world.services.blobs.put_bytes(key, b'{"sample": "tps-a-hal2"}')
    batch = create(world.services, None, BatchFilter(failed=True), 600)
    run(world)
    assert items(world, batch) == {photo: ("done", None)}
    assert (world.get(photo).state, world.get(photo).failure) == ("read", None)


def test_live_photos_go_first(world: World, recorded: Path) -> None:
    for _ in range(3):
        old_photo(world, recorded, "tps-a-hal2")
    create(world.services, None, EVERYTHING, 600)
    live = [world.photo({"sample": "tps-a-hal3"}) for _ in range(FEW_LIVE + 1)]
    assert drip(world.services) == 0
    runs = world.take(depth=1)
    assert runs[0].job_id.startswith(live[0])
    assert drip(world.services) == 3
    waiting = world.take()
    of_batch = [run.job_id for run in waiting if not any(run.job_id.startswith(photo) for photo in live)]
    assert [run.job_id for run in waiting][-3:] == of_batch


def test_a_batch_keeps_its_rate_and_never_floods_the_jobs(world: World, recorded: Path) -> None:
    for _ in range(PER_WORKER + 4):
        old_photo(world, recorded, "tps-a-hal2")
    slow = create(world.services, None, EVERYTHING, 2)
    assert drip(world.services) == 2
    assert drip(world.services) == 0
    world.services.now.advance(seconds=61)  # type: ignore[attr-defined]
    assert drip(world.services) == 2
    cancel(world.services, None, slow.id)
    create(world.services, None, EVERYTHING, 600)
    assert drip(world.services) == PER_WORKER - 4
    assert drip(world.services) == 0


def test_a_paused_batch_gives_nothing_out_and_goes_on_where_it_was(world: World, recorded: Path) -> None:
    photos = [old_photo(world, recorded, f"tps-a-hal{page}") for page in (1, 2, 3)]
    batch = create(world.services, None, EVERYTHING, 1)
    assert drip(world.services) == 1
    assert pause(world.services, None, batch.id).state == "paused"
    assert pause(world.services, None, batch.id).rev == 2
    run(world)
    assert sorted(state for state, _ in items(world, batch).values()) == ["done", "waiting", "waiting"]
    resume(world.services, None, batch.id)
    run(world)
    assert items(world, batch) == dict.fromkeys(photos, ("done", None))
    assert state_of(world, batch) == "done"


def test_a_cancelled_batch_keeps_what_was_read(world: World, recorded: Path) -> None:
    for page in (1, 2, 3):
        old_photo(world, recorded, f"tps-a-hal{page}")
    batch = create(world.services, None, EVERYTHING, 1)
    drip(world.services)
    cancel(world.services, None, batch.id)
    run(world)
    assert sorted(items(world, batch).values()) == [("done", None)] + [("skipped", "cancelled")] * 2
    assert cancel(world.services, None, batch.id).state == "cancelled"
    with pytest.raises(ServiceError, match="batch_over"):
        resume(world.services, None, batch.id)


def test_withdrawn_photos_are_skipped_with_their_reason(world: World, recorded: Path) -> None:
    photo = old_photo(world, recorded, "tps-a-hal2")
    batch = create(world.services, None, EVERYTHING, 600)
    with world.services.store.write() as session:
        session.get_one(Photo, photo).state = "withdrawn"
    run(world, turns=2)
    assert items(world, batch) == {photo: ("skipped", "withdrawn")}
    assert state_of(world, batch) == "done"


def test_an_empty_batch_is_refused(world: World) -> None:
    with pytest.raises(ServiceError, match="empty_batch"):
        create(world.services, None, EVERYTHING, 600)
    assert world.rows(Batch) == []


def test_only_the_own_region(world: World, recorded: Path) -> None:
    old_photo(world, recorded, "tps-a-hal2")
    actor = Actor("a" * 32, Role.PPK, "187102")
    with pytest.raises(ServiceError, match="foreign_region"):
        create(world.services, actor, BatchFilter(region="187101"), 600)
    batch = create(world.services, None, BatchFilter(region="187101"), 600)
    with pytest.raises(ServiceError, match="foreign_region"):
        pause(world.services, actor, batch.id)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-2", "'-2"), (-2, "-2"), (None, ""), ("paslon_1", "paslon_1")],
)
def test_no_cell_is_a_formula(cell: object, shown: str) -> None:
    assert escaped(cell) == shown
