"""What the machine read, recorded: only what is new, and the recap moves with it."""

from collections.abc import Mapping

from sqlalchemy import func, select

from service.access import Role
from service.ids import new_id
from service.recap.apply import apply_station
from service.recap.arrivals import mark_arrivals
from service.services import Services
from service.store.audit import AuditEvent
from service.store.photos import Alarm, Photo
from service.store.readings import Decision
from service.store.recap import recap, recap_sum
from tests.service.people import make_account
from tests.service.places import Places
from tests.service.sayings import FULL, add_photo, machine_says, number


def sums(services: Services, election: str, kecamatan: str) -> Mapping[str, int]:
    with services.store.read() as session:
        row = session.execute(
            select(recap_sum).where(recap_sum.c.election_id == election, recap_sum.c.kecamatan == kecamatan)
        ).one()
        return dict(row._mapping)


def decisions(services: Services, election: str, tps: str) -> list[Decision]:
    with services.store.read() as session:
        query = select(Decision).where(Decision.election_id == election, Decision.tps == tps).order_by(Decision.seq)
        return list(session.scalars(query))


def confirm_by_hand(services: Services, election: str, tps: str, field: str, value: int) -> None:
    """A confirmation straight into the table, for what comes after it."""
    account = make_account(services, Role.PPK, tps[:6])
    with services.store.write() as session:
        last = session.scalar(select(func.max(Decision.seq)).where(Decision.tps == tps)) or 0
        session.add(
            Decision(
                id=new_id(), election_id=election, tps=tps, seq=last + 1, field=field, kind="confirmation",
                outcome="accepted", value=value, why=[], account_id=account, role="ppk", at=services.now(),
            )
        )  # fmt: skip
        apply_station(session, election, tps, services.now())


def test_a_full_reading_moves_the_sums(services: Services, places: Places, election: str) -> None:
    add_photo(services, election, places.tps[0])
    machine_says(services, election, places.tps[0], FULL)
    row = sums(services, election, places.kecamatan[0])
    assert (row["r00"], row["r01"], row["r02"], row["f00"]) == (100, 60, 40, 0)
    assert (row["tps_seen"], row["tps_read"], row["tps_review"], row["tps_verified"]) == (1, 1, 0, 0)
    assert row["tps_anomaly"] == 0


def test_the_same_reading_again_writes_nothing(services: Services, places: Places, election: str) -> None:
    machine_says(services, election, places.tps[0], FULL)
    before = decisions(services, election, places.tps[0])
    assert machine_says(services, election, places.tps[0], FULL) == ()
    assert len(decisions(services, election, places.tps[0])) == len(before) == len(FULL)


def test_a_better_reading_writes_only_what_differs(services: Services, places: Places, election: str) -> None:
    tps = places.tps[0]
    machine_says(services, election, tps, {**FULL, "paslon_1": number("paslon_1", 700, "low_confidence")})
    row = sums(services, election, places.kecamatan[0])
    assert (row["r00"], row["tps_review"], row["tps_read"]) == (0, 1, 0)
    changes = machine_says(services, election, tps, FULL)
    assert [(c.field, c.before.value, c.after.value) for c in changes] == [("paslon_1", None, 100)]
    assert [d.field for d in decisions(services, election, tps)[len(FULL) :]] == ["paslon_1"]
    row = sums(services, election, places.kecamatan[0])
    assert (row["r00"], row["tps_review"], row["tps_read"]) == (100, 0, 1)


def test_a_number_that_no_photo_shows_any_more_leaves_the_sums(
    services: Services, places: Places, election: str
) -> None:
    tps = places.tps[0]
    machine_says(services, election, tps, FULL)
    machine_says(services, election, tps, {})
    row = sums(services, election, places.kecamatan[0])
    assert (row["r00"], row["tps_read"]) == (0, 0)
    machine_says(services, election, tps, FULL)  # the photo was restored
    assert sums(services, election, places.kecamatan[0])["r00"] == 100


