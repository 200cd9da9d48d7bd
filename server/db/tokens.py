"""Who may use the API: tokens, of which only hashes are kept, and tickets made with them."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pycore.protocol import ReelError
from server.db.database import Database
from server.db.tables import tickets, tokens

LOCAL = "local"
"""Who owns what is made where no token is asked for."""
TICKET_SECONDS = 60.0
_PREFIX = "rb_"
_OWNER = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token as it may be shown: `id` names it, it is not the token. Times in Unix seconds."""

    id: str
    owner: str
    created_at: float
    revoked_at: float | None


class Tokens:
    """Makes, checks and revokes tokens. A token has 256 random bits, so a plain SHA-256 keeps it. `clock`
    gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._made = False

    def create(self, owner: str) -> str:
        """A new token of this owner; it cannot be shown again. ReelError for a name that does not fit."""
        if not _OWNER.fullmatch(owner):
            raise ReelError.of(
                "token.owner",
                "This is no owner's name",
                f"{owner[:64]!r} does not fit.",
                "Use up to 63 lower-case letters, digits, '.', '_', '@' and '-'.",
            )
        token = _PREFIX + secrets.token_urlsafe(32)
        values = {"id": secrets.token_hex(4), "owner": owner, "digest": _digest(token)}
        with self._database.write("tokens") as transaction:
            transaction.execute(sa.insert(tokens).values(**values, created_at=self._clock()))
        return token

    def list(self) -> list[TokenRecord]:
        """Oldest first."""
        query = sa.select(tokens).order_by(tokens.c.created_at, tokens.c.id)
        with self._database.single() as connection:
            found = connection.execute(query).all()
        return [TokenRecord(row.id, row.owner, row.created_at, row.revoked_at) for row in found]

    def revoke(self, token_id: str) -> None:
        """Nobody gets in with it any more, from now on. ReelError `token.not-found`."""
        with self._database.write("tokens") as transaction:
            known = transaction.execute(sa.select(tokens.c.owner).where(tokens.c.id == token_id)).first()
            if known is None:
                raise ReelError.of(
                    "token.not-found",
                    "There is no such token",
                    f"None has the id {token_id[:64]!r}.",
                    "`reelballers token list` shows the ids.",
                    404,
                )
            still = (tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            transaction.execute(sa.update(tokens).where(*still).values(revoked_at=self._clock()))

    def owner_of(self, token: str) -> str | None:
        """Whose token it is; None where it is none, or revoked."""
        query = sa.select(tokens.c.owner).where(
            tokens.c.digest == _digest(token), tokens.c.revoked_at.is_(None)
        )
        with self._database.single() as connection:
            return connection.execute(query).scalar_one_or_none()

    def any(self, *, valid: bool = False) -> bool:
        """Whether there ever was one, or there is a `valid` one."""
        if self._made and not valid:
            return True  # none is ever deleted
        query = sa.select(tokens.c.id).limit(1)
        if valid:
            query = query.where(tokens.c.revoked_at.is_(None))
        with self._database.single() as connection:
            found = connection.execute(query).first() is not None
        self._made = self._made or found
        return found

    def issue_ticket(self, owner: str, path: str) -> tuple[str, float]:
        """A ticket that lets this owner in once, to `GET` this path, and until when (Unix seconds): for what
        cannot send a header, WebSockets and downloads."""
        ticket, now = secrets.token_urlsafe(24), self._clock()
        with self._database.write("tickets") as transaction:
            transaction.execute(sa.delete(tickets).where(tickets.c.expires_at < now))
            values: dict[str, Any] = {"digest": _digest(ticket), "owner": owner, "path": path}
            transaction.execute(sa.insert(tickets).values(**values, expires_at=now + TICKET_SECONDS))
        return ticket, now + TICKET_SECONDS

    def redeem(self, ticket: str, path: str) -> str | None:
        """The owner that the ticket lets in there; None where it does not. It is used up."""
        mine = tickets.c.digest == _digest(ticket)
        with self._database.write("tickets") as transaction:
            row = transaction.execute(sa.select(tickets).where(mine)).first()
            transaction.execute(sa.delete(tickets).where(mine))
        return row.owner if row and row.path == path and row.expires_at > self._clock() else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
