"""Recording what a step does on the GPU, to replay it without Python, and keeping pace with it."""

from collections import deque
from collections.abc import Callable

import torch


class Graph:
    """`step` launches work on tensors whose places never change; `replay()` launches all of it at once. It
    runs once before it is recorded, which compiles its kernels."""

    def __init__(self, step: Callable[[], None]) -> None:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            step()
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        # other threads may decode and copy meanwhile
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            step()

    def replay(self) -> None:
        self._graph.replay()


class Pace:
    """Keeps Python a few steps ahead of the GPU and no more: a full queue of launches would block with the
    interpreter's lock held, and other threads with it."""

    def __init__(self, steps: int = 8) -> None:
        self._steps = steps
        self._marks: deque[torch.cuda.Event] = deque()

    def step(self) -> None:
        """Call after each step was launched."""
        if len(self._marks) == self._steps:
            self._marks.popleft().synchronize()
        mark = torch.cuda.Event()
        mark.record()
        self._marks.append(mark)
