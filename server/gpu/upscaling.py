"""Frames through a model on one device: in tiles where they are large, in smaller ones where memory runs out,
equal frames once."""

import logging
import threading
from collections.abc import Callable, Generator, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from pycore.protocol import ReelError
from server.gpu.base import Stopped
from server.gpu.failures import out_of_memory
from server.gpu.models import registry
from server.gpu.models.descriptor import Descriptor
from server.gpu.models.registry import FrameNet, WindowNet
from server.gpu.tiles import Tile, tiles

_log = logging.getLogger(__name__)
_SMALLEST_TILE = 64 * 64


class Upscaler:
    """One device's. What it was told by running out of memory holds for as long as it lives."""

    def __init__(self, device: torch.device, name: str) -> None:
        self._device = device
        self._name = name
        self._tile_pixels: dict[str, int] = {}
        self._lock = threading.Lock()  # one picture or window at a time
        self._side = torch.cuda.Stream(device) if device.type == "cuda" else None

    def run(
        self,
        model: Descriptor,
        frames: Iterable[np.ndarray],
        keep: range,
        stop: threading.Event,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Generator[Tensor]:
        """`frames`: uint8 RGB (h, w, 3), all of one size: a window, of which the frames `keep` are wanted
        and the others only help a temporal model. Yields RGB in [0, 1], not clamped, float32 (1, 3, scale h,
        scale w) on the device, one after another; each holds until the next is asked for. Close
        it when you leave early. `progress` gets the share of a window's computing that is done. Raises
        Stopped once `stop` is set, and ReelError."""

        def told(share: float) -> None:
            if stop.is_set():
                raise Stopped
            progress(share)

        with torch.inference_mode():
            halting = _halting(frames, stop)
            made = (
                self._windows(model, halting, keep, told)
                if model.temporal
                else self._frames(model, halting, keep)
            )
            for each in made:
                if stop.is_set():
                    raise Stopped
                yield each

    def notes(self, model: Descriptor) -> list[str]:
        """What people should know of how it went."""
        tile = self._tile_pixels.get(model.key)
        if tile is None:
            return []
        return [f"{self._name} ran out of memory: pictures went through in tiles of {tile} pixels."]

    def _frames(self, model: Descriptor, frames: Iterable[np.ndarray], keep: range) -> Iterator[Tensor]:
        last: np.ndarray | None = None
        made: Tensor | None = None
        for number, picture in enumerate(frames):
            if number not in keep:
                continue
            if made is None or last is None or not np.array_equal(picture, last):
                made = self._frame(model, picture)
                last = picture
            yield made

    def _frame(self, model: Descriptor, picture: np.ndarray) -> Tensor:
        source = self._on_device(picture)
        while True:
            try:
                with self._lock:
                    return self._tiled_frame(model, source)
            except RuntimeError as error:
                self._smaller(model, source, error)

    def _tiled_frame(self, model: Descriptor, source: Tensor) -> Tensor:
        if model.scale == 1:
            return source.permute(2, 0, 1)[None].float() / 255
        net = registry.load(model, self._device)
        assert isinstance(net, FrameNet)
        cut = self._tiles(model, source)
        if len(cut) == 1:
            return net.frame(source)
        height, width, _ = source.shape
        scale = model.scale
        result = torch.empty((1, 3, height * scale, width * scale), dtype=torch.float32, device=self._device)
        for tile in cut:
            _paste(result, net.frame(_piece(source, tile)), tile, scale)
        return result

    def _windows(
        self, model: Descriptor, frames: Iterable[np.ndarray], keep: range, told: Callable[[float], None]
    ) -> Iterator[Tensor]:
        pictures: list[np.ndarray] = []
        places: list[int] = []  # where each frame's picture is: equal neighbours share one
        for frame in frames:
            if not pictures or not np.array_equal(frame, pictures[-1]):
                pictures.append(frame)
            places.append(len(pictures) - 1)
        wanted = [places[number] for number in keep]
        source, cuts = self._prepared(model, np.stack(pictures))
        with self._lock:
            made = self._window(model, source, cuts, range(wanted[0], wanted[-1] + 1), told)
            number, current = wanted[0], next(made)
            for place in wanted:
                while number < place:
                    number, current = number + 1, next(made)
                yield current

    def _prepared(self, model: Descriptor, pictures: np.ndarray) -> tuple[Tensor, frozenset[int]]:
        """The window on the device and its cuts, got beside what is computed there for another one."""
        net = registry.load(model, self._device)  # no lock: a window holds it for its length
        assert isinstance(net, WindowNet)
        if self._side is None:
            source = self._on_device(pictures)
            return source, net.cuts(source)
        with torch.cuda.stream(self._side):
            source = self._on_device(pictures)
            cuts = net.cuts(source)
        self._side.synchronize()
        source.record_stream(torch.cuda.current_stream(self._device))
        return source, cuts

    def _window(
        self,
        model: Descriptor,
        source: Tensor,
        cuts: frozenset[int],
        keep: range,
        told: Callable[[float], None],
    ) -> Iterator[Tensor]:
        done = 0
        while True:
            try:
                rest = range(keep.start + done, keep.stop)
                for made in self._tiled_window(model, source, cuts, rest, told):
                    yield made
                    done += 1
                return
            except RuntimeError as error:
                self._smaller(model, source[0], error)

    def _tiled_window(
        self,
        model: Descriptor,
        source: Tensor,
        cuts: frozenset[int],
        keep: range,
        told: Callable[[float], None],
    ) -> Iterator[Tensor]:
        net = registry.load(model, self._device)
        assert isinstance(net, WindowNet)
        cut = self._tiles(model, source[0])
        if len(cut) == 1:
            yield from net.run(source, cuts, keep, told)
            return
        # A tile at a time, its results kept in 16 bits on the host until the window's other tiles are made.
        height, width, _ = source[0].shape
        scale = model.scale
        results = torch.empty((len(keep), 3, height * scale, width * scale), dtype=torch.float16)
        for number, tile in enumerate(cut):
            piece = source[:, tile.top : tile.bottom, tile.left : tile.right].contiguous()

            def some(share: float, before: int = number) -> None:
                told((before + share) / len(cut))

            for place, made in enumerate(net.run(piece, cuts, keep, some)):
                _paste(results[place : place + 1], made, tile, scale)
        for made in results:
            yield made[None].to(self._device, torch.float32)

    def _tiles(self, model: Descriptor, picture: Tensor) -> list[Tile]:
        height, width, _ = picture.shape
        limit = self._tile_pixels.get(model.key, model.tile_pixels[self._device.type])
        return tiles(width, height, limit, model.radius + 1)

    def _on_device(self, picture: np.ndarray) -> Tensor:
        source = torch.from_numpy(picture)
        if self._device.type == "cuda":
            return source.pin_memory().to(self._device, non_blocking=True)
        return source.to(self._device)

    def _smaller(self, model: Descriptor, picture: Tensor, error: RuntimeError) -> None:
        """Halves the tiles if `error` means that memory ran out; raises what it was else."""
        if not out_of_memory(error):
            raise error
        height, width, _ = picture.shape
        limit = self._tile_pixels.get(model.key, model.tile_pixels[self._device.type])
        if limit // 2 < _SMALLEST_TILE:
            raise ReelError.of(
                "device.out-of-memory",
                "Out of memory",
                f"{self._name} has too little memory free for a picture of {width}×{height}.",
                "Close other programs, choose a smaller crop, or use another device.",
                507,
            ) from error
        self._tile_pixels[model.key] = min(limit, width * height) // 2
        _log.warning("Out of memory on %s: tiles of %d pixels", self._device, self._tile_pixels[model.key])
        registry.release(model, self._device)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _halting(frames: Iterable[np.ndarray], stop: threading.Event) -> Iterator[np.ndarray]:
    for frame in frames:
        if stop.is_set():
            raise Stopped
        yield frame


def _piece(source: Tensor, tile: Tile) -> Tensor:
    return source[tile.top : tile.bottom, tile.left : tile.right].contiguous()


def _paste(result: Tensor, made: Tensor, tile: Tile, scale: int) -> None:
    """The kept part of a tile's result to its place."""
    rows = slice(tile.inner_top * scale, tile.inner_bottom * scale)
    columns = slice(tile.inner_left * scale, tile.inner_right * scale)
    down, along = (tile.inner_top - tile.top) * scale, (tile.inner_left - tile.left) * scale
    result[:, :, rows, columns] = made[
        :, :, down : down + rows.stop - rows.start, along : along + columns.stop - columns.start
    ]
