"""All tables and their append-only triggers, as they were first.

Written out, not taken from the models: what a migration does must not change when the models do.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from service.store.triggers import protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Byte by byte on PostgreSQL too, so that a prefix of a code is a range of codes.
REGION_CODE = sa.String(13).with_variant(sa.String(13, collation="C"), "postgresql")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)

APPEND_ONLY = (
    "audit_event",
    "audit_seal",
    "audit_seal_head",
    "decision",
    "photo_event",
    "reading",
    "receipt",
    "station_reading",
)


def upgrade() -> None:
    """Creates everything; a table comes after those it refers to."""
    _regions()
    _accounts()
    _audit()
    _photos()
    _jobs()
    _readings()
    _recap()
    protect(op.get_bind(), APPEND_ONLY)


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _regions() -> None:
    op.create_table(
        "region",
        _needed("code", REGION_CODE),
        sa.Column("parent", REGION_CODE),
        _needed("level", sa.Integer()),
        _needed("name", sa.String()),
        _needed("tps_count", sa.Integer()),
        sa.PrimaryKeyConstraint("code", name="pk_region"),
    )
    op.create_index("ix_region_parent", "region", ["parent"])
    op.create_table(
        "tps",
        _needed("code", REGION_CODE),
        _needed("desa", REGION_CODE),
        _needed("kecamatan", REGION_CODE),
        _needed("number", sa.Integer()),
        sa.ForeignKeyConstraint(["desa"], ["region.code"], name="fk_tps_desa"),
        sa.PrimaryKeyConstraint("code", name="pk_tps"),
    )
    op.create_index("ix_tps_desa", "tps", ["desa"])
    op.create_index("ix_tps_kecamatan", "tps", ["kecamatan"])
    op.create_table(
        "election",
        _needed("id", sa.String(64)),
        _needed("name", sa.String()),
        _needed("scope", REGION_CODE),
        _needed("forms", JSON),
        _needed("recap_fields", JSON),
        _needed("limits", JSON),
        _needed("state", sa.String(16)),
        sa.Column("opens_at", TIME),
        sa.Column("closes_at", TIME),
        sa.Column("erase_after", TIME),
        _needed("created_at", TIME),
        _needed("rev", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_election"),
    )
    op.create_table(
        "candidate",
        _needed("election_id", sa.String(64)),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        _needed("name", sa.String()),
        _needed("field", sa.String(64)),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_candidate_election_id"),
        sa.PrimaryKeyConstraint("election_id", "number", name="pk_candidate"),
    )


def _accounts() -> None:
    op.create_table(
        "account",
        _needed("id", sa.String(32)),
        _needed("role", sa.String(16)),
        _needed("scope", REGION_CODE),
        sa.Column("login", sa.String(64)),
        sa.Column("phone_hash", sa.String(64)),
        sa.Column("phone_sealed", sa.LargeBinary()),
        sa.Column("name_sealed", sa.LargeBinary()),
        sa.Column("password_hash", sa.String()),
        _needed("state", sa.String(16)),
        _needed("created_at", TIME),
        sa.Column("created_by", sa.String(32)),
        sa.Column("activated_at", TIME),
        _needed("rev", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("login", name="uq_account_login"),
        sa.UniqueConstraint("phone_hash", name="uq_account_phone_hash"),
    )
    op.create_index("ix_account_scope", "account", ["scope"])
    op.create_table(
        "activation",
        _needed("token_hash", sa.String(64)),
        _needed("account_id", sa.String(32)),
        _needed("kind", sa.String(16)),
        _needed("created_at", TIME),
        _needed("expires_at", TIME),
        sa.Column("used_at", TIME),
        _needed("tries", sa.Integer()),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_activation_account_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_activation"),
    )
    op.create_index("ix_activation_account_id", "activation", ["account_id"])
    op.create_table(
        "login_session",
        _needed("id", sa.String(32)),
        _needed("token_hash", sa.String(64)),
        _needed("account_id", sa.String(32)),
        _needed("kind", sa.String(16)),
        _needed("label", sa.String(64)),
        _needed("created_at", TIME),
        _needed("last_used_at", TIME),
        _needed("expires_at", TIME),
        _needed("grace_until", TIME),
        sa.Column("revoked_at", TIME),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_login_session_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_login_session"),
        sa.UniqueConstraint("token_hash", name="uq_login_session_token_hash"),
    )
    op.create_index("ix_login_session_account_id", "login_session", ["account_id"])
    op.create_table(
        "login_throttle",
        _needed("key", sa.String(64)),
        _needed("failures", sa.Integer()),
        _needed("last_try_at", TIME),
        sa.Column("locked_until", TIME),
        sa.PrimaryKeyConstraint("key", name="pk_login_throttle"),
    )
    op.create_index("ix_login_throttle_last_try_at", "login_throttle", ["last_try_at"])


def _audit() -> None:
    op.create_table(
        "audit_event",
        _needed("chain", REGION_CODE),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        _needed("at", TIME),
        _needed("action", sa.String(48)),
        _needed("subject", sa.String(160)),
        sa.Column("account_id", sa.String(32)),
        _needed("body", sa.String()),
        _needed("prev_hash", sa.String(64)),
        _needed("hash", sa.String(64)),
        sa.PrimaryKeyConstraint("chain", "seq", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"])
    op.create_index("ix_audit_event_subject", "audit_event", ["subject"])
    op.create_table(
        "audit_head",
        _needed("chain", REGION_CODE),
        _needed("seq", sa.Integer()),
        _needed("hash", sa.String(64)),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_head"),
    )
    op.create_table(
        "audit_seal",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        _needed("at", TIME),
        _needed("chains", sa.Integer()),
        _needed("root", sa.String(64)),
        _needed("prev_hash", sa.String(64)),
        _needed("hash", sa.String(64)),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_seal"),
    )
    op.create_table(
        "audit_seal_head",
        sa.Column("seal", sa.Integer(), autoincrement=False, nullable=False),
        _needed("chain", REGION_CODE),
        _needed("seq", sa.Integer()),
        sa.ForeignKeyConstraint(["seal"], ["audit_seal.seq"], name="fk_audit_seal_head_seal"),
        sa.PrimaryKeyConstraint("seal", "chain", name="pk_audit_seal_head"),
    )


def _photos() -> None:
    op.create_table(
        "photo",
        _needed("id", sa.String(32)),
        _needed("election_id", sa.String(64)),
        _needed("tps_sent", REGION_CODE),
        _needed("tps", REGION_CODE),
        _needed("kecamatan", REGION_CODE),
        _needed("sha256", sa.String(64)),
        _needed("size_bytes", sa.BigInteger()),
        _needed("format", sa.String(16)),
        sa.Column("width_px", sa.Integer()),
        sa.Column("height_px", sa.Integer()),
        sa.Column("page_claimed", sa.Integer()),
        sa.Column("page", sa.Integer()),
        sa.Column("captured_at", TIME),
        _needed("received_at", TIME),
        _needed("sender_id", sa.String(32)),
        _needed("on_behalf", sa.Boolean()),
        _needed("channel", sa.String(16)),
        sa.Column("replaces", sa.String(32)),
        _needed("state", sa.String(16)),
        sa.Column("failure", sa.String(32)),
        _needed("capture", JSON),
        sa.Column("erased_at", TIME),
        _needed("rev", sa.Integer()),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_photo_election_id"),
        sa.ForeignKeyConstraint(["replaces"], ["photo.id"], name="fk_photo_replaces"),
        sa.ForeignKeyConstraint(["sender_id"], ["account.id"], name="fk_photo_sender_id"),
        sa.ForeignKeyConstraint(["tps"], ["tps.code"], name="fk_photo_tps"),
        sa.ForeignKeyConstraint(["tps_sent"], ["tps.code"], name="fk_photo_tps_sent"),
        sa.PrimaryKeyConstraint("id", name="pk_photo"),
        sa.UniqueConstraint("election_id", "tps_sent", "sha256", name="uq_photo_election_id_tps_sent_sha256"),
    )
    op.create_index("ix_photo_election_id_kecamatan_state", "photo", ["election_id", "kecamatan", "state"])
    op.create_index("ix_photo_election_id_tps", "photo", ["election_id", "tps"])
    op.create_index("ix_photo_replaces", "photo", ["replaces"])
    op.create_index("ix_photo_sha256", "photo", ["sha256"])
    op.create_index("ix_photo_state_id", "photo", ["state", "id"])
    op.create_table(
        "receipt",
        _needed("id", sa.String(32)),
        _needed("photo_id", sa.String(32)),
        _needed("account_id", sa.String(32)),
        _needed("received_at", TIME),
        _needed("body", sa.String()),
        _needed("signature", sa.String(128)),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_receipt_account_id"),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name="fk_receipt_photo_id"),
        sa.PrimaryKeyConstraint("id", name="pk_receipt"),
        sa.UniqueConstraint("photo_id", "account_id", name="uq_receipt_photo_id_account_id"),
    )
    op.create_table(
        "upload",
        _needed("id", sa.String(32)),
        _needed("account_id", sa.String(32)),
        _needed("election_id", sa.String(64)),
        _needed("tps", REGION_CODE),
        sa.Column("sha256", sa.String(64)),
        _needed("size_bytes", sa.BigInteger()),
        _needed("offset_bytes", sa.BigInteger()),
        _needed("details", JSON),
        _needed("state", sa.String(16)),
        sa.Column("receipt_id", sa.String(32)),
        _needed("created_at", TIME),
        _needed("expires_at", TIME),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_upload_account_id"),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_upload_election_id"),
        sa.PrimaryKeyConstraint("id", name="pk_upload"),
    )
    op.create_index("ix_upload_account_id_state", "upload", ["account_id", "state"])
    op.create_index("ix_upload_state_expires_at", "upload", ["state", "expires_at"])
    op.create_table(
        "photo_event",
        _needed("id", sa.String(32)),
        _needed("photo_id", sa.String(32)),
        _needed("kind", sa.String(16)),
        sa.Column("tps_before", REGION_CODE),
        sa.Column("tps_after", REGION_CODE),
        sa.Column("page_before", sa.Integer()),
        sa.Column("page_after", sa.Integer()),
        sa.Column("account_id", sa.String(32)),
        sa.Column("reason", sa.String()),
        _needed("at", TIME),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name="fk_photo_event_photo_id"),
        sa.PrimaryKeyConstraint("id", name="pk_photo_event"),
    )
    op.create_index("ix_photo_event_photo_id", "photo_event", ["photo_id"])
    op.create_table(
        "alarm",
        _needed("id", sa.String(32)),
        _needed("key", sa.String(160)),
        _needed("kind", sa.String(24)),
        _needed("election_id", sa.String(64)),
        _needed("tps", REGION_CODE),
        sa.Column("tps_other", REGION_CODE),
        _needed("details", JSON),
        _needed("raised_at", TIME),
        sa.Column("cleared_at", TIME),
        sa.Column("cleared_by", sa.String(32)),
        sa.Column("reason", sa.String()),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_alarm_election_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alarm"),
        sa.UniqueConstraint("key", name="uq_alarm_key"),
    )
    op.create_index("ix_alarm_tps", "alarm", ["tps"])
    op.create_index("ix_alarm_tps_other", "alarm", ["tps_other"])


def _jobs() -> None:
    op.create_table(
        "job",
        _needed("id", sa.String(160)),
        _needed("photo_id", sa.String(32)),
        _needed("reader_rev", sa.String(120)),
        _needed("state", sa.String(16)),
        _needed("priority", sa.Integer()),
        sa.Column("batch_id", sa.String(32)),
        _needed("tries", sa.Integer()),
        _needed("breaks", sa.Integer()),
        _needed("runs", sa.Integer()),
        sa.Column("read_at", TIME),
        sa.Column("error", sa.String(32)),
        sa.Column("worker", sa.String(64)),
        _needed("created_at", TIME),
        sa.Column("not_before", TIME),
        sa.Column("beat_at", TIME),
        sa.Column("finished_at", TIME),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name="fk_job_photo_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_photo_id", "job", ["photo_id"])
    op.create_index("ix_job_state_priority_created_at", "job", ["state", "priority", "created_at"])
    op.create_table(
        "worker",
        _needed("id", sa.String(64)),
        _needed("reader_rev", sa.String(120)),
        _needed("started_at", TIME),
        _needed("beat_at", TIME),
        sa.Column("stopped_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_worker"),
    )
    op.create_table(
        "batch",
        _needed("id", sa.String(32)),
        _needed("scope", REGION_CODE),
        _needed("filter", JSON),
        _needed("reader_rev", sa.String(120)),
        _needed("state", sa.String(16)),
        _needed("per_minute", sa.Integer()),
        _needed("total", sa.Integer()),
        _needed("created_by", sa.String(32)),
        _needed("created_at", TIME),
        sa.Column("finished_at", TIME),
        _needed("rev", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
    )
    op.create_index("ix_batch_state", "batch", ["state"])
    op.create_table(
        "batch_item",
        _needed("batch_id", sa.String(32)),
        _needed("photo_id", sa.String(32)),
        _needed("state", sa.String(16)),
        sa.Column("error", sa.String(32)),
        _needed("changes", JSON),
        sa.Column("queued_at", TIME),
        sa.Column("finished_at", TIME),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_batch_item_batch_id"),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name="fk_batch_item_photo_id"),
        sa.PrimaryKeyConstraint("batch_id", "photo_id", name="pk_batch_item"),
    )
    op.create_index("ix_batch_item_batch_id_queued_at", "batch_item", ["batch_id", "queued_at"])
    op.create_index("ix_batch_item_batch_id_state_photo_id", "batch_item", ["batch_id", "state", "photo_id"])
    op.create_index("ix_batch_item_photo_id", "batch_item", ["photo_id"])


def _readings() -> None:
    op.create_table(
        "reading",
        _needed("id", sa.String(32)),
        _needed("photo_id", sa.String(32)),
        _needed("part", sa.Integer()),
        _needed("reader_rev", sa.String(120)),
        _needed("pipeline_rev", sa.String(16)),
        sa.Column("form_id", sa.String(64)),
        sa.Column("form_rev", sa.Integer()),
        sa.Column("page", sa.Integer()),
        _needed("outcome", sa.String(16)),
        sa.Column("reason", sa.String(32)),
        sa.Column("px_per_box", sa.Double()),
        sa.Column("sharpness", sa.Double()),
        _needed("body", JSON),
        sa.Column("evidence", sa.LargeBinary()),
        sa.Column("fingerprint", sa.LargeBinary()),
        _needed("took_ms", sa.Integer()),
        _needed("created_at", TIME),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name="fk_reading_photo_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reading"),
        sa.UniqueConstraint("photo_id", "part", "reader_rev", name="uq_reading_photo_id_part_reader_rev"),
    )
    op.create_table(
        "handwriting_key",
        _needed("election_id", sa.String(64)),
        _needed("bucket", sa.String(80)),
        _needed("reading_id", sa.String(32)),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.id"], name="fk_handwriting_key_reading_id"),
        sa.PrimaryKeyConstraint("election_id", "bucket", "reading_id", name="pk_handwriting_key"),
    )
    op.create_table(
        "station_reading",
        _needed("id", sa.String(32)),
        _needed("election_id", sa.String(64)),
        _needed("tps", REGION_CODE),
        _needed("seq", sa.Integer()),
        _needed("inputs", sa.String(64)),
        sa.Column("form_id", sa.String(64)),
        _needed("reader_rev", sa.String(120)),
        _needed("verdict", sa.String(24)),
        _needed("body", JSON),
        _needed("created_at", TIME),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_station_reading_election_id"),
        sa.ForeignKeyConstraint(["tps"], ["tps.code"], name="fk_station_reading_tps"),
        sa.PrimaryKeyConstraint("id", name="pk_station_reading"),
        sa.UniqueConstraint("election_id", "tps", "inputs", name="uq_station_reading_election_id_tps_inputs"),
        sa.UniqueConstraint("election_id", "tps", "seq", name="uq_station_reading_election_id_tps_seq"),
    )
    op.create_table(
        "decision",
        _needed("id", sa.String(32)),
        _needed("election_id", sa.String(64)),
        _needed("tps", REGION_CODE),
        _needed("seq", sa.Integer()),
        _needed("field", sa.String(64)),
        _needed("kind", sa.String(16)),
        _needed("outcome", sa.String(16)),
        sa.Column("value", sa.Integer()),
        sa.Column("as_written", sa.String(16)),
        sa.Column("p", sa.Double()),
        _needed("why", JSON),
        sa.Column("station_reading_id", sa.String(32)),
        sa.Column("photo_id", sa.String(32)),
        sa.Column("pleno_id", sa.String(32)),
        sa.Column("account_id", sa.String(32)),
        sa.Column("role", sa.String(16)),
        sa.Column("reason", sa.String()),
        sa.Column("remark", sa.String()),
        _needed("at", TIME),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_decision_account_id"),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_decision_election_id"),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name="fk_decision_photo_id"),
        sa.ForeignKeyConstraint(["station_reading_id"], ["station_reading.id"], name="fk_decision_station_reading_id"),
        sa.ForeignKeyConstraint(["tps"], ["tps.code"], name="fk_decision_tps"),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        sa.UniqueConstraint("election_id", "tps", "seq", name="uq_decision_election_id_tps_seq"),
    )


def _recap() -> None:
    op.create_table(
        "recap",
        _needed("election_id", sa.String(64)),
        _needed("tps", REGION_CODE),
        _needed("kecamatan", REGION_CODE),
        _needed("seq", sa.Integer()),
        _needed("seen", sa.Integer()),
        _needed("verdict", sa.String(24)),
        _needed("source", sa.String(16)),
        _needed("verified", sa.BigInteger()),
        _needed("review", sa.BigInteger()),
        _needed("known", sa.BigInteger()),
        _needed("anomalies", JSON),
        _needed("updated_at", TIME),
        *(sa.Column(f"v{slot:02d}", sa.Integer()) for slot in range(40)),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_recap_election_id"),
        sa.ForeignKeyConstraint(["tps"], ["tps.code"], name="fk_recap_tps"),
        sa.PrimaryKeyConstraint("election_id", "tps", name="pk_recap"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("ix_recap_election_id_kecamatan", "recap", ["election_id", "kecamatan"])
    op.create_table(
        "recap_sum",
        _needed("election_id", sa.String(64)),
        _needed("kecamatan", REGION_CODE),
        _needed("tps_seen", sa.Integer()),
        _needed("tps_read", sa.Integer()),
        _needed("tps_review", sa.Integer()),
        _needed("tps_verified", sa.Integer()),
        _needed("tps_anomaly", sa.Integer()),
        *(_needed(f"r{slot:02d}", sa.Integer()) for slot in range(40)),
        *(_needed(f"f{slot:02d}", sa.Integer()) for slot in range(40)),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_recap_sum_election_id"),
        sa.PrimaryKeyConstraint("election_id", "kecamatan", name="pk_recap_sum"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "pleno",
        _needed("id", sa.String(32)),
        _needed("election_id", sa.String(64)),
        _needed("kecamatan", REGION_CODE),
        _needed("state", sa.String(16)),
        _needed("opened_at", TIME),
        _needed("opened_by", sa.String(32)),
        sa.Column("finalised_at", TIME),
        sa.Column("finalised_by", sa.String(32)),
        _needed("rev", sa.Integer()),
        sa.ForeignKeyConstraint(["election_id"], ["election.id"], name="fk_pleno_election_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pleno"),
    )
    op.create_index("uq_pleno_place", "pleno", ["election_id", "kecamatan"], unique=True)
