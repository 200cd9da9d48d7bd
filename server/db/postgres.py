"""PostgreSQL: connections that are alive, and the locks that keep writers apart."""

import time
import zlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError

_LOCKS = 0x7265656C
"""The namespace of our advisory locks ("reel")."""
_EVERYTHING = 0
TRUSTED_SECONDS = 5.0
"""A connection that was used so recently is taken for alive without asking."""


def engine(url: str) -> sa.Engine:
    """For transactions, with a pool of its own."""
    return _checked(sa.create_engine(_address(url), **_OPTIONS))


def engine_without_transactions(url: str) -> sa.Engine:
    """For single statements, with a pool of its own: to switch a connection to and fro takes longer than
    many a statement."""
    return _checked(
        sa.create_engine(_address(url), **_OPTIONS, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
    )


_OPTIONS: dict[str, Any] = {
    "pool_size": 5,
    "max_overflow": 10,
    "connect_args": {"connect_timeout": 10, "application_name": "reelballers"},
}


def _address(url: str) -> sa.URL:
    return sa.make_url(url).set(drivername="postgresql+psycopg")


def _checked(made: sa.Engine) -> sa.Engine:
    event.listen(made, "connect", _set_up)
    event.listen(made, "checkin", _used)

    def check(connection: Any, record: Any, proxy: Any) -> None:
        """The server may have been restarted meanwhile: then this connection, and all others, are made anew.
        SQLAlchemy's own pre-ping would ask each time, a way to the server and back."""
        if time.monotonic() - record.info.get(_USED_AT, time.monotonic()) < TRUSTED_SECONDS:
            return
        try:
            made.dialect.do_ping(connection)
        except made.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("the connection is gone") from error

    event.listen(made, "checkout", check)
    return made


def lock(connection: sa.Connection, scope: str) -> None:
    """Waits for the writers that this one must not run beside; held until the transaction ends. A writer
    without a scope is alone."""
    shared = "_shared" if scope else ""
    everything = {"space": _LOCKS, "key": _EVERYTHING}
    connection.execute(sa.text(f"SELECT pg_advisory_xact_lock{shared}(:space, :key)"), everything)
    if scope:
        key = zlib.crc32(scope.encode()) - 2**31
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(:space, :key)"), {"space": _LOCKS + 1, "key": key}
        )


_USED_AT = "reelballers.used-at"


def _used(connection: Any, record: Any) -> None:
    record.info[_USED_AT] = time.monotonic()


def _set_up(connection: Any, record: Any) -> None:
    connection.autocommit = True
    for setting in ("statement_timeout = '30s'", "idle_in_transaction_session_timeout = '60s'"):
        connection.execute(f"SET {setting}")
    connection.autocommit = False
