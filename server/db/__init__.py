"""The server's own tables: projects, media, jobs and their events, workers, measured throughput. SQLite
now; SQLAlchemy Core keeps the way to PostgreSQL open."""
