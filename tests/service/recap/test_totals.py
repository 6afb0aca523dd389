"""Totals at every level, stations in a list, and that both agree with what was decided."""

from typing import Any

import pytest

from service.access import Actor, Role
from service.decisions.people import Claim, confirm
from service.elections.manage import find_election
from service.errors import ServiceError
from service.recap.stations import STATES, StationFilter, StationLine, list_stations
from service.recap.totals import RegionTotals, region_totals
from service.services import Services
from tests.service.people import make_account
from tests.service.places import Places, open_election
from tests.service.sayings import FULL, add_photo, machine_says, number


def totals(services: Services, election: str, region: str) -> RegionTotals:
    with services.store.read() as session:
        return region_totals(session, find_election(session, election), region)


def lines(services: Services, election: str, region: str, **wanted: Any) -> list[StationLine]:
    with services.store.read() as session:
        found = find_election(session, election)
        return list(list_stations(session, found, StationFilter(region, **wanted), None, 100))


@pytest.fixture
def counted(services: Services, places: Places, election: str) -> str:
    """Station 0 read, 1 verified, 2 in review, 4 read with an anomaly, 5 only photographed, 3 nothing."""
    for tps in (places.tps[k] for k in (0, 1, 2, 4, 5)):
        add_photo(services, election, tps)
    machine_says(services, election, places.tps[0], FULL)
    machine_says(services, election, places.tps[1], FULL)
    ppk = Actor(make_account(services, Role.PPK, "187101"), Role.PPK, "187101")
    claims = [Claim(name, "value", value) for name, value in FULL.items()]
    confirm(services, ppk, election, places.tps[1], claims, lambda _seq: None)
    machine_says(services, election, places.tps[2], {**FULL, "paslon_1": number("paslon_1", 100, "low_confidence")})
    machine_says(services, election, places.tps[4], {**FULL, "tidak_sah": 11})
    machine_says(services, election, places.tps[5], {})
    return election


@pytest.mark.parametrize("region", ["", "18", "1871"])
def test_every_level_above_the_kecamatan_has_the_same_sum(services: Services, counted: str, region: str) -> None:
    found = totals(services, counted, region)
    assert found.sum.counts == {
        "tps_total": 6, "tps_seen": 5, "tps_read": 3, "tps_review": 1, "tps_verified": 1, "tps_anomaly": 1,
    }  # fmt: skip
    assert (found.sum.read["paslon_1"], found.sum.read["paslon_2"]) == (300, 240)
    assert (found.sum.verified["paslon_1"], found.sum.verified["paslon_2"]) == (100, 60)
    assert len(found.sum.read) == len(FULL)


def test_parts_of_a_city_are_its_kecamatan(services: Services, counted: str) -> None:
    found = totals(services, counted, "1871")
    assert [(p.code, p.name, p.level) for p in found.parts] == [("187101", "KEDATON", 3), ("187102", "SUKARAME", 3)]
    assert [p.totals.counts["tps_total"] for p in found.parts] == [4, 2]
    assert [p.totals.read["paslon_1"] for p in found.parts] == [200, 100]


def test_parts_of_a_kecamatan_are_its_desas_and_of_a_desa_its_stations(services: Services, counted: str) -> None:
    desas = totals(services, counted, "187101")
    assert [(p.code, p.totals.counts["tps_total"]) for p in desas.parts] == [("1871011001", 3), ("1871011002", 1)]
    assert desas.parts[0].totals.read["paslon_1"] == 200
    assert desas.parts[1].totals.counts["tps_seen"] == 0
    stations = totals(services, counted, "1871011001")
    assert [(p.code[-3:], p.name, p.totals.read["paslon_1"]) for p in stations.parts] == [
        ("001", "TPS 001", 100), ("002", "TPS 002", 100), ("003", "TPS 003", 0),
    ]  # fmt: skip
    assert [p.totals.verified["paslon_1"] for p in stations.parts] == [0, 100, 0]
    assert stations.sum == desas.parts[0].totals


def test_levels_agree(services: Services, counted: str) -> None:
    city = {p.code: p.totals for p in totals(services, counted, "1871").parts}
    for code in ("187101", "187102"):
        assert totals(services, counted, code).sum == city[code]


def test_an_election_of_a_part_shows_only_that_part(services: Services, places: Places) -> None:
    election = open_election(services, "kecamatan-saja", scope="187102")
    machine_says(services, election, places.tps[4], FULL)
    for region in ("", "18", "1871", "187102"):
        found = totals(services, election, region).sum
        assert (found.counts["tps_total"], found.read["paslon_1"]) == (2, 100)
    with pytest.raises(ServiceError, match="unknown_region"):
        totals(services, election, "187101")
    with pytest.raises(ServiceError, match="unknown_region"):
        totals(services, election, "99")
    assert [line.tps for line in lines(services, election, "18")] == list(places.tps[4:])
    assert lines(services, election, "187101") == []


def test_two_elections_do_not_mix(services: Services, places: Places, counted: str) -> None:
    other = open_election(services, "lain-2024")
    assert totals(services, other, "1871").sum.counts["tps_seen"] == 0
    machine_says(services, other, places.tps[0], {"paslon_1": 7})
    assert totals(services, other, "1871011001").sum.read["paslon_1"] == 7
    assert totals(services, counted, "1871011001").sum.read["paslon_1"] == 200


def test_stations_are_listed_by_state(services: Services, places: Places, counted: str) -> None:
    expected = {"unseen": [3], "waiting": [5], "review": [2], "read": [0, 4], "verified": [1]}
    for state in STATES:
        found = lines(services, counted, "1871", state=state)
        assert [line.tps for line in found] == [places.tps[k] for k in expected[state]]
        assert {line.state for line in found} == {state}
    assert [line.tps for line in lines(services, counted, "1871")] == list(places.tps)


def test_stations_are_listed_by_anomaly(services: Services, places: Places, counted: str) -> None:
    for anomaly in ("any", "rule:sah_total"):
        assert [line.tps for line in lines(services, counted, "", anomaly=anomaly)] == [places.tps[4]]
    assert lines(services, counted, "", anomaly="zero_votes") == []


def test_a_list_goes_on_after_a_station(services: Services, places: Places, counted: str) -> None:
    with services.store.read() as session:
        election = find_election(session, counted)
        found = list_stations(session, election, StationFilter("1871"), places.tps[1], 2)
    assert [line.tps for line in found] == list(places.tps[2:4])
