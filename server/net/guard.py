"""Which addresses that others name may be talked to (against server-side request forgery).

Allowed are https to public addresses, and whatever the operator listed by host. A name is resolved once, all
its addresses are checked, and the connection goes to one of those: a name that points elsewhere a moment
later gains nothing. Redirects go through the same checks.
"""

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from pycore.protocol import ReelError

MOST_REDIRECTS = 3
_CHUNK = 1024 * 1024
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], Iterable[str]]
"""(host, port) -> its addresses as text; raises OSError."""


class Halted(Exception):
    """A transfer saw its stop event."""


class AddressGuard:
    """The rule. `hosts`: what the operator allows, "name" or "name:port", over http too and to private
    addresses."""

    def __init__(self, hosts: Collection[str] = (), resolve: Resolve | None = None) -> None:
        self._hosts = {each.lower() for each in hosts}
        self._resolve = resolve or _resolve

    def check_url(self, url: str) -> None:
        """ReelError `net.address` for a URL that no request may go to, as far as can be seen without
        resolving its name."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise _refused(url, "it is no URL") from None
        if parts.scheme not in ("http", "https"):
            raise _refused(url, "only https is taken")
        if not host:
            raise _refused(url, "it names no host")
        if parts.username is not None or parts.password is not None:
            raise _refused(url, "it carries a user name or password")
        if parts.scheme == "http" and not self._listed(host, port or 80):
            raise _refused(url, "only https is taken")

    def addresses(self, host: str, port: int) -> list[str]:
        """Where a connection may go. ReelError `net.address` where any of the host's addresses is not
        public: a name with two faces is refused as a whole."""
        host = host.strip("[]").lower()
        try:
            found = list(dict.fromkeys(self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise ReelError.of(
                "net.unknown-host",
                "The host cannot be found",
                f"{host[:80]}: {error}.",
                "Check the URL.",
                422,
            ) from error
        if not self._listed(host, port):
            for each in found:
                if not is_public(each):
                    raise _refused(host, f"{each} is no public address")
        return found

    def _listed(self, host: str, port: int) -> bool:
        host = host.strip("[]").lower()
        return host in self._hosts or f"{host}:{port}" in self._hosts


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet. IPv4 inside IPv6 (mapped, 6to4, NAT64) counts as
    what is inside; Teredo is refused."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour
        if inside is None and ip in _NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(str(inside))
        if ip.teredo is not None or ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def guarded_client(guard: AddressGuard, timeout: httpx.Timeout = _TIMEOUT) -> httpx.Client:
    """An HTTP client that only talks to what the guard allows; it follows a few redirects. No proxy of the
    environment is used: it would resolve names by itself."""
    return httpx.Client(
        transport=_GuardedTransport(guard),
        timeout=timeout,
        follow_redirects=True,
        max_redirects=MOST_REDIRECTS,
        trust_env=False,
    )


def fetch(
    client: httpx.Client,
    url: str,
    target: Path,
    *,
    most_bytes: int,
    seconds: float,
    stop: Event,
    progress: Callable[[int, int | None], None] = lambda got, of: None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Downloads to `target`; its length in bytes. `progress` gets bytes so far and in all, where that is
    known.

    ReelError `net.too-large`, `net.too-slow`, `net.address`, `net.failed`; Halted once `stop` is set. What
    is at `target` is whole only if nothing was raised.
    """
    until = clock() + seconds
    got = 0
    try:
        with client.stream("GET", url) as answer, target.open("wb") as file:
            if answer.status_code != 200:
                raise _failed(url, f"HTTP {answer.status_code}")
            told = answer.headers.get("content-length", "")
            total = int(told) if told.isdecimal() else None
            if total is not None and total > most_bytes:
                raise _too_large(url, most_bytes)
            for chunk in answer.iter_bytes(_CHUNK):
                got += len(chunk)
                if stop.is_set():
                    raise Halted
                if got > most_bytes:
                    raise _too_large(url, most_bytes)
                if clock() > until:
                    raise ReelError.of(
                        "net.too-slow",
                        "The file comes too slowly",
                        f"{shown(url)}: {got} bytes in {seconds:.0f} s.",
                        "Try again, or put the file somewhere faster.",
                        504,
                    )
                file.write(chunk)
                progress(got, total)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(url, str(error) or type(error).__name__) from error
    return got


def shown(url: str) -> str:
    """A URL as logs and errors may show it: without user name, password and query, which may be a key to
    something."""
    plain = url.partition("?")[0].partition("#")[0]
    return re.sub(r"//[^/]*@", "//", plain)[:200]


class _GuardedTransport(httpx.HTTPTransport):
    def __init__(self, guard: AddressGuard) -> None:
        super().__init__(trust_env=False)
        self._guard = guard
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=_PinnedBackend(guard)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._guard.check_url(str(request.url))
        return super().handle_request(request)


class _PinnedBackend(httpcore.SyncBackend):
    """Connects to checked addresses; TLS still asks for the certificate of the name."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        last: Exception | None = None
        for address in self._guard.addresses(host, port):
            try:
                return super().connect_tcp(address, port, *args, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(self, path: str, *args: Any, **options: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("no sockets of this machine")


def _resolve(host: str, port: int) -> list[str]:
    return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _refused(url: str, why: str) -> ReelError:
    return ReelError.of(
        "net.address",
        "This address may not be used",
        f"{shown(url)}: {why}.",
        "Give an https URL of a public host, or have the operator allow this one.",
        422,
    )


def _too_large(url: str, most_bytes: int) -> ReelError:
    return ReelError.of(
        "net.too-large",
        "The file is too large",
        f"{shown(url)} has more than {most_bytes} bytes.",
        "Give a smaller one.",
        413,
    )


def _failed(url: str, why: str) -> ReelError:
    return ReelError.of(
        "net.failed",
        "The file could not be fetched",
        f"{shown(url)}: {why}.",
        "Check the URL; try again.",
        502,
    )
