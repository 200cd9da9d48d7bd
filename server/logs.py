"""The processes' logs: lines for people, or JSON for machines (REELBALLERS_LOG=json), each with the ids of
the request and the job that it is about. Secrets are struck out, wherever they come from."""

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))
_SECRETS = re.compile(
    r"(?P<keep>\b(?:ticket|signature|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token)=|Bearer |://[^/:@\s]+:)"
    r"[^\s&\"'@]+|\brb_[\w-]{20,}",
    re.IGNORECASE,
)


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """What is logged inside carries these ids, in this thread or task and those that it starts."""
    token = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def to_stderr(environ: Mapping[str, str] = os.environ) -> None:
    """Everything of ours from INFO, of libraries from WARNING, one line each. Requests are logged in JSON
    only."""
    as_json = environ.get("REELBALLERS_LOG") == "json"
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("server").setLevel(logging.INFO)
    logging.getLogger("server.api.access").setLevel(logging.INFO if as_json else logging.WARNING)


def without_secrets(text: str) -> str:
    """The text with tokens, tickets, signatures and passwords in URLs struck out."""
    return _SECRETS.sub(lambda found: f"{found['keep'] or ''}***", text)


class TextFormatter(logging.Formatter):
    """`2026-11-24 21:30:00,123 INFO    server.jobs: message [request=…]`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(f"{name}={value}" for name, value in _about.get().items())
        return without_secrets(super().format(record)) + (f" [{ids}]" if ids else "")


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, the ids, `extra={"fields": …}`, exception."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **_about.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(fields, default=str)