def test_an_empty_row_of_boxes_is_known_and_adds_nothing(services: Services, places: Places, election: str) -> None:
    machine_says(services, election, places.tps[0], {**FULL, "disabilitas_l": None})
    assert sums(services, election, places.kecamatan[0])["tps_read"] == 1
    blank = next(d for d in decisions(services, election, places.tps[0]) if d.field == "disabilitas_l")
    assert (blank.outcome, blank.value) == ("blank", None)


def test_a_reading_that_differs_from_a_person_is_kept_raises_one_alarm_and_changes_nothing(
    services: Services, places: Places, election: str
) -> None:
    tps = places.tps[0]
    machine_says(services, election, tps, {**FULL, "paslon_1": number("paslon_1", 700, "low_confidence")})
    confirm_by_hand(services, election, tps, "paslon_1", 100)
    for value in (109, 100, 109):
        machine_says(services, election, tps, {**FULL, "paslon_1": value})
    with services.store.read() as session:
        alarms = session.scalars(select(Alarm)).all()
    assert [(a.kind, a.details["machine"], a.details["person"]) for a in alarms] == [("machine_differs", 109, 100)]
    row = sums(services, election, places.kecamatan[0])
    assert (row["r00"], row["f00"]) == (100, 100)
    assert decisions(services, election, tps)[-1].value == 109


def test_confirmed_numbers_whose_photo_went_elsewhere_stand_and_raise_an_alarm(
    services: Services, places: Places, election: str
) -> None:
    tps = places.tps[0]
    machine_says(services, election, tps, FULL)
    confirm_by_hand(services, election, tps, "paslon_1", 100)
    machine_says(services, election, tps, {})  # the photo was moved to another station
    with services.store.read() as session:
        alarms = session.scalars(select(Alarm)).all()
    assert [(a.kind, a.tps, a.details["fields"]) for a in alarms] == [("confirmed_unseen", tps, ["paslon_1"])]
    row = sums(services, election, places.kecamatan[0])
    assert (row["r00"], row["f00"], row["r01"]) == (100, 100, 0)


def test_a_number_in_review_never_counts_even_with_a_best_guess(
    services: Services, places: Places, election: str
) -> None:
    tps = places.tps[0]
    machine_says(services, election, tps, {"paslon_1": number("paslon_1", 100, "channels_disagree")})
    with services.store.read() as session:
        row = session.execute(select(recap).where(recap.c.tps == tps)).one()._mapping
    assert (row["v00"], row["review"] & 1, row["known"] & 1) == (None, 1, 0)
    assert row["verdict"] == "reading_uncertain"


def test_an_anomaly_is_counted_while_it_lasts(services: Services, places: Places, election: str) -> None:
    tps = places.tps[0]
    machine_says(services, election, tps, {**FULL, "sah": 201})
    assert sums(services, election, places.kecamatan[0])["tps_anomaly"] == 1
    machine_says(services, election, tps, FULL)
    assert sums(services, election, places.kecamatan[0])["tps_anomaly"] == 0


def test_a_station_is_seen_from_its_first_photo_until_the_last_is_withdrawn(
    services: Services, places: Places, election: str
) -> None:
    tps = places.tps[0]
    photo = add_photo(services, election, tps)
    for _ in range(2):
        mark_arrivals(services)
    assert sums(services, election, places.kecamatan[0])["tps_seen"] == 1
    with services.store.write() as session:
        found = session.get(Photo, photo)
        assert found is not None
        found.state = "withdrawn"
        apply_station(session, election, tps, services.now())
    assert sums(services, election, places.kecamatan[0])["tps_seen"] == 0


def test_each_reading_that_says_something_new_is_one_event_of_the_kecamatan(
    services: Services, places: Places, election: str
) -> None:
    for _ in range(2):
        machine_says(services, election, places.tps[0], FULL)
    machine_says(services, election, places.tps[4], FULL)
    with services.store.read() as session:
        query = select(AuditEvent.chain, AuditEvent.action).where(AuditEvent.subject.startswith("tps:"))
        found = [tuple(row) for row in session.execute(query.order_by(AuditEvent.chain))]
    assert found == [("187101", "numbers.read"), ("187102", "numbers.read")]
