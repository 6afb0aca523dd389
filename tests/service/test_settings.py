"""Settings come from the environment, are shown without secrets, and are all documented."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from service.cli.errors import UsageProblem
from service.cli.local import load_settings
from service.errors import ServiceError
from service.keys import load_keys
from service.settings import Settings, redact

DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_nothing_set_means_one_machine(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert settings.database == f"sqlite:///{tmp_path / 'turus.sqlite3'}"
    assert settings.jobs_database == f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    assert settings.blobs == (tmp_path / "blobs").as_uri()


def test_jobs_live_beside_a_postgresql_database() -> None:
    settings = Settings(database_url="postgresql://turus@db/turus")
    assert settings.jobs_database == settings.database


def test_the_summary_shows_no_secret() -> None:
    settings = Settings(
        database_url="postgresql://turus:hunter2@db/turus", secret_key=SecretStr("c2VjcmV0"), s3_endpoint="https://s3"
    )
    shown = "\n".join(f"{name}={value}" for name, value in settings.summary())
    assert "hunter2" not in shown
    assert "c2VjcmV0" not in shown
    assert "postgresql://turus:***@db/turus" in shown


def test_an_address_without_a_password_stays_as_it_is() -> None:
    assert redact("sqlite:////data/turus.sqlite3") == "sqlite:////data/turus.sqlite3"


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    missing = [name for name in (f"TURUS_{n.upper()}" for n in Settings.model_fields) if f"| `{name}` |" not in text]
    assert missing == []


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURUS_READERS", "many")
    with pytest.raises(UsageProblem, match="TURUS_READERS"):
        load_settings()
    with pytest.raises(ValidationError):
        Settings(read_tries=0)


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first, second = load_keys(settings), load_keys(settings)
    assert first.lookup_hash("+6281") == second.lookup_hash("+6281")
    assert second.seal.decrypt(first.seal.encrypt(b"Siti")) == b"Siti"
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


def test_keys_of_another_installation_open_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    own, other = (load_keys(Settings(data_dir=tmp_path / name)) for name in ("a", "b"))
    assert own.lookup_hash("+6281") != other.lookup_hash("+6281")


@pytest.mark.parametrize("key", ["short", "not base64 at all !", "AAAA"])
def test_a_bad_key_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ServiceError) as refused:
        load_keys(Settings(data_dir=tmp_path, secret_key=SecretStr(key)))
    assert refused.value.code == "bad_settings"
