"""What the server answers, as plain values. ``raw`` holds the whole answer, also what this version does not know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True, repr=False)
class LoginInfo:
    """A session just opened. Not printed, because ``token`` is a secret."""

    token: str
    expires_at: datetime
    offline_until: datetime | None
    role: str
    scope: str

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """From the answer of ``POST /auth/login`` or ``/auth/activate``."""
        until = raw.get("offline_until")
        return cls(
            token=raw["token"],
            expires_at=datetime.fromisoformat(raw["expires_at"]),
            offline_until=datetime.fromisoformat(until) if until else None,
            role=raw["account"]["role"],
            scope=raw["account"]["scope"],
        )


@dataclass(frozen=True, slots=True)
class NumberInfo:
    """A number as its photo alone shows it. ``p`` is how sure the reader is, 0-1."""

    field: str
    value: int | None
    as_written: str
    p: float
    decision: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhotoInfo:
    """A photo at the server.

    Attributes:
        id: photo.
        election: election.
        tps: station it belongs to now.
        page: page that a person says it is.
        page_read: page that the reader found.
        state: ``received``, ``read``, ``failed``, ``withdrawn``.
        outcome: of the newest reading: ``accepted``, ``review``, ``rejected``.
        reason: code for which the reader refused it.
        advice_id: what to do next, in Indonesian.
        advice_en: the same in English.
        rev: version.
        numbers: as read; empty in lists.
        raw: the whole answer.
    """

    id: str
    election: str
    tps: str
    page: int | None
    page_read: int | None
    state: str
    outcome: str | None
    reason: str | None
    advice_id: str
    advice_en: str
    rev: int
    numbers: tuple[NumberInfo, ...]
    raw: Mapping[str, Any]

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state != "received"

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """From the answer of ``GET /photos/{id}`` or an item of ``GET /photos``."""
        reason = raw.get("reason") or raw.get("failure")
        return cls(
            id=raw["id"],
            election=raw["election"],
            tps=raw["tps"],
            page=raw["page"],
            page_read=raw["page_read"],
            state=raw["state"],
            outcome=raw["outcome"],
            reason=reason["code"] if reason else None,
            advice_id=raw["advice"]["id"],
            advice_en=raw["advice"]["en"],
            rev=raw["rev"],
            numbers=tuple(
                NumberInfo(n["field"], n["value"], n["as_written"], n["p"], n["decision"], tuple(n["why"]))
                for n in raw.get("numbers", [])
            ),
            raw=raw,
        )
