"""Whatever is decided in whatever order, the sums are what a rebuild gives; a wrong one is found and put right."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from service.access import Actor, Role
from service.audit.verify import verify_database
from service.decisions.people import Claim, change, confirm, state
from service.errors import ServiceError
from service.pleno.meeting import finalise_pleno, open_pleno, reopen_pleno
from service.recap.apply import apply_station
from service.recap.check import check_recap, rebuild_recap
from service.services import Services, build_services
from service.settings import Settings
from service.store.photos import Photo
from service.store.readings import Decision
from service.store.recap import recap, recap_sum
from tests.service.people import make_account
from tests.service.places import Places, open_election, small_country
from tests.service.sayings import FULL, add_photo, machine_says, number

FIELDS = ("paslon_1", "paslon_2", "sah", "total", "pengguna_j")


def unchecked(_version: int) -> None:
    """Whatever version is there."""


@dataclass(frozen=True)
class Country:
    """A country with people in both kecamatan."""

    services: Services
    places: Places
    election: str
    people: dict[tuple[str, str], Actor]

    def actor(self, role: Role, tps: str) -> Actor:
        return self.people[(role.value, tps if role == Role.KPPS else tps[: 4 if role == Role.KPU_KOTA else 6])]


def people_of(services: Services, places: Places) -> dict[tuple[str, str], Actor]:
    posts = [(Role.KPPS, tps) for tps in places.tps] + [(Role.KPU_KOTA, places.city)]
    posts += [(role, kecamatan) for kecamatan in places.kecamatan for role in (Role.PPK, Role.PPK_WEB)]
    return {(role.value, scope): Actor(make_account(services, role, scope), role, scope) for role, scope in posts}


def make_country(url: str, folder: Path) -> Country:
    built = build_services(Settings(data_dir=folder, database_url=url, min_free_bytes=0))
    services = Services(built.settings, built.store, built.blobs, built.keys, lambda: datetime(2026, 2, 14, tzinfo=UTC))
    places = small_country(services)
    return Country(services, places, open_election(services), people_of(services, places))


Step = tuple[str, int, str, Any]

values = st.one_of(st.none(), st.integers(0, 320))
steps: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from(
        ["machine", "machine", "state", "confirm", "change", "photo", "withdraw", "open", "finalise", "reopen"]
    ),
    st.integers(0, 5),
    st.sampled_from(FIELDS),
    st.dictionaries(st.sampled_from(FIELDS), st.one_of(values, st.just("unsure")), max_size=len(FIELDS)),
)


def take(country: Country, step: Step) -> None:
    """One act; what the service refuses is refused and must leave no trace."""
    what, k, field, numbers = step
    services, election, tps = country.services, country.election, country.places.tps[k]
    value = next((v for v in numbers.values() if isinstance(v, int)), None)
    claim = Claim(field, "illegible" if value is None else "value", value, reason="uji")
    sayers: dict[str, tuple[Callable[..., Any], Role]] = {
        "state": (state, Role.KPPS), "confirm": (confirm, Role.PPK), "change": (change, Role.PPK_WEB),
    }  # fmt: skip
    try:
        if what == "machine":
            read = {f: number(f, 9, "low_confidence") if v == "unsure" else v for f, v in numbers.items()}
            machine_says(services, election, tps, read)
        elif what in sayers:
            say, role = sayers[what]
            say(services, country.actor(role, tps), election, tps, [claim], unchecked)
        elif what == "photo":
            add_photo(services, election, tps, country.actor(Role.KPPS, tps).account_id)
            redecide(services, election, tps)
        elif what == "withdraw":
            with services.store.write() as session:
                session.execute(update(Photo).where(Photo.tps == tps).values(state="withdrawn"))
            redecide(services, election, tps)
        elif what == "open":
            open_pleno(services, country.actor(Role.PPK, tps), election, tps[:6])
        elif what == "finalise":
            finalise_pleno(services, country.actor(Role.PPK, tps), election, tps[:6], unchecked, "uji")
        else:
            reopen_pleno(services, country.actor(Role.KPU_KOTA, tps), election, tps[:6], unchecked, "uji")
    except ServiceError as refusal:
        if refusal.code not in REFUSALS:
            raise


REFUSALS = {"no_photo_to_confirm", "pleno_not_open", "pleno_finalised", "conflict"}


def redecide(services: Services, election: str, tps: str) -> None:
    with services.store.write() as session:
        apply_station(session, election, tps, services.now())


def check_random_histories(url: Callable[[], str], examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(steps, min_size=1, max_size=25))
    def run(history: list[Step]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            country = make_country(url(), Path(folder))
            try:
                for step in history:
                    take(country, step)
                assert check_recap(country.services, country.election) == ()
                with country.services.store.read() as session:
                    assert verify_database(session).flaws == ()
            finally:
                country.services.store.close()

    run()


def test_sums_follow_random_histories_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    def fresh() -> str:
        copy(sqlite_template, tmp_path / "t.sqlite3")
        return f"sqlite:///{tmp_path / 't.sqlite3'}"

    check_random_histories(fresh, examples=25)


def test_sums_follow_random_histories_on_postgresql(postgres: Callable[[], str]) -> None:
    check_random_histories(postgres, examples=8)


def sums(services: Services) -> list[tuple[Any, ...]]:
    with services.store.read() as session:
        return [tuple(row) for row in session.execute(select(recap_sum).order_by(recap_sum.c.kecamatan))]


def test_a_wrong_sum_and_a_wrong_row_are_found_named_and_put_right(
    services: Services, places: Places, election: str
) -> None:
    for tps in places.tps:
        machine_says(services, election, tps, FULL)
    right = sums(services)
    with services.store.write() as session:
        session.execute(update(recap_sum).where(recap_sum.c.kecamatan == "187101").values(r00=1, tps_read=9))
        session.execute(update(recap).where(recap.c.tps == places.tps[4]).values(v01=7))
    found = check_recap(services, election)
    assert [(d.place, d.what) for d in found] == [
        ("187101", "r00"), ("187101", "tps_read"), (places.tps[4], "values"),
    ]  # fmt: skip
    assert "400 follows from the decisions" in str(found[0])
    assert check_recap(services, election, "187102") == found[2:]
    assert rebuild_recap(services, election) == found
    assert check_recap(services, election) == ()
    assert sums(services) == right
    assert rebuild_recap(services, election) == ()


def test_a_recap_that_was_lost_is_rebuilt_from_the_decisions(services: Services, places: Places, election: str) -> None:
    for tps in places.tps:
        add_photo(services, election, tps)
        machine_says(services, election, tps, FULL)
    right = sums(services)
    with services.store.write() as session:
        session.execute(recap.delete())
        session.execute(recap_sum.delete())
    rebuild_recap(services, election)
    assert sums(services) == right


@pytest.mark.parametrize("across", [False, True], ids=["one-kecamatan", "two-kecamatan"])
def test_people_confirming_at_once_never_wait_in_a_circle_and_lose_nothing(
    services: Services, places: Places, election: str, across: bool
) -> None:
    stations = [places.tps[0], places.tps[4]] if across else [places.tps[0], places.tps[1]]
    people = people_of(services, places)
    for tps in stations:
        add_photo(services, election, tps)
    failures: list[BaseException] = []
    times = 12

    def work(offset: int) -> None:
        try:
            for k in range(times):
                tps = stations[(k + offset) % 2]
                who = people[("ppk", tps[:6])]
                confirm(services, who, election, tps, [Claim(FIELDS[k % 5], "value", k + offset)], unchecked)
                machine_says(services, election, tps, {"paslon_3": k})
        except BaseException as failure:
            failures.append(failure)

    threads = [Thread(target=work, args=(offset,)) for offset in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with services.store.read() as session:
        confirmed = session.scalars(select(Decision.seq).where(Decision.kind == "confirmation")).all()
        assert verify_database(session).flaws == ()
    assert len(confirmed) == 2 * times
    assert check_recap(services, election) == ()


def test_a_rebuild_while_people_confirm_loses_nothing(services: Services, places: Places, election: str) -> None:
    people = people_of(services, places)
    for tps in places.tps:
        add_photo(services, election, tps)
        redecide(services, election, tps)
    failures: list[BaseException] = []

    def confirming() -> None:
        try:
            for k in range(18):
                tps = places.tps[k % 6]
                confirm(services, people[("ppk", tps[:6])], election, tps, [Claim("sah", "value", k)], unchecked)
        except BaseException as failure:
            failures.append(failure)

    thread = Thread(target=confirming)
    thread.start()
    while thread.is_alive():
        assert rebuild_recap(services, election) == ()
    thread.join()
    assert failures == []
    assert check_recap(services, election) == ()
