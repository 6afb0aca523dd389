"""How the command line says that something is wrong: one shape, on stderr."""

import sys

from ocr_pipeline.errors import TurusError

USAGE_EXIT = 2
INTERRUPTED_EXIT = 130


class UsageProblem(TurusError):
    """The command was asked for something it cannot do; nothing was read."""

    def __init__(self, message_id: str, message_en: str) -> None:
        super().__init__("usage", message_id, message_en)


def print_error(code: str, message_id: str, message_en: str, detail: str = "") -> None:
    """Writes the one shape of an error: the code, then Indonesian, then English, then any detail for a technician."""
    lines = [f"turus: {code}", f"  {message_id}", f"  {message_en}", *(f"    {line}" for line in detail.splitlines())]
    print("\n".join(lines), file=sys.stderr)
