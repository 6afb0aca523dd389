"""The database behaves the same on both engines: transactions, time zones, append-only tables."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from service.store.audit import AuditHead
from service.store.engine import Store, is_disk_full, is_outage
from service.store.migrate import migrate
from service.store.regions import Region
from service.store.tables import metadata
from service.store.triggers import APPEND_ONLY
from tests.service.databases import Databases


def _head(chain: str, seq: int = 0) -> AuditHead:
    return AuditHead(chain=chain, seq=seq, hash="0" * 64)


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def fail_in_the_middle() -> None:
        with store.write() as session:
            session.add(_head("187101"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditHead)) == 0


def test_concurrent_increments_are_all_counted(store: Store) -> None:
    """Read, add one, write: with the row locked, no increment of eight threads is lost on either engine."""
    with store.write() as session:
        session.add(_head("187101"))

    def add_ten() -> None:
        for _ in range(10):
            with store.write() as session:
                head = session.scalars(select(AuditHead).with_for_update()).one()
                head.seq += 1

    threads = [Thread(target=add_ten) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert session.scalars(select(AuditHead)).one().seq == 80


def test_times_come_back_in_utc_whatever_zone_they_had(store: Store) -> None:
    from service.store.readings import Worker

    jakarta = timezone(timedelta(hours=7))
    with store.write() as session:
        at = datetime(2026, 2, 15, 3, 0, tzinfo=jakarta)
        session.add(Worker(id="w", reader_rev="1", started_at=at, beat_at=at))
    with store.read() as session:
        found = session.scalars(select(Worker)).one()
    assert found.started_at == datetime(2026, 2, 14, 20, 0, tzinfo=UTC)
    assert found.started_at.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    from service.store.readings import Worker

    naive = datetime(2026, 2, 14)
    with pytest.raises(StatementError, match="without a time zone"), store.write() as session:
        session.add(Worker(id="w", reader_rev="1", started_at=naive, beat_at=naive))


def test_a_prefix_is_a_range_of_codes(store: Store) -> None:
    """Codes compare byte by byte on both engines: everything below 1871 and nothing else."""
    codes = ["", "18", "1870", "1871", "187101", "1871010001", "1872", "19"]
    with store.write() as session:
        session.add_all(Region(code=code, parent=None, level=0, name=code or "INDONESIA") for code in codes)
    with store.read() as session:
        found = session.scalars(select(Region.code).where(Region.code >= "1871", Region.code < "1871:")).all()
    assert sorted(found) == ["1871", "187101", "1871010001"]


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_cannot_be_rewritten(store: Store, table: str) -> None:
    """An UPDATE or DELETE on an append-only table is refused by the database itself, whoever sends it."""
    column = next(column.name for column in metadata.tables[table].columns if not column.primary_key)
    if store.is_sqlite:  # SQLite's triggers look at rows, so there has to be one
        with store.write() as session:
            session.execute(text("PRAGMA defer_foreign_keys=ON"))
            names = [column.name for column in metadata.tables[table].columns]
            holes = ", ".join(f":{name}" for name in names)
            session.execute(
                text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({holes})"),
                {name: _filler(table, name) for name in names},
            )
            again = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
            for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", again):
                with pytest.raises(DBAPIError, match="append-only"):
                    session.execute(text(statement))
            session.rollback()
        return
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(DBAPIError, match="append-only"), store.write() as session:
            session.execute(text(statement))


def _filler(table: str, column: str) -> object:
    kind = metadata.tables[table].columns[column].type.python_type
    return {int: 1, float: 1.0, str: "x", bytes: b"x", datetime: "2026-01-01 00:00:00"}.get(kind, "[]")


def test_errors_do_not_repeat_the_values(store: Store) -> None:
    same = text("INSERT INTO region (code, level, name, tps_count) VALUES ('18', 0, :name, 0)")
    with store.write() as session:
        session.execute(same, {"name": "Siti"})
        with pytest.raises(DBAPIError) as caught:
            session.execute(same, {"name": "Siti"})
        session.rollback()
    assert "INSERT INTO region" in str(caught.value)
    assert "Siti" not in str(caught.value)


def test_an_unreachable_database_is_an_outage_and_a_broken_rule_is_not(tmp_path: Path) -> None:
    away = Store("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(OperationalError) as unreachable, away.read() as session:
        session.execute(text("SELECT 1"))
    assert is_outage(unreachable.value)
    here = Store(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    migrate(here)
    with pytest.raises(DBAPIError) as twice, here.write() as session:
        session.add_all([_head("187101"), _head("187101")])
    assert not is_outage(twice.value)
    here.close()


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "SELEKT 1", "SELECT nothing FROM region"])
def test_a_faulty_statement_is_no_outage(store: Store, statement: str) -> None:
    with pytest.raises(DBAPIError) as faulty, store.read() as session:
        session.execute(text(statement))
    assert not is_outage(faulty.value)
    assert not is_disk_full(faulty.value)


def test_a_lock_that_others_hold_is_an_outage(store: Store) -> None:
    with store.write() as session:
        session.add(_head("187101"))
    with store.write() as holder, store.read() as session:
        holder.execute(select(AuditHead).with_for_update())
        session.execute(text("PRAGMA busy_timeout=0" if store.is_sqlite else "SET lock_timeout = 1"))
        with pytest.raises(DBAPIError) as held:
            session.execute(text("UPDATE audit_head SET seq = 1"))
    assert is_outage(held.value)
    assert not is_disk_full(held.value)


def test_a_full_disk_is_an_outage_with_a_name(store: Store) -> None:
    """SQLite may not grow any more; PostgreSQL says what it says on a full disk."""
    grow = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"
    with store.write() as session:
        if store.is_sqlite:
            session.execute(text("CREATE TABLE large (x)"))
            session.execute(text("PRAGMA max_page_count=1"))
            grow = "INSERT INTO large VALUES (zeroblob(1000000))"
        with pytest.raises(DBAPIError) as full:
            session.execute(text(grow))
        session.rollback()
    assert is_outage(full.value)
    assert is_disk_full(full.value)


@pytest.mark.parametrize(("state", "is_away"), [("57P01", True), ("40P01", True), ("40001", True), ("42703", False)])
def test_what_postgresql_says_decides(postgres: Databases, state: str, is_away: bool) -> None:
    with postgres.lend() as address:
        store = Store(address)
        with pytest.raises(DBAPIError) as said, store.read() as session:
            session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"))
        store.close()
    assert is_outage(said.value) is is_away
