"""Stations count as seen before anybody has read their photos."""

from sqlalchemy import func, select

from service.access import Role
from service.recap.arrivals import mark_arrivals
from service.recap.check import check_recap
from service.services import Services
from service.store.recap import recap_sum
from tests.service.people import make_account
from tests.service.places import open_election, small_country
from tests.service.sayings import add_photo


def _store(services: Services, election: str, tps: str, sender: str, *, state: str = "received") -> None:
    add_photo(services, election, tps, sender, state=state)


def _seen(services: Services) -> int:
    with services.store.read() as session:
        return session.scalar(select(func.sum(recap_sum.c.tps_seen))) or 0


def test_a_station_counts_once_however_many_photos_come(services: Services) -> None:
    places = small_country(services)
    election = open_election(services)
    sender = make_account(services, Role.PPK, "187101")
    for tps in (places.tps[0], places.tps[0], places.tps[4]):
        _store(services, election, tps, sender)
    _store(services, election, places.tps[1], sender, state="withdrawn")
    after = mark_arrivals(services)
    assert _seen(services) == 2
    _store(services, election, places.tps[2], sender)
    after = mark_arrivals(services, after)
    assert _seen(services) == 3
    assert mark_arrivals(services, after) == after
    assert check_recap(services, election) == ()
