"""docs/accounts.md and docs/privacy.md say what the program does."""

import re
from pathlib import Path

from service.access import GRANTS, SCOPE_LENGTHS, Action, Role
from service.accounts import lockout, passwords, tables
from service.accounts.activation import CODE_TRIES
from service.accounts.limits import PER_NAME, PER_NETWORK
from service.accounts.privacy import KEEP_ENDED, STANDING_ROLES
from service.accounts.ranks import DESK_ROLES, MANAGES
from service.accounts.tokens import CODE_ALPHABET, CODE_CHARS
from service.elections.draft import ERASE_AFTER_DAYS
from service.settings import Settings
from service.store.base import Base

ROOT = Path(__file__).parents[3]
ACCOUNTS = (ROOT / "docs" / "accounts.md").read_text(encoding="utf-8")
PRIVACY = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """The cells of the table below a heading, without its header."""
    section = ACCOUNTS.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell: str) -> list[str]:
    return [role.value for role in Role] if cell == "all" else re.findall(r"`(\w+)`", cell)


def test_the_roles_their_scopes_and_whom_they_manage() -> None:
    table = {cells[0].strip("`"): cells for cells in rows("Roles")}

    assert list(table) == [role.value for role in Role]
    for role in Role:
        _, _, digits, manages = table[role.value]
        assert {int(n) for n in digits.split(",")} == SCOPE_LENGTHS[role]
        assert set(names(manages)) == {managed.value for managed in MANAGES.get(role, ())}


def test_what_each_role_may_do() -> None:
    table = {cells[0].strip("`"): names(cells[2]) for cells in rows("What each role may do")}

    assert list(table) == [action.value for action in Action]
    assert table == {action.value: [role.value for role in Role if action in GRANTS[role]] for action in Action}


def test_every_act_of_the_audit_is_named() -> None:
    sources = [*(ROOT / "service" / "accounts").glob("*.py")]
    acts = {
        act
        for path in sources
        for act in re.findall(r'"((?:account|session|login|activation)\.\w+)"', path.read_text())
    }

    assert acts == set(re.findall(r"`((?:account|session|login|activation)\.\w+)`", ACCOUNTS.partition("## Audit")[2]))


def test_the_figures() -> None:
    defaults = Settings()

    def says(text: str) -> bool:
        return text in ACCOUNTS

    assert says(f"{defaults.activation_days} days (`TURUS_ACTIVATION_DAYS`)")
    assert says(f"{defaults.device_days} days (`TURUS_DEVICE_DAYS`)")
    assert says(f"{defaults.session_days} days (`TURUS_SESSION_DAYS`)")
    assert says(f"{defaults.grace_hours} hours of grace (`TURUS_GRACE_HOURS`)")
    assert says(f"{PER_NETWORK.amount} tries a minute")
    assert says(f"{PER_NAME.amount} for one name")
    assert says(f"{tables.MAX_ROWS:,} rows, {tables.MAX_TABLE_BYTES // 10**6} MB, {tables.MAX_CELL_CHARS} characters")
    assert says("At most two are checked at once in a process, eight more wait")
    assert says(f"{CODE_CHARS} characters, none of them 0, 1, I, L, O")
    assert not set(CODE_ALPHABET) & set("01ILO")
    assert len(set(CODE_ALPHABET)) == 31
    assert (CODE_TRIES, lockout.FREE_TRIES, passwords.AT_ONCE, passwords.WAITING) == (5, 5, 2, 8)
    assert f"by default {ERASE_AFTER_DAYS} days" in PRIVACY
    assert f"{KEEP_ENDED.days} days after its end" in PRIVACY


def test_desk_roles_and_standing_offices_are_named() -> None:
    kpu = {"kpu_kota", "kpu_provinsi", "kpu_ri"}

    assert {role.value for role in DESK_ROLES} == {"ppk", "ppk_web", "admin"} | kpu
    assert "(`ppk`, `ppk_web`, `kpu_*`, `admin`) choose a password" in ACCOUNTS
    assert {role.value for role in STANDING_ROLES} == {"admin"} | kpu
    formed = re.search(r"bodies formed for an election \(([^)]*)\)", PRIVACY)
    assert formed
    assert set(names(formed[1])) == {role.value for role in Role} - {"admin"} - kpu


def test_every_column_that_holds_something_personal_is_in_the_table() -> None:
    personal = re.compile(r"name_|phone_|password|login$|capture$|fingerprint|label")
    columns = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if personal.search(column.name)
    }
    assert ("account", "phone_sealed") in columns

    missing = {f"{table}.{column}" for table, column in columns if column not in PRIVACY and table not in PRIVACY}
    assert missing == set()
