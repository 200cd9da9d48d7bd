"""HTTP byte ranges (RFC 9110, section 14): one range, as browsers and download managers ask for."""

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Unsatisfiable(Exception):
    """The range lies outside the object: 416."""


def parse_range(header: str | None, length: int) -> tuple[int, int] | None:
    """(start, stop) in bytes of a Range header for an object of `length` bytes; None where the whole object
    is the answer (no header, several ranges, or one that makes no sense, which the RFC says to ignore).
    Raises Unsatisfiable."""
    match = _RANGE.fullmatch((header or "").strip().lower())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:  # the last n bytes
        start, stop = max(length - int(last), 0), length
    else:
        start, stop = int(first), min(int(last) + 1, length) if last else length
        if last and int(last) < int(first):
            return None
    if start >= stop:
        raise Unsatisfiable
    return start, stop
