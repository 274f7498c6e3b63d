"""Hardware of a training: the device, the number of threads, and the memory needed.

A recurrent network takes its steps one after the other, so the product of each step is divided
among the threads by itself. For small networks the threads then spend their time waiting for each
other, and on a busy machine one that must wait for a processor stops all of them.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch

from segue.data.sequences import Sequences
from segue.errors import OptionError
from segue.kernels.threads import usable_threads
from segue.modules import Layer
from segue.networks import Network
from segue.training.setup import TrainingSetup


def choose_device(device: str) -> torch.device:
    """Turn the name into a device; "auto" is the graphics processor if PyTorch sees one.

    Raises:
        OptionError: another name, or a device that is not there.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise OptionError(f"`device` is {device!r}; expected auto, cpu or cuda.") from error
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(
            f"`device` is {device!r}, and PyTorch has none here ({str(error).splitlines()[0]}): "
            "take device='cpu' or 'auto'."
        ) from error
    return chosen


# Multiplications in one time step of a batch from which on more threads pay.
_WORTH_SHARING = 16_000_000


def choose_threads(network: Network, batch_size: int) -> int:
    """One thread for small steps, else as many as PyTorch has; the same for the same sizes.

    Embeddings are looked up, not multiplied, so their size does not count.
    """
    looked_up = {
        id(layer.weights()[name])
        for layer in network.modules()
        if isinstance(layer, Layer)
        for name in layer.token_weights
    }
    multiplied = sum(p.numel() for p in network.parameters() if id(p) not in looked_up)
    return usable_threads() if multiplied * batch_size >= _WORTH_SHARING else 1


def memory_warning(job: TrainingSetup, x: Sequences) -> str:
    """A line when training will need more than a quarter of the memory that is free, else "".

    Args:
        job: the setup of the training.
        x: the training sequences as they came.
    """
    # As the network sees them: a text is fewer words than characters.
    longest = min(int(job.train.batches.lengths.max()), job.options.truncate or math.inf)
    batch_size = min(job.batch_size, len(job.train.batches))
    features = job.network.input_shape.features
    resident = 0 if x.is_mapped else 4 * x.total_steps * features
    needed = resident + job.network.activation_bytes(batch_size, int(longest))
    free = free_memory()
    if free is None or needed <= free / 4:
        return ""
    return (
        f"Training will need about {needed / 1e9:.1f} GB of memory (batches of {batch_size} "
        f"sequences of up to {longest:,} steps); {free / 1e9:.1f} GB are free. A smaller "
        "batch_size needs less; so does truncate=200 of TrainingOptions, for causal networks."
    )


def free_memory() -> int | None:
    """Bytes that can be taken without swapping; `None` where the system does not say."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None
