"""The detector nets for players and ball. Their output is defined in pycore/tracking/decoding.py.

Both are fully convolutional: features at strides 4 to 32, merged from coarse to fine, and heads at stride 4.
`browser` is made of plain 3×3 convolutions and ReLU, which WebGPU runs well; `server` has MobileNetV2's
features (https://arxiv.org/abs/1801.04381) beside a plain path that keeps what is small."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class NetName(StrEnum):
    """The project's own detectors."""

    BROWSER = "browser"
    SERVER = "server"


class ConvNorm(nn.Sequential):
    """A 3×3 (or other) convolution, batch normalisation, ReLU unless it is `linear`."""

    def __init__(self, inner: int, outer: int, side: int = 3, stride: int = 1, linear: bool = False) -> None:
        parts = [nn.Conv2d(inner, outer, side, stride, side // 2, bias=False), nn.BatchNorm2d(outer)]
        super().__init__(*parts, *([] if linear else [nn.ReLU(inplace=True)]))


class Residual(nn.Module):
    """Two 3×3 convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


def _stage(inner: int, outer: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(ConvNorm(inner, outer, stride=2), *(Residual(outer) for _ in range(blocks)))


class PlainEncoder(nn.Module):
    """Features at strides 4, 8, 16, 32, of widths[1:] channels; widths[0] is the stem's."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths[1:])
        self.stem = ConvNorm(3, widths[0], stride=2)
        self.stages = nn.ModuleList(
            _stage(inner, outer, count)
            for inner, outer, count in zip(widths[:-1], widths[1:], blocks, strict=True)
        )

    def forward(self, picture: Tensor) -> list[Tensor]:
        x = self.stem(picture)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class Inverted(nn.Module):
    """MobileNetV2's inverted residual; names and places as in the weights that are published for it."""

    def __init__(self, inner: int, outer: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = inner * expand
        grow = [nn.Conv2d(inner, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True)]
        self.beside = stride == 1 and inner == outer
        self.conv = nn.Sequential(
            *(grow if expand > 1 else []),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(inplace=True),
            nn.Conv2d(wide, outer, 1, bias=False),
            nn.BatchNorm2d(outer),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.beside else self.conv(x)


class MobileEncoder(nn.Module):
    """MobileNetV2's features at strides 4 (24 channels), 8 (32), 16 (96), 32 (320); at stride 4 a plain path
    of `detail` channels lies beside them."""

    SETTINGS = (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    )  # fmt: skip
    """Expansion, channels, blocks, first stride."""
    TAPS = (3, 6, 13, 17)

    mean: Tensor
    scale: Tensor

    def __init__(self, detail: int) -> None:
        super().__init__()
        stem = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6(inplace=True)]
        layers: list[nn.Module] = [nn.Sequential(*stem)]
        inner = 32
        for expand, outer, count, stride in self.SETTINGS:
            for index in range(count):
                layers.append(Inverted(inner, outer, stride if index == 0 else 1, expand))
                inner = outer
        self.features = nn.Sequential(*layers)
        self.detail = nn.Sequential(
            ConvNorm(3, detail // 2, stride=2), ConvNorm(detail // 2, detail, stride=2), Residual(detail)
        )
        self.widths = (24 + detail, 32, 96, 320)
        # ImageNet's statistics, which the published weights expect.
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        x = (picture - self.mean) / self.scale
        features = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.TAPS:
                features.append(x)
        features[0] = torch.cat((features[0], self.detail(picture)), dim=1)
        return features


class Detector(nn.Module):
    """RGB (n, 3, H, W) in 0…1 to (heat (n, 2, H/4, W/4) in 0…1, box (n, 4, H/4, W/4) in input pixels).

    `necks` are the channels at strides 4, 8, 16, 32 on the way from coarse to fine, `blocks` the residual
    blocks there; `head` is the width of each head's convolution."""

    def __init__(
        self, encoder: PlainEncoder | MobileEncoder, necks: Sequence[int], blocks: Sequence[int], head: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.laterals = nn.ModuleList(
            ConvNorm(inner, outer, side=1, linear=True)
            for inner, outer in zip(encoder.widths, necks, strict=True)
        )
        self.descents = nn.ModuleList(
            ConvNorm(coarse, fine, side=1, linear=True) for fine, coarse in pairwise(necks)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Residual(width) for _ in range(count)))
            for width, count in zip(necks, blocks, strict=True)
        )
        self.heat = nn.Sequential(ConvNorm(necks[0], head), nn.Conv2d(head, 2, 1))
        self.box = nn.Sequential(ConvNorm(necks[0], head), nn.Conv2d(head, 4, 1))

    def raw(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The same before the last step: heat's logits and the logarithms of the distances."""
        features = self.encoder(picture)
        x = functional.relu(self.laterals[3](features[3]))
        x = self.blocks[3](x)
        for level in (2, 1, 0):
            coarse = functional.interpolate(self.descents[level](x), scale_factor=2.0, mode="nearest")
            x = self.blocks[level](functional.relu(self.laterals[level](features[level]) + coarse))
        return self.heat(x), self.box(x)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        heat, box = self.raw(picture)
        return torch.sigmoid(heat), torch.exp(box)


def build(name: NetName) -> Detector:
    """The net with random weights."""
    match name:
        case NetName.BROWSER:
            encoder = PlainEncoder((24, 32, 64, 96, 128), (1, 2, 2, 2))
            return Detector(encoder, (32, 64, 96, 96), (1, 1, 1, 1), head=32)
        case NetName.SERVER:
            return Detector(MobileEncoder(detail=48), (64, 128, 192, 224), (2, 2, 2, 2), head=96)
