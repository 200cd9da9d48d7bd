-- The tables of version 1, as both kinds of database take them.

CREATE TABLE projects (
    id VARCHAR(64) NOT NULL,
    document TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at FLOAT NOT NULL,
    updated_at FLOAT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE schema_version (
    version INTEGER NOT NULL
);

CREATE TABLE throughput (
    device VARCHAR(255) NOT NULL,
    model VARCHAR(64) NOT NULL,
    pixels_per_second FLOAT NOT NULL,
    updated_at FLOAT NOT NULL,
    PRIMARY KEY (device, model)
);

CREATE TABLE trash (
    folder VARCHAR(512) NOT NULL,
    PRIMARY KEY (folder)
);

CREATE TABLE workers (
    id VARCHAR(64) NOT NULL,
    processor TEXT NOT NULL,
    heartbeat_at FLOAT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE media (
    id VARCHAR(64) NOT NULL,
    project_id VARCHAR(64) NOT NULL,
    name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    fingerprint VARCHAR(128) NOT NULL,
    part_bytes BIGINT NOT NULL,
    upload VARCHAR(1024) NOT NULL,
    info TEXT,
    created_at FLOAT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (project_id, fingerprint, bytes),
    FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE TABLE jobs (
    id VARCHAR(64) NOT NULL,
    project_id VARCHAR(64) NOT NULL,
    media_id VARCHAR(64) NOT NULL,
    state VARCHAR(16) NOT NULL,
    document TEXT NOT NULL,
    request TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    compute_seconds FLOAT NOT NULL,
    idempotency_key VARCHAR(255),
    created_at FLOAT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (project_id, idempotency_key),
    FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE,
    FOREIGN KEY(media_id) REFERENCES media (id) ON DELETE CASCADE
);

CREATE INDEX jobs_by_project ON jobs (project_id, created_at);

CREATE INDEX jobs_by_state ON jobs (state);

CREATE TABLE job_events (
    job_id VARCHAR(64) NOT NULL,
    sequence INTEGER NOT NULL,
    progress_only BOOLEAN NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (job_id, sequence),
    FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);

INSERT INTO schema_version (version) VALUES (1);
