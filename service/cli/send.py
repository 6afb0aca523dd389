"""``turus send``: photos to the server, over whatever network there is, each with its receipt."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import token_file
from service.cli.errors import UsageProblem
from service.cli.read import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.client import PhotoInfo, ReceiptInfo, TurusClient


@dataclass(frozen=True, slots=True)
class Sent:
    """How it went with one photo.

    Attributes:
        path: the file.
        status: ``sent``, ``refused`` (the server will not have it), ``failed`` (it could not be sent).
        code: why not; ``None`` when sent.
        message_id: what to do next, in Indonesian.
        message_en: the same in English.
        receipt: the server's receipt.
        receipt_path: where it was written; ``None`` when it could not be.
        photo: what became of it, with ``--wait``.
    """

    path: Path
    status: str
    code: str | None = None
    message_id: str = ""
    message_en: str = ""
    receipt: "ReceiptInfo | None" = None
    receipt_path: Path | None = None
    photo: "PhotoInfo | None" = None

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to do about it."""
        unusable = self.photo is not None and (self.photo.state == "failed" or self.photo.outcome == "rejected")
        return self.status == "sent" and not unusable


def send(
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO...", help="Foto formulir satu TPS. / Form photos of one station.")
    ],
    tps: Annotated[str, typer.Option(metavar="CODE", help="Kode TPS, 13 angka. / Station's code, 13 digits.")],
    election: Annotated[str, typer.Option(metavar="ID", help="Pemilihan. / The election.")],
    page: Annotated[
        int | None,
        typer.Option(min=1, max=99, metavar="N", help="Halaman formulir; bawaan: dicari. / Page; default: found."),
    ] = None,
    replaces: Annotated[
        str | None, typer.Option(metavar="ID", help="Foto yang diganti. / The photo that this one replaces.")
    ] = None,
    server: Annotated[str | None, typer.Option(metavar="URL", help="Alamat server. / The server's address.")] = None,
    token_path: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Berkas token; bawaan: TURUS_TOKEN, lalu ~/.config/turus/token.json / Token file.",
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Menyerah setelah selama ini tanpa kemajuan. / Give up.")
    ] = 600.0,
    wait: Annotated[bool, typer.Option("--wait", help="Tunggu sampai dibaca. / Wait until they are read.")] = False,
    json: Json = False,
) -> int:
    """Kirim foto; lanjut sendiri setelah terputus / Send photos; goes on by itself after a cut."""
    from service.client import Patience, TurusClient

    if replaces is not None and len(photos) > 1:
        raise UsageProblem(
            "--replaces berlaku untuk satu foto. Kirim satu per satu.", "--replaces is for one photo. Send one by one."
        )
    kept = token_file.find(token_path)
    address = server or kept.server or os.environ.get("TURUS_SERVER") or token_file.DEFAULT_SERVER
    if kept.server is not None and address != kept.server:
        raise UsageProblem(
            f"Token yang disimpan milik {kept.server}. Jalankan `turus activate` atau `turus login` untuk {address}.",
            f"The token kept belongs to {kept.server}. Run `turus activate` or `turus login` for {address}.",
        )
    warning = token_file.warn_if_plain(address)
    if warning:
        print(warning, file=sys.stderr)
    results: list[Sent] = []
    with TurusClient(address, kept.token, server_key=kept.key, patience=Patience(patience_s=patience)) as client:
        for path in photos:
            with _progress(path) as on_progress:
                result = _send_one(client, path, (election, tps, page, replaces), on_progress)
            results.append(result)
            if json and not wait:
                _print_json(result)
        if wait:
            results = [_wait(client, result) for result in results]
            if json:
                for result in results:
                    _print_json(result)
    if not json:
        _print_table(results)
    return 0 if all(result.is_good for result in results) else 1


def _send_one(
    client: "TurusClient",
    path: Path,
    where: tuple[str, str, int | None, str | None],
    on_progress: "Callable[[int, int], None] | None",
) -> Sent:
    """One photo; nothing that is wrong with it stops the others."""
    from service.client import ClientProblem, Refused, save_receipt

    election, tps, page, replaces = where
    try:
        receipt = client.send_photo(path, election, tps, page, replaces=replaces, on_progress=on_progress)
    except OSError as error:
        reason = error.strerror or str(error)
        return Sent(path, "failed", "file_problem", f"Berkas tidak terbaca: {reason}", f"Cannot read it: {reason}")
    except ClientProblem as error:
        is_final = isinstance(error, Refused) and not error.is_transient
        status = "refused" if is_final else "failed"
        return Sent(path, status, error.code, error.message_id, error.message_en)
    try:
        return Sent(path, "sent", receipt=receipt, receipt_path=save_receipt(receipt, path))
    except OSError as error:
        reason = error.strerror or str(error)
        text_id = f"Foto sudah diterima, tetapi tanda terima tidak dapat disimpan: {reason}"
        text_en = f"The photo was received, but its receipt cannot be saved: {reason}"
        return Sent(path, "sent", None, text_id, text_en, receipt)


def _wait(client: "TurusClient", result: Sent) -> Sent:
    from dataclasses import replace

    from service.client import ClientProblem

    if result.receipt is None:
        return result
    try:
        photo = client.wait_for_photo(result.receipt.photo)
    except ClientProblem as error:  # it was sent; that it cannot be looked at is said, and changes nothing
        return replace(result, message_id=error.message_id, message_en=error.message_en)
    return replace(result, photo=photo, message_id=photo.advice_id, message_en=photo.advice_en)


@contextmanager
def _progress(path: Path) -> "Iterator[Callable[[int, int], None] | None]":
    """A bar on the terminal; nothing where there is none."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(path.name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_json(result: Sent) -> None:
    import json

    line: dict[str, Any] = {
        "file": str(result.path),
        "status": result.status,
        "code": result.code,
        "message": {"id": result.message_id, "en": result.message_en} if result.message_id else None,
        "receipt": dict(result.receipt.raw) if result.receipt else None,
        "receipt_file": str(result.receipt_path) if result.receipt_path else None,
        "photo": dict(result.photo.raw) if result.photo else None,
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)


_WORDS = {"sent": ("terkirim", "green"), "refused": ("ditolak", "red"), "failed": ("gagal", "yellow")}
_OUTCOMES = {"accepted": "terbaca", "review": "perlu diperiksa", "rejected": "harus difoto ulang"}


def _print_table(results: list[Sent]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("Foto / Photo", "Keadaan / State", "Tanda terima / Receipt"):
        table.add_column(name, overflow="fold")
    for result in results:
        words, style = _WORDS[result.status]
        if result.photo:
            words = _OUTCOMES.get(result.photo.outcome or "", result.photo.state)
            style = "green" if result.is_good else "red"
        note = result.receipt_path.name if result.receipt_path else result.receipt.id if result.receipt else "-"
        table.add_row(Text(result.path.name), Text(words, style), Text(note))
    console.print(table)
    for result in results:
        if result.message_id:
            code = f" ({result.code})" if result.code else ""
            console.print(Text(f"{result.path.name}{code}: {result.message_id}"), soft_wrap=True)
            console.print(Text(f"  {result.message_en}", "dim"), soft_wrap=True)
    sent = sum(result.status == "sent" for result in results)
    n = len(results)
    console.print(Text(f"{sent} dari {n} foto terkirim. / {sent} of {n} photos sent."))
