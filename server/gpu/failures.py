"""What PyTorch's errors mean."""

import torch


def out_of_memory(error: RuntimeError) -> bool:
    """Whether that is what it says, of a GPU or of the host."""
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "allocate memory" in str(error)
        or "out of memory" in str(error)
    )


def lost(error: RuntimeError) -> bool:
    """Whether it means that the device is gone or has stopped, and not that something was wrong with what was
    asked of it."""
    return not out_of_memory(error) and ("CUDA error" in str(error) or "device lost" in str(error).lower())
