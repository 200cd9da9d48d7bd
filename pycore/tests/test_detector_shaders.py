"""The detector's shaders against numpy, through wgpu-native (naga). In Chromium:
e2e/test_detector_chromium.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pycore.backends.native_gpu import PixelFrame
from pycore.protocol import Size
from pycore.tests.detector_contract import CONTRACT
from pycore.tests.native import native_device
from pycore.tests.running import run

pytestmark = pytest.mark.gpu


def frame(pixels: np.ndarray) -> PixelFrame:
    return PixelFrame(Size(pixels.shape[1], pixels.shape[0]), pixels.tobytes())


@pytest.mark.parametrize("term", CONTRACT, ids=lambda term: term.__name__)
def test_detector_contract(term: Callable[..., Any]) -> None:
    async def body() -> None:
        async with native_device() as device:
            await term(device, frame)

    run(body())
