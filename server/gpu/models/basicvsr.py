"""BasicVSR: 4x video super-resolution by features that travel through the clip, backwards and forwards.

Paper: Chan et al., "BasicVSR: The Search for Essential Components in Video Super-Resolution and Beyond", CVPR
2021 (arXiv:2012.02181). Each frame gets features from two chains, one from the clip's end and one from its
beginning; a chain takes the neighbour's features, moved by optical flow, and the frame itself through 30
residual blocks. Both chains' features are then upsampled and added to the bilinearly enlarged frame.

Plain PyTorch, for training and for every device. The parameters' names are those of the published weights
(BasicSR, Apache-2.0).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from server.gpu.models import cuts, state
from server.gpu.models.spynet import SpyNet, warp
from server.gpu.models.state import WeightsError

SCALE = 4


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class Trunk(nn.Module):
    """One chain's step: a frame and its neighbour's features, (n, 3 + channels, h, w), to the frame's
    features, (n, channels, h, w)."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3 + channels, channels, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Sequential(*(Residual(channels) for _ in range(blocks))),
        )

    @property
    def first(self) -> nn.Conv2d:
        """The convolution of frame and features, the frame's three channels first."""
        return cast(nn.Conv2d, self.main[0])

    @property
    def blocks(self) -> list[Residual]:
        return [cast(Residual, each) for each in cast(nn.Sequential, self.main[2])]

    def forward(self, frame: Tensor, carried: Tensor) -> Tensor:
        return self.main(torch.cat([frame, carried], dim=1))


