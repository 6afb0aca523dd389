"""One recorded result as plain SQL; for ``turus bench recap --through sql``.

The service spends several ms of Python on a result; a country's workers share that over many machines. To put the
database alone under a country's load from one small machine, this sends the same rows under the same locks in three
round trips. The bench compares rows and sums afterwards just as it does for the service itself.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import make_url

from service.audit.chain import event_hash
from service.decisions.ranking import Saying
from service.ids import new_id
from service.recap.apply import columns_of
from service.recap.rows import Rules, StationRow, compute_row, contribution, difference
from service.store.recap import SLOTS, value_column

FORM: Final = "c-hasil-ppwp-2024"

_DECISION: Final = "id, election_id, tps, seq, field, kind, outcome, value, as_written, p, why, station_reading_id, at"


class SqlWriter:
    """Records results through one connection of its own. One thread."""

    def __init__(self, url: str, election: str, rules: Rules) -> None:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = psycopg.connect(address, row_factory=dict_row)
        self._election, self._rules = election, rules

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def record(self, tps: str, values: Mapping[str, int], now: datetime) -> None:
        """One result that was never read before: reading, decisions, recap, sums, audit, in one transaction.

        Raises:
            psycopg.Error: the database refused it; nothing of it is kept.
        """
        key = {"election": self._election, "tps": tps, "kecamatan": tps[:6]}
        with self._connection.transaction():
            before = self._lock(key, now)
            reading = new_id()
            decisions = self._decisions(tps, reading, before.seq, values, now)
            sayings = {d["field"]: [Saying(d["seq"], "machine", "accepted", d["value"], (), None)] for d in decisions}
            after = compute_row(sayings, self._rules, seen=False)
            with self._connection.pipeline():
                self._write(key, reading, decisions, after, now)
                self._move(key, before, after)
                head = self._connection.execute(
                    "SELECT seq, hash FROM audit_head WHERE chain = %(kecamatan)s FOR UPDATE", key
                )
            found = head.fetchone()
            with self._connection.pipeline():
                self._append(key, found, {"reading": reading, "seq": [before.seq + 1, after.seq]}, now)

    def _lock(self, key: Mapping[str, Any], now: datetime) -> StationRow:
        names = [value_column(slot) for slot in range(len(self._rules.recap_fields))]
        empty = {**columns_of(EMPTY), "anomalies": "[]", "updated_at": now}
        with self._connection.pipeline():
            self._connection.execute(
                f"INSERT INTO recap (election_id, tps, kecamatan, {', '.join(empty)}) VALUES (%(election)s, %(tps)s, "
                f"%(kecamatan)s, {', '.join(f'%({name})s' for name in empty)}) ON CONFLICT DO NOTHING",
                {**key, **empty},
            )
            locked = self._connection.execute(
                "SELECT * FROM recap WHERE election_id = %(election)s AND tps = %(tps)s FOR UPDATE", key
            )
        row = locked.fetchone()
        assert row is not None
        return StationRow(
            row["seq"], bool(row["seen"]), row["verdict"], row["source"], row["verified"], row["review"], row["known"],
            tuple(row["anomalies"]), tuple(row[name] for name in names),
        )  # fmt: skip

    def _decisions(
        self, tps: str, reading: str, seq: int, values: Mapping[str, int], now: datetime
    ) -> list[dict[str, Any]]:
        return [
            {
                "id": new_id(), "election_id": self._election, "tps": tps, "seq": seq + k, "field": name,
                "kind": "machine", "outcome": "accepted", "value": value, "as_written": str(value).rjust(3, "X"),
                "p": 0.9999, "why": [], "station_reading_id": reading, "at": now.isoformat(),
            }
            for k, (name, value) in enumerate(sorted(values.items()), start=1)
        ]  # fmt: skip

    def _write(
        self,
        key: Mapping[str, Any],
        reading: str,
        decisions: list[dict[str, Any]],
        row: StationRow,
        now: datetime,
    ) -> None:
        self._connection.execute(
            "INSERT INTO station_reading (id, election_id, tps, seq, inputs, form_id, reader_rev, verdict, body, "
            "created_at) VALUES (%(id)s, %(election)s, %(tps)s, %(seq)s, %(id)s, %(form)s, 'bench', 'consistent', "
            "'{}', %(now)s)",
            {**key, "id": reading, "seq": row.seq, "form": FORM, "now": now},
        )
        self._connection.execute(
            f"INSERT INTO decision ({_DECISION}) SELECT {_DECISION} "
            "FROM jsonb_populate_recordset(NULL::decision, %s::jsonb)",
            (json.dumps(decisions),),
        )
        columns = {**columns_of(row), "anomalies": json.dumps(list(row.anomalies)), "updated_at": now}
        self._connection.execute(
            f"UPDATE recap SET {', '.join(f'{name} = %({name})s' for name in columns)} "
            "WHERE election_id = %(election)s AND tps = %(station)s",
            {**columns, "election": self._election, "station": key["tps"]},
        )

    def _move(self, key: Mapping[str, Any], before: StationRow, after: StationRow) -> None:
        full = self._rules.full
        moved = difference(contribution(before, full), contribution(after, full))
        if moved:
            self._connection.execute(
                f"UPDATE recap_sum SET {', '.join(f'{name} = {name} + %({name})s' for name in moved)} "
                "WHERE election_id = %(election)s AND kecamatan = %(kecamatan)s",
                {**moved, **key},
            )

    def _append(
        self, key: Mapping[str, Any], head: Mapping[str, Any] | None, details: Mapping[str, Any], now: datetime
    ) -> None:
        """The same columns and the same hash as the audit's own; the bench prepares every chain's head."""
        assert head is not None
        event = {
            "chain": key["kecamatan"], "seq": head["seq"] + 1, "prev": head["hash"],
            "at": now.isoformat(timespec="microseconds"), "action": "numbers.read", "subject": f"tps:{key['tps']}",
            "account": None, "role": "machine", "origin": None, "why": None, "details": dict(details),
        }  # fmt: skip
        body = json.dumps(event, sort_keys=True, separators=(",", ":"))
        row = {**event, "now": now, "body": body, "hash": event_hash(body)}
        row.pop("details")
        self._connection.execute(
            "INSERT INTO audit_event (chain, seq, at, action, subject, body, prev_hash, hash) VALUES "
            "(%(chain)s, %(seq)s, %(now)s, %(action)s, %(subject)s, %(body)s, %(prev)s, %(hash)s)",
            row,
        )
        self._connection.execute("UPDATE audit_head SET seq = %(seq)s, hash = %(hash)s WHERE chain = %(chain)s", row)


EMPTY: Final = StationRow(0, False, "incomplete", "none", 0, 0, 0, (), (None,) * SLOTS)
