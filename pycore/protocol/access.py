"""Ways in where a server asks for a token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """POST tickets: a ticket for this path of the server, such as /api/v1/jobs/ID/events."""

    path: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """To be sent as `?ticket=` with a GET of the path that it was asked for, once, before `expires_at` (Unix
    seconds)."""

    ticket: str
    expires_at: float
