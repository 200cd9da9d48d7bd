"""What every GpuBackend must do. Run natively by test_gpu_contract.py, and in Chromium under Pyodide by
e2e/test_pipeline_chromium.py; so this imports nothing but pycore and the standard library."""

import struct
from collections.abc import Awaitable, Callable
from typing import Any

from pycore.backends.gpu import (
    WANTED,
    BufferUsage,
    Device,
    Dispatch,
    FrameKind,
    OffscreenTarget,
    Texture,
    TextureUsage,
)
from pycore.protocol import Problem, ReelError, Size
from pycore.shaders import ShaderManager
from pycore.upscaler.plan import plan_for
from pycore.upscaler.weights import parse

ALL_USES = (
    TextureUsage.TEXTURE_BINDING
    | TextureUsage.STORAGE_BINDING
    | TextureUsage.COPY_SRC
    | TextureUsage.COPY_DST
)

ADD = """
override STEP: f32 = 1.0;
@group(0) @binding(0) var from_: texture_2d<f32>;
@group(0) @binding(1) var<uniform> scale: vec4f;
@group(0) @binding(2) var to: texture_storage_2d<r32float, write>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let value = textureLoad(from_, vec2i(id.xy), 0).x;
    textureStore(to, vec2i(id.xy), vec4f(value * scale.x + STEP, 0.0, 0.0, 1.0));
}
"""

PAINT = """
override GREEN: f32 = 0.0;
@group(0) @binding(0) var canvas: texture_storage_2d<rgba8unorm, write>;
@group(0) @binding(1) var picture: texture_2d<f32>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let at = vec2i(id.xy);
    textureStore(canvas, at, vec4f(textureLoad(picture, at, 0).x, GREEN, 0.0, 1.0));
}
"""


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


async def refusal(attempt: Awaitable[Any]) -> Problem:
    """What a ReelError says that must come."""
    try:
        await attempt
    except ReelError as error:
        return error.problem
    raise AssertionError("no ReelError was raised")


async def compiled(device: Device, code: str) -> Any:
    module, errors = await device.compile(code)
    assert errors == []
    return module


async def adder(device: Device, **constants: float) -> Any:
    return await device.compute_pipeline(await compiled(device, ADD), "main", constants)


def uniform(device: Device, *values: float) -> Any:
    buffer = device.create_buffer(4 * len(values), BufferUsage.UNIFORM | BufferUsage.COPY_DST)
    device.write_buffer(buffer, floats(*values))
    return buffer


def surface(device: Device, width: int, height: int, *values: float) -> Texture:
    texture = device.create_texture(Size(width, height), "r32float", ALL_USES)
    if values:
        device.write_texture(texture, floats(*values))
    return texture


async def facts_are_told(device: Device) -> None:
    facts = device.facts
    assert facts.max_buffer_bytes >= 256 * 1024 * 1024
    assert facts.max_texture_side >= 8192
    assert all(isinstance(name, str) for name in facts.features)
    assert isinstance(facts.vendor, str)
    assert device.frame_kind in FrameKind
    assert device.canvas_format in ("rgba8unorm", "bgra8unorm")
    assert device.features == {each for each in WANTED if each in facts.features}


async def textures_keep_what_is_written(device: Device) -> None:
    values = tuple(float(n) for n in range(21))  # 7 x 3: rows that no alignment fits
    texture = surface(device, 7, 3, *values)
    assert await device.read_texture(texture) == floats(*values)
    device.free_texture(texture)


async def new_textures_are_zero(device: Device) -> None:
    assert await device.read_texture(surface(device, 3, 2)) == bytes(24)


async def constants_and_bindings_arrive(device: Device) -> None:
    pipeline = await adder(device, STEP=0.25)
    to = surface(device, 2, 1)
    bindings = device.bind(pipeline, [surface(device, 2, 1, 1.0, 2.0), uniform(device, 3.0, 0, 0, 0), to])
    device.submit([Dispatch(pipeline, bindings, 2, 1)])
    assert await device.read_texture(to) == floats(3.25, 6.25)


async def a_step_sees_what_the_one_before_it_wrote(device: Device) -> None:
    pipeline = await adder(device)
    scale = uniform(device, 2.0, 0, 0, 0)
    first, second, third = surface(device, 1, 1, 5.0), surface(device, 1, 1), surface(device, 1, 1)
    one = device.bind(pipeline, [first, scale, second])
    two = device.bind(pipeline, [second, scale, third])
    device.submit([Dispatch(pipeline, one, 1, 1), Dispatch(pipeline, two, 1, 1)])
    await device.done()
    assert await device.read_texture(third) == floats(23.0)


