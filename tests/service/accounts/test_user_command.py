"""``turus user`` on a machine's own database."""

import csv
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.cli.main import main
from service.services import Services, build_services
from service.settings import Settings
from service.store.migrate import migrate
from tests.service.accounts.conftest import accounts_app
from tests.service.accounts.sheets import as_csv
from tests.service.places import Places, small_country

Turus = Callable[..., tuple[int, str, str]]
HEADER = ("TPS", "Nama", "HP")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """A machine with everything by default: SQLite in a folder, as after ``turus migrate``."""
    monkeypatch.setenv("TURUS_DATA_DIR", str(tmp_path / "data"))
    services = build_services(Settings())
    migrate(services.store)
    yield services
    services.store.close()


@pytest.fixture
def places(machine: Services) -> Places:
    return small_country(machine)


@pytest.fixture
def turus(machine: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Turus:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["turus", "user", *arguments])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def activate(machine: Services, **claim: str) -> int:
    with TestClient(accounts_app(machine)) as client:
        return client.post("/auth/activate", json=claim).status_code


def test_one_person_from_registration_to_erasure(turus: Turus, machine: Services, places: Places) -> None:
    code, out, _ = turus("add", "--role", "kpps", "--scope", places.tps[0], "--phone", "081234567890", "--name", "Siti")
    account = out.splitlines()[0].removeprefix("id: ")
    link = next(line for line in out.splitlines() if "link" in line).partition("#")[2]
    assert code == 0
    assert activate(machine, token=link) == 200

    _, listed, _ = turus("list", "--scope", "1871", "--role", "kpps", "--state", "active")
    assert listed.split("\t") == [account, "kpps", places.tps[0], "active", "-", "+62 812-****-7890", "Siti\n"]
    _, sessions, _ = turus("sessions", account)
    assert sessions.split("\t")[1] == "device"

    assert turus("revoke", "0812 3456 7890", "--reason", "hilang")[1] == "1\n"
    assert turus("sessions", account)[1] == ""
    code_line = turus("invite", account)[1].splitlines()[1]
    assert activate(machine, code=code_line.partition(": ")[2], phone="081234567890") == 200
    assert turus("disable", account, "--reason", "salah orang")[1] == "disabled\n"
    assert turus("enable", account, "--reason", "ternyata benar")[1] == "active\n"
    assert turus("erase", account, "--reason", "diminta")[1] == "erased\n"
    assert turus("list", "--role", "kpps")[1].split("\t")[3:] == ["erased", "-", "-", "-\n"]


def test_a_list_becomes_a_private_file_of_codes(
    turus: Turus, machine: Services, places: Places, tmp_path: Path
) -> None:
    source, out = tmp_path / "kpps.csv", tmp_path / "kode.csv"
    source.write_bytes(as_csv(HEADER, (places.tps[0], "Siti", "081200000001"), (places.tps[1], "Budi", "081200000002")))

    looked = turus("import", str(source), "--dry-run")
    made = turus("import", str(source), "--to", str(out))
    again = turus("import", str(source), "--to", str(tmp_path / "kode.xlsx"), "--renew")

    assert (looked[0], made[0], again[0]) == (0, 0, 0)
    assert "baru / new: 2" in looked[1]
    assert "baru / new: 2" in made[1]
    assert "sudah ada / there already: 2" in again[1]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = list(csv.reader(out.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert [row[:3] for row in rows[1:]] == [
        [places.tps[0], "Siti", "0812-0000-0001"],
        [places.tps[1], "Budi", "0812-0000-0002"],
    ]
    assert activate(machine, code=rows[1][3], phone=rows[1][2]) == 401  # renewed since


def test_a_bad_list_names_its_rows_and_saves_nothing(
    turus: Turus, machine: Services, places: Places, tmp_path: Path
) -> None:
    source, out = tmp_path / "kpps.csv", tmp_path / "kode.csv"
    source.write_bytes(as_csv(HEADER, (places.tps[0], "Siti", "081200000001"), (places.tps[1], "Budi", "8.12E+10")))

    code, said, _ = turus("import", str(source), "--to", str(out))

    assert code == 1
    assert "line 3: phone: " in said
    assert "Budi" not in said
    assert not out.exists()
    assert turus("list")[1] == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "--role", "king", "--scope", "0", "--login", "abc"), "usage"),
        (("add", "--role", "admin", "--scope", "0"), "login_or_phone_needed"),
        (("add", "--role", "ppk", "--scope", "199901", "--login", "abc"), "unknown_region"),
        (("disable", "nobody", "--reason", "x"), "unknown_account"),
        (("import", "no-such-file.csv", "--dry-run"), "file_problem"),
        (("import", "list.csv"), "usage"),
        (("import", "list.csv", "--to", "codes.pdf"), "usage"),
        (("erase",), "usage"),
        (("erase", "somebody"), "usage"),
        (("erase", "somebody", "--expired", "--reason", "x"), "usage"),
    ],
)
def test_what_cannot_be_done_is_said_on_stderr(turus: Turus, arguments: tuple[str, ...], code: str) -> None:
    exit_code, out, err = turus(*arguments)

    assert (exit_code, out) == (2, "")
    assert err.startswith(f"turus: {code}\n")


def test_what_has_expired_is_counted_and_erased(turus: Turus) -> None:
    expected = "foto / photos: 0\nakun / accounts: 0\n"

    assert turus("erase", "--expired", "--dry-run") == (0, expected, "")
    assert turus("erase", "--expired")[1].endswith(expected)
