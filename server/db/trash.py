"""Deletes files so that a crash forgets none: the folder is noted in the transaction that deletes the rows,
then emptied."""

import sqlalchemy as sa

from server.db import tables
from server.db.database import Database
from server.storage.base import Storage


def throw_away(transaction: sa.Connection, folder: str) -> None:
    """Notes a storage folder for deletion; call `empty_trash` after the commit."""
    known = transaction.execute(
        sa.select(tables.trash.c.folder).where(tables.trash.c.folder == folder)
    ).first()
    if known is None:
        transaction.execute(sa.insert(tables.trash).values(folder=folder))


def empty_trash(database: Database, storage: Storage) -> None:
    """Deletes what was thrown away, also by processes that died before they could."""
    with database.read() as transaction:
        folders = transaction.execute(sa.select(tables.trash.c.folder)).scalars().all()
    for folder in folders:
        storage.delete_folder(folder)
        with database.write("trash") as transaction:
            transaction.execute(sa.delete(tables.trash).where(tables.trash.c.folder == folder))
