"""How the tables of an older version become the present ones.

MIGRATIONS[n] takes a database from version n + 1 to n + 2. A new database is made from `tables` at once.
"""

import json
from collections.abc import Callable

import sqlalchemy as sa

from server.db import tables


def _routes(transaction: sa.Connection) -> None:
    """To 2: jobs have a route, and attempts at RunPod are on record."""
    transaction.exec_driver_sql("ALTER TABLE jobs ADD COLUMN route VARCHAR(16) NOT NULL DEFAULT 'local'")
    transaction.exec_driver_sql("CREATE INDEX jobs_by_route ON jobs (route, state)")
    tables.remote_attempts.create(transaction)


def _executors(transaction: sa.Connection) -> None:
    """To 3: jobs know their executor and whether the queue has them; indexes that a long queue needs."""
    transaction.exec_driver_sql("ALTER TABLE jobs ADD COLUMN executor VARCHAR(64)")
    transaction.exec_driver_sql("ALTER TABLE jobs ADD COLUMN handed_over BOOLEAN NOT NULL DEFAULT FALSE")
    transaction.exec_driver_sql("DROP INDEX jobs_by_state")
    transaction.exec_driver_sql("CREATE INDEX jobs_by_state ON jobs (state, created_at)")
    transaction.exec_driver_sql("CREATE INDEX jobs_by_age ON jobs (created_at, id)")
    transaction.exec_driver_sql(
        "CREATE INDEX jobs_to_hand_over ON jobs (created_at, id) WHERE NOT handed_over"
    )


def _several_clips(transaction: sa.Connection) -> None:
    """To 4: a job may need several files, and an export's request has several clips.

    SQLite cannot drop a column that is a foreign key, so the jobs are copied into a new table.
    """
    run = transaction.exec_driver_sql
    jobs = transaction.execute(sa.text("SELECT * FROM jobs")).mappings().all()
    events = transaction.execute(sa.text("SELECT * FROM job_events")).mappings().all()
    run("DROP TABLE job_events")
    run("DROP TABLE jobs")
    metadata = sa.MetaData()
    new_jobs = sa.Table(
        "jobs",
        metadata,
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("route", sa.String(16), nullable=False, server_default="local"),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("executor", sa.String(64)),
        sa.Column("handed_over", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("compute_seconds", sa.Float, nullable=False),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.UniqueConstraint("project_id", "idempotency_key"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.Index("jobs_by_state", "state", "created_at"),
        sa.Index("jobs_by_route", "route", "state"),
        sa.Index("jobs_by_age", "created_at", "id"),
        sa.Index(
            "jobs_to_hand_over",
            "created_at",
            "id",
            sqlite_where=sa.text("NOT handed_over"),
            postgresql_where=sa.text("NOT handed_over"),
        ),
        sa.Index("jobs_by_project", "project_id", "created_at"),
    )
    new_events = sa.Table(
        "job_events",
        metadata,
        sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("progress_only", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    sa.Table("projects", metadata, sa.Column("id", sa.String(64), primary_key=True))
    sa.Table("media", metadata, sa.Column("id", sa.String(64), primary_key=True))
    job_media = sa.Table(
        "job_media",
        metadata,
        sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("media_id", sa.ForeignKey("media.id", ondelete="CASCADE"), primary_key=True),
        sa.Index("job_media_by_media", "media_id"),
    )
    metadata.create_all(transaction)
    for job in jobs:
        row = {name: value for name, value in job.items() if name != "media_id"}
        transaction.execute(sa.insert(new_jobs).values(**{**row, "request": _with_clips(job["request"])}))
        transaction.execute(sa.insert(job_media).values(job_id=job["id"], media_id=job["media_id"]))
    for event in events:
        transaction.execute(sa.insert(new_events).values(**event))


def _with_clips(request: str) -> str:
    old = json.loads(request)
    clip = {name: old.pop(name) for name in ("media_id", "in_us", "out_us", "crop")}
    return json.dumps({"clips": [clip], **old})


def _owners(transaction: sa.Connection) -> None:
    """To 5: projects and jobs have owners, who have tokens."""
    transaction.exec_driver_sql("ALTER TABLE projects ADD COLUMN owner VARCHAR(64) NOT NULL DEFAULT 'local'")
    transaction.exec_driver_sql("CREATE INDEX projects_by_owner ON projects (owner, updated_at)")
    transaction.exec_driver_sql("ALTER TABLE jobs ADD COLUMN owner VARCHAR(64) NOT NULL DEFAULT 'local'")
    transaction.exec_driver_sql("DROP INDEX jobs_by_age")
    transaction.exec_driver_sql("CREATE INDEX jobs_by_owner ON jobs (owner, created_at, id)")
    tables.tokens.create(transaction)
    tables.tickets.create(transaction)


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_routes, _executors, _several_clips, _owners)