class BasicVSR(nn.Module):
    """`forward(clip)`: RGB in [0, 1], (n, t, 3, h, w) -> RGB (n, t, 3, 4h, 4w), not clamped, same dtype. t is
    1 or more.

    `cuts`: frame numbers that begin a new scene; no features cross from the frame before into it or back.
    `channels` and `blocks` are those of the published weights.
    """

    def __init__(self, channels: int = 64, blocks: int = 30) -> None:
        super().__init__()
        self.channels = channels
        self.blocks = blocks
        self.spynet = SpyNet()
        self.backward_trunk = Trunk(channels, blocks)
        self.forward_trunk = Trunk(channels, blocks)
        self.fusion = nn.Conv2d(2 * channels, channels, 1)
        self.upconv1 = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.upconv2 = nn.Conv2d(channels, 4 * 64, 3, padding=1)
        self.conv_hr = nn.Conv2d(64, 64, 3, padding=1)
        self.conv_last = nn.Conv2d(64, 3, 3, padding=1)

    def forward(self, clip: Tensor, cuts: frozenset[int] = frozenset()) -> Tensor:
        frames = list(clip.unbind(1))
        to_next, to_previous = self.flows(clip)
        behind = self.backward_chain(frames, to_next, cuts)
        before = self.forward_chain(frames, to_previous, cuts)
        made = [self.reconstruct(*each) for each in zip(frames, behind, before, strict=True)]
        return torch.stack(made, dim=1)

    def flows(self, clip: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """(from each frame to the next, from each frame but the first to the previous), float32 (n, 2, h, w):
        t - 1 of each."""
        batch, length, *_ = clip.shape
        if length == 1:
            return [], []
        first, second = clip[:, :-1].flatten(0, 1), clip[:, 1:].flatten(0, 1)
        both = self.spynet(torch.cat([first, second]), torch.cat([second, first]))
        to_next, to_previous = both.unflatten(0, (2, batch, length - 1)).unbind(0)
        return list(to_next.unbind(1)), list(to_previous.unbind(1))

    def backward_chain(
        self, frames: list[Tensor], to_next: list[Tensor], cuts: frozenset[int] = frozenset()
    ) -> list[Tensor]:
        """The features that come from the clip's end, a (n, channels, h, w) for each frame."""
        last = len(frames) - 1
        features = [self.backward_trunk(frames[last], self.nothing(frames[last]))]
        for number in reversed(range(last)):
            cut = number + 1 in cuts
            carried = self.nothing(frames[number]) if cut else warp(features[-1], to_next[number])
            features.append(self.backward_trunk(frames[number], carried))
        return features[::-1]

    def forward_chain(
        self, frames: list[Tensor], to_previous: list[Tensor], cuts: frozenset[int] = frozenset()
    ) -> list[Tensor]:
        """The features that come from the clip's beginning, a (n, channels, h, w) for each frame."""
        features = [self.forward_trunk(frames[0], self.nothing(frames[0]))]
        for number in range(1, len(frames)):
            frame = frames[number]
            cut = number in cuts
            carried = self.nothing(frame) if cut else warp(features[-1], to_previous[number - 1])
            features.append(self.forward_trunk(frame, carried))
        return features

    def reconstruct(self, frame: Tensor, behind: Tensor, before: Tensor) -> Tensor:
        """A frame and its features from both chains to the large frame, (n, 3, 4h, 4w)."""
        x = F.leaky_relu(self.fusion(torch.cat([behind, before], dim=1)), 0.1)
        x = F.leaky_relu(F.pixel_shuffle(self.upconv1(x), 2), 0.1)
        x = F.leaky_relu(F.pixel_shuffle(self.upconv2(x), 2), 0.1)
        x = self.conv_last(F.leaky_relu(self.conv_hr(x), 0.1))
        return x + F.interpolate(frame, scale_factor=SCALE, mode="bilinear", align_corners=False)

    def nothing(self, frame: Tensor) -> Tensor:
        """What a chain begins with."""
        return frame.new_zeros((len(frame), self.channels, *frame.shape[2:]))


class Windows:
    """A BasicVSR net over windows of a clip on any device, in constant memory but for one chain's features of
    the window's frames."""

    def __init__(self, net: BasicVSR) -> None:
        self._net = net
        self._dtype = next(net.parameters()).dtype

    def cuts(self, frames: Tensor) -> frozenset[int]:
        """See `server.gpu.models.cuts.find`."""
        return cuts.find(self._net.spynet, frames)

    def run(
        self,
        frames: Tensor,
        cuts: frozenset[int],
        keep: range,
        told: Callable[[float], None] = lambda share: None,
    ) -> Iterator[Tensor]:
        """`frames`: uint8 RGB (t, h, w, 3), on the device. Yields for each frame of `keep` RGB in [0, 1],
        not clamped, float32 (1, 3, 4h, 4w). `told` gets the share of the steps that are done."""
        net, last = self._net, len(frames) - 1
        steps, done = len(frames) - keep.start + keep.stop, 0
        behind: dict[int, Tensor] = {}
        features = net.nothing(self._picture(frames, last))
        for number in range(last, keep.start - 1, -1):
            features = self._step(net.backward_trunk, frames, number, number + 1, cuts, features)
            if number in keep:
                behind[number] = features
            done += 1
            told(done / steps)
        for number in range(keep.stop):
            features = self._step(net.forward_trunk, frames, number, number - 1, cuts, features)
            done += 1
            told(done / steps)
            if number in keep:
                picture = self._picture(frames, number)
                yield net.reconstruct(picture, behind.pop(number), features).float()

    def _step(
        self, trunk: Trunk, frames: Tensor, number: int, other: int, cuts: frozenset[int], features: Tensor
    ) -> Tensor:
        """The features of frame `number`, from those of its neighbour `other`, if there is one in its
        scene."""
        picture = self._picture(frames, number)
        if not 0 <= other < len(frames) or max(number, other) in cuts:
            return trunk(picture, torch.zeros_like(features))
        flow = self._net.spynet(picture, self._picture(frames, other))
        return trunk(picture, warp(features, flow))

    def _picture(self, frames: Tensor, number: int) -> Tensor:
        return frames[number : number + 1].permute(0, 3, 1, 2).to(self._dtype) / 255


def build(weights: Mapping[str, Tensor]) -> BasicVSR:
    """The net that these weights belong to, of whatever width and depth, in float32. Raises WeightsError for
    a parameter that is missing, unknown, of another shape or not finite."""
    fusion = weights.get("fusion.weight")
    if fusion is None:
        raise WeightsError("these are no weights of BasicVSR: there is no fusion.weight")
    blocks = len({name.split(".")[3] for name in weights if name.startswith("forward_trunk.main.2.")})
    net = BasicVSR(channels=fusion.shape[0], blocks=blocks)
    state.fill(net, weights)
    return net
