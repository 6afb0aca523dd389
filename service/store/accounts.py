"""Accounts, one-time activations, sessions. Phone numbers and names are stored encrypted; see docs/privacy.md."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.base import Base, Id, RegionCode


class Account(Base):
    """A person with one role in one region.

    ``scope`` is a region-code prefix: 13 digits for KPPS, 6 for PPK, "" for the nation. ``phone_hash`` is a keyed
    hash, for looking a number up without storing it in the clear. ``state``: ``invited``, ``active``, ``disabled``,
    ``erased``.
    """

    __tablename__ = "account"

    id: Mapped[Id]
    role: Mapped[str] = mapped_column(String(16))
    scope: Mapped[str] = mapped_column(RegionCode, index=True)
    login: Mapped[str | None] = mapped_column(String(64), unique=True)
    phone_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    password_hash: Mapped[str | None]
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(String(32))
    activated_at: Mapped[datetime | None]
    rev: Mapped[int] = mapped_column(default=1)


class Activation(Base):
    """A one-time way in: a link (long token) or a code (short, few tries). Only its hash is stored."""

    __tablename__ = "activation"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32), ForeignKey("account.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)


class LoginSession(Base):
    """A browser session or a device's token. Only the token's hash is stored.

    After ``expires_at`` and until ``grace_until`` a device may still deliver photos taken while it had no network, and
    nothing else.
    """

    __tablename__ = "login_session"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(String(32), ForeignKey("account.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    label: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    grace_until: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class LoginThrottle(Base):
    """Wrong logins in a row. ``key`` is an account's id, or a keyed hash of what was typed where no account has it.

    Unknown logins are counted just like known ones, so that neither the answer nor its time tells them apart.
    """

    __tablename__ = "login_throttle"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_try_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]
