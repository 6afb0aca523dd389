"""Everything that can be set, from the environment only; the one place that reads it."""

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url

MEGABYTE = 1024 * 1024


class Settings(BaseSettings):
    """Settings of all processes, ``TURUS_...`` in the environment. With none set, one machine works by itself.

    Raises:
        pydantic.ValidationError: a value is of the wrong kind or out of range.
    """

    model_config = SettingsConfigDict(env_prefix="TURUS_", frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path("turus-data"), description="folder for the database, photos, spool and keys")
    database_url: str | None = Field(
        default=None, description="sqlite:///... or postgresql://...; otherwise in data_dir"
    )
    jobs_database_url: str | None = Field(
        default=None, description="where the job engine keeps its tables; default: beside the database"
    )
    blob_url: str | None = Field(default=None, description="file:///... or s3://bucket/prefix; default: in data_dir")
    s3_endpoint: str | None = Field(default=None, description="address of an S3-compatible store that is not Amazon's")
    secret_key: SecretStr | None = Field(
        default=None, description="32 bytes, URL-safe base64; the same on all machines; default: made once, in data_dir"
    )
    forms_dir: Path | None = Field(default=None, description="folder with form definitions of one's own, *.toml")
    public_url: str = Field(default="http://127.0.0.1:8000", description="the address people use, in links")
    max_photo_bytes: int = Field(default=64 * MEGABYTE, ge=1024, description="largest file taken")
    max_photo_pixels: int = Field(default=64_000_000, ge=10_000, description="largest picture taken")
    min_free_bytes: int = Field(default=256 * MEGABYTE, ge=0, description="room kept free; below it uploads get 507")
    max_receiving: int = Field(default=256, ge=1, description="uploads received at once per process; more get 503")
    max_open_uploads: int = Field(default=20, ge=1, description="unfinished uploads per account")
    max_photos_per_station: int = Field(default=100, ge=1, description="photos of one station per account and election")
    upload_ttl_hours: int = Field(default=72, ge=1, description="how long an unfinished upload is kept")
    chunk_timeout_s: float = Field(default=60, gt=0, description="silence after which an upload is cut")
    readers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="photos read at once per worker"
    )
    read_timeout_s: float = Field(default=120, gt=0, description="longest time for one photo")
    read_tries: int = Field(default=3, ge=1, description="times a photo may break its reader")
    rate_limits: bool = Field(default=True, description="limits on logins and requests; off only in tests and benches")
    activation_days: int = Field(default=14, ge=1, description="how long an activation link or code can be used")
    session_days: int = Field(default=14, ge=1, description="how long a browser session lives")
    device_days: int = Field(default=60, ge=1, description="how long a device's token lives after activation")
    grace_hours: int = Field(default=24, ge=0, description="how long after its end a device may still deliver photos")
    trusted_proxies: str = Field(default="127.0.0.1", description="proxies whose X-Forwarded-For is believed")
    log_format: Literal["json", "console"] = Field(default="console", description="for machines or people")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")

    @field_validator("public_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @cached_property
    def database(self) -> str:
        """Address of the database."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'turus.sqlite3'}"

    @cached_property
    def jobs_database(self) -> str:
        """Address of the job engine's tables: an SQLite file of its own, or the same PostgreSQL database."""
        if self.jobs_database_url:
            return self.jobs_database_url
        if make_url(self.database).get_backend_name() == "sqlite":
            return f"sqlite:///{self.data_dir.resolve() / 'jobs.sqlite3'}"
        return self.database

    @cached_property
    def blobs(self) -> str:
        """Address of the blob store."""
        return self.blob_url or (self.data_dir.resolve() / "blobs").as_uri()

    @cached_property
    def spool_dir(self) -> Path:
        """Folder for bytes on their way in."""
        return self.data_dir.resolve() / "spool"

    def summary(self) -> list[tuple[str, str]]:
        """Every setting with its value as text, for printing: passwords and keys are replaced by ``***``."""
        rows = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name == "secret_key":
                shown = "***" if value else "(data_dir/secret.key)"
            elif name in ("database_url", "jobs_database_url", "blob_url"):
                shown = redact(getattr(self, {"blob_url": "blobs"}.get(name, name.removesuffix("_url"))))
            else:
                shown = str(value)
            rows.append((f"TURUS_{name.upper()}", shown))
        return rows


def redact(url: str) -> str:
    """An address without its password."""
    return make_url(url).render_as_string(hide_password=True) if "@" in url else url
