"""Tests of the server, through what others see of it."""
