"""``turus activate``, ``login``, ``logout`` and ``send`` as people and scripts meet them."""

import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from service.access import Role
from service.accounts.activation import add_invitation
from service.cli.main import main
from service.client import Patience, verify_receipt
from service.store.accounts import Account
from service.store.photos import Photo
from tests.service.client.stand import Stand, jpeg, write_photo
from tests.service.client.test_retry import Time
from tests.service.people import make_account

Turus = Callable[..., tuple[int, str, str]]


@pytest.fixture
def turus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Turus:
    """Runs the command in this process, in a home of its own: exit code, stdout, stderr."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TURUS_TOKEN", raising=False)
    monkeypatch.delenv("TURUS_SERVER", raising=False)

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["turus", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def json_line(out: str) -> dict[str, Any]:
    """The command's one line; the server, which runs in this process too, logs between."""
    (line,) = (line for line in out.splitlines() if line.startswith("{"))
    found: dict[str, Any] = json.loads(line)
    return found


def where(stand: Stand) -> list[str]:
    return ["--tps", stand.places.tps[0], "--election", stand.election, "--server", stand.url]


@pytest.fixture
def logged_in(turus: Turus, stand: Stand, tmp_path: Path) -> Path:
    """A KPPS has logged in; the file with its token."""
    make_account(stand.services, Role.KPPS, stand.places.tps[0], login="kpps1", password="kata sandi panjang")
    code, _, err = turus("login", "kpps1", "--server", stand.url, stdin="kata sandi panjang\n")
    assert (code, err) == (0, "")
    return tmp_path / "config" / "turus" / "token.json"


def test_login_keeps_a_token_that_only_its_owner_can_read(turus: Turus, stand: Stand, logged_in: Path) -> None:
    assert logged_in.stat().st_mode & 0o777 == 0o600
    kept = json.loads(logged_in.read_text())
    assert kept["server"] == stand.url
    code, out, _ = turus("logout")
    assert (code, logged_in.exists()) == (0, False)
    assert kept["token"] not in out


@pytest.mark.parametrize("way", ["link", "code", "stdin"])
def test_activation_once_by_link_or_code(turus: Turus, stand: Stand, tmp_path: Path, way: str) -> None:
    phone = "0812 3456 7890"
    account_id = make_account(stand.services, Role.KPPS, stand.places.tps[0], phone=phone, state="invited")
    with stand.services.store.write() as session:
        invitation = add_invitation(session, stand.services, session.get_one(Account, account_id))
    link = invitation.link.replace(stand.services.settings.public_url, stand.url)
    arguments = {
        "link": (link, "--device", "ponsel"),
        "code": (invitation.code, "--phone", phone, "--server", stand.url),
        "stdin": ("-",),
    }[way]
    code, out, err = turus("activate", *arguments, stdin=link + "\n")
    assert (code, err) == (0, "")
    assert stand.places.tps[0] in out
    photo = write_photo(tmp_path, jpeg(1))
    assert turus("send", str(photo), *where(stand))[0] == 0
    again, _, err = turus("activate", *arguments, stdin=link + "\n")
    assert (again, "activation_failed" in err) == (1, True)


