"""Small change between Python and JavaScript, for the GPU's rooms."""

from typing import Any

import js  # pyright: ignore[reportMissingImports]
from pyodide.ffi import JsException, to_js  # pyright: ignore[reportMissingImports]

from pycore.protocol import ReelError

MAP_READ = 0x01
"""WebGPU's GPUMapMode.READ and GPUBufferUsage.MAP_READ."""


def js_object(**fields: Any) -> Any:
    """A plain JavaScript object."""
    return to_js(fields, dict_converter=js.Object.fromEntries)


async def fetched(url: str, code: str, title: str) -> Any:
    """The response. Raises ReelError of that code and title when the address cannot be had."""
    try:
        response = await js.fetch(url)
        why = "" if response.ok else f"HTTP {response.status}"
    except JsException as error:
        raise ReelError.of(code, title, f"{url}: {error}", "Reload the page.", status=500) from error
    if why:
        raise ReelError.of(code, title, f"{url}: {why}", "Reload the page.", status=500)
    return response
