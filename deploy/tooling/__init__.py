"""The parts of build.py. Standard library only: they run before anything is installed.

cli.py is the way in; each verb reads top to bottom as a list of steps: venv -> assets -> dist -> run or
tests.
"""
