"""What must hold before a byte of a photo is read; the same for every way in."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from ocr_pipeline.errors import UnknownFormError
from ocr_pipeline.forms.library import load_form
from service.access import Action, Actor, Role, authorise
from service.elections.manage import accepts_photos
from service.errors import ServiceError
from service.services import Services
from service.store.photos import Photo, Receipt
from service.store.regions import Election, Tps
from service.uploads.claims import Claim

CLOCK_AHEAD: Final = timedelta(minutes=10)
CLOCK_BEHIND: Final = timedelta(days=30)
ON_BEHALF: Final = frozenset({Role.PPK, Role.PPK_MOBILE})
"""Roles that send for a station that is not their own; recorded as such (Keputusan KPU 597/2020)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo belongs: an open election and a station of it."""

    election_id: str
    tps: str
    kecamatan: str


def check_claim(services: Services, actor: Actor, claim: Claim, size_bytes: int | None) -> Place:
    """Checks who sends what for where.

    Args:
        services: the process's services.
        actor: who sends.
        claim: what the sender says.
        size_bytes: size announced; ``None`` where the client does not know it.

    Raises:
        ServiceError: ``foreign_region``, ``forbidden``, ``photo_too_large``, ``unknown_election``, ``unknown_tps``,
            ``election_closed``, ``unknown_page``, ``unknown_replaced``, ``not_yours_to_replace``, ``too_many_photos``,
            ``disk_full``.
    """
    authorise(actor, Action.UPLOAD, claim.tps)
    with services.store.read() as session:
        return _check(session, services, actor, claim, size_bytes, _look_up(session, actor, claim))


def check_unless_known(
    services: Services, actor: Actor, claim: Claim, size_bytes: int | None
) -> tuple[Receipt | None, Place | None]:
    """The receipt that this account has for the photo, else :func:`check_claim`: one of the two is there.

    What was received once is answered again whatever has happened since, also after the election has closed. One
    query that looks up the same indexes either way, so that neither answer nor time tells whether anybody else sent it.
    """
    authorise(actor, Action.UPLOAD, claim.tps)
    with services.store.read() as session:
        row = _look_up(session, actor, claim)
        if row.Receipt is not None:
            return row.Receipt, None
        return None, _check(session, services, actor, claim, size_bytes, row)


def _check(session: Session, services: Services, actor: Actor, claim: Claim, size_bytes: int | None, row: Any) -> Place:
    check_size(services, size_bytes)
    if row.kecamatan is None or not claim.tps.startswith(row.scope):
        raise ServiceError("unknown_tps", details={"tps": claim.tps})
    if claim.replaces is not None:
        _check_replaced(session, actor, claim, claim.replaces)
    if not accepts_photos(row, services.now()):
        raise ServiceError("election_closed")
    if claim.page is not None:
        _check_page(claim.page, tuple(row.forms))
    if row.sent >= services.settings.max_photos_per_station:
        raise ServiceError("too_many_photos", details={"limit": services.settings.max_photos_per_station})
    check_room(services, size_bytes or 0)
    return Place(claim.election, claim.tps, row.kecamatan)


def check_size(services: Services, size_bytes: int | None) -> None:
    """Refuses a file over the limit, or empty.

    Raises:
        ServiceError: ``photo_too_large`` or ``not_a_photo``.
    """
    limit = services.settings.max_photo_bytes
    if size_bytes is not None and size_bytes > limit:
        raise ServiceError("photo_too_large", details={"limit_bytes": limit})
    if size_bytes == 0:
        raise ServiceError("not_a_photo", details={"cause": "empty"})


def check_room(services: Services, size_bytes: int) -> None:
    """Refuses what would fill the disk: the room kept free is for finishing what has begun.

    Raises:
        ServiceError: ``disk_full``, ``storage_away``.
    """
    kept_free = services.settings.min_free_bytes
    rooms = (_free_bytes(services.settings.data_dir), services.blobs.free_bytes())
    if any(room is not None and room < size_bytes + kept_free for room in rooms):
        raise ServiceError("disk_full")


def warnings_of(claim: Claim, now: datetime) -> list[dict[str, Any]]:
    """What is odd about a claim, though no reason to refuse a photo: ``clock_off``."""
    taken_at = claim.captured_at
    if taken_at is None or now - CLOCK_BEHIND <= taken_at <= now + CLOCK_AHEAD:
        return []
    return [{"code": "clock_off", "captured_at": taken_at.isoformat(timespec="seconds")}]


def is_on_behalf(actor: Actor) -> bool:
    """Whether the actor sends for a station that is not its own."""
    return actor.role in ON_BEHALF


def _look_up(session: Session, actor: Actor, claim: Claim) -> Any:
    """The election, the station's kecamatan, how many photos of it the actor sent, and its receipt for this one."""
    election, tps, photo = Election.__table__.c, Tps.__table__.c, Photo.__table__.c
    photo_id = (
        select(photo.id)
        .where(photo.election_id == claim.election, photo.tps_sent == claim.tps, photo.sha256 == (claim.sha256 or ""))
        .scalar_subquery()
    )
    own = and_(Receipt.photo_id == func.coalesce(photo_id, ""), Receipt.account_id == actor.account_id)
    sent = (
        select(func.count())
        .where(
            photo.election_id == claim.election,
            photo.tps_sent == claim.tps,
            photo.sender_id == actor.account_id,
        )
        .scalar_subquery()
    )
    row = session.execute(
        select(
            sent.label("sent"),
            election.state,
            election.opens_at,
            election.closes_at,
            election.scope,
            election.forms,
            tps.kecamatan,
            Receipt,
        )
        .select_from(Election.__table__)
        .outerjoin(Tps.__table__, tps.code == claim.tps)
        .outerjoin(Receipt, own)
        .where(election.id == claim.election)
    ).one_or_none()
    if row is None:
        raise ServiceError("unknown_election")
    return row


def _check_page(page: int, forms: tuple[str, ...]) -> None:
    pages = _pages_of(forms)
    if pages and page not in pages:
        raise ServiceError("unknown_page", details={"pages": sorted(pages)})


@lru_cache(maxsize=64)
def _pages_of(forms: tuple[str, ...]) -> frozenset[int]:
    try:
        return frozenset(page.page for form in forms for page in load_form(form).pages)
    except UnknownFormError:
        return frozenset()  # a form of another version of the library: the reader will say


def _check_replaced(session: Session, actor: Actor, claim: Claim, photo_id: str) -> None:
    """A KPPS replaces only what the KPPS of this station sent: a retake takes a photo out of the station's result."""
    found = session.execute(
        select(Photo.tps_sent, Photo.on_behalf).where(
            Photo.id == photo_id, Photo.election_id == claim.election, Photo.tps == claim.tps
        )
    ).one_or_none()
    if found is None:
        raise ServiceError("unknown_replaced")
    if not is_on_behalf(actor) and (found.on_behalf or found.tps_sent != claim.tps):
        raise ServiceError("not_yours_to_replace", details={"photo": photo_id})


def _free_bytes(folder: Path) -> int:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free
