"""The tables. Documents (protocol dataclasses) are stored as JSON text; times are Unix seconds.

A change here needs a migration: see `server.db.migrations`.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

schema_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, nullable=False))

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False, server_default="local"),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    sa.Index("projects_by_owner", "owner", "updated_at"),
)

media = sa.Table(
    "media",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("fingerprint", sa.String(128), nullable=False),
    sa.Column("part_bytes", sa.BigInteger, nullable=False),
    sa.Column("upload", sa.String(1024), nullable=False),
    sa.Column("info", sa.Text),  # null until uploaded and probed
    sa.Column("created_at", sa.Float, nullable=False),
    sa.UniqueConstraint("project_id", "fingerprint", "bytes"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    sa.Column("owner", sa.String(64), nullable=False, server_default="local"),  # the project's
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("route", sa.String(16), nullable=False, server_default="local"),  # local or runpod
    sa.Column("document", sa.Text, nullable=False),  # the Job as the API shows it
    sa.Column("request", sa.Text, nullable=False),  # the ExportRequest
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("executor", sa.String(64)),  # the worker that has it, or had it last
    sa.Column(
        "handed_over", sa.Boolean, nullable=False, default=False, server_default=sa.false()
    ),  # to the queue
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("compute_seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("idempotency_key", sa.String(255)),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.UniqueConstraint("project_id", "idempotency_key"),
    sa.Index("jobs_by_state", "state", "created_at"),
    sa.Index("jobs_by_route", "route", "state"),
    sa.Index("jobs_by_owner", "owner", "created_at", "id"),
    sa.Index(
        "jobs_to_hand_over",
        "created_at",
        "id",
        sqlite_where=sa.text("NOT handed_over"),
        postgresql_where=sa.text("NOT handed_over"),
    ),
    sa.Index("jobs_by_project", "project_id", "created_at"),
)

job_media = sa.Table(
    "job_media",
    metadata,
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("media_id", sa.ForeignKey("media.id", ondelete="CASCADE"), primary_key=True),
    sa.Index("job_media_by_media", "media_id"),
)

job_events = sa.Table(
    "job_events",
    metadata,
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("progress_only", sa.Boolean, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # the Job at that sequence
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("processor", sa.Text, nullable=False),
    sa.Column("heartbeat_at", sa.Float, nullable=False),
)

throughput = sa.Table(
    "throughput",
    metadata,
    sa.Column("device", sa.String(255), primary_key=True),
    sa.Column("model", sa.String(64), primary_key=True),
    sa.Column("pixels_per_second", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
)

remote_attempts = sa.Table(
    "remote_attempts",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("job_id", sa.String(64), nullable=False),  # outlives the job: what was spent stays spent
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("remote_id", sa.String(255)),  # null until it is known
    sa.Column("gpu", sa.String(64), nullable=False),  # its class in the price table
    sa.Column("cost_usd", sa.Float, nullable=False),  # what is set aside; once ended, what it cost
    sa.Column("outcome", sa.String(16)),  # null while it is open
    sa.Column("nudges", sa.Integer, nullable=False, server_default="0"),  # webhooks that came
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Index("remote_attempts_by_job", "job_id"),
    sa.Index("remote_attempts_by_time", "created_at"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),  # SHA-256, hex
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("revoked_at", sa.Float),
)

tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),  # SHA-256, hex
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)

trash = sa.Table(
    "trash",
    metadata,
    sa.Column("folder", sa.String(512), primary_key=True),  # in the storage; to be deleted
)
