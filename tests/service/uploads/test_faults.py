"""What goes wrong: nothing is lost, nothing is half recorded, and the same request repeated succeeds."""

import asyncio
import errno
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from service.audit import append as audit_append
from service.blobs.open import open_blobs
from service.errors import ServiceError
from service.services import Services
from service.store.audit import AuditEvent
from service.store.photos import Photo, Receipt, Upload
from service.store.readings import Job
from service.uploads import uploads as rows
from service.uploads.intake import Intake
from service.uploads.reception import FileSink
from service.uploads.resumable import append
from service.uploads.sweep import blobs_without_row, sweep
from tests.service.conftest import Clock
from tests.service.places import ELECTION, Places
from tests.service.uploads.conftest import Officer, make_app, make_photo, sha_of
from tests.service.uploads.test_put import announce, code_of, count, post, put
from tests.service.uploads.test_tus import PATCH_TYPE, TUS, begin, create, encode, head, patch
from tests.service.uploads.wire import serving


def database_away(*_: object, **__: object) -> Any:
    raise OperationalError("statement", {}, OSError("the server closed the connection"))


def disk_full(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def nothing_recorded(services: Services) -> bool:
    with services.store.read() as session:
        photo_acts = session.scalars(select(AuditEvent).where(AuditEvent.action.like("photo.%"))).all()
    return not photo_acts and not any(count(services, table) for table in (Photo, Receipt, Job))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.uploads.writer._PAUSE_S", 0)


# the database


def test_the_database_goes_away_while_a_photo_is_recorded(
    client: TestClient, services: Services, places: Places, kpps: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_photo()
    with monkeypatch.context() as away:
        away.setattr("service.uploads.record.append", database_away)  # the last thing in the transaction
        answers = [
            put(client, kpps, data, places.tps[0]),
            post(client, kpps, data, {"election": ELECTION, "tps": places.tps[0]}),
        ]
        for answer in answers:
            assert code_of(answer) == (503, "database_away")
            assert int(answer.headers["Retry-After"]) > 0
    assert nothing_recorded(services)
    assert services.blobs.get(f"originals/{sha_of(data)}") == data
    assert list(blobs_without_row(services)) == [sha_of(data)]
    assert put(client, kpps, data, places.tps[0]).status_code == 201
    assert list(blobs_without_row(services)) == []


def test_an_upload_whose_last_byte_came_while_the_database_was_away_is_healed_by_head(
    client: TestClient, services: Services, places: Places, kpps: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_photo(1)
    url = begin(client, kpps, data, places.tps[0])
    patch(client, kpps, url, 0, data[:10_000])
    with monkeypatch.context() as away:
        away.setattr("service.uploads.record.append", database_away)
        away.setattr("service.uploads.uploads.advance", database_away)  # not even the offset can be written down
        assert code_of(patch(client, kpps, url, 10_000, data[10_000:])) == (503, "database_away")
        assert head(client, kpps, url).status_code == 503
        assert nothing_recorded(services)
    state = head(client, kpps, url)
    assert state.headers["Upload-Offset"] == str(len(data))
    assert state.headers["Turus-Receipt"]
    assert count(services, Photo) == 1


def test_the_last_piece_repeated_after_an_outage_is_accepted(
    client: TestClient, services: Services, places: Places, kpps: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_photo(2)
    url = begin(client, kpps, data, places.tps[0])
    with monkeypatch.context() as away:
        away.setattr("service.uploads.record.append", database_away)
        assert code_of(patch(client, kpps, url, 0, data)) == (503, "database_away")
    again = patch(client, kpps, url, 0, data)
    assert (again.status_code, again.headers["Upload-Offset"]) == (204, str(len(data)))
    assert again.headers["Turus-Receipt"]


def test_the_writer_tries_a_hiccup_again(
    client: TestClient, places: Places, kpps: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = audit_append

    def fails_once(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            database_away()
        real(*arguments)

    monkeypatch.setattr("service.uploads.record.append", fails_once)
    assert put(client, kpps, make_photo(3), places.tps[0]).status_code == 201
    assert len(calls) == 2


def test_one_that_cannot_be_written_does_not_hurt_the_others(services: Services, intake: Intake) -> None:
    def breaks(_: object) -> None:
        raise ValueError("a bug")

    gate = threading.Event()
    intake.writer.run(lambda _: gate.wait(60))  # so that the rest becomes one batch
    bad = intake.writer.run(breaks)
    good = [intake.writer.run(lambda session: session.scalar(select(func.count()).select_from(Photo))) for _ in "12"]
    gate.set()
    assert [future.result(60) for future in good] == [0, 0]
    with pytest.raises(ValueError, match="a bug"):
        bad.result(60)


# the disk and the store


@pytest.mark.parametrize("where", ["service.blobs.local.os.link", "service.blobs.local.os.fsync"])
def test_the_disk_is_full_when_the_photo_is_stored(
    client: TestClient,
    services: Services,
    places: Places,
    kpps: Officer,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    data = make_photo(4)
    url = begin(client, kpps, data, places.tps[0])
    with monkeypatch.context() as full:
        full.setattr(where, disk_full)
        for answer in (put(client, kpps, data, places.tps[0]), patch(client, kpps, url, 0, data)):
            assert code_of(answer) == (507, "disk_full")
            assert "Retry-After" in answer.headers
    assert nothing_recorded(services)
    offset = int(head(client, kpps, url).headers["Upload-Offset"])
    assert offset in (0, len(data))  # nothing could be kept where nothing could be synced
    assert patch(client, kpps, url, offset, data[offset:]).headers["Turus-Receipt"]


def test_a_disk_that_fills_up_in_the_middle_keeps_what_came_before(
    client: TestClient,
    intake: Intake,
    services: Services,
    places: Places,
    kpps: Officer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = make_photo(5, 1_000_000)
    url = begin(client, kpps, data, places.tps[0])
    patch(client, kpps, url, 0, data[:300_000])
    upload = rows.find(services, url.rsplit("/", 1)[1])
    written: list[int] = []
    real = FileSink._append

    def fills_up(self: FileSink, piece: bytes) -> None:
        if written:
            raise ServiceError("disk_full")
        written.append(len(piece))
        real(self, piece)

    pieces = [data[start : start + 50_000] for start in range(300_000, len(data), 50_000)]
    with monkeypatch.context() as full:
        full.setattr("service.uploads.reception.FileSink._append", fills_up)
        with pytest.raises(ServiceError, match="disk_full"):
            asyncio.run(append_pieces(intake, upload, pieces))
    offset = 300_000 + written[0]
    assert 300_000 < offset < len(data)
    wait_until(lambda: head(client, kpps, url).headers["Upload-Offset"] == str(offset))
    assert patch(client, kpps, url, offset, data[offset:]).headers["Turus-Receipt"]
    assert services.blobs.get(f"originals/{sha_of(data)}") == data


async def append_pieces(intake: Intake, upload: rows.Open, pieces: list[bytes], then_cancel: bool = False) -> None:
    """Goes on with an upload; the body comes in these pieces, and after them nothing more."""
    messages: asyncio.Queue[Any] = asyncio.Queue()
    asked_for_more = asyncio.Event()
    for piece in pieces:
        messages.put_nowait({"type": "http.request", "body": piece, "more_body": True})

    async def receive() -> Any:
        if messages.empty():
            asked_for_more.set()
        return await messages.get()

    async with intake.holding(upload.id) as reception:
        work = append(intake, upload, upload.offset_bytes, receive, None, None, reception)
        task = asyncio.create_task(work)
        if then_cancel:
            await asked_for_more.wait()
            task.cancel()
        await task


def wait_until(holds: Any, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def test_too_little_room_is_told_before_a_byte_is_read(services: Services, places: Places, kpps: Officer) -> None:
    tight = services.settings.model_copy(update={"min_free_bytes": 1 << 60})
    cramped = Services(tight, services.store, services.blobs, services.keys, services.now)
    data = make_photo(6)
    with Intake(cramped, sweep_every_s=0) as intake:
        client = TestClient(make_app(cramped, intake))
        fields = {"election": ELECTION, "tps": places.tps[0]}
        for answer in (
            put(client, kpps, data, places.tps[0]),
            create(client, kpps, data, places.tps[0]),
            announce(client, kpps, data, places.tps[0]),
            post(client, kpps, data, fields),
        ):
            assert code_of(answer) == (507, "disk_full")
    assert count(services, Upload) == 0


def test_the_photo_store_is_away(
    client: TestClient, services: Services, places: Places, kpps: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_photo(7)
    url = begin(client, kpps, data, places.tps[0])
    with monkeypatch.context() as away:

        def fail(*_: object) -> None:
            raise ServiceError("storage_away")

        away.setattr("service.blobs.local.LocalBlobs.put_file", fail)
        assert code_of(put(client, kpps, data, places.tps[0])) == (503, "storage_away")
        assert code_of(patch(client, kpps, url, 0, data)) == (503, "storage_away")
        state = client.get(url, headers=kpps.headers).json()
        assert (state["state"], state["offset_bytes"]) == ("open", len(data))
    assert nothing_recorded(services)
    assert head(client, kpps, url).headers["Turus-Receipt"]


@pytest.fixture
def s3_services(services: Services, s3_endpoint: str, s3_bucket: str) -> Services:
    """The same database, and photos in an S3 store."""
    settings = services.settings.model_copy(update={"blob_url": f"s3://{s3_bucket}/2026", "s3_endpoint": s3_endpoint})
    for cached in ("blobs", "database", "spool_dir"):
        settings.__dict__.pop(cached, None)
    return Services(settings, services.store, open_blobs(settings), services.keys, services.now)


def test_with_an_object_store_any_process_goes_on(
    s3_services: Services, places: Places, kpps: Officer, tmp_path: Path
) -> None:
    data = make_photo(8, 300_000)
    elsewhere = s3_services.settings.model_copy(update={"data_dir": tmp_path / "another machine"})
    elsewhere.__dict__.pop("spool_dir", None)
    other_machine = Services(elsewhere, s3_services.store, s3_services.blobs, s3_services.keys, s3_services.now)
    with Intake(s3_services, sweep_every_s=0) as one, Intake(other_machine, sweep_every_s=0) as two:
        first, second = TestClient(make_app(s3_services, one)), TestClient(make_app(other_machine, two))
        url = begin(first, kpps, data, places.tps[0], sha256=sha_of(data))
        assert patch(first, kpps, url, 0, data[:100_000]).status_code == 204
        assert head(second, kpps, url).headers["Upload-Offset"] == "100000"
        assert patch(second, kpps, url, 100_000, data[100_000:200_000]).status_code == 204
        assert patch(first, kpps, url, 200_000, data[200_000:]).headers["Turus-Receipt"]
        assert put(second, kpps, make_photo(9), places.tps[0]).status_code == 201
    assert s3_services.blobs.get(f"originals/{sha_of(data)}") == data
    assert list(s3_services.blobs.keys("spool/")) == []


# crashes and what is left behind


def test_the_sweeper_accepts_what_nobody_asked_for_again(
    client: TestClient,
    intake: Intake,
    services: Services,
    places: Places,
    kpps: Officer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = make_photo(10)
    url = begin(client, kpps, data, places.tps[0], page="2")
    with monkeypatch.context() as away:
        away.setattr("service.uploads.record.append", database_away)
        assert patch(client, kpps, url, 0, data).status_code == 503
        clock.advance(minutes=3)
        assert sweep(intake).failed == 1
    assert sweep(intake).accepted == 1
    state = client.get(url, headers=kpps.headers).json()
    assert (state["state"], state["receipt"]["page"]) == ("done", 2)
    swept = sweep(intake)
    assert (swept.accepted, swept.expired, swept.failed) == (0, 0, 0)
    assert list(intake.spool.uploads()) == []


def test_the_sweeper_ends_what_is_past_its_time_and_nothing_else(
    client: TestClient, intake: Intake, services: Services, places: Places, kpps: Officer, clock: Clock
) -> None:
    old, young = make_photo(11), make_photo(12)
    old_url = begin(client, kpps, old, places.tps[0])
    patch(client, kpps, old_url, 0, old[:100])
    clock.advance(hours=50)
    young_url = begin(client, kpps, young, places.tps[0])
    patch(client, kpps, young_url, 0, young[:100])
    clock.advance(hours=30)
    swept = sweep(intake)
    assert (swept.expired, swept.spools) == (1, 1)
    assert client.get(old_url, headers=kpps.headers).json()["state"] == "expired"
    assert patch(client, kpps, young_url, 100, young[100:]).headers["Turus-Receipt"]


def test_an_upload_that_ended_is_forgotten_after_a_month_and_its_photo_is_not(
    client: TestClient, intake: Intake, services: Services, places: Places, kpps: Officer, clock: Clock
) -> None:
    data = make_photo(23)
    begin(client, kpps, data, places.tps[0])
    create(client, kpps, data, places.tps[0], first=data)
    clock.advance(days=32)
    assert (sweep(intake).rows, count(services, Upload)) == (0, 2)
    clock.advance(days=2)
    assert sweep(intake).rows == 2
    assert (count(services, Upload), count(services, Photo), count(services, Receipt)) == (0, 1, 1)


def test_files_of_a_process_that_was_killed_go_after_a_day(services: Services, intake: Intake, clock: Clock) -> None:
    for name, age_h in (("old", 25), ("young", 1)):
        path = intake.scratch_dir / name
        path.write_bytes(b"x")
        at = clock.now.timestamp() - age_h * 3600
        os.utime(path, (at, at))
    assert sweep(intake).files == 1
    assert [path.name for path in intake.scratch_dir.iterdir()] == ["young"]


def test_a_photo_refused_while_healing_is_not_tried_for_ever(
    client: TestClient, intake: Intake, places: Places, kpps: Officer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"neither a photo nor anything like one" * 10
    url = begin(client, kpps, data, places.tps[0])
    with monkeypatch.context() as away:

        def fail(*_: object) -> None:
            raise ServiceError("storage_away")

        away.setattr("service.uploads.intake.prepare", fail)
        assert patch(client, kpps, url, 0, data).status_code == 503
    clock.advance(minutes=3)
    sweep(intake)
    state = client.get(url, headers=kpps.headers).json()
    assert (state["state"], state["refused"]) == ("terminated", "not_a_photo")


# slow, silent and vanishing clients, over a real connection


def raw_patch(server: str, officer: Officer, url: str, offset: int, length: int, body: bytes) -> socket.socket:
    """Sends the beginning of a PATCH and leaves the connection open."""
    host, port = server.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    lines = [
        f"PATCH {url} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {officer.token}",
        "Tus-Resumable: 1.0.0",
        "Content-Type: application/offset+octet-stream",
        f"Upload-Offset: {offset}",
        f"Content-Length: {length}",
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return connection


def begin_over(server: str, officer: Officer, data: bytes, tps: str) -> str:
    metadata = encode({"election": ELECTION, "tps": tps})
    headers = {**TUS, **officer.headers, "Upload-Length": str(len(data)), "Upload-Metadata": metadata}
    answer = httpx2.post(f"{server}/uploads", timeout=60, headers=headers)
    assert answer.status_code == 201
    return answer.headers["Location"]


def offset_over(server: str, officer: Officer, url: str) -> int:
    answer = httpx2.head(f"{server}{url}", timeout=60, headers={**TUS, **officer.headers})
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def test_a_client_that_falls_silent_keeps_what_it_sent(services: Services, places: Places, kpps: Officer) -> None:
    impatient = services.settings.model_copy(update={"chunk_timeout_s": 0.3})
    quick = Services(impatient, services.store, services.blobs, services.keys, services.now)
    data = make_photo(13)
    with Intake(quick, sweep_every_s=0) as intake, serving(make_app(quick, intake)) as server:
        url = begin_over(server, kpps, data, places.tps[0])
        with raw_patch(server, kpps, url, 0, len(data), data[:12_345]) as connection:
            answer = b""
            while piece := connection.recv(65536):  # ends because the server closes the connection
                answer += piece
        assert b" 408 " in answer.splitlines()[0]
        assert b"upload_stalled" in answer
        assert offset_over(server, kpps, url) == 12_345


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were taken from clients, piece by piece; a body may come long after its headers."""
    sizes: list[int] = []
    real = FileSink.write

    async def counted(self: FileSink, piece: bytes) -> None:
        await real(self, piece)
        sizes.append(len(piece))

    monkeypatch.setattr(FileSink, "write", counted)
    return sizes


def test_a_client_that_vanishes_keeps_what_it_sent(
    services: Services, intake: Intake, places: Places, kpps: Officer, taken: list[int]
) -> None:
    data = make_photo(14)
    with serving(make_app(services, intake)) as server:
        url = begin_over(server, kpps, data, places.tps[0])
        with raw_patch(server, kpps, url, 0, len(data), data[:23_456]):
            # What uvicorn has not handed on when the connection ends is lost with it.
            wait_until(lambda: sum(taken) == 23_456)
        wait_until(lambda: intake.receiving_now == 0)
        wait_until(lambda: offset_over(server, kpps, url) == 23_456)


def test_a_phone_that_comes_back_takes_over_from_its_dead_connection(
    services: Services, intake: Intake, places: Places, kpps: Officer, taken: list[int]
) -> None:
    data = make_photo(15)
    with serving(make_app(services, intake)) as server:
        url = begin_over(server, kpps, data, places.tps[0])
        with raw_patch(server, kpps, url, 0, len(data), data[:10_000]) as dead:
            wait_until(lambda: sum(taken) == 10_000)
            assert offset_over(server, kpps, url) == 10_000  # long before the server's own timeout
            headers = {**TUS, **PATCH_TYPE, **kpps.headers, "Upload-Offset": "10000"}
            answer = httpx2.patch(f"{server}{url}", timeout=60, headers=headers, content=data[10_000:])
            assert (answer.status_code, bool(answer.headers["Turus-Receipt"])) == (204, True)
            assert b"upload_taken_over" in dead.recv(65536)


def test_a_slow_upload_is_made_safe_while_it_comes(
    services: Services, intake: Intake, places: Places, kpps: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.uploads.resumable.CHECKPOINT_S", 0.05)
    data = make_photo(16)
    with serving(make_app(services, intake)) as server:
        url = begin_over(server, kpps, data, places.tps[0])
        with raw_patch(server, kpps, url, 0, len(data), b"") as connection:
            sent = offset = 0
            while not offset:
                assert sent < len(data) - 100, "nothing was made safe while it came"
                connection.sendall(data[sent : sent + 100])
                sent += 100
                time.sleep(0.02)
                state = httpx2.get(
                    f"{server}{url}", timeout=60, headers=kpps.headers
                ).json()  # asks without stopping it
                offset = state["offset_bytes"]
            assert offset <= sent
            connection.sendall(data[sent:])
            assert b" 204 " in connection.recv(65536).splitlines()[0]
    assert services.blobs.get(f"originals/{sha_of(data)}") == data


def test_a_put_that_is_cut_off_leaves_nothing_and_may_be_repeated(
    services: Services, intake: Intake, places: Places, kpps: Officer
) -> None:
    data = make_photo(17)
    with serving(make_app(services, intake)) as server:
        host, port = server.removeprefix("http://").split(":")
        query = f"election={ELECTION}&tps={places.tps[0]}"
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                f"PUT /photos/{sha_of(data)}?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {kpps.token}\r\n"
                f"Content-Length: {len(data)}\r\n\r\n".encode()
                + data[:20_000]
            )
            wait_until(lambda: intake.receiving_now == 1)
        wait_until(lambda: intake.receiving_now == 0)
        wait_until(lambda: not list(intake.scratch_dir.iterdir()))
        assert nothing_recorded(services)
        answer = httpx2.put(f"{server}/photos/{sha_of(data)}?{query}", timeout=60, headers=kpps.headers, content=data)
        assert answer.status_code == 201


def test_more_at_once_than_the_process_takes_are_asked_to_come_back(
    services: Services, places: Places, kpps: Officer
) -> None:
    narrow = services.settings.model_copy(update={"max_receiving": 2})
    busy = Services(narrow, services.store, services.blobs, services.keys, services.now)
    data = make_photo(18)
    with Intake(busy, sweep_every_s=0) as intake, serving(make_app(busy, intake)) as server:
        urls = [begin_over(server, kpps, make_photo(seed), places.tps[0]) for seed in (18, 19)]
        held = [raw_patch(server, kpps, url, 0, len(data), data[:100]) for url in urls]
        wait_until(lambda: intake.receiving_now == 2)
        url = f"{server}/photos/{sha_of(data)}?election={ELECTION}&tps={places.tps[0]}"
        answer = httpx2.put(url, timeout=60, headers=kpps.headers, content=data)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
        for connection in held:
            connection.close()
        wait_until(lambda: intake.receiving_now == 0)
        assert httpx2.put(url, timeout=60, headers=kpps.headers, content=data).status_code == 201


def test_a_server_that_stops_keeps_what_was_under_way(
    services: Services, intake: Intake, places: Places, kpps: Officer, taken: list[int]
) -> None:
    data = make_photo(20)
    app = make_app(services, intake)

    @app.post("/stop")
    async def stop() -> None:
        intake.stop_receiving()

    with serving(app) as server:
        url = begin_over(server, kpps, data, places.tps[0])
        with raw_patch(server, kpps, url, 0, len(data), data[:11_111]) as connection:
            wait_until(lambda: sum(taken) == 11_111)
            assert httpx2.post(f"{server}/stop", timeout=60).status_code == 200
            assert b" 503 " in connection.recv(65536).splitlines()[0]
        answer = httpx2.put(
            f"{server}/photos/{sha_of(data)}?election={ELECTION}&tps={places.tps[0]}",
            headers=kpps.headers,
            content=data,
            timeout=60,
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
    with Intake(services, sweep_every_s=0) as restarted:
        client = TestClient(make_app(services, restarted))
        assert head(client, kpps, url).headers["Upload-Offset"] == "11111"


def test_a_handler_that_is_cancelled_keeps_what_came(
    client: TestClient, services: Services, intake: Intake, places: Places, kpps: Officer
) -> None:
    data = make_photo(21, 600_000)
    url = begin(client, kpps, data, places.tps[0])
    upload = rows.find(services, url.rsplit("/", 1)[1])
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(append_pieces(intake, upload, [data[:300_000]], then_cancel=True))
    wait_until(lambda: head(client, kpps, url).headers["Upload-Offset"] == "300000")
