"""Where media, segments and results lie. Start with `base`."""
