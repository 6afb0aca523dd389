"""Which accounts a role may make and manage: only roles of this table, only in its own region."""

from collections.abc import Mapping
from types import MappingProxyType

from service.access import SCOPE_LENGTHS, Action, Actor, Role, authorise
from service.accounts import problems as problems
from service.errors import ServiceError
from service.store.accounts import Account

_IN_KECAMATAN = frozenset({Role.KPPS, Role.PPS, Role.PPK_MOBILE, Role.PPK_WEB, Role.SAKSI, Role.PENGAWAS})
_IN_KOTA = _IN_KECAMATAN | {Role.PPK}
_IN_PROVINSI = _IN_KOTA | {Role.KPU_KOTA}

MANAGES: Mapping[Role, frozenset[Role]] = MappingProxyType(
    {
        Role.PPK: _IN_KECAMATAN,
        Role.KPU_KOTA: _IN_KOTA,
        Role.KPU_PROVINSI: _IN_PROVINSI,
        Role.KPU_RI: frozenset(Role),
        Role.ADMIN: frozenset(Role),
    }
)
"""Source: the chain in which the KPU appoints its bodies (UU 7/2017); a role that is not a key manages nobody."""

DESK_ROLES = frozenset({Role.PPK, Role.PPK_WEB, Role.KPU_KOTA, Role.KPU_PROVINSI, Role.KPU_RI, Role.ADMIN})
"""Roles that work at a desk and log in with a password; it is chosen at activation."""


def authorise_managing(actor: Actor, role: Role, scope: str) -> None:
    """Lets the actor make or manage an account of that role in that region, or refuses.

    Raises:
        ServiceError: ``forbidden``, ``foreign_region``, ``role_out_of_reach``.
    """
    authorise(actor, Action.MANAGE_ACCOUNTS, scope)
    if role not in MANAGES.get(actor.role, frozenset()):
        raise ServiceError("role_out_of_reach", details={"role": actor.role.value, "wanted": role.value})


def authorise_account(actor: Actor, account: Account | None) -> Account:
    """The account, if the actor may manage it; one that it may not even see is as unknown as one that is not there.

    Raises:
        ServiceError: ``forbidden``, ``unknown_account``, ``role_out_of_reach``.
    """
    authorise(actor, Action.MANAGE_ACCOUNTS)
    if account is None or not account.scope.startswith(actor.scope):
        raise ServiceError("unknown_account")
    authorise_managing(actor, Role(account.role), account.scope)
    return account


def check_scope(role: Role, scope: str) -> None:
    """Refuses a region of the wrong size for the role.

    Raises:
        ServiceError: ``bad_scope`` with the lengths that would do.
    """
    lengths = SCOPE_LENGTHS[role]
    if len(scope) not in lengths or not (scope.isascii() and (scope == "" or scope.isdigit())):
        raise ServiceError("bad_scope", details={"role": role.value, "digits": sorted(lengths)})
