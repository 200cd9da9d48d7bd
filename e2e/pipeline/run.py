"""Runs inside the worker's Python: see ../test_pipeline_chromium.py. Arguments and answers are JSON."""

import gc
import json
import traceback
from base64 import b64decode, b64encode
from typing import Any

import js  # pyright: ignore[reportMissingImports]
import pyodide_js  # pyright: ignore[reportMissingImports]
from gpu_contract import CONTRACT  # pyright: ignore[reportMissingImports]
from pyodide.ffi import to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.browser.gpu import BrowserGpu
from pycore.backends.gpu import Device, OffscreenTarget
from pycore.pipeline import Pipeline, detect
from pycore.protocol import Rect, Size, Tier, encode
from pycore.shaders import ShaderManager
from pycore.upscaler import tuner
from pycore.upscaler.kernels import choices
from pycore.upscaler.weights import parse

BASE = f"{js.location.origin}/"


async def device() -> Device:
    adapter = await BrowserGpu(BASE).adapter(software=True)
    assert adapter is not None
    return await adapter.device()


async def contract(_: str, __: Any) -> str:
    """{term: "" or the traceback of its failure}, each on a device of its own."""
    outcome = {}
    for term in CONTRACT:
        try:
            await term(await device())
            outcome[term.__name__] = ""
        except Exception:  # noqa: BLE001 -- the test prints it
            outcome[term.__name__] = traceback.format_exc()
    return json.dumps(outcome)


async def detection(software: str, _: Any) -> str:
    """The capability."""
    capability, found = await detect(BrowserGpu(BASE), force_software=json.loads(software))
    return json.dumps({**encode(capability), "device": found is not None})


async def kernels(_: str, __: Any) -> str:
    """By layer shape of net S, the kernels that give what the plainest gives, and those that should."""
    on = await device()
    net = parse(await on.load_model("s"), "s")
    right = await tuner._right(on, ShaderManager(on), net)
    wanted = {
        tuner._shape(index, net): {each.name for each in choices(conv, on.features)}
        for index, conv in enumerate(net)
    }
    return json.dumps([[sorted(names) for names in each.values()] for each in (right, wanted)])


async def draw(case: str, canvas: Any) -> str:
    """Draws a case (see the test) and tells of it: on the page's canvas, or where `read` is true on a texture
    whose RGBA pixels come back in base64."""
    given = json.loads(case)
    on = await device()
    target = OffscreenTarget(on, "rgba8unorm") if given["read"] else canvas
    pipeline = Pipeline(on, target)
    pipeline.set_source(Size(given["width"], given["height"]))
    if given["tier"]:
        await pipeline.improve(Tier(given["tier"]))
    shown = []
    for crop in given["crops"]:
        pipeline.set_crop(Rect(*crop))
        pipeline.set_look(given["split"], given["sharpness"])
        frame = video_frame(given["width"], given["height"], b64decode(given["pixels"]))
        presented = await pipeline.render(frame, 40_000)
        shown.append({**encode(presented), "closed": frame.codedWidth == 0})
    pixels = b64encode(await on.read_texture(target.texture)).decode() if given["read"] else ""
    return json.dumps({"shown": shown, "pixels": pixels, "kind": on.frame_kind})


def video_frame(width: int, height: int, pixels: bytes) -> Any:
    """A VideoFrame of those RGBA pixels, by way of a canvas."""
    canvas = js.OffscreenCanvas.new(width, height)
    data = js.ImageData.new(js.Uint8ClampedArray.new(to_js(pixels).buffer), width, height)
    canvas.getContext("2d").putImageData(data, 0, 0)
    return js.VideoFrame.new(canvas, timestamp=0)


async def play(case: str, _: Any) -> str:
    """Draws `frames` frames onto a texture, the crop moving with each and changing its size with every
    eighth, and tells what is held after an eighth of them and in the end: bytes of wasm memory, Python
    objects, and GPU textures and buffers that were made and not destroyed."""
    given = json.loads(case)
    on = await device()
    counts = {"textures": 0, "buffers": 0}

    def counted(name: str, made: str, freed: str) -> None:
        make, free = getattr(on, made), getattr(on, freed)

        def made_(*arguments: Any) -> Any:
            counts[name] += 1
            return make(*arguments)

        def freed_(resource: Any) -> None:
            counts[name] -= 1
            free(resource)

        setattr(on, made, made_)
        setattr(on, freed, freed_)

    counted("textures", "create_texture", "free_texture")
    counted("buffers", "create_buffer", "free_buffer")
    target = OffscreenTarget(on, "rgba8unorm")
    pipeline = Pipeline(on, target)
    width, height = 40, 30
    pipeline.set_source(Size(width, height))
    await pipeline.improve(Tier.S)
    held = []
    frames = given["frames"]
    for number in range(frames):
        side = 12 + number // 8 % 2
        pipeline.set_crop(Rect(number % 9, number % 7, side, side))
        frame = video_frame(width, height, bytes(4 * width * height))
        assert (await pipeline.render(frame, number)).presented
        if number in (frames // 8, frames - 1):
            gc.collect()
            memory = pyodide_js._module.HEAP8.length
            held.append({"wasm": memory, "objects": len(gc.get_objects()), **counts})
    return json.dumps(held)


async def draw_video(case: str, _: Any) -> str:
    """Draws an I420 frame as decoders give them (BT.709, limited range, where the case says nothing else),
    all of it, and the same by the browser's own drawImage: {"ours", "browsers"}, RGBA in base64."""
    given = json.loads(case)
    width, height = given["width"], given["height"]
    on = await device()
    target = OffscreenTarget(on, "rgba8unorm")
    pipeline = Pipeline(on, target)
    pipeline.set_source(Size(width, height))
    pipeline.set_crop(Rect(0, 0, width, height))
    if tier := given.get("tier"):
        await pipeline.improve(Tier(tier))
    space = to_js(
        {
            "primaries": "bt709",
            "transfer": "bt709",
            "matrix": given.get("matrix", "bt709"),
            "fullRange": given.get("full", False),
        },
        dict_converter=js.Object.fromEntries,
    )
    planes = to_js(b64decode(given["planes"]))
    frame = js.VideoFrame.new(
        planes, format="I420", codedWidth=width, codedHeight=height, timestamp=0, colorSpace=space
    )
    context = js.OffscreenCanvas.new(width, height).getContext("2d")
    context.drawImage(frame, 0, 0)
    browsers = context.getImageData(0, 0, width, height).data.to_bytes()
    await pipeline.render(frame, 0)
    ours = await on.read_texture(target.texture)
    return json.dumps({"ours": b64encode(ours).decode(), "browsers": b64encode(browsers).decode()})
