"""Settings, and the program as it is started."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from pycore.protocol import ReelError
from server import __version__, config
from server.db.database import SCHEMA_VERSION, Database
from server.db.migrations import MIGRATIONS
from server.db.tables import metadata, schema_version
from server.tests.processes import REELBALLERS, running_api


def run(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REELBALLERS, *arguments], capture_output=True, text=True, timeout=120, env={**os.environ, **environ}
    )


# Settings


def test_options_come_before_the_environment(tmp_path: Path) -> None:
    environ = {"REELBALLERS_DATA": str(tmp_path / "a"), "REELBALLERS_MAX_UPLOAD_BYTES": "1000"}
    loaded = config.load(environ=environ)
    assert (loaded.data, loaded.max_upload_bytes) == (tmp_path / "a", 1000)
    assert config.load(data=tmp_path / "b", environ=environ).data == tmp_path / "b"
    environ["REELBALLERS_ALLOWED_HOSTS"] = "One.example, two.example"
    allowed = config.load(allowed_hosts=("Three.example",), environ=environ).allowed_hosts
    assert set(allowed) == {"one.example", "two.example", "three.example"}


@pytest.mark.parametrize(
    ("options", "environ", "named"),
    [
        ({"tls_cert": Path("cert.pem")}, {}, "--tls-key"),
        ({"tls_cert": Path("none.pem"), "tls_key": Path("none.pem")}, {}, "--tls-cert"),
        ({"dist": Path("nothing")}, {}, "--dist"),
        ({}, {"REELBALLERS_MAX_UPLOAD_BYTES": "much"}, "REELBALLERS_MAX_UPLOAD_BYTES"),
        ({}, {"REELBALLERS_PART_BYTES": "0"}, "REELBALLERS_PART_BYTES"),
        ({}, {"REELBALLERS_DIST": "/nothing"}, "--dist"),
    ],
)
def test_settings_that_make_no_sense_are_named(
    tmp_path: Path, options: dict[str, Path], environ: dict[str, str], named: str
) -> None:
    with pytest.raises(ReelError) as caught:
        config.load(data=tmp_path, environ=environ, **options)  # type: ignore[arg-type]
    assert named in caught.value.problem.detail


def test_what_is_kept_is_for_this_user_alone(tmp_path: Path) -> None:
    settings = config.Config(data=tmp_path / "data")
    settings.prepare()
    key = settings.signing_key()
    assert len(key) == 32
    assert settings.signing_key() == key
    assert config.Config(data=tmp_path / "other").data != settings.data
    assert stat.S_IMODE((settings.data / "signing.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.data.stat().st_mode) == 0o700
    assert [path.name for path in settings.data.glob("signing*")] == ["signing.key"]


def test_a_damaged_key_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_text("short")
    with pytest.raises(ReelError, match="64 hexadecimal digits"):
        config.Config(data=tmp_path).signing_key()


def test_the_version_is_the_packages() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'\nversion = "{__version__}"\n' in text


# The database's version


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    Database(url).close()
    database = Database(url)
    with database.write() as transaction:
        transaction.execute(schema_version.update().values(version=SCHEMA_VERSION + 1))
    database.close()
    with pytest.raises(ReelError, match="newer version of ReelBallers"):
        Database(url)


def test_an_older_database_is_brought_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    Database(url).close()
    more = (*MIGRATIONS, lambda t: t.exec_driver_sql("CREATE TABLE extra (x)"))
    monkeypatch.setattr("server.db.database.MIGRATIONS", more)
    monkeypatch.setattr("server.db.database.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    for _ in range(2):
        database = Database(url)
        with database.read() as transaction:
            assert transaction.exec_driver_sql("SELECT count(*) FROM extra").scalar_one() == 0
            assert transaction.execute(schema_version.select()).scalar_one() == SCHEMA_VERSION + 1
        database.close()


def test_the_tables_suit_postgresql() -> None:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=postgresql.dialect()))


# The program


def test_help_names_the_commands() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for command in ("serve", "worker", "export"):
        assert f"\n  {command} " in shown.stdout
    assert run("--version").stdout.strip().endswith(__version__)


def test_the_api_loads_neither_torch_nor_numpy() -> None:
    """They would make its start slow."""
    heavy = "[name for name in ('torch', 'numpy', 'av', 'dbos') if name in sys.modules]"
    look = f"import sys, server.cli, server.api.serve; print({heavy})"
    shown = subprocess.run(
        [REELBALLERS.with_name("python"), "-c", look], capture_output=True, text=True, timeout=120
    )
    assert shown.stdout.strip() == "[]", shown.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--tls-cert", "none.pem"), "--tls-key"),
        (("serve", "--port", "70000"), "--port"),
        (("serve", "--host", "203.0.113.7"), "203.0.113.7"),
        (("worker", "--device", "abacus"), "--device"),
        (("dance",), "dance"),
    ],
)
def test_a_wrong_command_is_explained(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    shown = run(*arguments, REELBALLERS_DATA=str(tmp_path))
    assert shown.returncode == 2
    assert said in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_data_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shown = run("serve", "--port", "0", "--data", tmp_path / "file" / "data")
    assert shown.returncode == 1
    assert "The data directory cannot be used" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_open_to_others_it_wants_a_token_and_warns_of_plain_http(tmp_path: Path) -> None:
    data = tmp_path / "data"
    refused = run("serve", "--port", "0", "--host", "0.0.0.0", "--data", data)
    assert refused.returncode == 2
    assert "reelballers token create" in refused.stderr
    assert run("token", "create", "anna", "--data", data).returncode == 0
    with running_api(data, "--host", "0.0.0.0") as api:
        assert api.url.startswith("http://127.0.0.1:")
        assert api.call("GET", "system/health") == {"status": "ok"}
    said = data.with_suffix(".api.log").read_text()
    assert "plain http" in said
    assert "hide WebGPU" in said


def test_on_loopback_it_does_not_and_starts_again_on_the_same_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for _ in range(2):
        with running_api(data):
            pass
    assert "plain http" not in data.with_suffix(".api.log").read_text()
