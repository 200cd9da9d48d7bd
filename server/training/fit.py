"""One net's learning. A step touches device tensors only, so that it can be captured as a CUDA graph."""

import math

import torch
from torch import Tensor

from server.training.batches import Batches
from server.training.config import NetSpec, Recipe, Stage
from server.training.nets import Conv, TrainableNet

CLIP = 0.1
"""Largest norm of a step's gradient."""


class Learner:
    """Trains one net on `batches`, one `step()` at a time; on CUDA a step is a graph, on a stream of its own.

    The rate warms up, then falls along a cosine to zero. Loss: Charbonnier until the stage's `robust_until`,
    then squared error, which is what is measured. An exponential average of the weights is judged and
    kept."""

    def __init__(
        self, spec: NetSpec, recipe: Recipe, stage: Stage, batches: Batches, device: torch.device
    ) -> None:
        self.spec, self._recipe, self._stage, self._batches = spec, recipe, stage, batches
        self.net, self.average = TrainableNet(spec).to(device), TrainableNet(spec).to(device)
        cuda = device.type == "cuda"
        self._dtype = torch.float16 if cuda else torch.float32
        self._rate = torch.zeros((), device=device)
        self.steps_done = torch.zeros((), device=device)
        self.loss = torch.zeros((), device=device)
        self._parameters = list(self.net.parameters())
        self._averages = list(self.average.parameters())
        self._adam = torch.optim.Adam(
            self._parameters, lr=self._rate, betas=(0.9, 0.99), eps=1e-12, capturable=cuda, fused=cuda
        )
        self._stream = torch.cuda.Stream(device) if cuda else None
        self._graph: torch.cuda.CUDAGraph | None = None

    def state(self) -> dict:
        """What `load` and `start_from` need."""
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "adam": self._adam.state_dict(),
            "steps_done": self.steps_done,
        }

    def load(self, state: dict) -> None:
        """Goes on from a `state` of the same stage; before the first step."""
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self._adam.load_state_dict(state["adam"])
        for group in self._adam.param_groups:
            group["lr"] = self._rate
        self.steps_done.copy_(state["steps_done"])

    def start_from(self, state: dict) -> None:
        """Begins a stage with the averaged weights of the one before; before the first step."""
        self.net.load_state_dict(state["average"])
        self.average.load_state_dict(state["average"])

    def begin_from(self, convs: list[Conv]) -> None:
        """Begins with the weights of a net that was collapsed; before the first step."""
        for net in (self.net, self.average):
            net.begin_from([conv.to(self._rate.device) for conv in convs])

    def step(self) -> None:
        """One step on the patches that `batches` holds, after whatever is queued on the current stream."""
        if self._stream is None:
            self._learn()
            return
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            if self._graph is None:
                self._graph = self._captured(self._stream)
            self._graph.replay()

    def join(self) -> None:
        """Makes the current stream wait for this net's step."""
        if self._stream is not None:
            torch.cuda.current_stream().wait_stream(self._stream)

    def _captured(self, stream: torch.cuda.Stream) -> torch.cuda.CUDAGraph:
        for _ in range(3):  # cuDNN chooses its algorithms, Adam makes its state
            self._learn()
        self._adam.zero_grad(set_to_none=True)
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            self._learn()
        return graph

    def _learn(self) -> None:
        progress = (self.steps_done / self._stage.steps).clamp(max=1)
        warm = ((self.steps_done + 1) / self._recipe.warmup).clamp(max=1)
        highest = self.spec.rate * self._stage.rate
        self._rate.copy_(warm * highest * 0.5 * (1 + torch.cos(math.pi * progress)))
        loss = square = self._wrong().square()
        if self._stage.robust_until > 0:
            robust = (square + 1e-4).sqrt() * 0.1
            loss = torch.where(progress < self._stage.robust_until, robust, square)
        loss = loss * self._batches.weight
        self.loss.copy_(loss.detach().mean())
        # The sum over 64 keeps half-precision gradients in range; afterwards they are made those of the mean.
        (loss.sum() / 64).backward()
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        for gradient in gradients:  # half precision overflowed: without this one such step is the net's end
            gradient.nan_to_num_(0, 0, 0)
        norm = torch.stack([g.norm() for g in gradients]).norm() * (64 / loss.numel())
        for gradient in gradients:
            gradient.mul_((CLIP / (norm + 1e-9)).clamp(max=1) * (64 / loss.numel()))
        self._adam.step()
        self._adam.zero_grad(set_to_none=False)
        with torch.no_grad():
            for average, parameter in zip(self._averages, self._parameters, strict=True):
                average.lerp_(parameter, 1 - self._recipe.ema)
        self.steps_done.add_(1)

    def _wrong(self) -> Tensor:
        out = torch.nn.functional.pixel_shuffle(self.net(self._batches.low, self._dtype), 2 * self.spec.block)
        missing = (self._batches.residual.shape[-1] - out.shape[-1]) // 2
        return out - self._batches.residual[..., missing:-missing, missing:-missing]
