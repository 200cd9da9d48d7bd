"""Batches for the detector, made on the training device: crops of frames at random scales, players and balls
pasted into them, and what cameras and encoders do to pictures."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pycore.tracking.decoding import BALL, PERSON
from server.training.detector_config import Recipe
from server.training.detector_data import Frame
from server.training.detector_loss import Truth
from server.training.detector_spoil import spoiled

VISIBLE = 0.3
"""Share of a box that must be in the crop to be learned; what shows less is neither right nor wrong."""
LEAST = {PERSON: 7.0, BALL: 2.5}
"""Height in pixels below which the same holds."""


class Batches:
    """Draws batches of `recipe.batch` crops of `recipe.crop` pixels a side."""

    def __init__(
        self, frames: list[Frame], photos: list[Tensor], recipe: Recipe, device: torch.device
    ) -> None:
        self._recipe, self._device = recipe, device
        self._frames = frames
        self._pictures = [each.picture.to(device) for each in frames]
        self._photos = [each.to(device) for each in photos]
        clips = [each.name[: recipe.clip_letters] for each in frames]
        # Short clips count for more than their share, long ones for less.
        share = np.array([clips.count(clip) ** -0.5 for clip in clips])
        self._share = share / share.sum()
        self._rng = np.random.default_rng(recipe.seed)
        self._noise = torch.Generator(device).manual_seed(recipe.seed)
        self._objects = {
            kind: [
                (i, j) for i, each in enumerate(frames) for j in np.flatnonzero(each.kinds == kind).tolist()
            ]
            for kind in (PERSON, BALL)
        }

    def draw(self, calm: bool) -> tuple[Tensor, Truth]:
        """(n, 3, side, side) float32 in 0…1 and what is in it. calm: as footage is, without what is only good
        for learning."""
        n = self._recipe.batch
        crops: list[Tensor] = []
        boxes: list[np.ndarray] = []
        kinds: list[np.ndarray] = []
        keep: list[np.ndarray] = []
        for _ in range(n):
            if not calm and self._photos and self._rng.random() < self._recipe.photo_share:
                crop, found = self._photo(), (np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool))
                scale, pastes = float(self._rng.uniform(0.5, 3)), int(self._rng.integers(0, 9))
            else:
                crop, found, scale = self._crop(calm)
                pastes = 0
                if not calm and self._rng.random() < self._recipe.paste_share:
                    pastes = int(self._rng.integers(1, 5))
            balls = int(self._rng.random() < self._recipe.ball_share * (0.3 if calm else 1))
            balls += balls * int(self._rng.integers(0, 2))
            for kind in [PERSON] * pastes + [BALL] * balls:
                found = self._paste(crop, found, kind, scale)
            if self._rng.random() < 0.5:
                crop, found = crop.flip(2), (_mirrored(found[0], crop.shape[2]), *found[1:])
            crops.append(crop)
            boxes.append(found[0])
            kinds.append(found[1])
            keep.append(found[2])
        picture = spoiled(torch.stack(crops), self._rng, self._noise, 0.5 if calm else 1.0)
        owner = np.repeat(np.arange(n), [len(each) for each in kinds])
        return picture, Truth(
            torch.from_numpy(np.concatenate(boxes).astype(np.float32)).to(self._device),
            torch.from_numpy(np.concatenate(kinds)).to(self._device),
            torch.from_numpy(owner).to(self._device),
            torch.from_numpy(np.concatenate(keep)).to(self._device),
        )

    def _crop(self, calm: bool) -> tuple[Tensor, "_Found", float]:
        """A part of a frame, float in 0…1, its objects, and its scale."""
        rng, side = self._rng, self._recipe.crop
        index = int(rng.choice(len(self._frames), p=self._share))
        frame, picture = self._frames[index], self._pictures[index]
        height, width = picture.shape[1:]
        low, high = self._recipe.usual_scale if calm or rng.random() < 0.6 else self._recipe.scale
        scale = math.exp(rng.uniform(math.log(low), math.log(high)))
        reach = np.maximum(np.rint(side / scale * np.exp(rng.uniform(-0.06, 0.06, 2))), 16)
        balls = frame.boxes[frame.kinds == BALL]
        if len(balls) and rng.random() < self._recipe.near_ball:
            ball = balls[rng.integers(len(balls))]
            centre = (ball[:2] + ball[2:]) / 2 + rng.uniform(-0.42, 0.42, 2) * reach
        else:
            centre = rng.uniform(0, 1, 2) * (width, height)
        # At most a quarter of the crop lies outside, unless it is larger than the frame.
        room = np.array([width, height])
        least, most = np.minimum(0.25 * reach, room / 2), np.maximum(room - 0.25 * reach, room / 2)
        corner = np.rint(np.clip(centre, least, most) - reach / 2).astype(int)
        left, top = corner.tolist()
        right, bottom = (corner + reach).astype(int).tolist()
        part = picture[:, max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
        part = functional.pad(
            part, (max(-left, 0), max(right - width, 0), max(-top, 0), max(bottom - height, 0))
        )
        crop = _resized(part.float() / 255, side, side)
        ratio = side / np.array([right - left, bottom - top])
        boxes = (frame.boxes - np.tile((left, top), 2)) * np.tile(ratio, 2)
        return crop, _clipped(boxes, frame.kinds, side), float(np.sqrt(ratio.prod()))

    def _photo(self) -> Tensor:
        """A part of a photograph without people."""
        rng, side = self._rng, self._recipe.crop
        photo = self._photos[rng.integers(len(self._photos))]
        height, width = photo.shape[1:]
        reach = int(min(height, width) * rng.uniform(0.3, 1))
        top, left = int(rng.integers(height - reach + 1)), int(rng.integers(width - reach + 1))
        return _resized(photo[:, top : top + reach, left : left + reach].float() / 255, side, side)

    def _paste(self, crop: Tensor, found: "_Found", kind: int, scale: float) -> "_Found":
        """Puts an object of another frame into the crop; what it covers is no longer to be learned."""
        rng, side = self._rng, crop.shape[2]
        choices = self._objects[kind]
        if not choices:
            return found
        index, row = choices[rng.integers(len(choices))]
        picture = self._pictures[index]
        x0, y0, x1, y1 = self._frames[index].boxes[row].tolist()
        middle, size = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0])
        reach = size * (1.25 if kind == PERSON else 1.9)
        left, top = np.floor(middle - reach / 2).astype(int).tolist()
        right, bottom = np.ceil(middle + reach / 2).astype(int).tolist()
        if left < 0 or top < 0 or right > picture.shape[2] or bottom > picture.shape[1]:
            return found
        factor = scale * math.exp(rng.uniform(-0.35, 0.35))
        wide, high = max(round((right - left) * factor), 3), max(round((bottom - top) * factor), 3)
        if wide >= side or high >= side:
            return found
        patch = _resized(picture[:, top:bottom, left:right].float() / 255, high, wide)
        if rng.random() < 0.5:
            patch = patch.flip(2)
        x, y = int(rng.integers(side - wide)), int(rng.integers(side - high))
        place = crop[:, y : y + high, x : x + wide]
        # Light as it is where the object goes: grass meets grass.
        border = torch.cat((patch[:, 0], patch[:, -1], patch[:, :, 0], patch[:, :, -1]), dim=1).mean(dim=1)
        around = torch.cat((place[:, 0], place[:, -1], place[:, :, 0], place[:, :, -1]), dim=1).mean(dim=1)
        gain = (around.mean() / border.mean().clamp(min=0.02)).clamp(0.5, 1.8)
        patch = (patch * (1 + (gain - 1) * float(rng.uniform(0, 1)))).clamp(0, 1)
        box = size * (wide / (right - left), high / (bottom - top))
        mask = _soft_ellipse(high, wide, box, 1.02 if kind == PERSON else 1.1, crop.device)
        place.lerp_(patch, mask)
        corner = np.array([x + wide / 2, y + high / 2]) - box / 2
        pasted = np.concatenate((corner, corner + box))
        boxes, kinds, keep = found
        if len(boxes):
            inner = np.clip(
                np.minimum(boxes[:, 2:], pasted[2:]) - np.maximum(boxes[:, :2], pasted[:2]), 0, None
            ).prod(axis=1)
            keep = keep & (inner < 0.5 * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
        learned = box[1] >= LEAST[kind]
        return np.vstack((boxes, pasted)), np.append(kinds, kind), np.append(keep, learned)


_Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Boxes (N, 4) by left, top, right, bottom; kinds (N,); keep (N,)."""


