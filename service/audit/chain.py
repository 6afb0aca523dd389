"""Appending to the hash chains.

An event's hash covers the canonical text that is stored with it; the text holds chain, number, time and the hash
before. One chain a kecamatan keeps a record's order without making the country queue at one row.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.access import Actor
from service.store.audit import AuditEvent, AuditHead
from service.store.insert import insert_for

NATIONAL = "0"
"""The chain of events that belong to no kecamatan: accounts, elections, forms, batches."""

GENESIS = hashlib.sha256(b"turus audit").hexdigest()
"""The hash before a chain's first event."""

EVENT_DOMAIN = b"\x00"
"""Put before an event's text when it is hashed, so that it can never pass for a node of the Merkle tree."""

_KECAMATAN_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Act:
    """What happened, before it has a place in a chain.

    Attributes:
        action: stable name, ``noun.verb``: ``photo.received``, ``number.confirmed``, ``account.disabled``.
        subject: what it was done to, ``kind:id``: ``photo:01...``, ``tps:1871010001001``.
        chain: :func:`kecamatan_of` a region code, or :data:`NATIONAL`.
        actor: who; ``None`` for the machine itself.
        why: the reason given, if any.
        details: plain JSON values; ids and numbers, never names, phone numbers or file contents.
    """

    action: str
    subject: str
    chain: str
    actor: Actor | None
    why: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def kecamatan_of(region_code: str) -> str:
    """The chain of a region: its kecamatan's code, or the national chain for larger ones."""
    return region_code[:_KECAMATAN_DIGITS] if len(region_code) >= _KECAMATAN_DIGITS else NATIONAL


def append(session: Session, acts: Sequence[Act], at: datetime) -> None:
    """Appends the acts to their chains, within the caller's transaction.

    Call it last: it locks the chains' heads until the transaction ends (in the order of their codes, so that two
    transactions never wait for each other).

    Args:
        session: an open write transaction (:meth:`service.store.engine.Store.write`).
        acts: in the order they happened.
        at: server time.
    """
    session.flush()
    ordered = sorted(acts, key=lambda act: act.chain)  # stable: the order within a chain stays
    for chain, group in groupby(ordered, key=lambda act: act.chain):
        head = _lock_head(session, chain)
        for act in group:
            head.seq += 1
            body = _canonical(act, head, at)
            digest = event_hash(body)
            session.add(
                AuditEvent(
                    chain=chain,
                    seq=head.seq,
                    at=at,
                    action=act.action,
                    subject=act.subject,
                    account_id=act.actor.account_id if act.actor else None,
                    body=body,
                    prev_hash=head.hash,
                    hash=digest,
                )
            )
            head.hash = digest
    session.flush()


def event_hash(body: str) -> str:
    """SHA-256 of an event's stored text, lower-case hex."""
    return hashlib.sha256(EVENT_DOMAIN + body.encode()).hexdigest()


def _lock_head(session: Session, chain: str) -> AuditHead:
    session.execute(insert_for(session, AuditHead).values(chain=chain, seq=0, hash=GENESIS).on_conflict_do_nothing())
    return session.scalars(
        select(AuditHead).where(AuditHead.chain == chain).with_for_update().execution_options(populate_existing=True)
    ).one()


def _canonical(act: Act, head: AuditHead, at: datetime) -> str:
    """The event as one line of JSON: sorted keys, no spaces, UTF-8."""
    event = {
        "chain": head.chain,
        "seq": head.seq,
        "prev": head.hash,
        "at": at.isoformat(timespec="microseconds"),
        "action": act.action,
        "subject": act.subject,
        "account": act.actor.account_id if act.actor else None,
        "role": act.actor.role.value if act.actor else "machine",
        "origin": act.actor.origin if act.actor else None,
        "why": act.why,
        "details": dict(act.details),
    }
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
