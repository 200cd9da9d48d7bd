"""Runs the application with uvicorn."""

import logging
import signal
import socket

import click
import uvicorn

from pycore.protocol import ReelError
from server import logs
from server.api.main import create_app
from server.config import Config

BACKLOG = 2048
"""So many connections may wait to be taken: as many as may come back at once after a restart."""

_log = logging.getLogger(__name__)


def serve(config: Config) -> None:
    """Serves until SIGTERM or SIGINT. ReelError where it cannot start."""
    logs.to_stderr()
    app = create_app(config)
    listener = _listen(config)
    port = listener.getsockname()[1]
    scheme = "https" if config.tls_cert else "http"
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(config.host, config.host)
    if not config.loopback and scheme == "http":
        _log.warning(
            "%s is reached over plain http: tokens can be read on the way, and browsers on other machines "
            "hide WebGPU. Give --tls-cert and --tls-key, or put a TLS proxy before it.",
            config.host,
        )
    if config.dist is None:
        _log.warning("There is no built page: serving the API alone. `python3 build.py build` makes it.")
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=65536,
            ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
            backlog=BACKLOG,
            ws_per_message_deflate=False,  # events are short: its buffers would be most of a watcher's cost
            timeout_graceful_shutdown=3,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn ends in good order on its own handlers, then raises the signal again for these: no failure
        signal.signal(number, lambda number, frame: None)
    click.echo(f"ReelBallers is at {scheme}://{shown}:{port}")
    server.run(sockets=[listener])


def _listen(config: Config) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.host, config.port))
        listener.listen(BACKLOG)  # who comes as soon as the address is told waits, and is not refused
    except OSError as error:
        raise ReelError.of(
            "server.address",
            "The address cannot be used",
            f"{config.host}:{config.port}: {error.strerror or error}.",
            "Stop what is using it, or give another with --host and --port.",
        ) from error
    listener.set_inheritable(True)
    return listener
