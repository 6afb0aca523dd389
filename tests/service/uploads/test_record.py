"""Many photos at once through several processes: every one recorded once, every alarm raised once."""

import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.audit import kecamatan_of
from service.services import Services
from service.store.audit import AuditEvent
from service.store.photos import Alarm, Photo, PhotoEvent, Receipt
from service.store.readings import Job
from service.uploads.checks import Place
from service.uploads.claims import Claim
from service.uploads.intake import Intake, prepare
from service.uploads.intake import Submission as SubmissionOf
from service.uploads.record import Arrival, Recorded, record
from tests.service.places import ELECTION, Places
from tests.service.uploads.conftest import Officer, make_photo, sha_of


def arrival(services: Services, officer: Officer, tps: str, data: bytes, folder: Path) -> Arrival:
    path = folder / f"{sha_of(data)}-{tps}-{officer.actor.account_id}"
    path.write_bytes(data)
    place = Place(ELECTION, tps, kecamatan_of(tps))
    claim = Claim(election=ELECTION, tps=tps)
    submission = SubmissionOf(officer.actor, place, claim, path, sha_of(data), len(data), "put")
    return prepare(services, submission)


def counts(services: Services) -> list[int]:
    with services.store.read() as session:
        tables: Sequence[type] = (Photo, Receipt, Job, PhotoEvent, Alarm)
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def test_a_batch_with_the_same_photo_several_times(
    services: Services, places: Places, kpps: Officer, ppk: Officer, tmp_path: Path
) -> None:
    one, two = make_photo(1, 0), make_photo(2, 0)
    batch = [
        arrival(services, kpps, places.tps[0], one, tmp_path),
        arrival(services, ppk, places.tps[0], one, tmp_path),
        arrival(services, kpps, places.tps[0], one, tmp_path),
        arrival(services, ppk, places.tps[1], one, tmp_path),
        arrival(services, kpps, places.tps[0], two, tmp_path),
    ]
    with services.store.write() as session:
        results = record(session, services.keys, batch, services.now())
    assert [result.is_new for result in results] == [True, True, False, True, True]
    assert results[0].receipt.id == results[2].receipt.id
    assert results[0].receipt.photo_id == results[1].receipt.photo_id
    assert counts(services) == [3, 4, 3, 3, 1]
    with services.store.write() as session:
        again = record(session, services.keys, batch, services.now())
    assert [result.receipt.id for result in again] == [result.receipt.id for result in results]
    assert not any(result.is_new for result in again)
    assert counts(services) == [3, 4, 3, 3, 1]


def test_processes_that_record_the_same_at_once(
    services: Services, places: Places, kpps: Officer, ppk: Officer, tmp_path: Path
) -> None:
    photos = [make_photo(seed, 0) for seed in range(10)]
    todo = [arrival(services, ppk, tps, photo, tmp_path) for photo in photos for tps in places.tps[:3]]
    todo += [arrival(services, kpps, places.tps[0], photo, tmp_path) for photo in photos]
    results: list[Recorded] = []
    with Intake(services, sweep_every_s=0) as one, Intake(services, sweep_every_s=0) as two:

        def send(intake: Intake, order: Sequence[Arrival]) -> None:
            futures = [intake.writer.submit(item) for item in order]
            results.extend(future.result(60) for future in futures)

        threads = [
            threading.Thread(target=send, args=(one, todo)),
            threading.Thread(target=send, args=(two, todo[::-1])),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(results) == 2 * len(todo)
    assert sum(result.is_new for result in results) == len(todo)
    pairs = 3  # of the three stations of each photo
    assert counts(services) == [30, 40, 30, 30, 10 * pairs]
    with services.store.read() as session:
        seqs = session.scalars(
            select(AuditEvent.seq).where(AuditEvent.chain == places.kecamatan[0]).order_by(AuditEvent.seq)
        ).all()
    assert seqs == list(range(1, len(seqs) + 1))


def test_nothing_of_a_batch_is_kept_when_its_end_fails(
    services: Services, places: Places, kpps: Officer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [arrival(services, kpps, places.tps[0], make_photo(seed, 0), tmp_path) for seed in range(3)]

    def fail(*_: object) -> None:
        raise RuntimeError("power")

    monkeypatch.setattr("service.uploads.record.append", fail)
    with pytest.raises(RuntimeError, match="power"), services.store.write() as session:
        record(session, services.keys, batch, services.now())
    assert counts(services) == [0, 0, 0, 0, 0]


def test_what_a_receipt_says_is_what_arrived(services: Services, places: Places, ppk: Officer, tmp_path: Path) -> None:
    data = make_photo(5, 0)
    warned = dataclasses.replace(
        arrival(services, ppk, places.tps[1], data, tmp_path), warnings=({"code": "clock_off", "captured_at": "x"},)
    )
    with services.store.write() as session:
        receipt = record(session, services.keys, [warned], services.now())[0].receipt
    assert '"on_behalf":true' in receipt.body
    assert '"clock_off"' in receipt.body
    assert f'"size_bytes":{len(data)}' in receipt.body
