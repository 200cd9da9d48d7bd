"""Reels that are made in the browser, with nothing uploaded: the preview's pipeline, onto an encoder."""
