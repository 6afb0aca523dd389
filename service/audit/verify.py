"""Checking the chains: from the database, or from an export, with nothing but the text and SHA-256."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.chain import GENESIS, event_hash
from service.audit.seal import SEAL_GENESIS, head_leaf, merkle_root, seal_hash
from service.store.audit import AuditEvent, AuditHead, AuditSeal, AuditSealHead

FETCH = 2000
"""Rows fetched at once."""


@dataclass(frozen=True, slots=True)
class Link:
    """One event as exported: its place, its text, its hashes."""

    chain: str
    seq: int
    prev_hash: str
    hash: str
    body: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that does not fit: a chain, the number of the event, and what is wrong with it."""

    chain: str
    seq: int
    problem: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The result: how much was checked, what is wrong, and the last hash of each chain."""

    events: int
    flaws: tuple[Flaw, ...]
    heads: dict[str, tuple[int, str]]


def verify_links(links: Iterable[Link]) -> Verified:
    """Checks events in the order of (chain, seq): each text against its hash, each hash against the one before.

    A text that names another chain, number or predecessor than its row is a flaw too: rows cannot change places.
    """
    heads: dict[str, tuple[int, str]] = {}
    flaws: list[Flaw] = []
    events = 0
    for link in links:
        events += 1
        seq, last_hash = heads.get(link.chain, (0, GENESIS))
        flaws.extend(Flaw(link.chain, link.seq, problem) for problem in _problems(link, seq + 1, last_hash))
        heads[link.chain] = (link.seq, link.hash)
    return Verified(events, tuple(flaws), heads)


def verify_database(session: Session) -> Verified:
    """Checks every chain, its head row and every seal in the database."""
    result = verify_links(stored_links(session))
    flaws = list(result.flaws)
    for head in session.scalars(select(AuditHead).order_by(AuditHead.chain)):
        if head.seq and result.heads.get(head.chain) != (head.seq, head.hash):
            flaws.append(Flaw(head.chain, head.seq, "the chain does not end where its head says"))
    flaws.extend(_seal_flaws(session))
    return Verified(result.events, tuple(flaws), result.heads)


def stored_links(session: Session, chain: str | None = None) -> Iterator[Link]:
    """The events of the database (or of one chain) in the order of (chain, seq)."""
    wanted = select(AuditEvent.chain, AuditEvent.seq, AuditEvent.prev_hash, AuditEvent.hash, AuditEvent.body)
    if chain is not None:
        wanted = wanted.where(AuditEvent.chain == chain)
    for row in session.execute(wanted.order_by(AuditEvent.chain, AuditEvent.seq).execution_options(yield_per=FETCH)):
        yield Link(*row)


def export_lines(session: Session, chain: str | None = None) -> Iterator[str]:
    """An export: one JSON object a line, which :func:`parse_export` reads and anybody can check (docs/audit.md)."""
    for link in stored_links(session, chain):
        yield json.dumps(
            {"chain": link.chain, "seq": link.seq, "prev_hash": link.prev_hash, "hash": link.hash, "body": link.body},
            ensure_ascii=False,
        )


def parse_export(lines: Iterable[str]) -> Iterator[Link]:
    """The events of an export.

    Raises:
        ValueError: a line is not one of :func:`export_lines`; the message names it.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            link = Link(
                str(found["chain"]), int(found["seq"]), str(found["prev_hash"]), str(found["hash"]), str(found["body"])
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} is no audit event: {error}") from error
        yield link


def _problems(link: Link, seq: int, last_hash: str) -> Iterator[str]:
    if link.seq != seq:
        yield f"event {seq} is missing"
    if link.prev_hash != last_hash:
        yield "does not follow the event before it"
    if event_hash(link.body) != link.hash:
        yield "the text was changed"
        return
    try:
        told = json.loads(link.body)
        place = (told["chain"], told["seq"], told["prev"])
    except (ValueError, KeyError, TypeError):
        yield "the text is no event"
        return
    if place != (link.chain, link.seq, link.prev_hash):
        yield "the text belongs to another place"


def _seal_flaws(session: Session) -> Iterator[Flaw]:
    """What is wrong with the seals: in their own chain, and against the events as they are now."""
    last = SEAL_GENESIS
    moved = _sealed_events(session)
    leaves: dict[str, bytes] = {}
    for number, seal in enumerate(session.scalars(select(AuditSeal).order_by(AuditSeal.seq)), 1):
        if seal.seq != number or seal.prev_hash != last:
            yield Flaw("seals", seal.seq, "does not follow the seal before it")
        if seal_hash(seal.seq, seal.at, seal.chains, seal.root, seal.prev_hash) != seal.hash:
            yield Flaw("seals", seal.seq, "the seal was changed")
        for chain, seq, digest in moved.get(seal.seq, ()):
            leaves[chain] = head_leaf(chain, seq, digest or "")
            if digest is None:
                yield Flaw(chain, seq, f"seal {seal.seq} covers this event, and it is gone")
        if merkle_root([leaves[chain] for chain in sorted(leaves)]) != seal.root:
            yield Flaw("seals", seal.seq, "the events it covers are not those that were sealed")
        last = seal.hash


def _sealed_events(session: Session) -> dict[int, list[tuple[str, int, str | None]]]:
    """Seal -> chains that had gone on, the number of their last event then, and that event's hash as it is now."""
    found: dict[int, list[tuple[str, int, str | None]]] = {}
    at_head = (AuditEvent.chain == AuditSealHead.chain) & (AuditEvent.seq == AuditSealHead.seq)
    query = select(AuditSealHead.seal, AuditSealHead.chain, AuditSealHead.seq, AuditEvent.hash).outerjoin(
        AuditEvent, at_head
    )
    for seal, chain, seq, digest in session.execute(query):
        found.setdefault(seal, []).append((chain, seq, digest))
    return found
