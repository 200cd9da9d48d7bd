"""What cameras, scalers and encoders do to pictures: batches (n, 3, H, W) in 0…1, on their device."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
"""JPEG's example table for luma (ITU-T T.81, K.1)."""
TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
BLUR = 9
"""Side of the blurs' kernels."""


def spoiled(picture: Tensor, rng: np.random.Generator, noise: torch.Generator, strength: float) -> Tensor:
    """Each picture in its own way: colours, blur, lost resolution, noise, compression. strength scales how
    often."""
    n, device = len(picture), picture.device
    picture = _coloured(picture, rng, strength)
    blurred = rng.random(n) < 0.25 * strength
    if blurred.any():
        kernels = np.stack([_blur(rng) if each else _none() for each in blurred])
        weight = torch.from_numpy(kernels.astype(np.float32)).to(device).repeat_interleave(3, 0)[:, None]
        flat = picture.reshape(1, -1, *picture.shape[2:])
        picture = functional.conv2d(flat, weight, padding=BLUR // 2, groups=3 * n).view_as(picture)
    for index in np.flatnonzero(rng.random(n) < 0.2 * strength).tolist():
        side = max(int(picture.shape[2] * rng.uniform(0.4, 0.9)), 8)
        small = functional.interpolate(
            picture[index : index + 1], (side, side), mode="bilinear", antialias=True, align_corners=False
        )
        picture[index] = functional.interpolate(
            small, picture.shape[2:], mode="bicubic", align_corners=False
        )[0]
    sigma = np.where(rng.random(n) < 0.4 * strength, rng.uniform(0.004, 0.05, n), 0).astype(np.float32)
    grain = torch.randn(picture.shape, generator=noise, device=device)
    picture = (picture + grain * torch.from_numpy(sigma).to(device).view(-1, 1, 1, 1)).clamp(0, 1)
    chosen = np.flatnonzero(rng.random(n) < 0.55 * strength)
    if len(chosen):
        quality = torch.from_numpy(rng.uniform(0.25, 4.0, len(chosen)).astype(np.float32)).to(device)
        index = torch.from_numpy(chosen).to(device)
        picture[index] = compressed(picture[index], quality)
    return picture.clamp(0, 1)


def compressed(picture: Tensor, coarseness: Tensor) -> Tensor:
    """As JPEG and, roughly, H.264 leave it: 8×8 cosine transforms rounded to steps, chroma at half size.
    coarseness (n,) scales JPEG's example table: 0.25 is fine, 4 is poor. Sides must be multiples of 16."""
    device = picture.device
    turn = TO_YCC.to(device)
    ycc = torch.einsum("ij,njhw->nihw", turn, picture * 255)
    table = torch.tensor(_LUMA, dtype=torch.float32, device=device)
    steps = (table * coarseness.view(-1, 1, 1, 1)).clamp(min=1)
    luma = _quantised(ycc[:, :1] - 128, steps) + 128
    chroma = _quantised(functional.avg_pool2d(ycc[:, 1:], 2), steps * 1.3)
    chroma = functional.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    back = torch.linalg.inv(TO_YCC).to(device)
    return torch.einsum("ij,njhw->nihw", back, torch.cat((luma, chroma), dim=1)).clamp(0, 255) / 255


def _quantised(planes: Tensor, steps: Tensor) -> Tensor:
    """planes (n, c, H, W), steps (n, 1, 8, 8)."""
    n, c, height, width = planes.shape
    k = torch.arange(8, device=planes.device, dtype=torch.float32)
    cosine = torch.cos((2 * k[None, :] + 1) * k[:, None] * math.pi / 16) / 2
    cosine[0] /= math.sqrt(2)
    blocks = planes.view(n, c, height // 8, 8, width // 8, 8).transpose(3, 4)
    steps = steps.view(n, 1, 1, 1, 8, 8)
    levels = torch.round(cosine @ blocks @ cosine.T / steps) * steps
    return (cosine.T @ levels @ cosine).transpose(3, 4).reshape(n, c, height, width)


def _coloured(picture: Tensor, rng: np.random.Generator, strength: float) -> Tensor:
    """Hue, saturation, brightness, contrast, white balance, gamma, each picture's own."""
    n = len(picture)
    turn, back = TO_YCC.numpy(), np.linalg.inv(TO_YCC.numpy())
    matrices, gammas = [], []
    for _ in range(n):
        wild = rng.random() < 0.25 * strength
        hue = rng.uniform(-math.pi, math.pi) if wild else rng.uniform(-0.2, 0.2)
        saturation = 0.0 if rng.random() < 0.03 * strength else rng.uniform(0.5, 1.5)
        cos, sin = saturation * math.cos(hue), saturation * math.sin(hue)
        matrix = back @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ turn
        balance = rng.uniform(0.88, 1.12, 3)
        matrices.append(matrix * balance[:, None] * rng.uniform(0.65, 1.35))
        gammas.append(rng.uniform(0.75, 1.35))
    device = picture.device
    matrix = torch.from_numpy(np.stack(matrices).astype(np.float32)).to(device)
    gamma = torch.tensor(gammas, dtype=torch.float32, device=device).view(-1, 1, 1, 1)
    contrast = torch.from_numpy(rng.uniform(0.8, 1.2, (n, 1, 1, 1)).astype(np.float32)).to(device)
    empty = picture.amax(dim=1, keepdim=True) <= 0  # what lies outside of the frame stays black
    picture = torch.einsum("nij,njhw->nihw", matrix, picture).clamp(0, 1)
    picture = ((picture - 0.4) * contrast + 0.4).clamp(0, 1) ** gamma
    return picture * ~empty


def _none() -> np.ndarray:
    kernel = np.zeros((BLUR, BLUR))
    kernel[BLUR // 2, BLUR // 2] = 1
    return kernel


def _blur(rng: np.random.Generator) -> np.ndarray:
    """Out of focus, or moved."""
    y, x = np.mgrid[:BLUR, :BLUR] - BLUR // 2
    if rng.random() < 0.5:
        kernel = np.exp(-(x**2 + y**2) / (2 * rng.uniform(0.4, 1.6) ** 2))
    else:
        angle, half = rng.uniform(0, math.pi), rng.uniform(1, BLUR / 2)
        along, beside = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
        kernel = np.clip(1 - np.abs(beside), 0, 1) * np.clip(half + 0.5 - np.abs(along), 0, 1)
    return kernel / kernel.sum()
