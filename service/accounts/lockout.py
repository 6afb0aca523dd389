"""Wrong logins in a row lock the login for a while that doubles: 1 minute after the fifth, at most an hour.

Each try is counted before its password is looked at, so that tries sent all at once gain nothing.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.services import Services
from service.store.accounts import LoginThrottle
from service.store.insert import insert_for

FREE_TRIES = 5
FIRST_LOCK = timedelta(minutes=1)
LONGEST_LOCK = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=1)
"""Tries this old count no more."""


def lock_for(failures: int) -> timedelta | None:
    """How long a login is locked after that many failures in a row; ``None``: not at all."""
    if failures < FREE_TRIES:
        return None
    doublings: int = 2 ** min(failures - FREE_TRIES, 10)
    return min(FIRST_LOCK * doublings, LONGEST_LOCK)


def count_try(services: Services, key: str) -> bool:
    """Counts a try as if it had failed.

    Returns:
        Whether the login may go on; ``False`` while it is locked (then nothing is counted).
    """
    now = services.now()
    with services.store.write() as session:
        row = _locked_row(session, key, now)
        if row.locked_until is not None and row.locked_until > now:
            return False
        row.failures = 1 if now - row.last_try_at > FORGOTTEN_AFTER else row.failures + 1
        row.last_try_at = now
        lock = lock_for(row.failures)
        row.locked_until = now + lock if lock else None
    return True


def note_try(session: Session, key: str, now: datetime) -> None:
    """Writes down a try that cannot succeed, only so that it takes as long as one that could."""
    row = _locked_row(session, key, now)
    row.failures += 1
    row.last_try_at = now


def locked_until(session: Session, key: str, now: datetime) -> datetime | None:
    """Until when the login is locked, if it is."""
    until = session.scalar(select(LoginThrottle.locked_until).where(LoginThrottle.key == key))
    return until if until is not None and until > now else None


def forget_tries(session: Session, key: str) -> None:
    """Starts counting anew: after a success, an activation, or when somebody enabled the account."""
    session.execute(delete(LoginThrottle).where(LoginThrottle.key == key))


def sweep_tries(session: Session, now: datetime) -> None:
    """Drops what counts no more."""
    session.execute(delete(LoginThrottle).where(LoginThrottle.last_try_at < now - FORGOTTEN_AFTER))


def _locked_row(session: Session, key: str, now: datetime) -> LoginThrottle:
    new = insert_for(session, LoginThrottle).values(key=key, failures=0, last_try_at=now, locked_until=None)
    session.execute(new.on_conflict_do_nothing())
    query = select(LoginThrottle).where(LoginThrottle.key == key).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()
