import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pycore.protocol import Size
from server.cli import main
from server.tests import bad_media, clips
from server.video.probe import probe


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.make(tmp_path / "in.mp4", clips.numbered(10), audio="aac")


def test_export(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    made = run(
        clip,
        target,
        "--crop",
        "8,4,48,32",
        "--size",
        "96x64",
        "--model",
        "quick",
        "--start",
        "0.08",
        "--end",
        "0:0.32",
    )
    assert made.exit_code == 0, made.output
    info = probe(target, "out.mp4")
    assert (info.size, info.frames, info.has_audio) == (Size(96, 64), 6, True)
    assert "6 frames, 0.24 s" in made.stdout
    assert "48×32 → 96×64, model “quick”" in made.stdout
    assert names(tmp_path) == {"in.mp4", "out.mp4"}


def test_music(clip: Path, tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    clips.ffmpeg("-f", "lavfi", "-i", "sine=1000:d=2", str(song))
    options = ["--size", "32x32", "--crop", "0,0,16,16", "--end", "0.2"]
    made = run(clip, tmp_path / "out.mp4", *options, "--music", str(song), "--volume", "0.3")
    assert made.exit_code == 0, made.output
    assert "there is music" in made.output
    refused = run(clip, tmp_path / "other.mp4", *options, "--music", str(tmp_path / "none.mp3"))
    assert refused.exit_code == 2
    assert "none.mp3" in refused.stderr


def test_json_and_the_default_crop(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    made = run(clip, target, "--size", "64x64", "--json", "--device", "cpu")
    assert made.exit_code == 0, made.output
    result = json.loads(made.stdout)
    assert result["in_size"] == {"width": 64, "height": 64}
    assert result["frames"] == 10
    assert result["bytes"] == target.stat().st_size
    assert result["actual_cost_usd"] == 0.0
    assert 10 / result["fps"] == pytest.approx(result["seconds"], abs=0.001)  # told to 1 ms


@pytest.mark.parametrize("case", bad_media.CASES)
def test_bad_media(tmp_path: Path, case: str) -> None:
    build, _ = bad_media.CASES[case]
    source = build(tmp_path)
    before = names(tmp_path)
    made = run(source, tmp_path / "out.mp4", "--size", "64x64")
    assert made.exit_code == 2
    assert source.name in made.stderr
    assert "Traceback" not in made.output
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "65x64"], "odd side"),
        (["--size", "big"], "is no size"),
        (["--size", "64x64", "--crop", "1,2,3"], "is no crop"),
        (["--size", "64x64", "--crop", "90,0,64,64"], "does not lie in the picture of 96×64"),
        (["--size", "64x64", "--crop", "nan,0,64,64"], "is no crop"),
        (["--size", "64x64", "--model", "superb"], "no model “superb”"),
        (["--size", "64x64", "--start", "soon"], "is no time"),
        (["--size", "64x64", "--start", "5"], "No frame is shown"),
        (["--size", "64x64", "--device", "abacus"], "no device “abacus”"),
        (["--size", "64x64", "--colour", "red"], "No such option"),
        ([], "--aspect"),
    ],
)
def test_what_was_asked_wrongly(clip: Path, tmp_path: Path, options: list[str], message: str) -> None:
    made = run(clip, tmp_path / "out.mp4", *options)
    assert made.exit_code == 2
    assert message in made.stderr
    assert names(tmp_path) == {"in.mp4"}


def test_nothing_is_overwritten_unasked(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_text("precious")
    made = run(clip, target, "--size", "32x32", "--crop", "0,0,16,16", "--end", "0.04")
    assert made.exit_code == 2
    assert "exists already" in made.stderr
    assert target.read_text() == "precious"
    assert (
        run(clip, target, "--size", "32x32", "--crop", "0,0,16,16", "--end", "0.04", "--force").exit_code == 0
    )
    assert probe(target, "out").frames == 1


@pytest.mark.parametrize("target", ["out.mov", "nowhere/out.mp4", "in.mp4"])
def test_targets_that_cannot_be(clip: Path, tmp_path: Path, target: str) -> None:
    content = clip.read_bytes()
    made = run(clip, tmp_path / target, "--size", "64x64", "--force")
    assert made.exit_code == 2
    assert clip.read_bytes() == content
    assert names(tmp_path) == {"in.mp4"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(500, 320, 240))
    call = [
        sys.executable,
        "-c",
        "from server.cli import main; main()",
        "export",
        str(source),
        str(tmp_path / "out.mp4"),
        "--size",
        "320x240",
    ]
    with subprocess.Popen(call, cwd=clips.ROOT, stderr=subprocess.PIPE, text=True) as process:
        while not any(path.name.startswith(".reelballers-") for path in tmp_path.iterdir()):
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.02)
        process.send_signal(number)
        assert process.stderr is not None
        message = process.stderr.read()
        assert process.wait(60) == 130
    assert message == "Stopped; nothing was written.\n"
    assert names(tmp_path) == {"in.mp4"}


def test_what_the_api_process_loads_is_free_of_torch() -> None:
    video = ["probe", "frames", "decode", "encode", "join", "sandbox.client", "sandbox.pool"]
    gpu = ["base", "estimates", "router", "planning", "joining", "models.descriptor"]
    modules = [
        *(f"server.video.{each}" for each in video),
        *(f"server.gpu.{each}" for each in gpu),
        "server.export_cli",
    ]
    code = f"import sys, {', '.join(modules)}; print('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(clips.ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert answer.stdout == "False\n"
