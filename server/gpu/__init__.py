"""Processors, the models they run, and who decides between them. Start at `base`. torch is imported here and
nowhere else, and only by `local` and `models` (never by `base`, `estimates` or `router`, which the API
process loads)."""
