"""Who may do what, and where: the one place that decides. Nothing is allowed that is not in this table.

A person has one role and one scope, a prefix of region codes. An act is allowed when the role has it and the region
it touches lies within the scope. Source of the roles: PKPU 19/2020 article 15A and Keputusan KPU 597/2020;
docs/accounts.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from service.errors import ServiceError


class Role(StrEnum):
    """Roles, by the length of their scope's prefix from the bottom up."""

    KPPS = "kpps"
    PPS = "pps"
    PPK = "ppk"
    PPK_MOBILE = "ppk_mobile"
    PPK_WEB = "ppk_web"
    KPU_KOTA = "kpu_kota"
    KPU_PROVINSI = "kpu_provinsi"
    KPU_RI = "kpu_ri"
    SAKSI = "saksi"
    PENGAWAS = "pengawas"
    ADMIN = "admin"


class Action(StrEnum):
    """Acts that are allowed or not; each route names one."""

    OWN_ACCOUNT = "own_account"  # see and end one's own sessions, change one's password
    SEE_RECAP = "see_recap"  # regions, elections, totals, numbers, verdicts
    SEE_PHOTO = "see_photo"  # the picture as shown, its reading and history
    SEE_ORIGINAL = "see_original"  # the file as sent, with its metadata: for the audit
    UPLOAD = "upload"  # send a photo for a station
    MOVE_PHOTO = "move_photo"  # another page or station, withdraw, restore
    STATE = "state"  # KPPS: say what its own form says
    CONFIRM = "confirm"  # say what the photo shows, before and after the pleno too
    CHANGE = "change"  # change a station's result, only while the pleno is open
    CLEAR_ALARM = "clear_alarm"
    PLENO = "pleno"  # open and finalise the meeting
    REOPEN_PLENO = "reopen_pleno"
    REPROCESS = "reprocess"
    SEE_AUDIT = "see_audit"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_ELECTIONS = "manage_elections"
    OPERATE = "operate"  # metrics, queue, retention


_SEE = frozenset({Action.OWN_ACCOUNT, Action.SEE_RECAP})
_LOOK = _SEE | {Action.SEE_PHOTO}
_KPU = _LOOK | {Action.SEE_ORIGINAL, Action.SEE_AUDIT, Action.REPROCESS, Action.CLEAR_ALARM, Action.MANAGE_ACCOUNTS}

GRANTS: Mapping[Role, frozenset[Action]] = MappingProxyType(
    {
        Role.KPPS: _LOOK | {Action.UPLOAD, Action.MOVE_PHOTO, Action.STATE},
        Role.PPS: _LOOK,
        Role.PPK: _LOOK
        | {
            Action.UPLOAD,
            Action.MOVE_PHOTO,
            Action.CONFIRM,
            Action.CLEAR_ALARM,
            Action.PLENO,
            Action.REPROCESS,
            Action.SEE_AUDIT,
            Action.MANAGE_ACCOUNTS,
        },
        Role.PPK_MOBILE: _LOOK | {Action.UPLOAD, Action.MOVE_PHOTO},
        Role.PPK_WEB: _LOOK | {Action.CONFIRM, Action.CHANGE, Action.MOVE_PHOTO, Action.CLEAR_ALARM, Action.SEE_AUDIT},
        Role.KPU_KOTA: _KPU | {Action.REOPEN_PLENO},
        Role.KPU_PROVINSI: _KPU,
        Role.KPU_RI: _KPU | {Action.MANAGE_ELECTIONS},
        Role.SAKSI: _LOOK,
        Role.PENGAWAS: _LOOK | {Action.SEE_AUDIT},
        Role.ADMIN: _SEE
        | {Action.SEE_AUDIT, Action.MANAGE_ACCOUNTS, Action.MANAGE_ELECTIONS, Action.OPERATE, Action.REPROCESS},
    }
)
"""What each role may do within its scope. The administrator runs the machine and touches no result."""

SCOPE_LENGTHS: Mapping[Role, frozenset[int]] = MappingProxyType(
    {
        Role.KPPS: frozenset({13}),
        Role.PPS: frozenset({10}),
        Role.PPK: frozenset({6}),
        Role.PPK_MOBILE: frozenset({6}),
        Role.PPK_WEB: frozenset({6}),
        Role.KPU_KOTA: frozenset({4}),
        Role.KPU_PROVINSI: frozenset({2}),
        Role.KPU_RI: frozenset({0}),
        Role.SAKSI: frozenset({0, 2, 4, 6, 10, 13}),
        Role.PENGAWAS: frozenset({0, 2, 4, 6, 10, 13}),
        Role.ADMIN: frozenset({0}),
    }
)
"""How many digits the scope of a role has."""

GRACE_ACTIONS = frozenset({Action.UPLOAD, Action.OWN_ACCOUNT})
"""What a device may still do in the hours after its token ended: deliver what it photographed without a network."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking.

    Attributes:
        account_id: account.
        role: its role.
        scope: region-code prefix it may touch.
        session_id: the session or device token used; ``None`` for the command line on the server itself.
        origin: network address it came from, for the audit.
        in_grace: its token has ended and it is in the hours of grace.
    """

    account_id: str
    role: Role
    scope: str
    session_id: str | None = None
    origin: str | None = None
    in_grace: bool = False


def may(actor: Actor, action: Action, region: str | None = None) -> bool:
    """Whether the actor may do this in that region (``None``: the act touches none, or only the actor's own)."""
    if action not in GRANTS[actor.role] or (actor.in_grace and action not in GRACE_ACTIONS):
        return False
    return region is None or region.startswith(actor.scope)


def authorise(actor: Actor, action: Action, region: str | None = None) -> None:
    """Lets the act pass or refuses it.

    Raises:
        ServiceError: ``session_ended`` in the hours of grace for anything but delivering photos, ``forbidden`` when the
            role may not do this anywhere, ``foreign_region`` when it may, but not there.
    """
    if actor.in_grace and action not in GRACE_ACTIONS:
        raise ServiceError("session_ended")
    if action not in GRANTS[actor.role]:
        raise ServiceError("forbidden", details={"role": actor.role.value, "action": action.value})
    if region is not None and not region.startswith(actor.scope):
        raise ServiceError("foreign_region", details={"region": region})