def test_a_wrong_password_or_server_is_said_and_keeps_nothing(
    turus: Turus, stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = turus("login", "kpps1", "--server", stand.url, stdin="salah\n")
    assert code == 1
    assert "login_failed" in err
    time = Time()
    monkeypatch.setattr("service.client.Patience", partial(Patience, now=lambda: time.now_s, sleep=time.sleep))
    code, _, err = turus("login", "kpps1", "--server", "http://127.0.0.1:9", stdin="salah\n")
    assert (code, "cannot_reach" in err) == (1, True)
    assert time.pauses, "it gave up at once"
    assert not (tmp_path / "config").exists()


def test_photos_are_sent_with_receipts_beside_them(turus: Turus, stand: Stand, logged_in: Path, tmp_path: Path) -> None:
    good = write_photo(tmp_path, jpeg(1), "satu.jpg")
    bad = write_photo(tmp_path, b"bukan foto", "dua.jpg")
    last = write_photo(tmp_path, jpeg(3), "tiga.jpg")
    code, out, err = turus("send", str(good), str(bad), str(tmp_path / "hilang.jpg"), str(last), *where(stand))
    assert code == 1
    assert "2 dari 4 foto terkirim" in out
    assert "not_a_photo" in out
    assert "hilang.jpg" in out
    assert {photo.sha256 for photo in stand.photos()} == {
        json.loads((tmp_path / f"{name}.receipt.json").read_text())["sha256"] for name in ("satu.jpg", "tiga.jpg")
    }
    assert not (tmp_path / "dua.jpg.receipt.json").exists()
    assert "Traceback" not in out + err


def test_the_server_is_the_one_logged_in_to(turus: Turus, stand: Stand, logged_in: Path, tmp_path: Path) -> None:
    photo = write_photo(tmp_path, jpeg(1))
    code, out, _ = turus("send", str(photo), "--tps", stand.places.tps[0], "--election", stand.election, "--json")
    line = json_line(out)
    assert (code, line["status"], line["code"]) == (0, "sent", None)
    assert verify_receipt(line["receipt"], json.loads(logged_in.read_text())["key"])
    assert json.loads(Path(line["receipt_file"]).read_text()) == line["receipt"]


def test_scripts_hand_the_token_over(
    turus: Turus, stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = write_photo(tmp_path, jpeg(1))
    assert turus("send", str(photo), *where(stand))[0] == 2
    token = tmp_path / "token.txt"
    token.write_text(stand.token + "\n")
    assert turus("send", str(photo), *where(stand), "--token-file", str(token))[0] == 0
    monkeypatch.setenv("TURUS_TOKEN", stand.token)
    assert turus("send", str(photo), *where(stand))[0] == 0
    stand.check_kept_once(jpeg(1))


def test_a_foreign_station_is_refused_with_what_to_do(turus: Turus, stand: Stand, tmp_path: Path) -> None:
    photo = write_photo(tmp_path, jpeg(1))
    token = tmp_path / "token.txt"
    token.write_text(stand.token)
    arguments = ["--tps", stand.places.tps[1], "--election", stand.election, "--server", stand.url]
    code, out, _ = turus("send", str(photo), *arguments, "--token-file", str(token), "--json")
    line = json_line(out)
    assert (code, line["status"], line["code"]) == (1, "refused", "foreign_region")
    assert line["message"]["id"]


def test_without_a_server_the_photo_is_said_to_be_safe(turus: Turus, tmp_path: Path) -> None:
    photo = write_photo(tmp_path, jpeg(1))
    token = tmp_path / "token.txt"
    token.write_text("t")
    arguments = ["--tps", "1" * 13, "--election", "e", "--server", "http://127.0.0.1:9", "--patience", "1"]
    code, out, _ = turus("send", str(photo), *arguments, "--token-file", str(token))
    assert code == 1
    assert "cannot_reach" in out
    assert "tetap aman" in out


def test_waiting_shows_what_became_of_the_photo(
    turus: Turus, stand: Stand, logged_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = write_photo(tmp_path, jpeg(1))

    def look(_self: object, photo_id: str, timeout_s: float = 0) -> object:
        with stand.services.store.write() as session:
            row = session.get_one(Photo, photo_id)
            row.state, row.failure = "failed", "reader_crashed"
        return type(_self).photo(_self, photo_id)  # type: ignore[attr-defined]

    monkeypatch.setattr("service.client.TurusClient.wait_for_photo", look)
    code, out, _ = turus("send", str(photo), *where(stand), "--wait", "--json")
    line = json_line(out)
    assert (code, line["status"], line["photo"]["state"]) == (1, "sent", "failed")
    assert "PPK" in line["message"]["id"]


def test_one_replaced_photo_needs_one_photo(turus: Turus, stand: Stand, tmp_path: Path) -> None:
    code, _, err = turus("send", "a.jpg", "b.jpg", *where(stand), "--replaces", "f" * 32)
    assert (code, "--replaces" in err) == (2, True)


def test_a_damaged_token_file_is_named(turus: Turus, stand: Stand, tmp_path: Path) -> None:
    token = tmp_path / "token.json"
    token.write_text('{"server": ')
    code, _, err = turus("send", "a.jpg", *where(stand), "--token-file", str(token))
    assert (code, "token.json" in err) == (2, True)


def test_http_beyond_this_machine_is_warned_of(turus: Turus, tmp_path: Path) -> None:
    token = tmp_path / "token.txt"
    token.write_text("t")
    arguments = ["--tps", "1" * 13, "--election", "e", "--server", "http://turus.invalid", "--patience", "1"]
    _, _, err = turus("send", str(tmp_path / "none.jpg"), *arguments, "--token-file", str(token))
    assert "https" in err
