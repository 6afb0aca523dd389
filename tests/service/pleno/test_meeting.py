"""The meeting of a kecamatan: who opens, finalises and reopens it, and when."""

import json
from threading import Thread

import pytest
from sqlalchemy import select

from service.access import Actor, Role
from service.decisions.people import Claim, confirm
from service.elections.draft import CandidateDraft, ElectionDraft
from service.elections.manage import create_election
from service.errors import ServiceError
from service.pleno.meeting import finalise_pleno, open_pleno, reopen_pleno, view_pleno
from service.services import Services
from service.store.audit import AuditEvent
from service.store.recap import Pleno
from tests.service.people import make_account
from tests.service.places import FORM, Places, open_election
from tests.service.sayings import FULL, add_photo

KEDATON, SUKARAME = "187101", "187102"


def unchecked(_rev: int) -> None:
    """Whatever version is there."""


@pytest.fixture
def ppk(services: Services) -> Actor:
    return Actor(make_account(services, Role.PPK, KEDATON), Role.PPK, KEDATON)


@pytest.fixture
def kota(services: Services) -> Actor:
    return Actor(make_account(services, Role.KPU_KOTA, "1871"), Role.KPU_KOTA, "1871")


def test_it_is_opened_once_and_the_trail_says_so_once(services: Services, election: str, ppk: Actor) -> None:
    first = open_pleno(services, ppk, election, KEDATON)
    again = open_pleno(services, ppk, election, KEDATON)
    assert first.pleno is not None
    assert again.pleno is not None
    assert first.pleno.id == again.pleno.id
    assert (first.pleno.state, first.rev) == ("open", 1)
    with services.store.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "pleno.opened")).all()
    assert [event.chain for event in events] == [KEDATON]


def test_two_who_open_it_at_once_open_one(services: Services, election: str, ppk: Actor) -> None:
    threads = [Thread(target=open_pleno, args=(services, ppk, election, KEDATON)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with services.store.read() as session:
        assert len(session.scalars(select(Pleno)).all()) == 1
        assert len(session.scalars(select(AuditEvent).where(AuditEvent.action == "pleno.opened")).all()) == 1


def test_unverified_stations_need_a_reason(services: Services, places: Places, election: str, ppk: Actor) -> None:
    open_pleno(services, ppk, election, KEDATON)
    for empty in (None, "  "):
        with pytest.raises(ServiceError) as caught:
            finalise_pleno(services, ppk, election, KEDATON, unchecked, empty)
        assert caught.value.code == "pleno_incomplete"
        assert (caught.value.details["tps_total"], caught.value.details["tps_verified"]) == (4, 0)
    view = finalise_pleno(services, ppk, election, KEDATON, unchecked, "dua TPS menunggu PSU")
    assert view.pleno is not None
    assert (view.pleno.state, view.pleno.finalised_by) == ("finalised", ppk.account_id)
    with services.store.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "pleno.finalised")).one()
    assert json.loads(event.body)["why"] == "dua TPS menunggu PSU"
    assert json.loads(event.body)["details"]["tps_total"] == 4


def test_a_kecamatan_with_every_number_verified_needs_none(
    services: Services, places: Places, election: str, ppk: Actor
) -> None:
    claims = [Claim(name, "value", value) for name, value in FULL.items()]
    for tps in places.tps[:4]:
        add_photo(services, election, tps)
        confirm(services, ppk, election, tps, claims, unchecked)
    open_pleno(services, ppk, election, KEDATON)
    assert finalise_pleno(services, ppk, election, KEDATON, unchecked).counts["tps_verified"] == 4


def test_it_goes_one_way_until_the_city_reopens_it(services: Services, election: str, ppk: Actor, kota: Actor) -> None:
    with pytest.raises(ServiceError, match="pleno_not_open"):
        finalise_pleno(services, ppk, election, KEDATON, unchecked, "x")
    with pytest.raises(ServiceError, match="pleno_not_open"):
        reopen_pleno(services, kota, election, KEDATON, unchecked, "x")
    open_pleno(services, ppk, election, KEDATON)
    with pytest.raises(ServiceError, match="conflict"):
        reopen_pleno(services, kota, election, KEDATON, unchecked, "x")
    finalise_pleno(services, ppk, election, KEDATON, unchecked, "x")
    with pytest.raises(ServiceError, match="pleno_finalised"):
        finalise_pleno(services, ppk, election, KEDATON, unchecked, "x")
    with pytest.raises(ServiceError, match="pleno_finalised"):
        open_pleno(services, ppk, election, KEDATON)
    with pytest.raises(ServiceError, match="forbidden"):
        reopen_pleno(services, ppk, election, KEDATON, unchecked, "x")
    view = reopen_pleno(services, kota, election, KEDATON, unchecked, "rekomendasi Bawaslu")
    assert view.pleno is not None
    assert (view.pleno.state, view.pleno.finalised_at, view.rev) == ("open", None, 3)


def test_other_places_are_refused(services: Services, election: str, ppk: Actor, kota: Actor) -> None:
    with pytest.raises(ServiceError, match="foreign_region"):
        open_pleno(services, ppk, election, SUKARAME)
    with pytest.raises(ServiceError, match="forbidden"):
        open_pleno(services, kota, election, KEDATON)
    with services.store.read() as session:
        for place in ("1871", "1871011001", "999999"):
            with pytest.raises(ServiceError, match="unknown_region"):
                view_pleno(session, election, place)


def test_there_is_no_meeting_of_a_draft_or_outside_the_area(services: Services, places: Places, ppk: Actor) -> None:
    create_election(services, ElectionDraft("draf", "Draf", (FORM,), "1871", (CandidateDraft(1, "A"),)))
    with pytest.raises(ServiceError, match="election_not_begun"):
        open_pleno(services, ppk, "draf", KEDATON)
    elsewhere = open_election(services, "sukarame", scope=SUKARAME)
    with pytest.raises(ServiceError, match="unknown_region"):
        open_pleno(services, ppk, elsewhere, KEDATON)
