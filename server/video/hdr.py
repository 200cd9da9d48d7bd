"""HDR pictures (PQ, HLG) as standard ones.

The light is told by the transfer function (SMPTE ST 2084; ITU-R BT.2100 for HLG, on a display of 1000 cd/m²),
reference white, 203 cd/m² (BT.2408), becomes standard white, and what is brighter is rolled off by BT.2390's
EETF from a peak of 1000 cd/m². Up to 87 cd/m² nothing changes but the primaries.
"""

import functools

import numpy as np
from numpy.typing import NDArray

Light = NDArray[np.float32]

PQ, HLG = 16, 18
"""H.273's numbers."""
NAMES = {PQ: "PQ", HLG: "HLG"}
PEAK, WHITE = 1000.0, 203.0
"""cd/m²."""
_DISPLAY_GAMMA = 2.4  # BT.1886
_HLG_GAMMA = 1.2
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)  # BT.2087
_STEPS = 4096


def standard(picture: NDArray[np.uint16], transfer: int) -> NDArray[np.uint8]:
    """R'G'B' of BT.2020 primaries, uint16 (h, w, 3), full range, to R'G'B' of BT.709, uint8, full range."""
    light = _light(transfer)[picture]
    if transfer == HLG:
        scene = np.maximum(light @ _LUMA_2020, np.float32(1e-6))[..., None]
        light = light * scene ** np.float32(_HLG_GAMMA - 1) * np.float32(PEAK)
    brightest = light.max(axis=2, keepdims=True)
    light *= np.interp(np.sqrt(brightest), *_gains()).astype(np.float32)
    shown = np.clip(light @ _TO_BT709.T, 0, 1)
    return np.rint(shown ** np.float32(1 / _DISPLAY_GAMMA) * 255).astype(np.uint8)


@functools.cache
def _light(transfer: int) -> Light:
    """For each of 65536 levels of a signal: cd/m² (PQ), or light of the scene, 0 to 1 (HLG)."""
    signal = np.linspace(0, 1, 65536)
    if transfer == PQ:
        return _pq_light(signal).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)


@functools.cache
def _gains() -> tuple[Light, Light]:
    """(square root of cd/m², what light of that brightness is multiplied by): to 1 at WHITE and above."""
    light = np.linspace(1e-3, np.sqrt(10000.0), _STEPS) ** 2
    top, target = _pq_signal(np.array(PEAK)), _pq_signal(np.array(WHITE))
    signal = np.minimum(_pq_signal(light) / top, 1)
    most = target / top
    knee = 1.5 * most - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    rolled = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    )
    mapped = _pq_light(np.where(signal < knee, signal, rolled) * top)
    return np.sqrt(light).astype(np.float32), (mapped / WHITE / light).astype(np.float32)


_M1, _M2, _C1, _C2, _C3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875


def _pq_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    power = signal ** (1 / _M2)
    return 10000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _pq_signal(light: NDArray[np.float64]) -> NDArray[np.float64]:
    power = (light / 10000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
