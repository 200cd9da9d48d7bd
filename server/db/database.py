"""The database: connections, transactions, and the version of its tables."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from pycore.protocol import ReelError
from server.db import tables
from server.db.migrations import MIGRATIONS

SCHEMA_VERSION = 1 + len(MIGRATIONS)


class Database:
    """Transactions on the server's tables, from any thread and from several processes."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._migrate()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that may change the database; writers wait for each other, so what it has read
        stays true."""
        with (
            self._engine.connect().execution_options(reelballers_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def _migrate(self) -> None:
        with self.write() as transaction:
            if not sa.inspect(transaction).has_table(tables.schema_version.name):
                tables.metadata.create_all(transaction)
                transaction.execute(sa.insert(tables.schema_version).values(version=SCHEMA_VERSION))
                return
            version = transaction.execute(sa.select(tables.schema_version.c.version)).scalar_one()
            if version > SCHEMA_VERSION:
                raise ReelError.of(
                    "database.too-new",
                    "The data directory belongs to a newer version of ReelBallers",
                    f"Its database has version {version}; this program knows {SCHEMA_VERSION}.",
                    "Update this program, or give another directory with --data.",
                    500,
                )
            for migration in MIGRATIONS[version - 1 :]:
                migration(transaction)
            if version < SCHEMA_VERSION:
                transaction.execute(sa.update(tables.schema_version).values(version=SCHEMA_VERSION))


def _set_up_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    for pragma in ("busy_timeout=20000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("reelballers_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
