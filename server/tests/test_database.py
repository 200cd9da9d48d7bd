"""The database, of both kinds: transactions that keep what they promise, and tables brought up to date."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from pycore.protocol import ReelError
from server.config.database import database_url as url_of
from server.db import tables
from server.db.database import SCHEMA_VERSION, Database
from server.db.tables import throughput
from server.tests.postgres import Postgres

OLDEST = Path(__file__).with_name("schema_1.sql")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def speed(transaction: sa.Connection) -> float:
    return transaction.execute(sa.select(throughput.c.pixels_per_second)).scalar_one()


def set_speed(transaction: sa.Connection, value: float) -> None:
    transaction.execute(sa.update(throughput).values(pixels_per_second=value))


@pytest.fixture
def row(database: Database) -> None:
    with database.write() as transaction:
        values = {"device": "d", "model": "m", "pixels_per_second": 0.0, "updated_at": 0.0}
        transaction.execute(sa.insert(throughput).values(**values))


def test_what_fails_leaves_nothing(database: Database, row: None) -> None:
    def fail() -> None:
        with database.write() as transaction:
            set_speed(transaction, 1.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as transaction:
        assert speed(transaction) == 0.0


def test_a_reader_sees_one_state(database: Database, row: None) -> None:
    with database.read() as reader:
        assert speed(reader) == 0.0
        with database.write() as writer:
            set_speed(writer, 1.0)
        assert speed(reader) == 0.0
    with database.read() as reader:
        assert speed(reader) == 1.0


@pytest.mark.parametrize("scopes", [("a", "a"), ("", ""), ("a", ""), ("", "a")])
def test_what_a_writer_has_read_stays_true(database: Database, row: None, scopes: tuple[str, str]) -> None:
    """Adding one, read and written apart, by many at once: none is lost."""

    def add(scope: str) -> None:
        for _ in range(10):
            with database.write(scope) as transaction:
                set_speed(transaction, speed(transaction) + 1)

    threads = [threading.Thread(target=add, args=(scopes[each % 2],)) for each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as transaction:
        assert speed(transaction) == 60


def test_writers_of_different_scopes_do_not_wait_where_machines_share(postgres: Postgres) -> None:
    database = Database(postgres.create())
    done = threading.Event()

    def other() -> None:
        with database.write("b"):
            done.set()

    with database.write("a"):
        thread = threading.Thread(target=other)
        thread.start()
        assert done.wait(30)
    thread.join()
    database.close()


def test_the_oldest_tables_become_the_present_ones(database_url: str) -> None:
    engine = sa.create_engine(sa.make_url(database_url).set(drivername=_driver(database_url)))
    with engine.begin() as connection:
        for statement in OLDEST.read_text().split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    migrated = Database(database_url)
    with migrated.read() as transaction:
        assert transaction.execute(sa.select(tables.schema_version.c.version)).scalar_one() == SCHEMA_VERSION
        have = sa.inspect(transaction)
        for table in tables.metadata.sorted_tables:
            columns = {column["name"]: column["nullable"] for column in have.get_columns(table.name)}
            assert columns == {column.name: bool(column.nullable) for column in table.columns}, table.name
            indexes = {index["name"] for index in have.get_indexes(table.name) if not index.get("unique")}
            assert indexes == {index.name for index in table.indexes if not index.unique}, table.name
    migrated.close()
    Database(database_url).close()  # once more: nothing left to do
    engine.dispose()


def test_a_newer_database_is_left_alone(database: Database, database_url: str) -> None:
    with database.write() as transaction:
        transaction.execute(sa.update(tables.schema_version).values(version=SCHEMA_VERSION + 1))
    with pytest.raises(ReelError, match="newer version"):
        Database(database_url)


def test_many_may_start_at_once(database_url: str) -> None:
    """An API and its workers come up together on an empty database."""
    errors: list[BaseException] = []

    def start() -> None:
        try:
            Database(database_url).close()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_server_that_was_restarted_is_met_anew(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many connections were left from before."""
    monkeypatch.setattr("server.db.postgres.TRUSTED_SECONDS", 0.0)
    url = postgres.create()
    database = Database(url)
    with database.read() as one, database.single() as other:
        assert count(one) == count(other) == 1
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reelballers'"
    with psycopg.connect(url, autocommit=True) as server:
        gone = server.execute(f"{cut} AND datname = current_database()".encode()).fetchall()
    assert len(gone) == 2
    with database.single() as one, database.read() as other, database.write() as third:
        assert count(one) == count(other) == count(third) == 1
    database.close()


def count(transaction: sa.Connection) -> int:
    return transaction.execute(sa.select(sa.func.count()).select_from(tables.schema_version)).scalar_one()


def test_a_database_that_is_away_is_told_as_such_without_its_password() -> None:
    with pytest.raises(ReelError) as caught:
        Database("postgresql://me:secret-word@127.0.0.1:9/reel")
    assert caught.value.problem.code == "database.unavailable"
    assert "REELBALLERS_DATABASE_URL" in caught.value.problem.hint
    assert "secret-word" not in str(caught.value.problem)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d"),
        ("", ""),
    ],
)
def test_one_setting_names_it(given: str, url: str) -> None:
    assert url_of({"REELBALLERS_DATABASE_URL": given}) == url


@pytest.mark.parametrize("given", ["mysql://u:secret-word@h/d", "secret-word", "postgresql://"])
def test_another_kind_is_refused(given: str) -> None:
    with pytest.raises(ReelError) as caught:
        url_of({"REELBALLERS_DATABASE_URL": given})
    assert "REELBALLERS_DATABASE_URL" in str(caught.value)
    assert "secret-word" not in str(caught.value)


def _driver(url: str) -> str:
    return "postgresql+psycopg" if url.startswith("postgresql") else "sqlite"
