"""Talking to addresses that others name."""
