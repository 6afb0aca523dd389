"""The one statement that the two databases spell alike and SQLAlchemy keeps apart: INSERT ... ON CONFLICT."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.store.base import Base


def insert_for(session: Session, table: Table | type[Base]) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(table)
