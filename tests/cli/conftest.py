import sys
from collections.abc import Callable

import pytest

from service.cli.main import main

Turus = Callable[..., tuple[int, str, str]]


@pytest.fixture
def turus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Turus:
    """Runs the command in this process: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["turus", *arguments])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
