"""Erasure: what must go goes, what must stay stays, and a run that is cut off goes on."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from service.access import Role
from service.accounts.activation import invite
from service.accounts.admin import CONSOLE
from service.accounts.privacy import KEEP_ENDED, Erased, erase_expired, sweep
from service.accounts.registry import revoke_sessions
from service.blobs.port import original_key, view_key
from service.errors import ServiceError
from service.ids import new_id
from service.services import Services
from service.store.accounts import Account, Activation, LoginSession
from service.store.audit import AuditEvent
from service.store.photos import Photo, PhotoEvent, Upload
from service.store.readings import Reading
from service.store.regions import Election
from tests.service.conftest import Clock
from tests.service.people import make_account, token_for
from tests.service.places import Places, open_election
from tests.service.sayings import add_photo

SHA = "ab" * 32
OTHER_SHA = "cd" * 32


def photo_of(services: Services, election: str, tps: str, sender: str, sha256: str = SHA) -> str:
    photo = add_photo(services, election, tps, sender, sha256=sha256, capture={"gps": [-5.4, 105.3]})
    reading = Reading(
        id=new_id(),
        photo_id=photo,
        part=0,
        reader_rev="r1",
        pipeline_rev="p1",
        outcome="rejected",
        reason="blurred",
        body={},
        took_ms=1,
        created_at=services.now(),
    )
    with services.store.write() as session:
        session.add(reading)
    services.blobs.put_bytes(original_key(sha256), b"jpg")
    services.blobs.put_bytes(view_key(photo, 0), b"view")
    return photo


def upload_of(services: Services, election: str, tps: str, sender: str) -> None:
    with services.store.write() as session:
        session.add(
            Upload(
                id=new_id(),
                account_id=sender,
                election_id=election,
                tps=tps,
                size_bytes=3,
                details={"sender": {"origin": "192.0.2.7"}},
                state="open",
                created_at=services.now(),
                expires_at=services.now(),
            )
        )


def close(services: Services, election: str, erase_in_days: int | None) -> None:
    with services.store.write() as session:
        row = session.get_one(Election, election)
        row.state = "closed"
        row.closes_at = services.now()
        row.erase_after = None if erase_in_days is None else services.now() + timedelta(days=erase_in_days)


def state_of(services: Services, account: str) -> str:
    with services.store.read() as session:
        return session.get_one(Account, account).state


def photo_row(services: Services, photo: str) -> Photo:
    with services.store.read() as session:
        return session.get_one(Photo, photo)


def test_an_elections_people_and_pictures_go_when_its_term_is_over_and_not_before(
    services: Services, places: Places, clock: Clock
) -> None:
    election = open_election(services)
    kpps = make_account(services, Role.KPPS, places.tps[0], phone="081234567890", name="Siti", login="siti")
    kpu = make_account(services, Role.KPU_KOTA, "1871", name="Ada", login="ada")
    far_away = make_account(services, Role.KPPS, "1901011001001", name="Budi", phone="081234567891")
    photo = photo_of(services, election, places.tps[0], kpps)
    upload_of(services, election, places.tps[0], kpps)
    clock.advance(days=1)
    close(services, election, 30)

    assert erase_expired(services) == Erased(0, 0)
    clock.advance(days=30)
    assert erase_expired(services, dry_run=True) == Erased(1, 1)
    assert services.blobs.exists(original_key(SHA))
    assert erase_expired(services) == Erased(1, 1)
    assert erase_expired(services) == Erased(0, 0)

    assert not services.blobs.exists(original_key(SHA))
    assert not services.blobs.exists(view_key(photo, 0))
    row = photo_row(services, photo)
    assert row.erased_at == clock.now
    assert (row.capture, row.state, row.sender_id) == ({}, "read", kpps)
    with services.store.read() as session:
        gone = session.get_one(Account, kpps)
        assert [event.kind for event in session.scalars(select(PhotoEvent))] == ["erased"]
        assert session.scalars(select(Upload)).all() == []  # they hold the sender's network address
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.chain == "187101")).all()
    assert (gone.state, gone.login, gone.name_sealed, gone.phone_sealed, gone.phone_hash) == ("erased", *[None] * 4)
    assert actions == ["photo.erased", "account.erased"]
    assert state_of(services, kpu) == "active"  # an office that outlasts the election
    assert state_of(services, far_away) == "active"  # had nothing to do with it


@pytest.mark.parametrize("erase_in_days", [None, 60])
def test_people_stay_while_another_election_of_theirs_needs_them(
    services: Services, places: Places, clock: Clock, erase_in_days: int | None
) -> None:
    first, second = open_election(services), open_election(services, "second", scope="187101")
    kpps = make_account(services, Role.KPPS, places.tps[0])
    other = make_account(services, Role.KPPS, places.tps[4])  # only in the first
    clock.advance(days=1)
    close(services, first, 30)
    close(services, second, erase_in_days)
    clock.advance(days=31)

    assert erase_expired(services) == Erased(0, 1)
    assert state_of(services, kpps) == "active"
    assert state_of(services, other) == "erased"


def test_people_registered_for_the_next_election_stay(services: Services, places: Places, clock: Clock) -> None:
    election = open_election(services)
    close(services, election, 30)
    clock.advance(days=20)
    kpps = make_account(services, Role.KPPS, places.tps[0])
    clock.advance(days=20)

    assert erase_expired(services) == Erased(0, 0)
    assert state_of(services, kpps) == "active"


def test_an_open_election_is_never_erased_whatever_its_date(services: Services, places: Places, clock: Clock) -> None:
    election = open_election(services)
    kpps = make_account(services, Role.KPPS, places.tps[0])
    photo_of(services, election, places.tps[0], kpps)
    close(services, election, 1)
    with services.store.write() as session:
        session.get_one(Election, election).state = "open"
    clock.advance(days=2)

    assert erase_expired(services) == Erased(0, 0)
    assert services.blobs.exists(original_key(SHA))


def test_a_file_that_a_living_election_needs_too_stays(services: Services, places: Places, clock: Clock) -> None:
    first, second = open_election(services), open_election(services, "second")
    kpps = make_account(services, Role.KPPS, places.tps[0])
    old = photo_of(services, first, places.tps[0], kpps)
    living = photo_of(services, second, places.tps[0], kpps)
    clock.advance(days=1)
    close(services, first, 0)

    assert erase_expired(services) == Erased(1, 0)

    assert services.blobs.get(original_key(SHA)) == b"jpg"
    assert services.blobs.exists(view_key(living, 0))
    assert not services.blobs.exists(view_key(old, 0))
    assert photo_row(services, living).erased_at is None


def test_a_run_that_the_storage_cut_off_goes_on_later(
    services: Services, places: Places, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    election = open_election(services)
    kpps = make_account(services, Role.KPPS, places.tps[0])
    photos = [photo_of(services, election, places.tps[n], kpps, sha) for n, sha in ((0, SHA), (1, OTHER_SHA))]
    clock.advance(days=1)
    close(services, election, 0)
    deleted: list[str] = []
    real = type(services.blobs).delete

    def failing(self: object, key: str) -> None:
        if len(deleted) == 3:
            raise ServiceError("storage_away")
        deleted.append(key)
        real(self, key)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(type(services.blobs), "delete", failing)
        with pytest.raises(ServiceError, match="storage_away"):
            erase_expired(services)
    assert state_of(services, kpps) == "active"

    assert erase_expired(services) == Erased(2, 1)
    assert list(services.blobs.keys("originals/")) == list(services.blobs.keys("views/")) == []
    assert all(photo_row(services, photo).erased_at for photo in photos)


def test_sessions_and_activations_long_over_are_dropped(services: Services, clock: Clock) -> None:
    kpps = make_account(services, Role.KPPS, "1871010001001", phone="081234567890")
    token_for(services, kpps)
    revoke_sessions(services, CONSOLE, kpps, "hilang")
    invite(services, CONSOLE, kpps)
    clock.advance(days=services.settings.activation_days)

    def left() -> tuple[int, int]:
        sweep(services)
        with services.store.read() as session:
            return len(session.scalars(select(LoginSession)).all()), len(session.scalars(select(Activation)).all())

    assert left() == (1, 2)
    clock.now += KEEP_ENDED - timedelta(days=services.settings.activation_days - 1)
    assert left() == (0, 2)
    clock.advance(days=services.settings.activation_days)
    assert left() == (0, 0)
