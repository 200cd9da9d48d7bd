"""tickets: a way in for what cannot send an Authorization header."""

from pycore.protocol import ReelError, Ticket, TicketRequest
from server.api.operations import Call, Operation


def create(call: Call) -> Ticket:
    path = call.body.path
    if not path.startswith("/") or len(path) > 1000:
        raise ReelError.of(
            "request.invalid",
            "The request does not fit",
            "body.path: It must be a path of this server, beginning with '/'.",
            "For example /api/v1/jobs/ID/events.",
            422,
        )
    ticket, expires_at = call.services.tokens.issue_ticket(call.owner, path)
    return Ticket(ticket, expires_at)


OPERATIONS = (
    Operation(
        "POST",
        "/tickets",
        "A ticket that opens one path, once, within a minute: for WebSockets and downloads (?ticket=).",
        "tickets",
        create,
        body=TicketRequest,
        answer=Ticket,
    ),
)
