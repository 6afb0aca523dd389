"""All tables and their append-only triggers."""

from alembic import op

from service.store.tables import metadata
from service.store.triggers import create_triggers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates everything."""
    metadata.create_all(op.get_bind())
    create_triggers(op.get_bind())
