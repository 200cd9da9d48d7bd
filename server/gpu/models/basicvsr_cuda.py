"""BasicVSR on CUDA at the GPU's speed: the same computation as `basicvsr`, in half precision with float32
sums, by this project's own kernels, with each step recorded once as a CUDA graph and then replayed.

Pixels lie channel by channel: (height, width, channels). Everything that a step touches has a fixed place per
picture size, so that a graph can be replayed.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from server.gpu.kernels.graphs import Graph, Pace
from server.gpu.kernels.ops import MIN_CHANNELS, Conv3x3, warp
from server.gpu.models import cuts
from server.gpu.models.basicvsr import SCALE, BasicVSR, Trunk

NOWHERE = 1e6
"""A flow that points outside everywhere: nothing is carried."""
PAIR_PIXELS = 9_000_000
"""Of the pictures whose flow is computed at once."""


class _Chain:
    """One direction, on pictures of one size: from a frame, its neighbour's features (`state`) and the flow
    to it, in place, to the frame's own."""

    def __init__(self, trunk: Trunk, channels: int) -> None:
        first, blocks = trunk.first, trunk.blocks
        assert first.bias is not None
        of_frame = nn.Conv2d(3, channels, 3, padding=1)
        of_frame.weight.data = first.weight.data[:, :3]
        of_frame.bias = first.bias
        of_state = nn.Conv2d(channels, channels, 3, padding=1)
        of_state.weight.data = first.weight.data[:, 3:]
        of_state.bias = nn.Parameter(torch.zeros_like(first.bias))
        self._of_frame = Conv3x3(of_frame)
        self._of_state = Conv3x3(of_state, slope=0.1)
        self._blocks = [(Conv3x3(each.conv1, slope=0.0), Conv3x3(each.conv2)) for each in blocks]
        self._channels = channels

    def make_room(self, height: int, width: int, device: torch.device) -> None:
        self.frame = torch.zeros((height, width, MIN_CHANNELS), dtype=torch.float16, device=device)
        self.flow = torch.zeros((2, height, width), dtype=torch.float32, device=device)
        shape = (height, width, self._channels)
        self.state = torch.zeros(shape, dtype=torch.float16, device=device)
        self._one, self._two = torch.empty_like(self.state), torch.empty_like(self.state)

    def put(self, frame: Tensor, flow: Tensor | None) -> None:
        """The next step's input; without a flow nothing is carried."""
        self.frame.copy_(frame)
        self.flow.fill_(NOWHERE) if flow is None else self.flow.copy_(flow)

    def step(self) -> None:
        warp(self.state, self.flow, self._one)
        self._of_frame(self.frame, self._two)
        x, other = self._of_state(self._one, self.state, extra=self._two), self._two
        for conv1, conv2 in self._blocks:
            conv1(x, self._one)
            conv2(self._one, other, extra=x)
            x, other = other, x
        if x is not self.state:
            self.state.copy_(x)


