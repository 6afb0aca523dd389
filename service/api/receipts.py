"""Receipts and the key they are signed with."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from service.access import Action, Actor
from service.api.deps import PUBLIC, Requires, Svc
from service.api.shapes import Answer
from service.uploads.claims import PhotoId
from service.uploads.receipts import find_receipt, public_key, receipt_answer

router = APIRouter(tags=["receipts"])


class ReceiptAnswer(Answer):
    """Proof that a photo was here at that time. Every member but ``signature`` is signed; keep it as it is."""

    id: str
    photo: str
    sha256: str
    size_bytes: int
    election: str
    tps: str
    page: int | None = None
    received_at: str = Field(description="server time, UTC, ISO 8601")
    sender: str = Field(description="account that sent it")
    on_behalf: bool = Field(description="sent by the PPK for a station")
    warnings: list[dict[str, Any]] = Field(description="what was odd, for example {code: clock_off, ...}")
    key: str = Field(description="the server's Ed25519 public key, base64")
    signature: str = Field(
        description="Ed25519, base64, over the other members that are not null: JSON, sorted keys, no spaces, UTF-8"
    )


class KeyAnswer(Answer):
    """The key receipts are signed with."""

    algorithm: str
    key: str = Field(description="32 bytes, base64")


@router.get("/receipts/key")
def get_key(services: Svc, _: Annotated[None, Depends(PUBLIC)]) -> KeyAnswer:
    """The server's public key. Public, so that anybody who is shown a receipt can check it."""
    return KeyAnswer(algorithm="Ed25519", key=public_key(services.keys))


@router.get("/receipts/{receipt_id}")
def get_receipt(
    receipt_id: PhotoId, services: Svc, actor: Annotated[Actor, Depends(Requires(Action.OWN_ACCOUNT))]
) -> ReceiptAnswer:
    """A receipt of your own, or of a station whose photos you may see."""
    return ReceiptAnswer.model_validate(receipt_answer(find_receipt(services, actor, receipt_id)))
