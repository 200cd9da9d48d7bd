"""The key of a data directory's own signatures."""

import os
import secrets
from pathlib import Path

from pycore.protocol import ReelError


def signing_key(path: Path) -> bytes:
    """The key in the file; made on first use, readable by this user alone. ReelError where it is damaged."""
    if not path.exists():
        fresh = path.with_name(f"signing.{os.getpid()}.tmp")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # fails where another process was first: then its key counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_text().strip()
    if len(key) != 64:
        raise ReelError.of(
            "config.signing-key",
            "The signing key is damaged",
            f"{path} should hold 64 hexadecimal digits.",
            "Delete it and start again; URLs handed out before then stop working.",
            500,
        )
    return bytes.fromhex(key)
