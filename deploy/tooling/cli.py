"""The verbs of build.py."""

import argparse
import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.tooling import assets, bench, check, dist, image, locks, manifest, peers, run, system, venv
from deploy.tooling.paths import ASSETS, CACHE, MANIFEST
from deploy.tooling.ui import BuildError, say


def main(argv: list[str]) -> int:
    """Runs one verb; returns the exit status. What went wrong is one message, not a traceback."""
    argv, after = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    options = parser().parse_args(argv)
    if after and options.verb != "test":
        parser().error("only `test` takes arguments after --")
    try:
        system.check_platform()
        return _verb(options, after)
    except BuildError as error:
        print(f"\nbuild.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="build.py", description="Set up, start, build and test ReelBallers.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    torch = argparse.ArgumentParser(add_help=False)
    torch.add_argument(
        "--torch",
        choices=["auto", "cpu", "cuda"],
        help="which PyTorch (auto: CUDA where an NVIDIA driver is; default: as last time, else auto)",
    )
    start = verbs.add_parser(
        "run", parents=[torch], help="set up what is missing, then start the API and the worker"
    )
    start.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    start.add_argument("--port", type=int, default=8000, help="port to listen on (default %(default)s)")
    start.add_argument("--no-open", action="store_true", help="do not open a browser")
    start.add_argument("--data", type=Path, metavar="DIR", help="where projects, media and jobs are kept")
    start.add_argument("--tls-cert", type=Path, metavar="PEM", help="serve https: the certificate")
    start.add_argument("--tls-key", type=Path, metavar="PEM", help="serve https: its key")
    test = verbs.add_parser(
        "test",
        parents=[torch],
        help="lint, type-check and run every test",
        usage="%(prog)s [--full] [-- PYTEST ARGUMENTS]",
    )
    test.add_argument("--full", action="store_true", help="also the long corpora and soak runs")
    verbs.add_parser("build", parents=[torch], help="everything but starting: .venv, assets, weights, dist")
    _bench_arguments(
        verbs.add_parser("bench", parents=[torch], help="time the preview's kernels on this GPU")
    )
    lock = verbs.add_parser(
        "lock", help="for developers: resolve pyproject.toml into deploy/locks (needs uv)"
    )
    lock.add_argument("--upgrade", action="store_true", help="take newer versions of everything")
    verbs.add_parser(
        "image",
        help="for developers: write deploy/runpod's Dockerfile and requirements from manifest and lock",
    )
    return top


def _bench_arguments(verb: argparse.ArgumentParser) -> None:
    add = verb.add_argument
    add("--json", action="store_true", help="print JSON")
    add("--sizes", default="", help="crops, like 640x360,1280x720 (default: those and 1920x1080)")
    add("--clip", type=Path, metavar="VIDEO", help="also play it with the preview at M")
    add("--peers", action="store_true", help="compare with other upscalers, fetched from npm for it")
    add(
        "--quality",
        type=Path,
        metavar="FOLDER",
        help="instead: Y-PSNR and SSIM of the peers and of our nets on the pictures of a folder",
    )
    add("--software", action="store_true", help="on a software adapter: shows that all runs")
    add("--flag", action="append", default=[], dest="flags", help="a further one for the browser")


def _verb(options: argparse.Namespace, after: list[str]) -> int:
    match options.verb:
        case "lock":
            locks.write_locks(options.upgrade)
            image.write()
            return 0
        case "image":
            image.write()
            return 0
        case "build":
            set_up("build", options.torch)
            say(f"Ready. Start with: {Path(sys.argv[0]).name} run")
            return 0
        case "bench":
            if options.quality:
                set_up("test", options.torch)  # a browser is driven
                return peers.quality(options.quality, software=options.software, json=options.json)
            set_up("build", options.torch)
            given = bench.Options(
                options.sizes, options.software, options.peers, options.clip, options.json, options.flags
            )
            return bench.bench(given)
        case "test":
            set_up("test", options.torch)
            return check.test(options.full, after)
        case "run":
            if (options.tls_cert is None) != (options.tls_key is None):
                raise BuildError(
                    "--tls-cert and --tls-key belong together, and one of them is missing.",
                    "Give both or neither.",
                )
            set_up("build", options.torch)
            return run.run(
                run.Options(
                    host=options.host,
                    port=options.port,
                    data=options.data,
                    tls_cert=options.tls_cert,
                    tls_key=options.tls_key,
                    open=not options.no_open,
                )
            )
        case other:
            raise AssertionError(other)


def set_up(level: venv.Level, torch: str | None) -> None:
    """.venv, the assets and dist/ are there and up to date."""
    with _alone():
        venv.ensure(level, torch)
        pinned = manifest.read(MANIFEST)
        assets.ensure([each for each in pinned if level == "test" or not each.on_demand], ASSETS)
        dist.ensure(pinned)


@contextmanager
def _alone() -> Iterator[None]:
    """Two build.py at once would trip over each other's files: the second waits. The lock ends with the
    process.
    """
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another build.py to finish its set-up")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
