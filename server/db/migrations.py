"""How the tables of an older version become the present ones.

MIGRATIONS[n] takes a database from version n + 1 to n + 2. A new database is made from `tables` at once.
"""

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


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_routes, _executors)
