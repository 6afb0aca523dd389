"""Elections: what is refused, what may change when, and what the audit trail keeps."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from service.elections.draft import CandidateDraft, ElectionDraft, problems_of, recap_fields_of
from service.elections.manage import (
    accepts_photos,
    close_election,
    create_election,
    edit_election,
    find_election,
    list_elections,
    view_election,
)
from service.elections.manage import open_election as open_it
from service.errors import ServiceError
from service.services import Services
from service.store.audit import AuditEvent
from tests.service.places import FORM, open_election, small_country

DRAFT = ElectionDraft(
    id="ppwp-2024",
    name="Presiden 2024",
    forms=(FORM,),
    scope="1871",
    candidates=tuple(CandidateDraft(n, f"Pasangan {n}") for n in (1, 2, 3)),
)


def unchecked(_rev: int) -> None:
    """Whatever version is there."""


def test_the_recap_adds_up_candidates_first_and_then_everything_else() -> None:
    fields = recap_fields_of(DRAFT)
    assert fields[:3] == ["paslon_1", "paslon_2", "paslon_3"]
    assert len(fields) == len(set(fields)) == 28


def test_a_new_election_is_a_draft_and_takes_no_photos(services: Services) -> None:
    small_country(services)
    view = create_election(services, DRAFT)
    assert view.election.state == "draft"
    assert [(c.number, c.field) for c in view.candidates] == [(1, "paslon_1"), (2, "paslon_2"), (3, "paslon_3")]
    assert not accepts_photos(view.election, services.now())


def test_photos_are_taken_from_opening_to_closing_and_within_its_times(services: Services) -> None:
    small_country(services)
    opens, closes = datetime(2026, 2, 14, 7, tzinfo=UTC), datetime(2026, 2, 20, tzinfo=UTC)
    create_election(services, replace(DRAFT, opens_at=opens, closes_at=closes))
    election = open_it(services, DRAFT.id).election
    assert accepts_photos(election, opens)
    assert not accepts_photos(election, closes)
    assert not accepts_photos(election, datetime(2026, 2, 14, 6, 59, tzinfo=UTC))
    assert election.erase_after is not None
    assert (election.erase_after - closes).days == 365
    closed = close_election(services, DRAFT.id).election
    assert not accepts_photos(closed, opens)
    assert accepts_photos(open_it(services, DRAFT.id).election, opens)


def test_a_draft_cannot_be_closed_and_an_unknown_one_not_opened(services: Services) -> None:
    small_country(services)
    create_election(services, DRAFT)
    with pytest.raises(ServiceError, match="conflict"):
        close_election(services, DRAFT.id)
    with pytest.raises(ServiceError, match="unknown_election"):
        open_it(services, "nothing")


def test_the_same_id_twice_is_refused(services: Services) -> None:
    small_country(services)
    create_election(services, DRAFT)
    with pytest.raises(ServiceError, match="election_exists"):
        create_election(services, DRAFT)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"id": "Not A Slug"}, "id"),
        ({"id": "-x"}, "id"),
        ({"name": "  "}, "name"),
        ({"scope": "1871011001"}, "scope"),
        ({"scope": "18x1"}, "scope"),
        ({"forms": ("no-such-form",)}, "forms"),
        ({"forms": ()}, "forms"),
        ({"limits": {"voters": 300}}, "limits.voters"),
        ({"limits": {"tps_max_voters": 0}}, "limits.tps_max_voters"),
        ({"candidates": (CandidateDraft(4, "X"),)}, "candidates.4"),
        ({"candidates": (CandidateDraft(1, ""),)}, "candidates.1"),
        ({"candidates": (CandidateDraft(1, "A"), CandidateDraft(1, "B", "paslon_2"))}, "candidates"),
        ({"candidates": (CandidateDraft(1, "A"), CandidateDraft(2, "B", "paslon_1"))}, "candidates"),
        ({"recap_fields": ("paslon_1",)}, "recap_fields"),
        ({"recap_fields": ("paslon_1", "paslon_2", "paslon_3", "nothing")}, "recap_fields"),
        ({"opens_at": datetime(2026, 2, 14)}, "opens_at"),
        (
            {"opens_at": datetime(2026, 2, 15, tzinfo=UTC), "closes_at": datetime(2026, 2, 14, tzinfo=UTC)},
            "closes_at",
        ),
    ],
)
def test_everything_wrong_is_named(change: dict[str, Any], where: str) -> None:
    assert problems_of(DRAFT) == []
    assert where in [problem["field"] for problem in problems_of(replace(DRAFT, **change))]


def test_an_unknown_region_is_refused(services: Services) -> None:
    with pytest.raises(ServiceError) as caught:
        create_election(services, DRAFT)
    assert caught.value.code == "bad_election"
    assert caught.value.details["problems"][0]["field"] == "scope"


def test_a_draft_changes_freely_and_its_recap_follows(services: Services) -> None:
    small_country(services)
    create_election(services, DRAFT)
    only = (CandidateDraft(2, "Satu-satunya"),)
    view = edit_election(services, DRAFT.id, {"candidates": only, "scope": "187101"}, unchecked)
    assert [c.name for c in view.candidates] == ["Satu-satunya"]
    assert view.election.recap_fields[0] == "paslon_2"
    assert view.election.rev == 2


def test_after_opening_only_name_limits_and_times_change(services: Services) -> None:
    small_country(services)
    election_id = open_election(services)
    edited = edit_election(services, election_id, {"name": "Baru", "limits": {"tps_max_voters": 500}}, unchecked)
    assert (edited.election.name, edited.election.limits) == ("Baru", {"tps_max_voters": 500})
    for change in ({"scope": "18"}, {"candidates": ()}, {"forms": (FORM,)}, {"recap_fields": None}):
        with pytest.raises(ServiceError, match="election_in_use"):
            edit_election(services, election_id, change, unchecked)


def test_a_change_made_while_looking_at_an_older_version_is_refused(services: Services) -> None:
    small_country(services)
    election_id = open_election(services)

    def stale(rev: int) -> None:
        raise ServiceError("changed_meanwhile", details={"rev": rev})

    with pytest.raises(ServiceError, match="changed_meanwhile"):
        edit_election(services, election_id, {"name": "Baru"}, stale)
    with services.store.read() as session:
        assert find_election(session, election_id).name != "Baru"


def test_the_trail_has_each_act_and_no_candidates_name(services: Services) -> None:
    small_country(services)
    election_id = open_election(services)
    open_it(services, election_id)  # once more: no second event
    edit_election(services, election_id, {"name": "Baru"}, unchecked)
    close_election(services, election_id)
    with services.store.read() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.subject == f"election:{election_id}").order_by(AuditEvent.seq)
        ).all()
    assert [event.action for event in events] == [
        "election.created", "election.opened", "election.edited", "election.closed",
    ]  # fmt: skip
    assert "Pasangan" not in "".join(event.body for event in events)
    assert json.loads(events[2].body)["details"]["changed"] == ["name"]


def test_elections_are_listed_page_by_page(services: Services) -> None:
    small_country(services)
    for n in range(3):
        create_election(services, replace(DRAFT, id=f"e-{n}"))
    with services.store.read() as session:
        assert [e.id for e in list_elections(session, None, 2)] == ["e-0", "e-1"]
        assert [e.id for e in list_elections(session, "e-1", 2)] == ["e-2"]
        assert view_election(session, "e-2").candidates[0].number == 1
