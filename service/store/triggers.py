"""Append-only tables, held by the database itself: neither a bug nor a hurried hand in psql can rewrite history."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

APPEND_ONLY = (
    "audit_event",
    "audit_seal",
    "audit_seal_head",
    "decision",
    "photo_event",
    "reading",
    "receipt",
    "station_reading",
)
"""Tables whose rows are never changed and never deleted, as of the newest migration."""


def protect(connection: Connection, tables: Iterable[str]) -> None:
    """Makes tables refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE.

    Migrations call this, each with its own list, and databases out there were made by it: what it does never changes. A
    different rule is a new function and a new migration.
    """
    statements = _postgresql(tables) if connection.dialect.name == "postgresql" else _sqlite(tables)
    for statement in statements:
        connection.execute(text(statement))


def _sqlite(tables: Iterable[str]) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'append-only table {table}'); END"
        for table in tables
        for verb in ("UPDATE", "DELETE")
    ]


def _postgresql(tables: Iterable[str]) -> list[str]:
    function = (
        "CREATE OR REPLACE FUNCTION turus_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'append-only table %', TG_TABLE_NAME; END $$"
    )
    triggers = [
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION turus_append_only()"
        for table in tables
    ]
    return [function, *triggers]
