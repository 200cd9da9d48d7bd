"""RunPod's webhooks: taken only by the URL that was given out, until its moment, and while its attempt is
open."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from server.api.main import create_app
from server.config import Config
from server.config.runpod import Caps
from server.db.attempts import MOST_NUDGES, Attempt, Attempts, End
from server.db.database import Database
from server.jobs.remote_tasks import webhook_path
from server.storage.signing import UrlSigner
from server.tests.asgi import SyncClient

NOW = 1_800_000_000
DONE = {"id": "remote-1", "status": "COMPLETED", "output": {"anything": "is not believed"}}


class Hook:
    """An open attempt, and the URL that RunPod got for it."""

    def __init__(self, client: SyncClient, config: Config, attempts: Attempts) -> None:
        self.client, self.attempts = client, attempts
        attempts.begin("attempt-1", "job-1", "local", "l4", 0.02, Caps())
        signer = UrlSigner(config.signing_key(), "https://reel.example/api/v1")
        parts = urlsplit(signer.sign("POST", webhook_path("attempt-1"), NOW + 60, {}))
        self.url = f"{parts.path}?{parts.query}"

    def send(self, url: str = "", **content: object) -> httpx.Response:
        return self.client.post(url or self.url, **(content or {"json": DONE}))

    @property
    def attempt(self) -> Attempt:
        return self.attempts.get("attempt-1")


@pytest.fixture
def now() -> list[float]:
    return [float(NOW)]


@pytest.fixture
def hook(tmp_path: Path, now: list[float]) -> Iterator[Hook]:
    config = Config(data=tmp_path / "data")
    config.prepare()
    database = Database(config.database_url)
    with SyncClient(create_app(config, lambda: now[0])) as client:
        yield Hook(client, config, Attempts(database))
    database.close()


def test_it_is_a_reason_to_look_and_tells_the_id(hook: Hook) -> None:
    assert hook.send().status_code == 200, "RunPod takes anything else for a failure, and repeats it"
    assert (hook.attempt.nudges, hook.attempt.remote_id) == (1, "remote-1")
    assert hook.send(json={"id": "remote-2"}).status_code == 200
    assert hook.attempt.remote_id == "remote-1", "a known id stays"


def test_it_is_never_believed(hook: Hook) -> None:
    hook.send()
    assert hook.attempt.end is None


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"id": 7}', b'{"id": "' + b"x" * 300 + b'"}'])
def test_whatever_it_says_it_is_no_error(hook: Hook, body: bytes) -> None:
    assert hook.send(content=body).status_code == 200
    assert (hook.attempt.nudges, hook.attempt.remote_id) == (1, None)


def test_too_large_a_body_is_refused(hook: Hook) -> None:
    assert hook.send(content=b"x" * (2 << 20)).status_code == 413
    assert hook.attempt.nudges == 0


def test_a_replay_is_refused_once_the_attempt_is_over(hook: Hook) -> None:
    hook.send()
    hook.attempts.end("attempt-1", End.SUCCEEDED, 0.01)
    before = hook.attempt
    answer = hook.send()
    assert (answer.status_code, answer.json()["code"]) == (410, "webhook.spent")
    assert hook.attempt == before


def test_replays_of_an_open_attempt_do_not_go_on_for_ever(hook: Hook) -> None:
    answers = [hook.send().status_code for _ in range(MOST_NUDGES + 2)]
    assert answers == [200] * MOST_NUDGES + [410] * 2
    assert hook.attempt.nudges == MOST_NUDGES


def test_after_its_moment_it_is_refused(hook: Hook, now: list[float]) -> None:
    now[0] = NOW + 61
    assert hook.send().status_code == 403
    assert hook.attempt.nudges == 0


def test_a_changed_url_is_refused(hook: Hook) -> None:
    for changed in (
        hook.url.replace("attempt-1", "attempt-2"),
        hook.url.replace(f"expires={NOW + 60}", f"expires={NOW + 9999}"),
        hook.url.partition("?")[0],
        hook.url[:-1] + ("0" if hook.url[-1] != "0" else "1"),
    ):
        assert hook.send(changed).status_code == 403, changed
    assert hook.client.get(hook.url).status_code == 405
    assert hook.attempt.nudges == 0
