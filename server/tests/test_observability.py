"""What operators see: logs with ids and without secrets, figures for Prometheus, the doctor."""

import io
import json
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server import logs
from server.api.main import create_app
from server.config import Config
from server.config.s3 import S3Settings
from server.storage.bucket_rules import apply_rules
from server.tests.asgi import SyncClient
from server.tests.conftest import Running
from server.tests.processes import REELBALLERS, running_api
from server.tests.test_bucket import environment


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What our loggers write as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.getLogger("server")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# Logs


def test_a_request_has_an_id_in_its_answer_and_its_log(client: SyncClient, written: io.StringIO) -> None:
    answer = client.get("/api/v1/projects")
    request_id = answer.headers["x-request-id"]
    (line,) = lines(written)
    assert line["request"] == request_id
    assert (line["message"], line["status"]) == ("GET /api/v1/projects", 200)
    assert client.get("/api/v1/projects").headers["x-request-id"] != request_id


@pytest.mark.parametrize(("given", "taken"), [("proxy-id-12345", True), ("a b\n", False), ("x" * 100, False)])
def test_a_proxys_id_is_taken_over(client: SyncClient, given: str, taken: bool) -> None:
    answer = client.get("/api/v1/projects", headers={"X-Request-Id": given.encode()})
    assert (answer.headers["x-request-id"] == given) is taken


@pytest.mark.parametrize(
    "secret",
    [
        "rb_abcdefghijklmnopqrstuvwxyz0123456789",
        "ticket=abcdefgh12345",
        "https://b.example/a?X-Amz-Signature=deadbeef01&x=1",
        "/api/v1/storage/a?signature=deadbeef01",
        "Authorization: Bearer deadbeef01",
        "postgresql://me:deadbeef01@host/db",
    ],
)
def test_secrets_are_struck_out(written: io.StringIO, secret: str) -> None:
    logger = logging.getLogger("server.test")
    logger.info("saw %s", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        logger.exception("failed")
    text = written.getvalue()
    assert "saw " in text
    for part in ("deadbeef01", "abcdefgh12345", "0123456789"):
        assert part not in text
    assert "***" in text


def test_ids_go_along_and_end(written: io.StringIO) -> None:
    logger = logging.getLogger("server.test")
    with logs.about(request="r-1"), logs.about(job="j-1"):
        logger.info("inside")
    logger.info("outside")
    inside, outside = lines(written)
    assert (inside["request"], inside["job"]) == ("r-1", "j-1")
    assert "job" not in outside


def test_text_for_people_has_the_ids_too() -> None:
    record = logging.LogRecord("server", logging.INFO, "", 1, "hello", None, None)
    with logs.about(job="j-1"):
        assert logs.TextFormatter().format(record).endswith("server: hello [job=j-1]")


def test_the_process_logs_json_when_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_api(data, REELBALLERS_LOG="json") as api:
        api.call("GET", "projects")
    said = data.with_suffix(".api.log").read_text().splitlines()
    found = [json.loads(line) for line in said if line.startswith("{")]
    assert [line for line in found if line["message"] == "GET /api/v1/projects" and line["status"] == 200]


def test_a_workers_lines_name_the_job(running: Running) -> None:
    job = running.api.export("project-1", running.info, in_us=0, out_us=100_000)
    running.api.await_state(job["id"], "succeeded")
    assert re.search(rf"job {job['id']}: planned .*\[job={job['id']}\]", running.worker.said())


# Figures


def test_figures(client: SyncClient) -> None:
    client.get("/api/v1/jobs/nothing")
    client.get("/api/v1/jobs/another")
    for method in ("BREW", "WHEN"):
        client.request(method, "/api/v1/jobs/another")
    answer = client.get("/api/v1/system/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, *(sample.labels.get(name, "") for name in ("route", "status", "state"))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["reelballers_requests_total", "/api/v1/jobs/{id}", "404", ""] == 2
    assert found["reelballers_request_seconds_count", "/api/v1/jobs/{id}", "", ""] == 2
    assert found["reelballers_jobs", "", "", "queued"] == 0
    assert found["reelballers_workers", "", "", ""] == 0
    asked_for = ("nothing", "another", "BREW", "WHEN")
    assert not [word for word in asked_for if word in answer.text], "no label grows with what is asked for"
    assert found["reelballers_requests_total", "/api/v1/jobs/{id}", "405", ""] == 2


# The doctor


def doctor(data: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    command = [REELBALLERS, "doctor", "--data", data, "--device", "cpu"]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True)


def test_the_doctor_finds_a_fresh_installation_well(tmp_path: Path) -> None:
    done = doctor(tmp_path / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("data directory", "database", "storage", "models", "encoder"):
        assert re.search(rf"^(ok|warn) +{name}:", done.stdout, re.MULTILINE), name
    assert "reelballers worker" in done.stdout  # none is running, and it says what starts one


def test_the_doctor_says_what_is_wrong_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    away = {
        "REELBALLERS_S3_ENDPOINT": "http://127.0.0.1:9",
        "REELBALLERS_S3_BUCKET": "reels",
        "REELBALLERS_S3_ACCESS_KEY_ID": "key",
        "REELBALLERS_S3_SECRET_ACCESS_KEY": "secret-word",
        "REELBALLERS_WEIGHTS": str(tmp_path / "weights"),
    }
    done = doctor(tmp_path / "data", **away)
    assert done.returncode == 1
    assert re.search(r"^bad +storage:", done.stdout, re.MULTILINE)
    assert re.search(r"^bad +models:.*\n.*build.py build", done.stdout, re.MULTILINE)
    assert re.search(r"^ok +encoder:", done.stdout, re.MULTILINE)
    assert "secret-word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_looks_at_the_bucket(tmp_path: Path, seaweed: S3Settings) -> None:
    origin = "https://doctor.example"
    own = replace(seaweed, prefix="doctor/")
    environ = {**environment(own), "REELBALLERS_ALLOWED_ORIGINS": origin}
    before = doctor(tmp_path / "data", **environ)
    assert before.returncode == 1
    assert re.search(r"^bad +bucket's rules: CORS", before.stdout, re.MULTILINE)
    apply_rules(own, [origin])
    after = doctor(tmp_path / "data", **environ)
    assert after.returncode == 0, after.stdout


def test_the_app_is_built_anew_without_clashing_figures(config: Config) -> None:
    for _ in range(2):
        with SyncClient(create_app(config)) as client:
            assert client.get("/api/v1/system/metrics").status_code == 200
