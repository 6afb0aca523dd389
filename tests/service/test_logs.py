"""Logs are lines a machine can read, and hide what must not be written."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from service.logs import set_up_logs
from service.settings import Settings


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)  # servers of other tests made it quiet
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def test_an_event_is_one_line_of_json_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(Settings(log_format="json"))
    structlog.get_logger().info("photo.received", photo="01", token="t0p", phone="+62812", name="Siti")
    logging.getLogger("uvicorn.error").warning("shutting down")
    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["photo"], ours["level"]) == ("photo.received", "01", "info")
    assert (ours["token"], ours["phone"], ours["name"]) == ("***", "***", "***")
    assert theirs["event"] == "shutting down"


def test_less_than_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(Settings(log_level="error"))
    structlog.get_logger().warning("quiet")
    assert capsys.readouterr().err == ""
