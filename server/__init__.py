"""The server: an API process and a worker process over one data directory."""

__version__ = "0.1.0"
"""The same as pyproject.toml's (a test holds them together); here because reading package metadata slows
the start."""
