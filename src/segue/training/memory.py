"""What a training will need in memory, said before it starts."""

from __future__ import annotations

import math
import os
from pathlib import Path

from segue.sequences import Sequences
from segue.training.setup import TrainingSetup


def memory_warning(job: TrainingSetup, x: Sequences) -> str:
    """A line when training will need more than a quarter of the memory that is free, else "".

    Args:
        job: what the training is told.
        x: the sequences that are learnt from, as they came.
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
