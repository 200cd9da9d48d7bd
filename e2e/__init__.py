"""End-to-end tests: the page in real Chromium against the real server and worker."""
