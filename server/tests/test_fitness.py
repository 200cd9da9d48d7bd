"""What a RunPod worker checks before it takes a job (the whole process: test_runpod_worker)."""

from pathlib import Path

import pytest

from deploy.runpod.fitness import check_weights
from server.gpu.models import registry
from server.gpu.models.state import WeightsError

OWN = "best.safetensors"


def test_all_weights_are_as_they_must_be() -> None:
    check_weights()


@pytest.mark.parametrize(("content", "error"), [(None, OSError), (b"half a file", WeightsError)])
def test_weights_of_our_own_that_are_missing_or_damaged_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, error: type[Exception]
) -> None:
    """They come with the code, so that no sum in the manifest tells of them."""
    path_of = registry.weights_path
    broken = tmp_path / OWN
    if content is not None:
        broken.write_bytes(content)
    monkeypatch.setattr(registry, "weights_path", lambda name: broken if name == OWN else path_of(name))
    with pytest.raises(error, match=OWN):
        check_weights()
