"""``turus region``, ``turus election`` and ``turus recap`` on a database of their own."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.cli.main import main
from service.services import build_services
from service.settings import Settings
from service.store.migrate import migrate
from tests.service.places import COUNTRY_CSV, Places
from tests.service.sayings import FULL, machine_says

Turus = Callable[..., tuple[int, str, str]]

TOML = """
id = "ppwp-2024"
name = "Presiden 2024"
forms = ["c-hasil-ppwp-2024"]
scope = "1871"
opens_at = 2024-02-14T07:00:00+07:00
limits = { tps_max_voters = 300 }
candidates = [{ number = 1, name = "Satu" }, { number = 2, name = "Dua" }, { number = 3, name = "Tiga" }]
"""


@pytest.fixture
def turus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Turus:
    """Runs the command in this process on a migrated SQLite database: exit code, stdout, stderr."""
    monkeypatch.setenv("TURUS_DATA_DIR", str(tmp_path / "data"))
    services = build_services(Settings())
    migrate(services.store)
    services.store.close()

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["turus", *arguments])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def country(tmp_path: Path) -> Path:
    path = tmp_path / "country.csv"
    path.write_text(COUNTRY_CSV, encoding="utf-8")
    return path


def test_regions_are_imported_with_progress_and_counted(turus: Turus, country: Path) -> None:
    code, out, err = turus("region", "import", str(country), "--dry-run")
    assert (code, "nothing was stored" in out) == (0, True)
    code, out, err = turus("region", "import", str(country), "--json")
    assert (json.loads(out)["stations"], json.loads(out)["stations_new"]) == (6, 6)
    assert "stations: 6" in err
    assert json.loads(turus("region", "import", str(country), "--json")[1])["stations_new"] == 0


def test_a_wrong_file_of_regions_names_its_rows(turus: Turus, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("code,name\n1871,KOTA\n", encoding="utf-8")
    code, _, err = turus("region", "import", str(tmp_path / "wrong.csv"))
    assert code == 2
    assert "bad_region_file" in err
    assert "1871" in err


def test_an_election_by_options_opened_listed_and_closed(turus: Turus, country: Path) -> None:
    turus("region", "import", str(country))
    code, out, _ = turus(
        "election", "create", "--id", "ppwp-2024", "--name", "Presiden", "--form", "c-hasil-ppwp-2024",
        "--scope", "1871", "--candidate", "1=Satu", "--candidate", "2=Dua=paslon_3", "--limit", "tps_max_voters=300",
    )  # fmt: skip
    assert (code, "(paslon_3)" in out) == (0, True)
    turus("election", "open", "ppwp-2024")
    [line] = turus("election", "list", "--json")[1].splitlines()
    assert (json.loads(line)["state"], json.loads(line)["candidates"]) == ("open", {"1": "Satu", "2": "Dua"})
    assert "closed" in turus("election", "close", "ppwp-2024")[1]


@pytest.mark.parametrize(
    "options",
    [
        ["--name", "x"],
        ["--id", "a-b", "--name", "x", "--candidate", "Satu"],
        ["--id", "a-b", "--name", "x", "--limit", "tps_max_voters=many"],
        ["--id", "a-b", "--name", "x", "--opens-at", "yesterday"],
        ["--id", "a-b", "--name", "x", "--form", "nothing"],
    ],
)
def test_wrong_options_make_no_election(turus: Turus, options: list[str]) -> None:
    code, _, err = turus("election", "create", *options)
    assert (code, bool(err)) == (2, True)
    assert turus("election", "list", "--json")[1] == ""


def test_an_election_from_a_file_and_its_recap(turus: Turus, country: Path, tmp_path: Path) -> None:
    turus("region", "import", str(country))
    file = tmp_path / "election.toml"
    file.write_text(TOML, encoding="utf-8")
    assert turus("election", "create", "--from", str(file))[0] == 0
    turus("election", "open", "ppwp-2024")
    services = build_services(Settings())
    machine_says(services, "ppwp-2024", Places().tps[0], FULL)
    code, out, _ = turus("recap", "show", "ppwp-2024", "1871", "--json")
    assert json.loads(out)["sum"]["read"]["paslon_1"] == 100
    assert "100 / 0" in turus("recap", "show", "ppwp-2024", "1871")[1]
    assert turus("recap", "check", "ppwp-2024")[0] == 0
    with services.store.write() as session:
        session.connection().exec_driver_sql("UPDATE recap_sum SET r00 = 5")
    services.store.close()
    code, out, _ = turus("recap", "check", "ppwp-2024", "--region", "187101")
    assert (code, "187101 r00: 5 is stored, 100 follows from the decisions" in out) == (1, True)
    assert "corrected: 1" in turus("recap", "rebuild", "ppwp-2024")[1]
    assert turus("recap", "check", "ppwp-2024")[0] == 0
    assert turus("recap", "check", "nothing")[0] == 2


def test_a_file_with_unknown_keys_is_refused(turus: Turus, tmp_path: Path) -> None:
    for content in ('id = "x"\ncolour = 1\n', "id = "):
        (tmp_path / "e.toml").write_text(content, encoding="utf-8")
        code, _, err = turus("election", "create", "--from", str(tmp_path / "e.toml"))
        assert (code, "usage" in err) == (2, True)
