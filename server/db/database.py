"""The database: connections, transactions, and the version of its tables. SQLite for one machine, PostgreSQL
for several."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from pycore.protocol import ReelError
from server.db import postgres, tables
from server.db.migrations import MIGRATIONS

SCHEMA_VERSION = 1 + len(MIGRATIONS)


class Database:
    """Transactions on the server's tables, from any thread and from several processes."""

    def __init__(self, url: str) -> None:
        """Connects, and brings the tables to this program's version. ReelError `database.*` where that
        fails."""
        self._postgres = url.startswith("postgresql")
        self._engine = postgres.engine(url) if self._postgres else _sqlite_engine(url)
        self._plain = postgres.engine_without_transactions(url) if self._postgres else self._engine
        try:
            self._migrate()
        except ReelError:
            self.close()
            raise
        except OperationalError as error:
            self.close()
            raise ReelError.of(
                "database.unavailable",
                "The database does not answer",
                f"{_without_password(url)}: {str(error.orig).strip().splitlines()[0]}",
                "Check REELBALLERS_DATABASE_URL, and that the database is running.",
                500,
            ) from error

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database."""
        with self._engine.connect() as connection:
            if self._postgres:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def single(self) -> Iterator[sa.Connection]:
        """For one statement that reads: it sees one state by itself. On PostgreSQL there is no transaction
        around it, which would take two more ways to the server and back."""
        if not self._postgres:
            with self.read() as connection:
                yield connection
            return
        with self._plain.connect() as connection:
            yield connection

    @contextmanager
    def write(self, scope: str = "") -> Iterator[sa.Connection]:
        """A transaction that may change the database; writers wait for each other, so what it has read
        stays true.

        On PostgreSQL writers of different scopes do not wait: name one ("project ID", "job ID") where all
        that is read to decide something is changed under that same scope only. Without a scope it is alone.
        """
        with (
            self._engine.connect().execution_options(reelballers_write=True) as connection,
            connection.begin(),
        ):
            if self._postgres:
                postgres.lock(connection, scope)
            yield connection

    @property
    def shared(self) -> bool:
        """Whether several machines may work on it."""
        return self._postgres

    def now(self, clock: Callable[[], float]) -> Any:
        """Unix seconds as a term of a query: by the database's clock where machines share it, for theirs may
        differ, else by `clock`."""
        if self._postgres:
            return sa.extract("epoch", sa.func.clock_timestamp())
        return sa.literal(clock())

    def check(self) -> None:
        """Reads from the database. Raises what goes wrong."""
        with self.read() as transaction:
            transaction.execute(sa.select(tables.schema_version.c.version)).scalar_one()

    def close(self) -> None:
        self._engine.dispose()
        self._plain.dispose()

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


def _sqlite_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    for pragma in ("busy_timeout=20000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("reelballers_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _without_password(url: str) -> str:
    return sa.make_url(url).render_as_string(hide_password=True)
