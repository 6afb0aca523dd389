"""``turus backup`` and ``turus restore``."""

from pathlib import Path
from typing import Annotated

import typer


def backup(
    to: Annotated[
        Path, typer.Argument(help="Folder cadangan; boleh dipakai lagi. / Backup folder; may be used again.")
    ],
) -> None:
    """Salin basis data, foto, dan kunci; layanan boleh berjalan. / Copy database, photos and key, while running."""
    from rich.progress import Progress

    from service.backup import back_up
    from service.cli.local import open_services

    services = open_services()
    with Progress(transient=True) as shown:
        task = shown.add_task("foto / photos", total=None)
        count = back_up(services, to, lambda done, total: shown.update(task, completed=done, total=total))
    print(f"Cadangan lengkap di {to}: {count} foto. / The backup is complete: {count} photos.")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="Folder cadangan. / Backup folder.")],
) -> None:
    """Pulihkan ke tempat yang kosong. / Restore into an empty place."""
    from rich.progress import Progress

    from service.backup import restore as restore_database
    from service.backup import restore_photos
    from service.cli.local import load_settings
    from service.services import build_services

    settings = load_settings()
    restore_database(settings, source)
    services = build_services(settings)
    with Progress(transient=True) as shown:
        task = shown.add_task("foto / photos", total=None)
        count = restore_photos(services, source, lambda done, total: shown.update(task, completed=done, total=total))
    print(f"Pulih; {count} foto ditaruh kembali. / Restored; {count} photos put back.")
