"""Commands that work on this machine's own database: how they get to it."""

from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.errors import UsageProblem

if TYPE_CHECKING:
    from service.services import Services
    from service.settings import Settings


def load_settings() -> "Settings":
    """The settings of the environment.

    Raises:
        UsageProblem: one of them is wrong; says which, and never what a secret was.
    """
    from pydantic import ValidationError

    from service.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"TURUS_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False))
        raise UsageProblem(f"Pengaturan salah: {wrong}", f"A setting is wrong: {wrong}") from error


def open_services(*, migrated: bool = True) -> "Services":
    """The services of this machine, for a command.

    Args:
        migrated: refuse a database that is not at the newest revision.

    Raises:
        UsageProblem: a setting is wrong, or the database must be migrated first.
    """
    from sqlalchemy import make_url

    from service.services import build_services
    from service.store.migrate import current_revision, newest_revision

    settings = load_settings()
    url = make_url(settings.database)
    if migrated and url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        # Before anything is made: in the wrong folder a command must not leave a key and an empty database behind.
        raise UsageProblem(
            f"Tidak ada basis data di {url.database}. Pindah ke folder Turus, atau setel TURUS_DATA_DIR.",
            f"There is no database at {url.database}. Go to the folder of Turus, or set TURUS_DATA_DIR.",
        )
    services = build_services(settings)
    if migrated and current_revision(services.store) != newest_revision():
        services.store.close()
        raise UsageProblem(
            "Basis data belum siap. Jalankan `turus migrate` (atau `turus serve`, yang melakukannya sendiri).",
            "The database is not ready. Run `turus migrate` (or `turus serve`, which does it by itself).",
        )
    return services
