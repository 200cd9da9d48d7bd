"""From what the browser's GPU says and how fast it was to what this page will do with it. Pure."""

from pycore.backends.gpu import AdapterFacts
from pycore.protocol import Capability, Fallback, Tier, WebGPULevel

FULL_BUFFER_BYTES = 256 * 1024 * 1024
"""An adapter that cannot give one buffer of this size counts as limited. It is WebGPU's guaranteed
default."""

LIMIT_MS = 1000 / 30 / 3
"""A third of a 30 fps interval, for one 640x360 crop: what is left for the page, the decoder and larger crops
is the rest."""

INSECURE = (
    "This page was opened over http from another machine, so the browser hides WebGPU. "
    "Open it over https, or as http://localhost on the machine that runs ReelBallers."
)
NO_WEBGPU = "This browser has no WebGPU. A current Chrome, Edge, Safari or Firefox has it."
NO_ADAPTER = (
    "The browser offers no GPU for WebGPU: hardware acceleration may be off in its settings, "
    "or this graphics driver is on its blocklist."
)
SOFTWARE = "The browser computes WebGPU on the CPU here, which is too slow for live upscaling."
SOFTWARE_FORCED = "WebGPU runs on the CPU here, as this page's address asks: correct, but slow."


def assess(
    facts: AdapterFacts | None,
    *,
    secure: bool,
    webgpu: bool,
    bench_ms: float | None,
    force_software: bool,
) -> Capability:
    """What the adapter is good for, with the reason in words.

    `facts`: the adapter's, None when `requestAdapter` gave none. `secure`: whether the page is a secure
    context. `webgpu`: whether `navigator.gpu` exists. `bench_ms`: the real kernels' time for one 640x360 crop
    in milliseconds, None when not measured. `force_software`: a software adapter, which otherwise counts as
    none, shall be used.
    """
    if facts is None:
        reason = NO_ADAPTER if webgpu else NO_WEBGPU if secure else INSECURE
        return Capability(WebGPULevel.NONE, reason, Fallback.RUNPOD)
    if facts.software and not force_software:
        return _capability(facts, WebGPULevel.NONE, SOFTWARE, None, Fallback.RUNPOD, None)
    if facts.max_buffer_bytes < FULL_BUFFER_BYTES:
        megabytes = facts.max_buffer_bytes // (1024 * 1024)
        reason = (
            f"This GPU gives buffers of {megabytes} MiB at most: live preview here, heavy work on a server."
        )
        return _capability(facts, WebGPULevel.LIMITED, reason, bench_ms, Fallback.RUNPOD_HEAVY)
    if bench_ms is not None and bench_ms > LIMIT_MS:
        reason = (
            f"This GPU takes {bench_ms:.1f} ms for a small frame: live preview here, heavy work on a server."
        )
        return _capability(facts, WebGPULevel.LIMITED, reason, bench_ms, Fallback.RUNPOD_HEAVY)
    if facts.software:
        return _capability(facts, WebGPULevel.FULL, SOFTWARE_FORCED, bench_ms, None)
    speed = "" if bench_ms is None else f" It takes {bench_ms:.1f} ms for a small frame."
    return _capability(facts, WebGPULevel.FULL, f"WebGPU runs on this machine's GPU.{speed}", bench_ms, None)


def _capability(
    facts: AdapterFacts,
    level: WebGPULevel,
    reason: str,
    bench_ms: float | None,
    fallback: Fallback | None,
    tier: Tier | None = Tier.BASE,
) -> Capability:
    return Capability(
        level=level,
        reason=reason,
        fallback=fallback,
        vendor=facts.vendor,
        architecture=facts.architecture,
        software=facts.software,
        tier=tier,
        bench_ms=bench_ms,
        max_buffer_bytes=facts.max_buffer_bytes,
        features=sorted(facts.features),
    )
