"""The detectors: PyTorch, ONNX and the shipped weights say the same."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from pycore.protocol import ReelError
from pycore.tracking.decoding import decode, peaks
from server.gpu.detection import as_input, detect
from server.gpu.models.detector import Detector, NetName, build
from server.gpu.models.detector_weights import folded, load, save
from server.training.detector_onnx import Precision, write

CPU = torch.device("cpu")
WEB_MODELS = Path(__file__).parents[2] / "web" / "models"


def lived(name: NetName) -> Detector:
    """A net that has seen some noise, so that its normalisation has something to fold."""
    torch.manual_seed(1)
    net = build(name).train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(2, 3, 64, 96))
    return net.eval()


@pytest.mark.parametrize("name", NetName)
def test_the_output_lies_at_every_fourth_pixel(name: NetName) -> None:
    with torch.inference_mode():
        heat, box = lived(name)(torch.rand(1, 3, 64, 96))
    assert heat.shape == (1, 2, 16, 24) and box.shape == (1, 4, 16, 24)
    assert float(heat.min()) >= 0 and float(heat.max()) <= 1 and float(box.min()) >= 0


@pytest.mark.parametrize("name", NetName)
def test_weights_come_back_folded_and_the_same_to_half_precision(name: NetName, tmp_path: Path) -> None:
    net, picture = lived(name), torch.rand(1, 3, 64, 96)
    save(net, tmp_path / "net.safetensors")
    again = load(name, CPU, tmp_path / "net.safetensors")
    assert not any(isinstance(each, nn.BatchNorm2d) for each in again.modules())
    with torch.inference_mode():
        for want, got in zip(net(picture), again(picture), strict=True):
            assert torch.allclose(want, got, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("precision", Precision)
def test_onnx_says_what_pytorch_says(precision: Precision, tmp_path: Path) -> None:
    net = folded(lived(NetName.BROWSER)).half().float()  # weights as they are stored
    write(tmp_path / "net.onnx", net, precision, "test")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    for height, width in ((64, 96), (96, 32)):
        picture = torch.rand(1, 3, height, width)
        with torch.inference_mode():
            want = [each.numpy() for each in net(picture)]
        got = session.run(["heat", "box"], {"picture": picture.numpy()})
        near = 1e-4 if precision is Precision.SINGLE else 2e-2
        for one, other in zip(want, got, strict=True):
            assert isinstance(other, np.ndarray) and other.dtype == np.float32
            np.testing.assert_allclose(other, one, rtol=near, atol=near)


@pytest.mark.parametrize("file", ["detector.onnx", "detector_f16.onnx"])
def test_what_browsers_get_keeps_to_what_webgpu_can_do(file: str) -> None:
    path = WEB_MODELS / file
    assert path.stat().st_size <= 4_000_000
    graph = onnx.load(path).graph
    kinds = {node.op_type for node in graph.node}
    assert kinds <= {"Conv", "Relu", "Add", "Resize", "Sigmoid", "Exp", "Cast", "Identity"}
    assert [each.name for each in graph.input] == ["picture"]
    assert [each.name for each in graph.output] == ["heat", "box"]


def test_peaks_are_those_of_max_pooling() -> None:
    """The usual way in PyTorch, where no two neighbours are equal."""
    heat = torch.rand(40, 60, generator=torch.Generator().manual_seed(3))
    pooled = functional.max_pool2d(heat[None, None], 3, 1, 1)[0, 0]
    scores, places = torch.topk(torch.where(heat == pooled, heat, 0).flatten(), 50)
    found = peaks(heat.numpy(), least=0.0, most=50)
    assert found.scores.tolist() == pytest.approx(scores.tolist())
    assert (found.rows * 60 + found.columns).tolist() == places.tolist()


@pytest.mark.parametrize(("width", "height", "scale"), [(100, 50, 1.0), (100, 50, 0.5), (33, 70, 1.5)])
def test_a_picture_is_padded_with_nothing_and_its_boxes_come_back(
    width: int, height: int, scale: float
) -> None:
    picture = torch.full((3, height, width), 255, dtype=torch.uint8)
    unit, window = as_input(picture, scale, torch.float32)
    assert unit.shape[2] % 32 == 0 and unit.shape[3] % 32 == 0
    rows, columns = round(height * scale), round(width * scale)
    assert float(unit[:, :, :rows, :columns].min()) == pytest.approx(1)
    assert float(unit[:, :, rows:].sum()) == 0 and float(unit[..., columns:].sum()) == 0
    assert (window.across, window.down) == (columns / width, rows / height)


class Pointer(nn.Module):
    """A net that sees one player, in the cell (2, 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = picture.shape[2] // 4, picture.shape[3] // 4
        heat = torch.zeros(1, 2, rows, columns)
        heat[0, 0, 2, 5] = 0.9
        return heat, torch.full((1, 4, rows, columns), 6.0)


def test_boxes_are_in_the_pictures_own_pixels() -> None:
    found = detect(Pointer(), torch.zeros(3, 64, 64, dtype=torch.uint8), scale=0.5)
    assert found.people.boxes.tolist() == [[(22 - 6) / 0.5, (10 - 6) / 0.5, 24, 24]]
    heat, box = Pointer()(torch.zeros(1, 3, 64, 64))
    assert len(decode(heat.numpy(), box.numpy()).people.scores) == 1


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(ReelError, match="browser"):
        load(NetName.BROWSER, CPU, tmp_path / "bad.safetensors")
