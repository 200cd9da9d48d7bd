"""The price table (pricing.toml) as data, and what a job costs by it. Pure but for reading the file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pycore.protocol import ReelError

SHIPPED = Path(__file__).with_name("pricing.toml")
_COMPARE = "Compare it with server/gpu/pricing.toml."


@dataclass(frozen=True, slots=True)
class GpuClass:
    """A class of GPUs that RunPod rents out. `flex` and `active` in dollars per second; `speed` as a share of
    an H100's."""

    label: str
    devices: list[str]
    flex: float
    active: float
    speed: float

    def __post_init__(self) -> None:
        for name, value in (("flex", self.flex), ("active", self.active), ("speed", self.speed)):
            if not 0 < value < 1e6:
                raise ValueError(f"{name} must be greater than 0, not {value}")


@dataclass(frozen=True, slots=True)
class Prices:
    """`gpu` by class name; see pricing.toml for the rest."""

    start_seconds: float
    idle_seconds: float
    gpu: dict[str, GpuClass]

    def __post_init__(self) -> None:
        for name, value in (("start_seconds", self.start_seconds), ("idle_seconds", self.idle_seconds)):
            if not 0 <= value < 1e6:
                raise ValueError(f"{name} must be 0 or more, not {value}")

    def of(self, name: str) -> GpuClass:
        """ReelError `config.pricing` for a class that is not in the table."""
        if name not in self.gpu:
            raise _wrong(f"There is no GPU class “{name}”.", f"Use one of {', '.join(self.gpu)}.")
        return self.gpu[name]

    def class_of(self, device: str, otherwise: str) -> str:
        """The name of the class that a device belongs to, by PyTorch's name for it."""
        return next((name for name, each in self.gpu.items() if device in each.devices), otherwise)

    def cost(self, name: str, seconds: float, *, start_seconds: float, active: bool = False) -> float:
        """Dollars for `seconds` of work: a worker that is always on costs nothing before and after it here
        (it is paid whether or not it works)."""
        gpu = self.of(name)
        if active:
            return seconds * gpu.active
        return (start_seconds + seconds + self.idle_seconds) * gpu.flex


_TABLE = TypeAdapter(Prices)


@cache
def load(path: Path = SHIPPED) -> Prices:
    """The table in a file. ReelError `config.pricing` names what does not fit."""
    try:
        return parse(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        raise _wrong(f"{path}: {error.strerror}.", "Correct REELBALLERS_PRICING or leave it out.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(f"{path} is not TOML: {error}.", _COMPARE) from error


def load_named(path: Path | None) -> Prices:
    """The table in a file, or the one that comes along."""
    return load(path or SHIPPED)


def parse(document: Mapping[str, Any], where: str) -> Prices:
    """A table from what TOML gave. ReelError `config.pricing`."""
    try:
        return _TABLE.validate_python(document, extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"])
        raise _wrong(f"{where}, {place}: {first['msg']}.", _COMPARE) from None


def _wrong(detail: str, hint: str) -> ReelError:
    return ReelError.of("config.pricing", "The price table does not fit", detail, hint, 500)
