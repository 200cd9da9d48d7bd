"""Bind groups: what a pipeline reads and writes. Those that are made for every frame reuse their
descriptors."""

from collections.abc import Callable, Sequence
from typing import Any

from pycore.backends.browser.canvas import COLOR_SPACE
from pycore.backends.browser.objects import js_object
from pycore.backends.gpu import Canvas, Texture


def bind(device: Any, pipeline: Any, resources: Sequence[Any]) -> Any:
    """See `Device.bind`."""
    entries = [
        {"binding": index, "resource": _resource(each)}
        for index, each in enumerate(resources)
        if each is not None
    ]
    layout = pipeline.getBindGroupLayout(0)
    return device.createBindGroup(js_object(layout=layout, entries=entries))


def external_binder(device: Any, pipeline: Any, resources: Sequence[Any]) -> Callable[[Any], Any]:
    """See `Device.frame_binder`: frames are imported, without a copy."""
    first, descriptor = _changing_first(pipeline, resources)
    create_bind_group, import_external = device.createBindGroup, device.importExternalTexture
    source = js_object(colorSpace=COLOR_SPACE)

    def bind_external(frame: Any) -> Any:
        if isinstance(frame, Texture):
            first.resource = frame.view
        else:
            source.source = frame
            first.resource = import_external(source)
            source.source = None  # else the descriptor keeps the frame until the next one
        return create_bind_group(descriptor)

    return bind_external


def copy_binder(
    device: Any, pipeline: Any, resources: Sequence[Any], copy: Callable[[Any], Texture]
) -> Callable[[Any], Any]:
    """See `Device.frame_binder`: `copy` makes a texture of a frame."""
    first, descriptor = _changing_first(pipeline, resources)
    create_bind_group = device.createBindGroup

    def bind_copy(frame: Any) -> Any:
        first.resource = (frame if isinstance(frame, Texture) else copy(frame)).view
        return create_bind_group(descriptor)

    return bind_copy


def canvas_binder(device: Any, pipeline: Any, canvas: Canvas, resources: Sequence[Any]) -> Callable[[], Any]:
    """See `Device.canvas_binder`."""
    first, descriptor = _changing_first(pipeline, resources)
    create_bind_group = device.createBindGroup

    def bind_canvas() -> Any:
        first.resource = canvas.view()
        return create_bind_group(descriptor)

    return bind_canvas


def _changing_first(pipeline: Any, resources: Sequence[Any]) -> tuple[Any, Any]:
    """The entry of binding 0, to be given its resource, and a descriptor of it and those resources."""
    first = js_object(binding=0)
    entries = [{"binding": index + 1, "resource": _resource(each)} for index, each in enumerate(resources)]
    return first, js_object(layout=pipeline.getBindGroupLayout(0), entries=[first, *entries])


def _resource(resource: Any) -> Any:
    return resource.view if isinstance(resource, Texture) else {"buffer": resource}
