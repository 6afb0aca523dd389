"""``turus receipt verify``: is this receipt whole, and from that server?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.errors import UsageProblem

CHECK_FAILED_EXIT = 1

app = typer.Typer(
    help="Tanda terima foto / Receipts of photos.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _common() -> None:
    """Receipts of photos."""


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Tanda terima (JSON). / The receipt (JSON).")],
    key: Annotated[
        str | None,
        typer.Option(help="Kunci server (base64), dari GET /receipts/key. / The server's key, base64."),
    ] = None,
    photo: Annotated[Path | None, typer.Option(help="Foto yang dimaksud. / The photo it should be about.")] = None,
) -> int:
    """Periksa keaslian tanda terima / Check that a receipt is genuine."""
    from service.uploads.receipts import verify_kept

    receipt = _read(file)
    wrong = []
    if not verify_kept(receipt, key):
        wrong.append(
            (
                "Tanda tangan tidak cocok: isi berubah, atau bukan dari server ini.",
                "The signature does not fit: it was changed, or another server signed it.",
            )
        )
    elif photo is not None and _sha256(photo) != receipt.get("sha256"):
        wrong.append(("Ini tanda terima foto lain.", "This is the receipt of another photo."))
    for message_id, message_en in wrong:
        print(f"SALAH / WRONG: {message_id} / {message_en}")
    if wrong:
        return CHECK_FAILED_EXIT
    print(f"SAH / GENUINE: {receipt['id']}  TPS {receipt['tps']}  {receipt['received_at']}  {receipt['sha256']}")
    if key is None:
        print(
            f"  Kunci tidak diperiksa; bandingkan dengan yang diumumkan KPU: {receipt['key']}\n"
            "  The key was not checked; compare it with the published one (--key)."
        )
    return 0


def _read(file: Path) -> dict[str, Any]:
    import json

    try:
        receipt = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        receipt = None
    if not isinstance(receipt, dict):
        raise UsageProblem(f"{file} bukan tanda terima.", f"{file} is no receipt.")
    return receipt


def _sha256(photo: Path) -> str:
    import hashlib

    with photo.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
