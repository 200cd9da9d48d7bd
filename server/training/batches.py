"""Batches of patches cut from tiles that lie on the training device."""

import torch
from torch import Tensor

from server.training.nets import RESIDUAL_SCALE, lanczos
from server.training.pool import Tiles


def to_unit(luma: Tensor) -> Tensor:
    """uint8 limited-range luma as float32, 0 for black and 1 for white."""
    return (luma.float() - 16) / 219


class Batches:
    """Draws patches: random tile, place, flip and transposition. The same tensors at every draw: `low`
    (batch, 1,
    patch, patch) in 0…1; `residual` (batch, 1, 2·patch, 2·patch), (truth − Lanczos) / RESIDUAL_SCALE;
    `weight`
    (batch, 1, 1, 1), by which each patch's errors count."""

    def __init__(
        self, tiles: Tiles, patch: int, batch: int, weight_power: float, device: torch.device
    ) -> None:
        self._low, self._high = (
            torch.from_numpy(tiles.low).to(device),
            torch.from_numpy(tiles.high).to(device),
        )
        self._patch, self._batch = patch, batch
        errors = torch.empty(len(tiles.low), device=device)
        for start in range(0, len(errors), 64):
            part = slice(start, start + 64)
            wrong = to_unit(self._high[part, None]) - lanczos(to_unit(self._low[part, None]))
            errors[part] = wrong.square().mean(dim=(1, 2, 3))
        # A mean of PSNRs is one of logarithms: what counts is the error relative to what it was. The constant
        # keeps nearly flat tiles from dominating.
        weight = (errors + (2 / 255) ** 2) ** -weight_power
        self._weight = weight / weight.mean()
        self.low = torch.empty(batch, 1, patch, patch, device=device)
        self.residual = torch.empty(batch, 1, 2 * patch, 2 * patch, device=device)
        self.weight = torch.empty(batch, 1, 1, 1, device=device)

    def draw(self) -> None:
        """Fills the three tensors anew (from PyTorch's default generator of the device)."""
        n, patch, device = self._batch, self._patch, self._low.device
        tiles, side = self._low.shape[:2]
        pick = (torch.rand(n, device=device) * tiles).long().clamp(max=tiles - 1)
        corner = (torch.rand(2, n, 1, device=device) * (side - patch + 1)).long()
        flip = torch.rand(2, n, 1, device=device) < 0.5
        swap = (torch.rand(n, 1, 1, device=device) < 0.5).expand(n, 1, 1)
        low, high = (
            self._cut(self._low, pick, corner, flip, patch),
            self._cut(self._high, pick, 2 * corner, flip, 2 * patch),
        )
        low, high = torch.where(swap, low.mT, low), torch.where(swap, high.mT, high)
        self.low.copy_(low[:, None])
        self.residual.copy_((high[:, None] - lanczos(self.low)) / RESIDUAL_SCALE)
        self.weight.copy_(self._weight[pick].view(n, 1, 1, 1))

    @staticmethod
    def _cut(tiles: Tensor, pick: Tensor, corner: Tensor, flip: Tensor, side: int) -> Tensor:
        along = torch.arange(side, device=tiles.device)
        places = corner + torch.where(flip, side - 1 - along, along)
        return to_unit(tiles[pick[:, None, None], places[0][:, :, None], places[1][:, None, :]])
