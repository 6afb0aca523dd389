"""Who may do what and where: the whole table, written out once more by hand, so that no grant changes unseen."""

import pytest

from service.access import GRACE_ACTIONS, GRANTS, SCOPE_LENGTHS, Action, Actor, Role, authorise, may
from service.accounts.ranks import MANAGES, check_scope
from service.errors import ServiceError

KPPS, PPS, PPK, MOBILE, WEB = Role.KPPS, Role.PPS, Role.PPK, Role.PPK_MOBILE, Role.PPK_WEB
KOTA, PROVINSI, RI = Role.KPU_KOTA, Role.KPU_PROVINSI, Role.KPU_RI
SAKSI, PENGAWAS, ADMIN = Role.SAKSI, Role.PENGAWAS, Role.ADMIN

ALL = set(Role)
KPU = {KOTA, PROVINSI, RI}

WHO: dict[Action, set[Role]] = {
    Action.OWN_ACCOUNT: ALL,
    Action.SEE_RECAP: ALL,
    Action.SEE_PHOTO: ALL - {ADMIN},
    Action.SEE_ORIGINAL: KPU,
    Action.UPLOAD: {KPPS, PPK, MOBILE},
    Action.MOVE_PHOTO: {KPPS, PPK, MOBILE, WEB},
    Action.STATE: {KPPS},
    Action.CONFIRM: {PPK, WEB},
    Action.CHANGE: {WEB},
    Action.CLEAR_ALARM: {PPK, WEB} | KPU,
    Action.PLENO: {PPK},
    Action.REOPEN_PLENO: {KOTA},
    Action.REPROCESS: {PPK, ADMIN} | KPU,
    Action.SEE_AUDIT: {PPK, WEB, PENGAWAS, ADMIN} | KPU,
    Action.MANAGE_ACCOUNTS: {PPK, ADMIN} | KPU,
    Action.MANAGE_ELECTIONS: {RI, ADMIN},
    Action.OPERATE: {ADMIN},
}

SCOPES: dict[Role, str] = {
    KPPS: "1871010001001",
    PPS: "1871010001",
    PPK: "187101",
    MOBILE: "187101",
    WEB: "187101",
    KOTA: "1871",
    PROVINSI: "18",
    RI: "",
    SAKSI: "187101",
    PENGAWAS: "1871",
    ADMIN: "",
}

REGIONS = [
    "1871010001001",
    "1871010001002",  # the neighbouring station
    "1871010002001",  # another kelurahan of the kecamatan
    "1871011001001",  # starts like the kecamatan, and is in it: a kelurahan may be 1001
    "1871020001001",  # another kecamatan
    "1811010001001",  # another city
    "1971010001001",  # another province
    "1171010001871",  # holds the digits, elsewhere
    "1871010001",
    "187101",
    "18710",  # no region at all
    "1871",
    "18",
    "1",
    "",
]


def inside(scope: str, region: str) -> bool:
    """Said in another way than the program does: digit by digit."""
    return len(region) >= len(scope) and all(a == b for a, b in zip(scope, region, strict=False))


def outcome(actor: Actor, action: Action, region: str | None) -> str:
    try:
        authorise(actor, action, region)
    except ServiceError as error:
        return error.code
    return "allowed"


def test_the_table_above_names_every_action_and_role() -> None:
    assert set(WHO) == set(Action)
    assert set(SCOPES) == set(Role)
    assert set(GRANTS) == set(Role)
    assert set(SCOPE_LENGTHS) == set(Role)
    assert {role: {action for action, roles in WHO.items() if role in roles} for role in Role} == GRANTS


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_role_by_action_by_region(role: Role, action: Action) -> None:
    actor = Actor("a", role, SCOPES[role])

    for region in [None, *REGIONS]:
        if role not in WHO[action]:
            expected = "forbidden"
        elif region is not None and not inside(actor.scope, region):
            expected = "foreign_region"
        else:
            expected = "allowed"
        assert outcome(actor, action, region) == expected, region
        assert may(actor, action, region) == (expected == "allowed"), region


@pytest.mark.parametrize(
    ("scope", "region", "allowed"),
    [
        ("187101", "1871010001001", True),
        ("187101", "187101", True),
        ("187101", "1871", False),  # a kecamatan's officer does not speak for the city
        ("187101", "187110", False),
        ("187101", "187102", False),
        ("1871010001001", "1871010001001", True),
        ("1871010001001", "1871010001", False),  # nor a station's for the kelurahan
        ("1871010001001", "1871010001010", False),
        ("1871010001", "1871010001999", True),
        ("1871010001", "1871010010001", False),
        ("18", "1871010001001", True),
        ("18", "81", False),
        ("", "", True),
        ("18", "", False),
    ],
)
def test_prefixes_are_not_taken_for_one_another(scope: str, region: str, allowed: bool) -> None:
    assert may(Actor("a", Role.SAKSI, scope), Action.SEE_RECAP, region) is allowed


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_in_the_hours_of_grace_photos_are_delivered_and_nothing_else_is_done(role: Role, action: Action) -> None:
    actor = Actor("a", role, SCOPES[role], in_grace=True)

    if action not in {Action.UPLOAD, Action.OWN_ACCOUNT}:
        expected = "session_ended"
    elif role not in WHO[action]:
        expected = "forbidden"
    else:
        expected = "allowed"

    assert outcome(actor, action, actor.scope) == expected
    assert may(actor, action, actor.scope) == (expected == "allowed")
    assert {Action.UPLOAD, Action.OWN_ACCOUNT} == GRACE_ACTIONS


def test_nobody_changes_results_and_runs_the_machine() -> None:
    for role, actions in GRANTS.items():
        assert not (actions & {Action.CHANGE, Action.CONFIRM, Action.STATE, Action.UPLOAD}) or not (
            actions & {Action.OPERATE, Action.MANAGE_ELECTIONS}
        ), role


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("scope", ["", "18", "1871", "187101", "1871010001", "1871010001001", "187", "18710a", "١٨"])
def test_a_scope_must_have_the_size_of_its_role(role: Role, scope: str) -> None:
    level = {"": 0, "18": 2, "1871": 4, "187101": 6, "1871010001": 10, "1871010001001": 13}.get(scope)
    fits = level is not None and (role in (SAKSI, PENGAWAS) or len(SCOPES[role]) == level)

    if fits:
        check_scope(role, scope)
    else:
        with pytest.raises(ServiceError, match="bad_scope"):
            check_scope(role, scope)


def test_who_may_make_whom() -> None:
    kecamatan = {KPPS, PPS, MOBILE, WEB, SAKSI, PENGAWAS}

    assert {
        PPK: kecamatan,
        KOTA: kecamatan | {PPK},
        PROVINSI: kecamatan | {PPK, KOTA},
        RI: ALL,
        ADMIN: ALL,
    } == MANAGES
    assert {role for role in Role if Action.MANAGE_ACCOUNTS in GRANTS[role]} == set(MANAGES)
