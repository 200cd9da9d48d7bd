"""A database of the first version becomes what a new one is."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from pycore.protocol import ExportClip, ExportRequest, Rect, ReelError, Size
from server.db.database import Database
from server.db.media import MediaTable
from server.db.tables import jobs
from server.jobs.manager import JobManager

FIRST = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE projects (id VARCHAR(64) NOT NULL, document TEXT NOT NULL, revision INTEGER NOT NULL,
    created_at FLOAT NOT NULL, updated_at FLOAT NOT NULL, PRIMARY KEY (id));
CREATE TABLE workers (id VARCHAR(64) NOT NULL, processor TEXT NOT NULL, heartbeat_at FLOAT NOT NULL,
    PRIMARY KEY (id));
CREATE TABLE throughput (device VARCHAR(255) NOT NULL, model VARCHAR(64) NOT NULL,
    pixels_per_second FLOAT NOT NULL, updated_at FLOAT NOT NULL, PRIMARY KEY (device, model));
CREATE TABLE trash (folder VARCHAR(512) NOT NULL, PRIMARY KEY (folder));
CREATE TABLE media (id VARCHAR(64) NOT NULL, project_id VARCHAR(64) NOT NULL, name TEXT NOT NULL,
    bytes BIGINT NOT NULL, fingerprint VARCHAR(128) NOT NULL, part_bytes BIGINT NOT NULL,
    upload VARCHAR(1024) NOT NULL, info TEXT, created_at FLOAT NOT NULL, PRIMARY KEY (id),
    UNIQUE (project_id, fingerprint, bytes),
    FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE);
CREATE TABLE jobs (id VARCHAR(64) NOT NULL, project_id VARCHAR(64) NOT NULL, media_id VARCHAR(64) NOT NULL,
    state VARCHAR(16) NOT NULL, document TEXT NOT NULL, request TEXT NOT NULL, sequence INTEGER NOT NULL,
    cancel_requested BOOLEAN NOT NULL, compute_seconds FLOAT NOT NULL, idempotency_key VARCHAR(255),
    created_at FLOAT NOT NULL, PRIMARY KEY (id), UNIQUE (project_id, idempotency_key),
    FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
    FOREIGN KEY(media_id) REFERENCES media (id) ON DELETE CASCADE);
CREATE INDEX jobs_by_project ON jobs (project_id, created_at);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE TABLE job_events (job_id VARCHAR(64) NOT NULL, sequence INTEGER NOT NULL,
    progress_only BOOLEAN NOT NULL, document TEXT NOT NULL, PRIMARY KEY (job_id, sequence),
    FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE);
INSERT INTO schema_version VALUES (1);
INSERT INTO projects VALUES ('p', '{}', 1, 0, 0);
INSERT INTO media VALUES ('m', 'p', 'a.mp4', 1, '0', 1, '', NULL, 0);
INSERT INTO jobs VALUES ('j', 'p', 'm', 'queued', '{}', '{"media_id": "m", "in_us": 5, "out_us": 9,
    "crop": {"x": 0, "y": 0, "width": 48, "height": 32}, "size": {"width": 96, "height": 64}}',
    1, 0, 1.5, NULL, 0);
INSERT INTO job_events VALUES ('j', 1, 0, '{}');
"""


def shape(path: Path) -> dict[str, tuple[set[tuple[str, str, bool]], set[str]]]:
    """Per table: its columns (name, type, nullable) and its indexes' names."""
    engine = sa.create_engine(f"sqlite:///{path}")
    look = sa.inspect(engine)
    found = {
        table: (
            {(each["name"], str(each["type"]), each["nullable"]) for each in look.get_columns(table)},
            {str(each["name"]) for each in look.get_indexes(table)},
        )
        for table in look.get_table_names()
    }
    engine.dispose()
    return found


def test_an_old_database_becomes_a_new_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old.sqlite", tmp_path / "new.sqlite"
    with sqlite3.connect(old) as connection:
        connection.executescript(FIRST)
    connection.close()
    for path in (old, new):
        Database(f"sqlite:///{path}").close()
    assert shape(old) == shape(new)
    connection = sqlite3.connect(old)
    assert connection.execute("SELECT id, route FROM jobs").fetchall() == [("j", "local")]
    assert connection.execute("SELECT job_id, sequence FROM job_events").fetchall() == [("j", 1)]
    connection.close()


def test_the_one_clip_of_an_old_export_is_a_list_of_one(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST)
    connection.close()
    database = Database(f"sqlite:///{path}")
    manager = JobManager(database)
    clip = ExportClip("m", 5, 9, Rect(0, 0, 48, 32))
    assert manager.request("j") == ExportRequest([clip], Size(96, 64))
    assert manager.compute_seconds("j") == 1.5
    with pytest.raises(ReelError, match="job that is not over"):
        MediaTable(database).delete("p", "m")
    with database.write() as transaction:
        transaction.execute(sa.update(jobs).values(state="failed"))
    MediaTable(database).delete("p", "m")
    assert not manager.exists("j")
    database.close()
