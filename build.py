#!/usr/bin/env python3
"""The one entry: `python3 build.py run | test | build | bench | lock`. Standard library only; see
deploy/tooling.

This file is kept readable for old Pythons, so that they can say what is wrong instead of showing a
SyntaxError.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "ReelBallers needs Python 3.11 or newer; this is "
        + sys.version.split()[0]
        + " ("
        + sys.executable
        + ").\n"
        "Install a newer one (Debian 12, Ubuntu 24.04: apt install python3; macOS: brew install python) "
        "and name it: python3.12 build.py run"
    )

from deploy.tooling.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
