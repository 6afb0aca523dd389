"""The audit trail shows every change made to it afterwards."""

import json
from datetime import UTC, datetime
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from service.access import Actor, Role
from service.audit.chain import NATIONAL, Act, append, kecamatan_of
from service.audit.seal import merkle_root, seal
from service.audit.verify import Link, export_lines, parse_export, stored_links, verify_database, verify_links
from service.store.audit import AuditSeal
from service.store.engine import Store

NOW = datetime(2026, 2, 14, 20, 0, tzinfo=UTC)
PPK = Actor("a1", Role.PPK, "187101", origin="10.0.0.7")


def _fill(store: Store) -> None:
    for number in range(3):
        with store.write() as session:
            acts = [
                Act("number.confirmed", f"tps:187101000100{number}", "187101", PPK, "dibaca ulang", {"value": number}),
                Act("photo.received", "photo:x", "187102", None),
            ]
            append(session, acts, NOW)


def _links(store: Store) -> list[Link]:
    with store.read() as session:
        return list(stored_links(session))


def test_an_untouched_trail_verifies_and_tells_who_when_what_why_and_from_where(store: Store) -> None:
    _fill(store)
    with store.read() as session:
        result = verify_database(session)
    assert (result.events, result.flaws) == (6, ())
    first = json.loads(_links(store)[0].body)
    assert first == {
        "chain": "187101",
        "seq": 1,
        "prev": _links(store)[0].prev_hash,
        "at": "2026-02-14T20:00:00.000000+00:00",
        "action": "number.confirmed",
        "subject": "tps:1871010001000",
        "account": "a1",
        "role": "ppk",
        "origin": "10.0.0.7",
        "why": "dibaca ulang",
        "details": {"value": 0},
    }


def test_what_is_rolled_back_is_not_in_the_trail(store: Store) -> None:
    def fail_after_appending() -> None:
        with store.write() as session:
            append(session, [Act("a.b", "x:1", "187101", None)], NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_appending()
    _fill(store)
    assert [link.seq for link in _links(store) if link.chain == "187101"] == [1, 2, 3]


def test_an_export_is_verified_without_the_database(store: Store) -> None:
    _fill(store)
    with store.read() as session:
        lines = list(export_lines(session))
    assert verify_links(parse_export(lines)).flaws == ()
    doctored = [line.replace("dibaca ulang", "tidak dibaca") for line in lines]
    assert {flaw.problem for flaw in verify_links(parse_export(doctored)).flaws} == {"the text was changed"}


@given(st.data())
def test_no_edit_of_an_export_goes_unseen(data: st.DataObject) -> None:
    """Drop, swap, copy or alter any event but the last of a chain, or alter any field of it: something does not fit."""
    links = _made_links(6)
    index = data.draw(st.integers(0, 4))
    kind = data.draw(st.sampled_from(["drop", "swap", "copy", "body", "hash", "prev"]))
    edited = list(links)
    if kind == "drop":
        del edited[index]
    elif kind == "swap":
        edited[index], edited[index + 1] = edited[index + 1], edited[index]
    elif kind == "copy":
        edited.insert(index, edited[index])
    else:
        old = edited[index]
        body = old.body.replace('"value":', '"value":1') if kind == "body" else old.body
        digest = "0" * 64 if kind == "hash" else old.hash
        before = "0" * 64 if kind == "prev" else old.prev_hash
        edited[index] = Link(old.chain, old.seq, before, digest, body)
    assert verify_links(links).flaws == ()
    assert verify_links(edited).flaws != ()


def _made_links(count: int) -> list[Link]:
    from service.audit.chain import GENESIS, event_hash

    links, before = [], GENESIS
    for seq in range(1, count + 1):
        body = json.dumps(
            {"chain": "187101", "seq": seq, "prev": before, "details": {"value": seq}}, separators=(",", ":")
        )
        links.append(Link("187101", seq, before, event_hash(body), body))
        before = links[-1].hash
    return links


def test_a_tail_cut_off_by_the_databases_owner_is_seen_by_the_head(store: Store) -> None:
    _fill(store)
    with store.write() as session:
        if store.is_sqlite:
            session.execute(text("DROP TRIGGER audit_event_no_delete"))
        else:
            session.execute(text("ALTER TABLE audit_event DISABLE TRIGGER ALL"))
        session.execute(text("DELETE FROM audit_event WHERE chain = '187101' AND seq = 3"))
    with store.read() as session:
        (flaw,) = verify_database(session).flaws
    assert (flaw.chain, flaw.seq) == ("187101", 3)


def test_many_writers_make_one_unbroken_chain_each(store: Store) -> None:
    def write(number: int) -> None:
        for turn in range(10):
            with store.write() as session:
                chains = ("187102", "187101") if (number + turn) % 2 else ("187101", "187102")
                append(session, [Act("a.b", f"x:{number}", chain, None) for chain in chains], NOW)

    threads = [Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        result = verify_database(session)
    assert (result.events, result.flaws) == (120, ())


def test_seals_chain_and_a_changed_seal_is_seen(store: Store) -> None:
    for _ in range(2):
        _fill(store)
        with store.write() as session:
            assert seal(session, NOW) is not None
    with store.write() as session:
        assert seal(session, NOW) is None, "nothing changed since the last seal"
    with store.read() as session:
        assert verify_database(session).flaws == ()
        assert session.query(AuditSeal).count() == 2
    with store.write() as session:
        if store.is_sqlite:
            session.execute(text("DROP TRIGGER audit_seal_no_update"))
        else:
            session.execute(text("ALTER TABLE audit_seal DISABLE TRIGGER ALL"))
        session.execute(text("UPDATE audit_seal SET root = prev_hash WHERE seq = 1"))
    with store.read() as session:
        assert {flaw.chain for flaw in verify_database(session).flaws} == {"seals"}


def test_a_whole_chain_rewritten_by_the_databases_owner_is_seen_by_the_seals(store: Store) -> None:
    """Events, hashes and head all made to fit again: only what was sealed before tells."""
    for _ in range(2):
        _fill(store)
        with store.write() as session:
            assert seal(session, NOW) is not None
    with store.write() as session:
        if store.is_sqlite:
            session.execute(text("DROP TRIGGER audit_event_no_delete"))
        else:
            session.execute(text("ALTER TABLE audit_event DISABLE TRIGGER ALL"))
        session.execute(text("DELETE FROM audit_event WHERE chain = '187101'"))
        session.execute(text("DELETE FROM audit_head WHERE chain = '187101'"))
        acts = [Act("number.confirmed", "tps:1871011001001", "187101", PPK, details={"value": 999}) for _ in range(6)]
        append(session, acts, NOW)
    with store.read() as session:
        assert verify_links(stored_links(session)).flaws == (), "the chain alone looks intact"
        assert {flaw.chain for flaw in verify_database(session).flaws} == {"seals"}


def test_the_merkle_tree_is_the_one_of_rfc_9162() -> None:
    """Reference values of Certificate Transparency's own test vectors."""
    leaves = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
    assert merkle_root([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle_root(leaves[:1]) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle_root(leaves[:2]) == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert merkle_root(leaves[:3]) == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert merkle_root(leaves) == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"


@pytest.mark.parametrize(
    ("region", "chain"), [("1871010001001", "187101"), ("187101", "187101"), ("1871", NATIONAL), ("", NATIONAL)]
)
def test_a_region_belongs_to_its_kecamatans_chain(region: str, chain: str) -> None:
    assert kecamatan_of(region) == chain
