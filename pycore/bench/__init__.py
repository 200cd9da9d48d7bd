"""The bench of the preview: the tiers' times on this GPU beside what the GPU can do at all. In the browser it
is bench.html (backends/browser/bench.py), natively `python -m e2e.gpu_bench`; both run this code."""

from pycore.bench.run import Scale, run

__all__ = ["Scale", "run"]
