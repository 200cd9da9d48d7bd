"""What each kind of adapter counts as, and why we say so."""

from dataclasses import dataclass, field

import pytest

from pycore import capability
from pycore.backends.gpu import AdapterFacts
from pycore.capability import assess
from pycore.protocol import Fallback, Tier, WebGPULevel

MIB = 1024 * 1024
NVIDIA = AdapterFacts("nvidia", "ampere", features=frozenset({"shader-f16"}), max_buffer_bytes=2048 * MIB)
OLD_PHONE = AdapterFacts("qualcomm", "adreno-5xx", max_buffer_bytes=128 * MIB)
INTEL = AdapterFacts("intel", "gen-9", max_buffer_bytes=256 * MIB)
SWIFTSHADER = AdapterFacts("google", "swiftshader", fallback=True, max_buffer_bytes=1024 * MIB)
DENIES_BEING_SOFTWARE = AdapterFacts(
    "mesa", "", "llvmpipe (LLVM 15.0.6, 256 bits)", max_buffer_bytes=1024 * MIB
)
UNNAMED_FALLBACK = AdapterFacts(fallback=True, max_buffer_bytes=1024 * MIB)


@dataclass(frozen=True)
class Row:
    name: str
    facts: AdapterFacts | None
    level: WebGPULevel
    fallback: Fallback | None
    reason: str
    secure: bool = True
    webgpu: bool = True
    bench_ms: float | None = field(default=0.5)
    force_software: bool = False


NONE, LIMITED, FULL = WebGPULevel
TABLE = [
    Row("a discrete GPU", NVIDIA, FULL, None, "0.5 ms"),
    Row("not measured", NVIDIA, FULL, None, "this machine's GPU", bench_ms=None),
    Row("just the guaranteed buffer", INTEL, FULL, None, "this machine's GPU"),
    Row("just fast enough", INTEL, FULL, None, "11.1 ms", bench_ms=11.1),
    Row("too slow", INTEL, LIMITED, Fallback.RUNPOD_HEAVY, "11.2 ms", bench_ms=11.2),
    Row("small buffers", OLD_PHONE, LIMITED, Fallback.RUNPOD_HEAVY, "128 MiB"),
    Row(
        "one byte short", AdapterFacts(max_buffer_bytes=256 * MIB - 1), LIMITED, Fallback.RUNPOD_HEAVY, "MiB"
    ),
    Row("software by flag and name", SWIFTSHADER, NONE, Fallback.RUNPOD, capability.SOFTWARE, bench_ms=None),
    Row(
        "software by flag alone", UNNAMED_FALLBACK, NONE, Fallback.RUNPOD, capability.SOFTWARE, bench_ms=None
    ),
    Row("software by name alone", DENIES_BEING_SOFTWARE, NONE, Fallback.RUNPOD, capability.SOFTWARE),
    Row(
        "software as asked",
        SWIFTSHADER,
        FULL,
        None,
        capability.SOFTWARE_FORCED,
        bench_ms=None,
        force_software=True,
    ),
    Row("asking for software changes nothing else", NVIDIA, FULL, None, "0.5 ms", force_software=True),
    Row("no adapter", None, NONE, Fallback.RUNPOD, capability.NO_ADAPTER),
    Row("no WebGPU", None, NONE, Fallback.RUNPOD, capability.NO_WEBGPU, webgpu=False),
    Row("insecure page", None, NONE, Fallback.RUNPOD, capability.INSECURE, secure=False, webgpu=False),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_assess(row: Row) -> None:
    found = assess(
        row.facts,
        secure=row.secure,
        webgpu=row.webgpu,
        bench_ms=row.bench_ms,
        force_software=row.force_software,
    )
    assert (found.level, found.fallback) == (row.level, row.fallback)
    assert row.reason in found.reason
    assert found.tier == (None if row.level is NONE else Tier.BASE)


def test_the_adapter_is_named() -> None:
    found = assess(NVIDIA, secure=True, webgpu=True, bench_ms=0.5, force_software=False)
    assert (found.vendor, found.architecture, found.software) == ("nvidia", "ampere", False)
    assert (found.max_buffer_bytes, found.features, found.bench_ms) == (2048 * MIB, ["shader-f16"], 0.5)


def test_a_software_adapter_is_named_even_when_it_is_not_used() -> None:
    found = assess(SWIFTSHADER, secure=True, webgpu=True, bench_ms=None, force_software=False)
    assert (found.architecture, found.software) == ("swiftshader", True)
