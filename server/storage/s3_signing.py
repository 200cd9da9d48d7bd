"""Presigned URLs of S3 (AWS Signature Version 4 in the query). Botocore signs; that the headers named here
count, length and type above all, is what its own `generate_presigned_url` has no way to say."""

import datetime
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from server.config.s3 import S3Settings

PART_TYPE = "application/octet-stream"
"""The Content-Type that a part must be sent with."""
LONGEST_SECONDS = 7 * 24 * 3600
"""S3's own limit."""


class S3Signer:
    """Signs for one bucket. `clock` gives Unix seconds."""

    def __init__(self, settings: S3Settings, clock: Callable[[], float] = time.time) -> None:
        self._base = f"{settings.endpoint}/{quote(settings.bucket)}"
        self._region = settings.region
        self._credentials = Credentials(settings.access_key_id, settings.secret_access_key)
        self._clock = clock

    def sign(
        self,
        method: str,
        key: str,
        expires_at: int,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> str:
        """A URL that allows `method` on the object with exactly this query and these headers, until
        `expires_at` (Unix seconds; at most a week ahead)."""
        now = self._clock()
        seconds = min(max(int(expires_at - now), 1), LONGEST_SECONDS)
        parameters = urlencode(query, quote_via=quote)
        url = f"{self._base}/{quote(key)}" + (f"?{parameters}" if parameters else "")
        request: Any = AWSRequest(method=method, url=url, headers=dict(headers))
        moment = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime(SIGV4_TIMESTAMP)
        _Auth(self._credentials, "s3", self._region, seconds, moment).add_auth(request)
        return str(request.url)


class _Auth(S3SigV4QueryAuth):
    """Botocore's signer at a given moment (its own asks the system's clock)."""

    def __init__(
        self, credentials: Credentials, service: str, region: str, expires: int, moment: str
    ) -> None:
        super().__init__(credentials, service, region, expires)
        self._moment = moment

    def add_auth(self, request: Any) -> None:
        request.context["timestamp"] = self._moment
        self._modify_request_before_signing(request)
        text = self.canonical_request(request)
        signature = self.signature(self.string_to_sign(request, text), request)
        self._inject_signature_to_request(request, signature)
