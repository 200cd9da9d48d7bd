"""Whatever a file is: a right result or a clear refusal, by a process that can do nothing else."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pycore.protocol import ExportClip, ExportRequest, Rect, ReelError, Size
from server.gpu.local import local_processor
from server.tests import clips, hostile
from server.video import decode
from server.video.probe import inspect
from server.video.sandbox import client, pool

MOST_FRAMES = 60


def outcome(path: Path) -> str:
    """ "read", with all that was promised, or the refusal's code."""
    try:
        read_all(path)
    except ReelError as error:
        problem = error.problem
    else:
        return "read"
    assert problem.hint
    assert problem.detail
    assert problem.code.startswith("media."), problem
    return problem.code


def read_all(path: Path) -> None:
    source = inspect(path)
    count = min(len(source.table), MOST_FRAMES)
    crop = (0, 0, source.size.width, source.size.height)
    shown = 0
    for _ in decode.frames(path, source, 0, count, crop):
        shown += 1
    assert shown == count
    if source.sound:
        begin = int(source.table.pts[0]) * source.table.time_base
        for samples in client.samples(path, 0, begin, begin + 2):
            assert np.abs(samples).max(initial=0) < 100


@pytest.fixture(autouse=True)
def modest() -> Iterator[None]:
    """What a file claims is never allocated in this process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    pool.end_idle()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000, "kilobytes"


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_refused(tmp_path: Path, name: str) -> None:
    make, code = hostile.REFUSED[name]
    assert outcome(make(tmp_path)).startswith(code)


@pytest.mark.parametrize("name", hostile.ODD)
def test_odd_but_right(tmp_path: Path, name: str) -> None:
    assert outcome(hostile.ODD[name](tmp_path)) == "read"


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_cut_off_anywhere(tmp_path: Path, suffix: str, request: pytest.FixtureRequest) -> None:
    path = hostile.sound_clip(tmp_path / f"whole.{suffix}")
    steps = range(5, 100, 5) if request.config.getoption("--full", default=False) else (5, 35, 65, 95)
    found = {share: outcome(hostile.truncated(path, share / 100)) for share in steps}
    if suffix == "mp4":
        assert set(found.values()) <= {"media.truncated", "media.damaged"}


def test_mutations(tmp_path: Path) -> None:
    path = hostile.sound_clip(tmp_path / "whole.mp4")
    for seed in range(8):
        outcome(hostile.mutated(path, seed))


@pytest.mark.full
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_many_mutations(tmp_path: Path, suffix: str) -> None:
    path = hostile.sound_clip(tmp_path / f"whole.{suffix}")
    for seed in range(150):
        mutation = hostile.mutated(path, seed)
        outcome(mutation)
        mutation.unlink()


# The process


@pytest.mark.parametrize(
    "deed",
    [
        "import socket; socket.socket()",
        "import os; os.execv('/bin/true', ['true'])",
        "open('made.txt', 'w')",
        "import os; os.open('there.txt', os.O_WRONLY)",
        "import os; os.unlink('there.txt')",
        "import os; os.rename('there.txt', 'other.txt')",
        "import os; os.kill(os.getppid(), 0)",
        "bytearray(2**31)",
    ],
)
def test_a_confined_process_can_only_compute(tmp_path: Path, deed: str) -> None:
    (tmp_path / "there.txt").write_text("here")
    program = (
        "import os, socket\nfrom server.video.sandbox.confine import confine\nconfine(2**30)\n"
        "open('there.txt').read()\n"
        f"try:\n    {deed}\nexcept (OSError, MemoryError) as error:\n    print('refused')\n"
    )
    root = Path(__file__).parents[2]
    made = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == "refused\n"
    assert [each.name for each in tmp_path.iterdir()] == ["there.txt"]


def test_the_process_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELBALLERS_S3_SECRET", "a secret")
    path = clips.make(tmp_path / "in.mp4", clips.numbered(3))
    with pool.serving(path) as process:
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"PATH=" in environ
    assert b"a secret" not in environ


def test_processes_are_used_again_several_of_a_file(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "in.mp4", clips.numbered(3))
    used: list[set[int]] = []
    for _ in range(2):
        with pool.serving(path) as one, pool.serving(path) as two:
            used.append({one.pid, two.pid})
    assert used[0] == used[1]
    assert len(used[0]) == 2


def test_a_process_that_ended_is_replaced(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "in.mp4", clips.numbered(3))
    with pool.serving(path) as process:
        os.kill(process.pid, signal.SIGKILL)
    assert len(inspect(path).table) == 3


def test_a_killed_process_is_told_and_the_next_try_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(30))
    sources = {"in": source}
    request = ExportRequest([ExportClip("in", 0, 10**9, Rect(0, 0, 96, 64))], Size(48, 32))
    processor = local_processor("cpu")
    plan = processor.plan(sources, request)
    begun: list[pool.Process] = []

    class Watched(pool.Process):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            begun.append(self)

    pool.end_idle()
    monkeypatch.setattr(pool, "Process", Watched)

    def kill(share: float) -> None:
        if len(begun) == 1 and begun[0]._process.poll() is None:
            os.kill(begun[0].pid, signal.SIGKILL)

    with pytest.raises(ReelError) as caught:
        processor.run_segment(sources, plan, 0, tmp_path / "0.mp4", kill, threading.Event())
    assert (caught.value.problem.code, caught.value.problem.status) == ("media.decoder-lost", 503)
    assert "SIGKILL" in caught.value.problem.detail
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
    stats = processor.run_segment(sources, plan, 0, tmp_path / "0.mp4", lambda share: None, threading.Event())
    assert stats.frames == 30


def test_a_process_that_says_nothing_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = pool.Process(clips.make(tmp_path / "in.mp4", clips.numbered(30)))
    os.kill(process.pid, signal.SIGSTOP)
    monkeypatch.setenv("REELBALLERS_MEDIA_DECODER_WAIT_SECONDS", "1")
    process.begin(do="inspect")
    with pytest.raises(ReelError, match="said nothing for 1 s"):
        process.line()


def test_being_waited_for_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it says something."""
    process = pool.Process(clips.make(tmp_path / "in.mp4", clips.numbered(30)))
    os.kill(process.pid, signal.SIGSTOP)
    monkeypatch.setenv("REELBALLERS_MEDIA_DECODER_WALL_SECONDS", "1")
    process.begin(do="inspect")
    threading.Timer(1.1, os.kill, (process.pid, signal.SIGCONT)).start()
    with pytest.raises(ReelError, match="waited for longer than 1 s"):
        process.line()
    assert not process.alive()


def test_computing_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELBALLERS_MEDIA_DECODER_CPU_SECONDS", "1")
    big = [np.random.default_rng(seed).integers(0, 255, (720, 1280, 3), np.uint8) for seed in range(4)] * 25
    path = clips.make(tmp_path / "big.mkv", big, options={"preset": "ultrafast", "crf": "5"})
    source = inspect(path)

    def all_of_it() -> None:
        for _ in decode.frames(path, source, 0, 100, (0, 0, 1280, 720)):
            pass

    with pytest.raises(ReelError, match="computed for more than 1 s"):
        all_of_it()
