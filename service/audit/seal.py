"""Seals: one Merkle root over the heads of all chains, chained to the seal before, to be published.

A chain shows a change made within it. A seal that was printed or published elsewhere also shows a whole chain rewritten
by somebody who owns the database.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.store.audit import AuditHead, AuditSeal, AuditSealHead

SEAL_GENESIS = hashlib.sha256(b"turus seals").hexdigest()
_LEAF, _NODE = b"\x00", b"\x01"


def merkle_root(leaves: Sequence[bytes]) -> str:
    """Root of the Merkle tree over the leaves as RFC 9162 (section 2.1.1) defines it, lower-case hex.

    Leaves and nodes are hashed with different first bytes, so that a node can never pass for a leaf.
    """
    return _subtree(leaves).hex()


def seal(session: Session, at: datetime) -> AuditSeal | None:
    """Seals all chains as they stand, within the caller's write transaction; ``None`` when nothing changed since.

    Which event each chain ended with is kept beside the seal, so that the root can be computed again at any later time.
    """
    heads = session.execute(
        select(AuditHead.chain, AuditHead.seq, AuditHead.hash).where(AuditHead.seq > 0).order_by(AuditHead.chain)
    ).all()
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(1).with_for_update()).first()
    sealed = select(AuditSealHead.chain, func.max(AuditSealHead.seq)).group_by(AuditSealHead.chain)
    before: dict[str, int] = {row[0]: row[1] for row in session.execute(sealed)}
    moved = [(chain, seq) for chain, seq, _ in heads if before.get(chain) != seq]
    if not moved:
        return None
    number, previous = (last.seq + 1, last.hash) if last else (1, SEAL_GENESIS)
    root = merkle_root([head_leaf(chain, seq, digest) for chain, seq, digest in heads])
    made = AuditSeal(
        seq=number,
        at=at,
        chains=len(heads),
        root=root,
        prev_hash=previous,
        hash=seal_hash(number, at, len(heads), root, previous),
    )
    session.add(made)
    session.flush()
    session.add_all(AuditSealHead(seal=number, chain=chain, seq=seq) for chain, seq in moved)
    return made


def head_leaf(chain: str, seq: int, digest: str) -> bytes:
    """A chain's head as a leaf of the tree."""
    return json.dumps([chain, seq, digest], separators=(",", ":")).encode()


def seal_hash(seq: int, at: datetime, chains: int, root: str, prev_hash: str) -> str:
    """SHA-256 of a seal's content, lower-case hex."""
    text = json.dumps([seq, at.isoformat(timespec="microseconds"), chains, root, prev_hash], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _subtree(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(_LEAF + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1  # the largest power of two smaller than the number of leaves
    return hashlib.sha256(_NODE + _subtree(leaves[:split]) + _subtree(leaves[split:])).digest()
