"""Receipts: what an officer keeps as proof that a photo was here at that time.

The signed text is JSON with sorted keys and no spaces (UTF-8), of every member but ``signature`` and those that are
null; the signature is Ed25519 (RFC 8032). ``key`` is the public key, so that a receipt can be checked without the
server; whether the key is the server's must be known from elsewhere (``GET /receipts/key``, or as published).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from service.access import Action, Actor, may
from service.errors import ServiceError
from service.keys import Keys
from service.services import Services
from service.store.photos import Photo, Receipt
from service.uploads import problems as problems


def public_key(keys: Keys) -> str:
    """The server's public key: 32 bytes, base64."""
    return base64.b64encode(keys.receipts.public_key().public_bytes_raw()).decode()


def canonical(members: Mapping[str, Any]) -> str:
    """The text that is signed: members that are null are left out, because programs on the way may drop them."""
    told = {name: value for name, value in members.items() if value is not None}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sign_receipt(keys: Keys, members: Mapping[str, Any]) -> tuple[str, str]:
    """Text and signature (base64) of a receipt; the server's key is put in."""
    body = canonical({**members, "key": public_key(keys)})
    return body, base64.b64encode(keys.receipts.sign(body.encode())).decode()


def verify_receipt(body: str, signature: str, public_key: str) -> bool:
    """Whether the holder of the key signed exactly this text.

    Args:
        body: the signed text, byte for byte.
        signature: base64, 64 bytes.
        public_key: base64, 32 bytes.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), body.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def verify_kept(receipt: Mapping[str, Any], trusted_key: str | None = None) -> bool:
    """Whether a receipt, as the server answered it and somebody kept it, is whole.

    Args:
        receipt: the JSON object.
        trusted_key: the server's key as known from elsewhere; ``None``: the one in the receipt, which only shows that
            nobody changed it since.
    """
    members = dict(receipt)
    signature, key = members.pop("signature", None), members.get("key")
    if not isinstance(signature, str) or not isinstance(key, str) or trusted_key not in (None, key):
        return False
    try:
        return verify_receipt(canonical(members), signature, key)
    except (TypeError, ValueError):
        return False


def receipt_answer(receipt: Receipt) -> dict[str, Any]:
    """A receipt as clients get it: the signed members and the signature."""
    members: dict[str, Any] = json.loads(receipt.body)
    return {"page": None, **members, "signature": receipt.signature}


def find_receipt(services: Services, actor: Actor, receipt_id: str) -> Receipt:
    """A receipt of one's own, or of a station whose photos one may see.

    Raises:
        ServiceError: ``unknown_receipt``, also when there is one that is not for this actor.
    """
    with services.store.read() as session:
        row = session.execute(
            select(Receipt, Photo.tps).join(Photo, Photo.id == Receipt.photo_id).where(Receipt.id == receipt_id)
        ).one_or_none()
    if row is None or not (row.Receipt.account_id == actor.account_id or may(actor, Action.SEE_PHOTO, row.tps)):
        raise ServiceError("unknown_receipt")
    receipt: Receipt = row.Receipt
    return receipt


def time_text(at: datetime) -> str:
    """A point in time as receipts write it: UTC, milliseconds."""
    return at.isoformat(timespec="milliseconds")
