"""Alarms: things a person should look at. Raising one twice is no error, and clearing one keeps it on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

import service.photos.problems  # noqa: F401 - registers the codes
from service.access import Action, Actor, authorise
from service.audit import Act, append, kecamatan_of
from service.errors import ServiceError
from service.ids import new_id
from service.report.words import Words
from service.services import Services
from service.store.insert import insert_for
from service.store.photos import Alarm

KINDS: Mapping[str, Words] = MappingProxyType(
    {
        "same_photo": Words(
            "Berkas foto yang sama dikirim untuk dua TPS. Periksa mana yang benar.",
            "The same photo file was sent for two polling stations. Check which one is right.",
        ),
        "same_handwriting": Words(
            "Lembar yang tampak sama ada di dua TPS. Bandingkan kedua foto, lalu pindahkan yang salah tempat.",
            "What looks like the same sheet is under two polling stations. Compare both photos and move the wrong one.",
        ),
        "page_mismatch": Words(
            "Halaman yang dibaca lain dari yang disebut pengirim. Periksa halamannya.",
            "The page that was read is not the one the sender named. Check the page.",
        ),
        "machine_differs": Words(
            "Pembacaan baru berbeda dari angka yang sudah ditetapkan orang. Angka orang tetap berlaku; bandingkan.",
            "A new reading differs from a number that a person confirmed. The person's number stands; compare them.",
        ),
        "statement_differs": Words(
            "KPPS menyatakan angka lain dari yang sudah ditetapkan. Angka yang ditetapkan tetap berlaku; bandingkan.",
            "The KPPS states another number than the one confirmed. The confirmed number stands; compare them.",
        ),
        "confirmed_unseen": Words(
            "Angka yang sudah ditetapkan orang tidak tampak lagi di foto TPS ini: fotonya dipindahkan atau ditarik. "
            "Angka itu tetap berlaku; periksa apakah memang milik TPS ini.",
            "Numbers that a person confirmed are on no photo of this station any more: it was moved or withdrawn. "
            "They stand; check that they are this station's.",
        ),
        "reading_damaged": Words(
            "Satu hasil baca yang tersimpan rusak dan tidak dihitung. Angka halaman itu menunggu orang; lihat fotonya "
            "dan laporkan ke pengelola server.",
            "A stored reading is damaged and does not count. The numbers of its page wait for a person; look at the "
            "photo, and tell whoever runs the server.",
        ),
        "reading_held": Words(
            "Ada pembacaan baru setelah pleno ditetapkan. Dicatat, tidak dihitung; laporkan ke KPU kabupaten/kota.",
            "A new reading came after the pleno was finalised. It is kept and not counted; tell the KPU of the city.",
        ),
    }
)
"""What each kind of alarm asks of the person who sees it."""

_UNKNOWN = Words("Ada hal yang perlu dilihat orang.", "There is something a person should look at.")


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms to list.

    Attributes:
        region: region-code prefix that one of the alarm's stations lies in.
        election_id: one election, or all.
        kind: one kind, or all.
        is_open: only open (True) or only cleared ones (False); ``None``: both.
    """

    region: str
    election_id: str | None = None
    kind: str | None = None
    is_open: bool | None = None


def words_of(kind: str) -> Words:
    """What an alarm of this kind asks for."""
    return KINDS.get(kind, _UNKNOWN)


def raise_alarm(
    session: Session,
    kind: str,
    key: str,
    election_id: str,
    tps: str,
    details: Mapping[str, Any],
    now: datetime,
    tps_other: str | None = None,
) -> list[Act]:
    """Raises an alarm unless this fact already has one, also a cleared one.

    Args:
        session: an open write transaction.
        kind: one of :data:`KINDS`.
        key: names the fact, at most 160 characters: ``same_photo:<id>:<id>`` with the ids sorted.
        election_id: election.
        tps: station that it concerns.
        details: plain JSON values; ids and numbers only.
        now: server time.
        tps_other: second station, when the alarm is about two.

    Returns:
        Audit acts for the caller to append last, one a kecamatan; none when the alarm was there already.
    """
    row = {
        "id": new_id(),
        "key": key,
        "kind": kind,
        "election_id": election_id,
        "tps": tps,
        "tps_other": tps_other,
        "details": dict(details),
        "raised_at": now,
    }
    made = session.scalars(
        insert_for(session, Alarm).values(row).on_conflict_do_nothing(index_elements=["key"]).returning(Alarm.id)
    ).all()
    return [act for alarm_id in made for act in _acts("alarm.raised", alarm_id, kind, tps, tps_other, None, None)]


def list_alarms(session: Session, wanted: AlarmFilter, after: str | None, limit: int) -> Sequence[Alarm]:
    """Alarms, newest first.

    Args:
        session: a session.
        wanted: which.
        after: id of the last alarm of the page before.
        limit: how many at most.
    """
    query: Select[Alarm] = select(Alarm).order_by(Alarm.id.desc()).limit(limit)
    if wanted.region:
        query = query.where(or_(below(Alarm.tps, wanted.region), below(Alarm.tps_other, wanted.region)))
    if wanted.election_id is not None:
        query = query.where(Alarm.election_id == wanted.election_id)
    if wanted.kind is not None:
        query = query.where(Alarm.kind == wanted.kind)
    if wanted.is_open is not None:
        query = query.where(Alarm.cleared_at.is_(None) if wanted.is_open else Alarm.cleared_at.is_not(None))
    if after is not None:
        query = query.where(Alarm.id < after)
    return session.scalars(query).all()


def clear_alarm(services: Services, actor: Actor, alarm_id: str, reason: str) -> Alarm:
    """Says that a person has looked, and why the alarm is settled.

    An alarm about two stations is cleared only by somebody responsible for both: a PPK cannot settle alone what
    concerns its neighbour.

    Raises:
        ServiceError: ``not_found``, ``foreign_region``, ``alarm_cleared``.
    """
    now = services.now()
    with services.store.write() as session:
        alarm = session.scalars(select(Alarm).where(Alarm.id == alarm_id).with_for_update()).one_or_none()
        if alarm is None:
            raise ServiceError("not_found", details={"alarm": alarm_id})
        for tps in filter(None, (alarm.tps, alarm.tps_other)):
            authorise(actor, Action.CLEAR_ALARM, tps)
        if alarm.cleared_at is not None:
            raise ServiceError("alarm_cleared", details={"alarm": alarm_id})
        alarm.cleared_at, alarm.cleared_by, alarm.reason = now, actor.account_id, reason
        append(session, _acts("alarm.cleared", alarm.id, alarm.kind, alarm.tps, alarm.tps_other, actor, reason), now)
    return alarm


def below(column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], prefix: str) -> ColumnElement[bool]:
    """Whether a region code begins with the prefix, as a range that an index serves."""
    return and_(column >= prefix, column < prefix + ":")


def _acts(
    action: str, alarm_id: str, kind: str, tps: str, tps_other: str | None, actor: Actor | None, why: str | None
) -> list[Act]:
    places = [tps] if tps_other is None else sorted((tps, tps_other))
    chains = sorted({kecamatan_of(place) for place in places})
    details = {"kind": kind, "tps": places}
    return [Act(action, f"alarm:{alarm_id}", chain, actor, why, details) for chain in chains]
