"""Append-only tables, held by the database itself: neither a bug nor a hurried hand in psql can rewrite history."""

from sqlalchemy import Connection, text

APPEND_ONLY = (
    "audit_event",
    "audit_seal",
    "decision",
    "photo_event",
    "reading",
    "receipt",
    "station_reading",
)
"""Tables whose rows are never changed and never deleted."""

_REFUSAL = "append-only table"


def create_triggers(connection: Connection) -> None:
    """Makes every table of :data:`APPEND_ONLY` refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE."""
    statements = _postgresql() if connection.dialect.name == "postgresql" else _sqlite()
    for statement in statements:
        connection.execute(text(statement))


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL} {table}'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]


def _postgresql() -> list[str]:
    function = (
        "CREATE FUNCTION turus_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{_REFUSAL} %', TG_TABLE_NAME; END $$"
    )
    triggers = [
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION turus_append_only()"
        for table in APPEND_ONLY
    ]
    return [function, *triggers]
