"""Shared memory in which frames come from the decoder's process: a few slots of one size, used again and
again."""

import mmap
import os
import tempfile

import numpy as np

SLOTS = 4


def create(slot_bytes: int) -> int:
    """A file descriptor of memory for SLOTS slots, without a name; nothing is taken until it is written
    to."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("frames", os.MFD_CLOEXEC)
    else:
        descriptor, path = tempfile.mkstemp(prefix="reelballers-frames-")
        os.unlink(path)
    os.ftruncate(descriptor, max(SLOTS * slot_bytes, mmap.PAGESIZE))
    return descriptor


class Ring:
    """One side's view of it."""

    def __init__(self, descriptor: int, slot_bytes: int) -> None:
        self._memory = np.frombuffer(mmap.mmap(descriptor, SLOTS * slot_bytes), np.uint8)
        self.slot_bytes = slot_bytes

    def slot(self, number: int) -> np.ndarray:
        """uint8 (slot_bytes,)."""
        return self._memory[number * self.slot_bytes : (number + 1) * self.slot_bytes]