async def a_run_is_timed_and_runs_that_often(device: Device) -> None:
    pipeline = await adder(device)
    one, two = surface(device, 1, 1, 5.0), surface(device, 1, 1)
    scale = uniform(device, 1.0, 0, 0, 0)
    there = Dispatch(pipeline, device.bind(pipeline, [one, scale, two]), 1, 1)
    back = Dispatch(pipeline, device.bind(pipeline, [two, scale, one]), 1, 1)
    for _ in range(2):
        assert 0 <= await device.run_ms([there, back], 3) < 60_000
    assert await device.read_texture(one) == floats(5.0 + 2 * 3 * 2)


async def a_frame_binder_takes_a_texture_for_a_frame(device: Device) -> None:
    pipeline = await adder(device)
    to = surface(device, 1, 1)
    bind = device.frame_binder(pipeline, [uniform(device, 1.0, 0, 0, 0), to])
    for value in (4.0, 8.0):  # a binder is used again and again
        device.submit([Dispatch(pipeline, bind(surface(device, 1, 1, value)), 1, 1)])
        assert await device.read_texture(to) == floats(value + 1)


async def a_canvas_is_written_in_the_same_submit(device: Device) -> None:
    target = OffscreenTarget(device)
    painter = await device.compute_pipeline(await compiled(device, PAINT), "main", {"GREEN": 1.0})
    pipeline = await adder(device)
    for width in (3, 5):  # a canvas can be resized
        picture = surface(device, width, 2)
        bind_canvas = device.canvas_binder(painter, target, [picture])
        target.resize(Size(width, 2))
        zero = surface(device, width, 2)
        bindings = device.bind(pipeline, [zero, uniform(device, 0, 0, 0, 0), picture])
        device.submit(
            [Dispatch(pipeline, bindings, width, 2), Dispatch(painter, bind_canvas(), width, 2)],
        )
        assert await device.read_texture(target.texture) == bytes((255, 255, 0, 255)) * width * 2


async def buffers_keep_what_is_written(device: Device) -> None:
    buffer = device.create_buffer(16, BufferUsage.STORAGE | BufferUsage.COPY_DST | BufferUsage.COPY_SRC)
    device.write_buffer(buffer, floats(1.0, 2.0, 3.0))
    assert await device.read_buffer(buffer, 16) == floats(1.0, 2.0, 3.0, 0.0)
    assert await device.read_buffer(buffer, 8) == floats(1.0, 2.0)
    device.free_buffer(buffer)


async def a_compiler_error_names_its_line(device: Device) -> None:
    _, errors = await device.compile("fn fine() {}\n\nfn broken() { let a = missing; }\n")
    assert len(errors) == 1
    assert errors[0].line == 3
    assert "missing" in errors[0].text


async def a_refused_pipeline_is_a_reel_error(device: Device) -> None:
    module = await compiled(device, ADD)
    problem = await refusal(device.compute_pipeline(module, "no_such_entry", {}))
    assert problem.code == "gpu.pipeline"
    assert problem.detail


async def shaders_are_loaded_by_name(device: Device) -> None:
    assert "struct Look" in await device.load_shader("look")
    problem = await refusal(device.load_shader("no-such-shader"))
    assert problem.code == "gpu.shader-missing"
    assert "no-such-shader.wgsl" in problem.detail


async def models_are_loaded_by_name(device: Device) -> None:
    assert parse(await device.load_model("s"), "s")
    problem = await refusal(device.load_model("no-such-model"))
    assert problem.code == "model.missing"
    assert "no-such-model.safetensors" in problem.detail


async def every_shader_compiles(device: Device) -> None:
    shaders = ShaderManager(device)
    plan = plan_for(device.frame_kind, device.canvas_format, parse(await device.load_model("s"), "s"))
    for stage in (plan.ingest, *plan.stages, plan.compose):
        await shaders.compute(stage.files, stage.constants)
    await shaders.compute(("look", "lanczos3"), {"OVERSHOOT": 0.5, "TILE_X": 8})


async def destroying_tells_of_the_loss(device: Device) -> None:
    """Last: the device is gone then."""
    assert device.take_error() is None
    lost = device.lost
    device.destroy()
    assert await lost


CONTRACT: list[Callable[[Device], Awaitable[None]]] = [
    facts_are_told,
    textures_keep_what_is_written,
    new_textures_are_zero,
    constants_and_bindings_arrive,
    a_step_sees_what_the_one_before_it_wrote,
    a_run_is_timed_and_runs_that_often,
    a_frame_binder_takes_a_texture_for_a_frame,
    a_canvas_is_written_in_the_same_submit,
    buffers_keep_what_is_written,
    a_compiler_error_names_its_line,
    a_refused_pipeline_is_a_reel_error,
    shaders_are_loaded_by_name,
    models_are_loaded_by_name,
    every_shader_compiles,
    destroying_tells_of_the_loss,
]