class FastBasicVSR:
    """Does what `basicvsr.Windows` does."""

    def __init__(self, net: BasicVSR, device: torch.device) -> None:
        net = net.to(device).eval().requires_grad_(False)
        self._device, self._channels = device, net.channels
        self._backward = _Chain(net.backward_trunk, net.channels)
        self._forward = _Chain(net.forward_trunk, net.channels)
        fusion = net.fusion.weight[:, :, 0, 0].half()
        self._fuse = [each.T.contiguous() for each in fusion.split(net.channels, dim=1)]
        assert net.fusion.bias is not None
        self._fuse_bias = net.fusion.bias.half()
        self._upconv1 = Conv3x3(net.upconv1, slope=0.1, shuffle=True)
        self._upconv2 = Conv3x3(net.upconv2, slope=0.1, shuffle=True)
        self._conv_hr = Conv3x3(net.conv_hr, slope=0.1)
        self._conv_last = Conv3x3(net.conv_last)
        self._spynet = torch.nn.utils.convert_conv2d_weight_memory_format(
            net.spynet.half(), torch.channels_last
        )
        self._size = (0, 0)

    def _make_room(self, height: int, width: int) -> None:
        """The fixed places for pictures of one size, and the graphs recorded on them. A clip has one size;
        another's are given back."""

        def place(scale: int, channels: int) -> Tensor:
            shape = (height * scale, width * scale, channels)
            return torch.zeros(shape, dtype=torch.float16, device=self._device)

        for chain in (self._backward, self._forward):
            chain.make_room(height, width, self._device)
        self._behind, self._before, self._fused = (place(1, self._channels) for _ in range(3))
        self._half, self._large, self._last = place(2, self._channels), place(4, 64), place(4, 64)
        self._made = place(4, 3)
        self._both = Graph(self._step_both)
        self._reconstruct = Graph(self._step_reconstruct)
        self._size = (height, width)

    def _step_both(self) -> None:
        """Both chains at once: neither fills the GPU to its last wave."""
        current, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(current)
        with torch.cuda.stream(side):
            self._forward.step()
        self._backward.step()
        current.wait_stream(side)

    def _step_reconstruct(self) -> None:
        behind, before = self._behind.flatten(0, 1), self._before.flatten(0, 1)
        x = torch.addmm(torch.addmm(self._fuse_bias, behind, self._fuse[0]), before, self._fuse[1])
        self._fused.copy_(F.leaky_relu(x, 0.1).view_as(self._fused))
        self._upconv1(self._fused, self._half)
        self._upconv2(self._half, self._large)
        self._conv_hr(self._large, self._last)
        self._conv_last(self._last, self._made)

    def cuts(self, frames: Tensor) -> frozenset[int]:
        """See `server.gpu.models.cuts.find`."""
        return cuts.find(self._spynet, frames)

    def run(
        self,
        frames: Tensor,
        cuts: frozenset[int],
        keep: range,
        told: Callable[[float], None] = lambda share: None,
    ) -> Iterator[Tensor]:
        """`frames`: uint8 RGB (t, h, w, 3) on the device. Yields for each frame of `keep` RGB in [0, 1], not
        clamped, float32 (1, 3, 4h, 4w). `told` gets the share of the steps that are done."""
        length, height, width, _ = frames.shape
        if (height, width) != self._size:
            self._make_room(height, width)
        pictures = (frames.permute(0, 3, 1, 2).half() / 255).contiguous(memory_format=torch.channels_last)
        to_next, to_previous = self._flows(pictures)
        padded = torch.zeros((length, height, width, MIN_CHANNELS), dtype=torch.float16, device=self._device)
        padded[..., :3] = pictures.permute(0, 2, 3, 1)
        pace = Pace()
        behind: dict[int, Tensor] = {}
        before: dict[int, Tensor] = {}
        turns = max(length - keep.start, keep.stop)
        for turn in range(turns):
            back, forth = max(length - 1 - turn, 0), min(turn, length - 1)
            ends = back == length - 1 or back + 1 in cuts
            self._backward.put(padded[back], None if ends else to_next[back])
            begins = forth == 0 or forth in cuts
            self._forward.put(padded[forth], None if begins else to_previous[forth - 1])
            self._both.replay()
            pace.step()
            told((turn + 1) / (turns + len(keep)))
            if back in keep and back not in behind:
                behind[back] = self._backward.state.clone()
            if forth in keep and forth not in before:
                before[forth] = self._forward.state.clone()
        for done, number in enumerate(keep, turns + 1):
            self._behind.copy_(behind.pop(number))
            self._before.copy_(before.pop(number))
            self._reconstruct.replay()
            base = F.interpolate(pictures[number : number + 1].float(), scale_factor=SCALE, mode="bilinear")
            told(done / (turns + len(keep)))
            yield base.add_(self._made.permute(2, 0, 1))
            pace.step()

    def _flows(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """float32 (t - 1, 2, h, w) each: from each frame to the next, and back."""
        length, _, height, width = pictures.shape
        shape = (max(length - 1, 0), 2, height, width)
        to_next = torch.empty(shape, dtype=torch.float32, device=self._device)
        to_previous = torch.empty_like(to_next)
        batch = max(PAIR_PIXELS // (height * width) // 2, 1)
        for start in range(0, length - 1, batch):
            here = pictures[start : min(start + batch, length - 1)]
            there = pictures[start + 1 : start + 1 + len(here)]
            both = self._spynet(torch.cat([here, there]), torch.cat([there, here]))
            to_next[start : start + len(here)], to_previous[start : start + len(here)] = both.chunk(2)
        return to_next, to_previous
