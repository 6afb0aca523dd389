"""TURUS_FORMS_DIR: forms of one's own in the processes of the service."""

from pathlib import Path

import pytest

from ocr_pipeline.errors import DefinitionError
from ocr_pipeline.forms.library import load_form
from service.elections.fields import forms_of
from service.jobs.reader_pool import ReaderPool, ReaderUnavailable
from service.jobs.worker import Options, reader_program
from service.services import build_services
from service.settings import Settings
from tests.forms.text import SOUND

pytestmark = pytest.mark.usefixtures("fresh_library")


def settings(folder: Path, text: str) -> Settings:
    forms = folder / "forms"
    forms.mkdir()
    (forms / "uji.toml").write_text(text, encoding="utf-8")
    return Settings(data_dir=folder / "data", forms_dir=forms)


def test_a_process_of_the_service_knows_them_from_its_start(tmp_path: Path) -> None:
    services = build_services(settings(tmp_path, SOUND))

    assert load_form("uji").rev == 3
    assert forms_of(["uji"]) is not None
    services.store.close()


def test_a_wrong_one_keeps_the_process_from_starting(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"uji\.toml: not TOML"):
        build_services(settings(tmp_path, "= no toml"))


def test_the_readers_of_a_worker_get_the_folder(tmp_path: Path) -> None:
    services = build_services(settings(tmp_path, SOUND))
    assert services.settings.forms_dir is not None
    # Spoilt after the worker has read it: only a reader that looks there too can say so.
    (services.settings.forms_dir / "uji.toml").write_text("= no toml", encoding="utf-8")
    pool = ReaderPool(1, 20, reader_program(Options("w", 1), services))
    try:
        with pytest.raises(ReaderUnavailable, match="bad_definition"):
            pool.parts(Path(__file__))
    finally:
        pool.close()
        services.store.close()
