"""Moving a photo to the page or station it shows, withdrawing it, bringing it back. Every version and reason stays."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

import service.decisions.problems
import service.photos.problems
import service.uploads.problems  # noqa: F401 - all of them register codes
from ocr_pipeline.forms.library import load_form
from service.access import Action, Actor, Role, authorise
from service.audit import Act, append, kecamatan_of
from service.errors import ServiceError
from service.ids import new_id
from service.photos.handwriting import look_for_same
from service.pleno.state import FINALISED, hold_pleno, pleno_state
from service.services import Services
from service.store.photos import Photo, PhotoEvent
from service.store.readings import Reading
from service.store.regions import Election, Tps

CheckRev = Callable[[int], None]
"""Raises when the caller has not seen this version of the photo."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo belongs: station, and page of the form (``None``: the one the reader finds)."""

    tps: str
    page: int | None


@dataclass(frozen=True, slots=True)
class Move:
    """A wish to move a photo. What is not named stays as it is.

    Attributes:
        reason: why, for the history and the audit.
        tps: new station, or ``None`` to leave it.
        page: new page.
        page_given: whether ``page`` is meant; a given ``None`` hands the page back to the reader.
    """

    reason: str
    tps: str | None = None
    page: int | None = None
    page_given: bool = False


def move_photo(services: Services, actor: Actor, photo_id: str, move: Move, check_rev: CheckRev) -> Photo:
    """Moves a photo to another station, another page, or both; both stations are decided again.

    Raises:
        ServiceError: ``not_found``; ``foreign_region`` unless both stations are the actor's; ``unknown_tps``,
            ``unknown_page``, ``nothing_to_change``, ``photo_withdrawn``, ``photo_erased``, ``pleno_finalised``, and
            what ``check_rev`` raises.
    """
    now = services.now()
    with services.store.write() as session:
        photo = _lock(session, actor, photo_id, check_rev)
        if photo.state == "withdrawn":
            raise ServiceError("photo_withdrawn", details={"photo": photo_id})
        before = Place(photo.tps, photo.page)
        after = Place(move.tps or photo.tps, move.page if move.page_given else photo.page)
        authorise(actor, Action.MOVE_PHOTO, after.tps)
        if before == after:
            raise ServiceError("nothing_to_change", details={"photo": photo_id})
        _check_place(session, photo, after)
        _refuse_finalised(session, photo, {before.tps, after.tps})
        photo.tps, photo.page, photo.kecamatan = after.tps, after.page, kecamatan_of(after.tps)
        photo.rev += 1
        session.add(_event(photo, "moved", actor, move.reason, services, before, after))
        details = {
            "tps_before": before.tps,
            "tps_after": after.tps,
            "page_before": before.page,
            "page_after": after.page,
        }
        acts = [
            Act("photo.moved", f"photo:{photo.id}", chain, actor, move.reason, details)
            for chain in sorted({kecamatan_of(before.tps), kecamatan_of(after.tps)})
        ]
        acts += _look_again(session, services, photo)
        _decide_again(session, services, photo)
        append(session, acts, now)
    return photo


def withdraw_photo(services: Services, actor: Actor, photo_id: str, reason: str, check_rev: CheckRev) -> Photo:
    """Takes a photo out of its station's result; the photo, its readings and its receipt stay.

    Raises:
        ServiceError: ``not_found``, ``foreign_region``, ``not_your_photo`` (KPPS), ``nothing_to_change``,
            ``photo_erased``, ``pleno_finalised``, and what ``check_rev`` raises.
    """
    return _set_counting(services, actor, photo_id, reason, check_rev, is_withdrawn=True)


def restore_photo(services: Services, actor: Actor, photo_id: str, reason: str, check_rev: CheckRev) -> Photo:
    """Brings a withdrawn photo back; it is read if it never was, and its station is decided again.

    Raises:
        ServiceError: as :func:`withdraw_photo`.
    """
    return _set_counting(services, actor, photo_id, reason, check_rev, is_withdrawn=False)


