"""``--forms DIR``: forms of one's own beside those that ship with Turus."""

from pathlib import Path
from typing import Annotated

import typer


def _use(folder: Path | None) -> Path | None:
    if folder is not None:
        from ocr_pipeline.forms.library import use_folder

        use_folder(folder)
    return folder


Forms = Annotated[
    Path | None,
    typer.Option(
        "--forms",
        metavar="DIR",
        callback=_use,
        help="Folder definisi formulir Anda sendiri, *.toml. / Folder with form definitions of your own, *.toml.",
    ),
]
