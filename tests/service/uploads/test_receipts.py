"""Receipts: signed, kept, checked."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service.access import Role
from service.cli.main import main
from service.keys import keys_from_secret
from service.services import Services
from service.uploads.receipts import canonical, public_key, sign_receipt, verify_kept, verify_receipt
from tests.service.places import Places
from tests.service.uploads.conftest import Officer, make_officer, make_photo
from tests.service.uploads.test_put import code_of, put

KEYS = keys_from_secret(b"k" * 32)
OTHER = keys_from_secret(b"o" * 32)
MEMBERS = st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=8) | st.booleans())


@given(MEMBERS)
def test_what_was_signed_verifies_also_without_its_nulls(members: dict[str, Any]) -> None:
    members.pop("signature", None)
    body, signature = sign_receipt(KEYS, members)
    assert verify_receipt(body, signature, public_key(KEYS))
    assert not verify_receipt(body, signature, public_key(OTHER))
    assert not verify_receipt(body + " ", signature, public_key(KEYS))
    kept = {**members, **json.loads(body), "signature": signature}
    assert verify_kept(kept, public_key(KEYS))
    assert verify_kept(json.loads(json.dumps(kept)))


@pytest.mark.parametrize("member", ["id", "photo", "sha256", "tps", "received_at", "sender", "key", "signature"])
def test_any_change_shows(member: str) -> None:
    names = ("id", "photo", "sha256", "tps", "received_at", "sender")
    body, signature = sign_receipt(KEYS, dict.fromkeys(names, "x"))
    receipt = {**json.loads(body), "signature": signature}
    assert verify_kept(receipt)
    assert not verify_kept({**receipt, member: "y"})
    assert not verify_kept({name: value for name, value in receipt.items() if name != member})
    assert not verify_kept({**receipt, "more": 1})


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_no_receipt_at_all_is_not_genuine(value: Any) -> None:
    members = value if isinstance(value, dict) else {"signature": value, "key": value}
    assert not verify_kept(members)


def test_a_key_of_another_server_is_not_ours() -> None:
    body, signature = sign_receipt(OTHER, {"id": "x"})
    receipt = {**json.loads(body), "signature": signature}
    assert verify_kept(receipt)
    assert not verify_kept(receipt, public_key(KEYS))


def test_the_signed_text_is_the_same_on_every_machine() -> None:
    assert canonical({"b": 1, "a": "é", "c": None, "d": [{"z": 1, "y": 2}]}) == '{"a":"é","b":1,"d":[{"y":2,"z":1}]}'


def test_who_may_see_a_receipt(
    client: TestClient, services: Services, places: Places, kpps: Officer, ppk: Officer
) -> None:
    receipt = put(client, kpps, make_photo(), places.tps[0]).json()
    url = f"/receipts/{receipt['id']}"
    assert client.get(url, headers=kpps.headers).json() == receipt
    assert client.get(url, headers=ppk.headers).json() == receipt
    strangers = [
        make_officer(services, Role.KPPS, places.tps[1]),
        make_officer(services, Role.PPK, places.kecamatan[1]),
        make_officer(services, Role.ADMIN, ""),
    ]
    for stranger in strangers:
        assert code_of(client.get(url, headers=stranger.headers)) == (404, "unknown_receipt")
    assert code_of(client.get(url)) == (401, "not_logged_in")
    assert client.get("/receipts/" + "0" * 32, headers=kpps.headers).status_code == 404
    assert client.get("/receipts/%00", headers=kpps.headers).status_code == 422


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["turus", *arguments])
    return main()


def test_turus_receipt_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(make_photo())
    from tests.service.uploads.conftest import sha_of

    names = {"id": "x", "tps": "1871011001001", "received_at": "2026", "sha256": sha_of(make_photo())}
    body, signature = sign_receipt(KEYS, names)
    receipt = {**json.loads(body), "signature": signature}
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(receipt, indent=2))
    key = public_key(KEYS)
    assert run(monkeypatch, "receipt", "verify", str(file), "--key", key, "--photo", str(photo)) == 0
    assert "SAH / GENUINE" in capsys.readouterr().out
    assert run(monkeypatch, "receipt", "verify", str(file)) == 0
    assert key in capsys.readouterr().out
    assert run(monkeypatch, "receipt", "verify", str(file), "--key", public_key(OTHER)) == 1
    other = tmp_path / "other.jpg"
    other.write_bytes(make_photo(1))
    assert run(monkeypatch, "receipt", "verify", str(file), "--photo", str(other)) == 1
    file.write_text(json.dumps({**receipt, "tps": "1871011001002"}))
    assert run(monkeypatch, "receipt", "verify", str(file)) == 1
    file.write_text("[]")
    assert run(monkeypatch, "receipt", "verify", str(file)) == 2
