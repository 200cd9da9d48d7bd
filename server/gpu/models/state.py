"""Reading weights from files, and strictly into a net. A file is data and never code: safetensors, or, for
files that the asset manifest pins by content, PyTorch's archives through its restricted reader."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn


class WeightsError(ValueError):
    """The weights are damaged or are not what the model expects; the message names the file or the layer."""


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a .pth file that holds nothing but tensors (under `params`,
    as BasicSR writes them, or at the top), on the CPU. Raises WeightsError, and OSError where there is no
    such file."""
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise WeightsError(f"{path.name} is no whole safetensors file: {error}") from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsError(f"{path.name} holds more than tensors, or is damaged") from error
    found = found.get("params", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(each, Tensor) for each in found.values()):
        raise WeightsError(f"{path.name} is no table of tensors")
    return found


def fill(net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copies every tensor of `weights` into the parameter or buffer of its name. Raises WeightsError if one
    is missing, left over, of another shape, or not finite."""
    wanted = net.state_dict()
    for problem, names in (
        ("missing", wanted.keys() - weights.keys()),
        ("unknown", weights.keys() - wanted.keys()),
    ):
        if names:
            raise WeightsError(f"{len(names)} layers are {problem}, such as {min(names)}")
    for name, own in wanted.items():
        given = weights[name]
        if given.shape != own.shape:
            raise WeightsError(
                f"layer {name} has shape {tuple(given.shape)}, the net needs {tuple(own.shape)}"
            )
        if not torch.isfinite(given).all():
            raise WeightsError(f"layer {name} holds numbers that are not finite")
        own.copy_(given)
