"""The only places that know where pycore runs: each protocol with its implementations for the browser and for
CPython."""
