"""A Kalman filter over many boxes at once.

Centre x, centre y, width and height are filtered by themselves: each has a value and a speed, so all
covariances are 2x2 and the whole update is a handful of elementwise operations on (N, 4) arrays. Noise
grows with the player's size in the picture, since both a body's acceleration and a detector's error do."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pycore.tracking.types import CameraMotion, Floats, Ints


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations as shares of the player's width (x, width) or height (y, height)."""

    measured: tuple[float, float, float, float] = (0.06, 0.055, 0.08, 0.055)
    """A detection's centre x, centre y, width, height."""
    acceleration: tuple[float, float, float, float] = (0.01, 0.005, 0.05, 0.012)
    """Change of speed from frame to frame, of the height for the centre, else of its own."""
    persistence: tuple[float, float, float, float] = (0.97, 0.85, 0.3, 0.35)
    """How much of a speed is left after a frame: players do not keep a velocity for long, sizes hardly have
    one."""
    first_speed: tuple[float, float, float, float] = (0.03, 0.015, 0.05, 0.01)
    """Of the speed when a player is first seen."""

    def at_rate(self, rate: float) -> "Noise":
        """For footage of that many frames a second: these are for 25."""
        ratio = rate / 25
        return Noise(
            self.measured,
            _each(self.acceleration, lambda value: value / ratio**1.5),
            _each(self.persistence, lambda value: value ** (1 / ratio)),
            _each(self.first_speed, lambda value: value / ratio),
        )


_Four = tuple[float, float, float, float]


def _each(values: _Four, change: Callable[[float], float]) -> _Four:
    return change(values[0]), change(values[1]), change(values[2]), change(values[3])


def centred(boxes: Floats) -> Floats:
    """(N, 4) boxes by their corner -> by their centre."""
    return np.concatenate((boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]), axis=1)


def cornered(values: Floats) -> Floats:
    """(N, 4) boxes by their centre -> by their corner."""
    return np.concatenate((values[:, :2] - values[:, 2:] / 2, values[:, 2:]), axis=1)


class BoxFilter:
    """State of N boxes: value (N, 4) and speed (N, 4) per frame, by centre; pp, ps, ss (N, 4) their
    covariances."""

    def __init__(self, noise: Noise = Noise()) -> None:
        self.noise = noise
        self.value = np.zeros((0, 4))
        self.speed = np.zeros((0, 4))
        self.pp = np.zeros((0, 4))
        self.ps = np.zeros((0, 4))
        self.ss = np.zeros((0, 4))
        self._acceleration = np.array(noise.acceleration)
        self._persistence = np.array(noise.persistence)
        self._first_speed = np.array(noise.first_speed)

    def __len__(self) -> int:
        return len(self.value)

    def add(self, boxes: Floats) -> None:
        """Begins filtering (M, 4) boxes, after those that are there."""
        value = centred(boxes)
        measured = measurement_variance(value, self.noise)
        speed = (self._first_speed * _scale(value)) ** 2
        self.value = np.concatenate((self.value, value))
        self.speed = np.concatenate((self.speed, np.zeros_like(value)))
        self.pp = np.concatenate((self.pp, measured))
        self.ps = np.concatenate((self.ps, np.zeros_like(value)))
        self.ss = np.concatenate((self.ss, speed))

    def keep(self, rows: Ints) -> None:
        """Drops all but these rows."""
        self.value, self.speed = self.value[rows], self.speed[rows]
        self.pp, self.ps, self.ss = self.pp[rows], self.ps[rows], self.ss[rows]

    def predict(self) -> None:
        """To the next frame."""
        noise = (self._acceleration * _scale(self.value)) ** 2
        left = self._persistence
        self.value = self.value + self.speed
        self.value[:, 2:] = np.maximum(self.value[:, 2:], 1.0)
        self.speed = self.speed * left
        self.pp = self.pp + 2 * self.ps + self.ss + noise / 4
        self.ps = left * (self.ps + self.ss) + noise / 2
        self.ss = left * left * self.ss + noise

    def move(self, motion: CameraMotion) -> None:
        """Takes the camera's motion along."""
        scale = motion.scale
        self.value = self.value * scale
        self.value[:, 0] += motion.x
        self.value[:, 1] += motion.y
        self.speed = self.speed * scale
        square = scale * scale
        self.pp, self.ps, self.ss = self.pp * square, self.ps * square, self.ss * square

    def update(self, rows: Ints, boxes: Floats, trust: Floats) -> None:
        """Corrects rows by their detections (M, 4); trust (M,): 1 for a confident one, less to raise its
        noise."""
        measured = measurement_variance(self.value[rows], self.noise) / trust[:, None]
        pp, ps = self.pp[rows], self.ps[rows]
        innovation = centred(boxes) - self.value[rows]
        total = pp + measured
        gain, gain_speed = pp / total, ps / total
        self.value[rows] += gain * innovation
        self.value[rows, 2:] = np.maximum(self.value[rows, 2:], 1.0)
        self.speed[rows] += gain_speed * innovation
        self.ss[rows] -= gain_speed * ps
        self.ps[rows] = (1 - gain) * ps
        self.pp[rows] = (1 - gain) * pp

    def boxes(self) -> Floats:
        """(N, 4) by their corner."""
        return cornered(self.value)


def measurement_variance(value: Floats, noise: Noise) -> Floats:
    """(N, 4) variance of confident detections of boxes (N, 4) by their centre."""
    return (np.array(noise.measured) * np.concatenate((value[:, 2:], value[:, 2:]), axis=1)) ** 2


def _scale(value: Floats) -> Floats:
    height = value[:, 3]
    return np.stack((height, height, value[:, 2], height), axis=1)
