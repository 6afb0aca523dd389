"""Every table, imported once, so that the metadata is whole."""

from service.store import accounts, audit, photos, readings, recap, regions
from service.store.base import Base

metadata = Base.metadata

__all__ = ["accounts", "audit", "metadata", "photos", "readings", "recap", "regions"]
