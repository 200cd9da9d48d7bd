"""Presigned URLs: an HMAC over method, key and parameters, good until a moment."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from pycore.protocol import ReelError

_VERSION = "reelballers-url-1"


class UrlSigner:
    """Signs and checks URLs under `base`. `clock` gives Unix seconds."""

    def __init__(self, key: bytes, base: str, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._base = base
        self._clock = clock

    def sign(self, method: str, key: str, expires_at: int, parameters: Mapping[str, str]) -> str:
        """A URL that allows `method` on the object `key`, with exactly these parameters, until
        `expires_at`."""
        query = {**parameters, "expires": str(expires_at)}
        query["signature"] = self._signature(method, key, query)
        return f"{self._base}/{quote(key)}?{urlencode(query)}"

    def check(self, method: str, key: str, query: Mapping[str, str]) -> dict[str, str]:
        """The signed parameters of a request. ReelError 403 where the URL was not signed here, was changed,
        is for another method or object, or has expired."""
        signed = {name: value for name, value in query.items() if name != "signature"}
        given = query.get("signature", "").encode()
        if not hmac.compare_digest(self._signature(method, key, signed).encode(), given):
            raise ReelError.of(
                "storage.url-signature",
                "This URL was not made by this server",
                "Its signature does not fit.",
                "Ask for a fresh URL.",
                403,
            )
        if self._clock() >= int(signed["expires"]):
            raise ReelError.of(
                "storage.url-expired",
                "This URL has expired",
                hint="Ask for a fresh URL and try again.",
                status=403,
            )
        return signed

    def _signature(self, method: str, key: str, query: Mapping[str, str]) -> str:
        message = "\n".join([_VERSION, method, quote(key), urlencode(sorted(query.items()))])
        return hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()
