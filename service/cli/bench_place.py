"""Where a bench works: a folder and a database of its own, gone afterwards."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.postgres import start_postgres

if TYPE_CHECKING:
    from service.settings import Settings


@contextmanager
def bench_place(folder: Path | None, database_url: str | None, *, postgres: bool = False) -> Iterator["Settings"]:
    """Settings of a place that is deleted when the block ends.

    Args:
        folder: on which disk; ``None``: where temporary files go.
        database_url: an empty database; ``None``: SQLite in the place.
        postgres: start a PostgreSQL instead.

    Raises:
        UsageProblem: there is no PostgreSQL to start.
    """
    import shutil
    import tempfile

    from service.settings import Settings

    with ExitStack() as undo:
        own = Path(tempfile.mkdtemp(prefix="turus-bench-", dir=folder))
        undo.callback(shutil.rmtree, own, ignore_errors=True)
        if postgres:
            database_url, stop = start_postgres()
            undo.callback(stop)
        yield Settings(data_dir=own, database_url=database_url, min_free_bytes=0)
