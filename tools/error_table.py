"""Writes the tables of the service's codes into docs/errors.md: ``python tools/error_table.py``."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "errors.md"
SKIPPED = ("service.cli", "service.report", "service.jobs.dbos_engine", "service.jobs.reader_child")
"""Modules that load OpenCV, DBOS or the command line; none of them registers a code."""


def service_modules() -> Iterator[str]:
    """Names of all modules below ``service``, but for :data:`SKIPPED`."""
    import service

    for found in pkgutil.walk_packages(service.__path__, "service."):
        if not found.name.startswith(SKIPPED):
            yield found.name


def tables() -> dict[str, list[str]]:
    """Marker -> rows of its table, sorted by code."""
    for name in service_modules():
        importlib.import_module(name)
    from service.accounts.people_list import ROW_PROBLEMS
    from service.errors import problem_table

    return {
        "service codes": [
            f"| `{code}` | {row.status} | {row.message_id} *{row.message_en}* |"
            for code, row in sorted(problem_table().items())
        ],
        "row codes": [
            f"| `{code}` | {message_id} *{message_en}* |" for code, (message_id, message_en) in ROW_PROBLEMS.items()
        ],
    }


def rows_between(text: str, marker: str) -> list[str]:
    """The rows that stand between a marker and its end."""
    match = re.search(_between(marker), text, re.DOTALL)
    return match[2].strip().splitlines()[2:] if match else []


def updated(text: str) -> str:
    """The page with its tables as they should be; the head of each table stays."""
    for marker, rows in tables().items():

        def table(match: re.Match[str], rows: list[str] = rows) -> str:
            head = match[2].strip().splitlines()[:2]
            return "\n".join([match[1], *head, *rows, match[3]])

        text = re.sub(_between(marker), table, text, flags=re.DOTALL)
    return text


def _between(marker: str) -> str:
    return rf"(<!-- {marker} -->)\n(.*?)\n(<!-- end of {marker} -->)"


def main() -> int:
    """Writes the page; says whether anything changed."""
    before = PAGE.read_text(encoding="utf-8")
    after = updated(before)
    PAGE.write_text(after, encoding="utf-8")
    print("changed" if after != before else "up to date")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