def _clipped(boxes: np.ndarray, kinds: np.ndarray, side: int) -> _Found:
    """What of boxes is in a crop."""
    inside = np.clip(boxes, 0, side)
    size, whole = inside[:, 2:] - inside[:, :2], boxes[:, 2:] - boxes[:, :2]
    shown = size.prod(axis=1) / np.maximum(whole.prod(axis=1), 1e-9)
    some = (shown > 0.02) & (size > 0.5).all(axis=1)
    least = np.array([LEAST[int(kind)] for kind in kinds], float)
    keep = (shown >= VISIBLE) & (whole[:, 1] >= least)
    return inside[some], kinds[some], keep[some]


def _mirrored(boxes: np.ndarray, side: int) -> np.ndarray:
    return np.stack((side - boxes[:, 2], boxes[:, 1], side - boxes[:, 0], boxes[:, 3]), axis=1)


def _resized(part: Tensor, height: int, width: int) -> Tensor:
    """Bilinear, antialiased."""
    if part.shape[1:] == (height, width):
        return part.clone()
    return functional.interpolate(
        part[None], (height, width), mode="bilinear", align_corners=False, antialias=True
    )[0]


def _soft_ellipse(height: int, width: int, box: np.ndarray, grown: float, device: torch.device) -> Tensor:
    """(height, width): 1 in the ellipse around the middle that fills `box` (w, h) times `grown`, else
    0."""
    across = (torch.arange(width, device=device) + 0.5 - width / 2) / float(box[0] / 2 * grown)
    down = (torch.arange(height, device=device) + 0.5 - height / 2) / float(box[1] / 2 * grown)
    away = (across[None, :] ** 4 + down[:, None] ** 4) ** 0.25
    return ((1.08 - away) * 6).clamp(0, 1)
