"""People's own models: what spandrel recognises in a safetensors file, and nothing else."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from pycore.protocol import ModelName, ReelError
from server.cli import main
from server.gpu.models import own, registry
from server.gpu.models.descriptor import descriptor
from server.tests import clips
from server.video.probe import probe


def esrgan(path: Path, channels: int = 3, scale: int = 2) -> torch.nn.Module:
    """A small ESRGAN with random weights, in a file."""
    own._spandrel()
    architecture = importlib.import_module("spandrel.architectures.ESRGAN.__arch.RRDB")
    torch.manual_seed(2)
    net = architecture.RRDBNet(
        in_nc=channels, out_nc=channels, num_filters=8, num_blocks=1, scale=scale
    ).eval()
    save_file(net.state_dict(), path)
    return net


def test_the_net_computes_what_its_authors_code_does(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    net = esrgan(path, scale=4)
    model = own.describe(path)
    assert (model.name, model.scale, model.note) == (ModelName.OWN, 4, "ESRGAN, your own weights")
    picture = torch.from_numpy(np.random.default_rng(1).integers(0, 255, (19, 23, 3), np.uint8))
    loaded = registry.load(model, torch.device("cpu"))
    assert isinstance(loaded, registry.FrameNet)
    with torch.inference_mode():
        made = loaded.frame(picture)
        wanted = net(picture.permute(2, 0, 1)[None].float() / 255)
    assert made.shape == (1, 3, 76, 92)
    assert torch.allclose(made, wanted.clamp(0, 1), atol=1e-5)


def test_an_export_with_it(tmp_path: Path) -> None:
    esrgan(tmp_path / "mine.safetensors")
    source = clips.make(tmp_path / "in.mp4", clips.numbered(2))
    options = ["--size", "64x64", "--crop", "0,0,32,32", "--model", str(tmp_path / "mine.safetensors")]
    made = CliRunner().invoke(main, ["export", str(source), str(tmp_path / "out.mp4"), *options])
    assert made.exit_code == 0, made.output
    assert "32×32 → 64×64" in made.output
    assert "“mine.safetensors”" in made.output
    assert probe(tmp_path / "out.mp4", "out").frames == 2


def test_pickles_are_refused_with_words(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("boom",))

    torch.save({"params": Bomb()}, tmp_path / "bomb.pth")
    (tmp_path / "renamed.safetensors").write_bytes((tmp_path / "bomb.pth").read_bytes())
    for name in ("bomb.pth", "renamed.safetensors"):
        with pytest.raises(ReelError, match="can run code") as caught:
            own.describe(tmp_path / name)
        assert (caught.value.problem.code, caught.value.problem.status) == ("model.file", 422)
        assert "safetensors" in caught.value.problem.hint


@pytest.mark.parametrize("damage", ["missing", "cut", "unknown", "grey", "no upscaler"])
def test_what_cannot_be_used(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "mine.safetensors"
    match damage:
        case "cut":
            esrgan(path)
            path.write_bytes(path.read_bytes()[:-100])
        case "unknown":
            save_file({"layer": torch.zeros(3)}, path)
        case "grey":
            esrgan(path, channels=1)
        case "no upscaler":
            esrgan(path, scale=1)
    with pytest.raises(ReelError) as caught:
        own.describe(path)
    assert caught.value.problem.code == "model.file"
    assert caught.value.problem.hint


def test_the_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(2))
    options = ["--size", "64x64", "--model", "nothing.pth"]
    made = CliRunner().invoke(main, ["export", str(source), str(tmp_path / "out.mp4"), *options])
    assert made.exit_code == 2
    assert "nothing.pth" in made.stderr


def test_no_server_takes_one() -> None:
    with pytest.raises(ReelError, match="no model “own”"):
        descriptor("own")
