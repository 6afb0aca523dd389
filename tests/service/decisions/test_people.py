"""Stating, confirming and changing: who may, when, and what it does to the recap."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from service.access import Actor, Role
from service.decisions.people import Claim, change, confirm, state
from service.errors import ServiceError
from service.pleno.meeting import finalise_pleno, open_pleno, reopen_pleno
from service.recap.rows import StationRow
from service.recap.stations import number_history, view_station
from service.services import Services
from service.store.audit import AuditEvent
from service.store.photos import Alarm
from tests.service.people import make_account
from tests.service.places import Places, open_election
from tests.service.sayings import FULL, add_photo, machine_says, number


def unchecked(_version: int) -> None:
    """Whatever version is there."""


@dataclass(frozen=True)
class Desk:
    """People around one station."""

    services: Services
    election: str
    tps: str
    kpps: Actor
    ppk: Actor
    web: Actor
    kota: Actor

    def confirm(self, field: str, value: int, **more: Any) -> StationRow:
        claim = Claim(field, "value", value, **more)
        return confirm(self.services, self.web, self.election, self.tps, [claim], unchecked)

    def state(self, field: str, value: int) -> StationRow:
        return state(self.services, self.kpps, self.election, self.tps, [Claim(field, "value", value)], unchecked)

    def change(self, field: str, value: int, reason: str | None = "dibuka di pleno") -> StationRow:
        claim = Claim(field, "value", value, reason=reason)
        return change(self.services, self.web, self.election, self.tps, [claim], unchecked)

    def open(self) -> None:
        open_pleno(self.services, self.ppk, self.election, self.tps[:6])

    def finalise(self) -> None:
        finalise_pleno(self.services, self.ppk, self.election, self.tps[:6], unchecked, "satu TPS menyusul")


@pytest.fixture
def desk(services: Services, places: Places, election: str) -> Desk:
    tps = places.tps[0]
    add_photo(services, election, tps)

    def actor(role: Role, scope: str) -> Actor:
        return Actor(make_account(services, role, scope), role, scope)

    return Desk(
        services,
        election,
        tps,
        kpps=actor(Role.KPPS, tps),
        ppk=actor(Role.PPK, tps[:6]),
        web=actor(Role.PPK_WEB, tps[:6]),
        kota=actor(Role.KPU_KOTA, tps[:4]),
    )


def test_a_confirmation_is_verified_and_moves_the_number(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, {"paslon_1": number("paslon_1", 700, "low_confidence")})
    row = desk.confirm("paslon_1", 100)
    assert (row.values[0], row.verified & 1, row.review & 1, row.source) == (100, 1, 0, "person")


def test_everything_confirmed_is_a_verified_station(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, FULL)
    claims = [Claim(name, "value", value) for name, value in FULL.items()]
    row = confirm(desk.services, desk.ppk, desk.election, desk.tps, claims, unchecked)
    assert row.verified == row.known == (1 << len(FULL)) - 1
    assert row.verdict == "consistent"
    assert view_station(desk.services, desk.election, desk.tps).state == "verified"


def test_illegible_counts_as_verified_without_a_value(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, {"paslon_1": 92})
    claims = [Claim("paslon_1", "illegible"), Claim("paslon_2", "blank")]
    row = confirm(desk.services, desk.web, desk.election, desk.tps, claims, unchecked)
    assert (row.values[:2], row.verified & 3, row.known & 3, row.review) == ((None, None), 3, 3, 0)


def test_a_statement_that_differs_sends_the_number_to_a_person_and_a_confirmation_settles_it(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, FULL)
    row = desk.state("paslon_1", 101)
    assert (row.values[0], row.review & 1) == (None, 1)
    standing = view_station(desk.services, desk.election, desk.tps).standings["paslon_1"]
    assert standing.why == ("statement_differs",)
    assert desk.confirm("paslon_1", 100).values[0] == 100


def test_a_statement_against_a_confirmed_number_changes_nothing_and_raises_an_alarm(desk: Desk) -> None:
    desk.confirm("paslon_1", 100)
    for _ in range(2):
        assert desk.state("paslon_1", 101).values[0] == 100
    with desk.services.store.read() as session:
        assert [alarm.kind for alarm in session.scalars(select(Alarm))] == ["statement_differs"]


def test_a_statement_repeated_writes_nothing_and_the_station_keeps_its_version(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, FULL)
    first = desk.state("paslon_1", 101)
    seq = view_station(desk.services, desk.election, desk.tps).seq
    with desk.services.store.read() as session:
        events = session.scalars(select(AuditEvent.hash)).all()
    assert desk.state("paslon_1", 101) == first
    assert view_station(desk.services, desk.election, desk.tps).seq == seq
    with desk.services.store.read() as session:
        assert session.scalars(select(AuditEvent.hash)).all() == events
    claims = [Claim("paslon_1", "value", 101), Claim("paslon_2", "illegible")]
    for _ in range(2):  # of several, only the new one is recorded
        state(desk.services, desk.kpps, desk.election, desk.tps, claims, unchecked)
        assert view_station(desk.services, desk.election, desk.tps).seq == seq + 1
    desk.state("paslon_1", 102)
    desk.state("paslon_1", 101)  # what counts is the last word
    assert view_station(desk.services, desk.election, desk.tps).seq == seq + 3


def test_rules_are_judged_on_the_numbers_of_people(desk: Desk) -> None:
    row = desk.confirm("sah", 300)
    assert row.anomalies == ()
    claims = [Claim(name, "value", FULL[name]) for name in ("paslon_1", "paslon_2", "paslon_3")]
    row = confirm(desk.services, desk.web, desk.election, desk.tps, claims, unchecked)
    assert "rule:sah_jumlah" in row.anomalies
    assert desk.confirm("sah", 200).anomalies == ()


def test_nothing_is_confirmed_without_a_photo(desk: Desk, places: Places) -> None:
    with pytest.raises(ServiceError, match="no_photo_to_confirm"):
        confirm(desk.services, desk.web, desk.election, places.tps[1], [Claim("sah", "value", 1)], unchecked)


def test_a_photo_of_another_station_proves_nothing(desk: Desk, places: Places) -> None:
    strange = add_photo(desk.services, desk.election, places.tps[1])
    withdrawn = add_photo(desk.services, desk.election, desk.tps, state="withdrawn")
    for photo in (strange, withdrawn, "0" * 32):
        with pytest.raises(ServiceError, match="photo_not_of_tps"):
            desk.confirm("sah", 1, photo_id=photo)
    own = add_photo(desk.services, desk.election, desk.tps)
    assert desk.confirm("sah", 1, photo_id=own).seq == 1


def test_what_was_seen_must_still_be_there(desk: Desk) -> None:
    desk.confirm("sah", 1)
    told: list[int] = []

    def stale(seq: int) -> None:
        told.append(seq)
        raise ServiceError("changed_meanwhile")

    with pytest.raises(ServiceError, match="changed_meanwhile"):
        confirm(desk.services, desk.web, desk.election, desk.tps, [Claim("sah", "value", 2)], stale)
    assert told == [1]
    assert view_station(desk.services, desk.election, desk.tps).seq == 1


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ([Claim("nothing", "value", 1)], "unknown_field"),
        ([Claim("sah", "value", 1000)], "value_out_of_range"),
        ([Claim("sah", "value", -1)], "value_out_of_range"),
        ([Claim("sah", "value", None)], "invalid_fields"),
        ([Claim("sah", "blank", 0)], "invalid_fields"),
        ([Claim("sah", "value", 1), Claim("sah", "value", 2)], "said_twice"),
    ],
)
def test_what_means_nothing_is_refused_and_nothing_of_it_is_kept(desk: Desk, claims: list[Claim], code: str) -> None:
    with pytest.raises(ServiceError, match=code):
        confirm(desk.services, desk.web, desk.election, desk.tps, [Claim("total", "value", 1), *claims], unchecked)
    assert view_station(desk.services, desk.election, desk.tps).seq == 0


def test_roles_and_regions_are_kept(desk: Desk, places: Places) -> None:
    claims = [Claim("sah", "value", 1)]
    for refused in (desk.kpps, desk.kota):
        with pytest.raises(ServiceError, match="forbidden"):
            confirm(desk.services, refused, desk.election, desk.tps, claims, unchecked)
    with pytest.raises(ServiceError, match="forbidden"):  # the chair runs the meeting, the operator edits
        change(desk.services, desk.ppk, desk.election, desk.tps, claims, unchecked)
    with pytest.raises(ServiceError, match="foreign_region"):
        confirm(desk.services, desk.web, desk.election, places.tps[4], claims, unchecked)
    with pytest.raises(ServiceError, match="foreign_region"):
        state(desk.services, desk.kpps, desk.election, places.tps[1], claims, unchecked)


def test_stations_outside_the_elections_area_are_unknown_to_it(desk: Desk) -> None:
    elsewhere = open_election(desk.services, "kota-2024", scope="187102")
    with pytest.raises(ServiceError, match="unknown_tps"):
        confirm(desk.services, desk.web, elsewhere, desk.tps, [Claim("sah", "value", 1)], unchecked)


def test_a_result_is_changed_only_while_the_pleno_is_open(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, FULL)
    with pytest.raises(ServiceError, match="pleno_not_open"):
        desk.change("paslon_1", 90)
    desk.open()
    with pytest.raises(ServiceError, match="invalid_fields"):
        desk.change("paslon_1", 90, reason="  ")
    row = desk.change("paslon_1", 90)
    assert (row.values[0], row.source) == (90, "pleno")
    assert desk.confirm("paslon_1", 100).values[0] == 90  # the photo shows 100; the pleno's word stands
    desk.finalise()
    with pytest.raises(ServiceError, match="pleno_finalised"):
        desk.change("paslon_1", 91)
    reopen_pleno(desk.services, desk.kota, desk.election, desk.tps[:6], unchecked, "rekomendasi")
    assert desk.change("paslon_1", 91).values[0] == 91


def test_after_the_pleno_no_value_moves_but_a_confirmation_that_agrees_is_taken(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, FULL)
    desk.open()
    desk.finalise()
    with pytest.raises(ServiceError, match="pleno_finalised"):
        desk.confirm("paslon_1", 99)
    with pytest.raises(ServiceError, match="pleno_finalised"):
        desk.state("paslon_1", 99)
    row = desk.confirm("paslon_1", 100)
    assert (row.values[0], row.verified & 1) == (100, 1)


def test_a_reading_after_the_pleno_is_kept_and_held_back_until_it_is_reopened(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, FULL)
    desk.open()
    desk.finalise()
    for _ in range(2):
        assert machine_says(desk.services, desk.election, desk.tps, {**FULL, "paslon_1": 99}) == ()
    view = view_station(desk.services, desk.election, desk.tps)
    assert view.standings["paslon_1"].value == 100
    assert [alarm.kind for alarm in view.alarms] == ["reading_held"]
    with desk.services.store.read() as session:
        said = [(d.kind, d.value) for d in number_history(session, desk.election, desk.tps, "paslon_1")]
    assert said == [("machine", 100), ("machine", 99)]
    reopen_pleno(desk.services, desk.kota, desk.election, desk.tps[:6], unchecked, "rekomendasi")
    view = view_station(desk.services, desk.election, desk.tps)
    assert view.standings["paslon_1"].value == 99
    assert view.row is not None
    assert view.row.values[0] == 99
    assert machine_says(desk.services, desk.election, desk.tps, {**FULL, "paslon_1": 99}) == ()


def test_a_released_reading_stays_below_a_confirmation(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, FULL)
    desk.open()
    desk.finalise()
    machine_says(desk.services, desk.election, desk.tps, {**FULL, "paslon_1": 99, "paslon_2": 61})
    desk.confirm("paslon_1", 100)
    reopen_pleno(desk.services, desk.kota, desk.election, desk.tps[:6], unchecked, "rekomendasi")
    standings = view_station(desk.services, desk.election, desk.tps).standings
    assert (standings["paslon_1"].value, standings["paslon_2"].value) == (100, 61)
    with desk.services.store.read() as session:
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)).all()
    assert actions[-2:] == ["pleno.reopened", "numbers.released"]


def test_the_trail_says_who_changed_what_from_what_and_why(desk: Desk) -> None:
    machine_says(desk.services, desk.election, desk.tps, FULL)
    desk.open()
    desk.change("paslon_1", 90)
    with desk.services.store.read() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "number.changed")).one()
    body = json.loads(event.body)
    assert (event.chain, event.subject, body["account"]) == ("187101", f"tps:{desk.tps}", desk.web.account_id)
    assert body["why"] == "dibuka di pleno"
    assert body["details"]["before"] == {"state": "read", "value": 100}
    assert (body["details"]["value"], body["details"]["field"]) == (90, "paslon_1")
    assert body["details"]["pleno"] is not None