def _set_counting(
    services: Services, actor: Actor, photo_id: str, reason: str, check_rev: CheckRev, *, is_withdrawn: bool
) -> Photo:
    now = services.now()
    with services.store.write() as session:
        photo = _lock(session, actor, photo_id, check_rev)
        if actor.role is Role.KPPS and photo.sender_id != actor.account_id:
            raise ServiceError("not_your_photo", details={"photo": photo_id})
        if (photo.state == "withdrawn") == is_withdrawn:
            raise ServiceError("nothing_to_change", details={"photo": photo_id})
        _refuse_finalised(session, photo, {photo.tps})
        photo.state = "withdrawn" if is_withdrawn else _state_by_work(session, photo)
        photo.rev += 1
        place = Place(photo.tps, photo.page)
        kind = "withdrawn" if is_withdrawn else "restored"
        session.add(_event(photo, kind, actor, reason, services, place, place))
        acts = [Act(f"photo.{kind}", f"photo:{photo.id}", kecamatan_of(photo.tps), actor, reason, {"tps": photo.tps})]
        if not is_withdrawn:
            acts += _look_again(session, services, photo)
        _decide_again(session, services, photo)
        append(session, acts, now)
    return photo


def _lock(session: Session, actor: Actor, photo_id: str, check_rev: CheckRev) -> Photo:
    photo = session.get(Photo, photo_id, with_for_update=True)
    if photo is None:
        raise ServiceError("not_found", details={"photo": photo_id})
    authorise(actor, Action.MOVE_PHOTO, photo.tps)
    check_rev(photo.rev)
    if photo.erased_at is not None:
        raise ServiceError("photo_erased", details={"photo": photo_id})
    return photo


def _check_place(session: Session, photo: Photo, place: Place) -> None:
    election = session.get_one(Election, photo.election_id)
    if not place.tps.startswith(election.scope) or session.get(Tps, place.tps) is None:
        raise ServiceError("unknown_tps", details={"tps": place.tps})
    pages = sorted({page.page for form_id in election.forms for page in load_form(form_id).pages})
    if place.page is not None and place.page not in pages:
        raise ServiceError("unknown_page", details={"pages": pages})


def _refuse_finalised(session: Session, photo: Photo, stations: Collection[str]) -> None:
    """What a finalised recap rests on stays where it is, until the KPU of the city reopens it."""
    for kecamatan in sorted({kecamatan_of(tps) for tps in stations}):
        if pleno_state(hold_pleno(session, photo.election_id, kecamatan)) == FINALISED:
            raise ServiceError("pleno_finalised", details={"kecamatan": kecamatan})


def _event(
    photo: Photo, kind: str, actor: Actor, reason: str, services: Services, before: Place, after: Place
) -> PhotoEvent:
    return PhotoEvent(
        id=new_id(),
        photo_id=photo.id,
        kind=kind,
        tps_before=before.tps,
        tps_after=after.tps,
        page_before=before.page,
        page_after=after.page,
        account_id=actor.account_id,
        reason=reason,
        at=services.now(),
    )


def _state_by_work(session: Session, photo: Photo) -> str:
    """The state that a photo had before it was withdrawn, from what was done with it."""
    if session.scalars(select(Reading.id).where(Reading.photo_id == photo.id).limit(1)).first() is not None:
        return "read"
    return "failed" if photo.failure else "received"


def _look_again(session: Session, services: Services, photo: Photo) -> list[Act]:
    """A photo in a new place may be the same sheet as one elsewhere, which it was not where it was."""
    newest = (
        select(Reading.reader_rev)
        .where(Reading.photo_id == photo.id)
        .order_by(Reading.created_at.desc(), Reading.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    readings: Sequence[Reading] = session.scalars(
        select(Reading).where(Reading.photo_id == photo.id, Reading.reader_rev == newest).order_by(Reading.part)
    ).all()
    return [
        act for reading in readings for act in look_for_same(session, services, photo.election_id, photo.tps, reading)
    ]


def _decide_again(session: Session, services: Services, photo: Photo) -> None:
    """Asks for the decision of every station that the photo belongs or ever belonged to."""
    from service.jobs.requests import redecide

    session.flush()
    redecide(session, services, photo)
