"""Which trainer computes a training, and whether there is memory for it."""

from __future__ import annotations

import bisect
from dataclasses import replace

from segue.data.sequences import Sequences
from segue.errors import TrainingError
from segue.extras import require
from segue.limits import VARIABLE, memory_limit, size_text
from segue.training.inference import UNCHECKED
from segue.training.native_trainer import NativeTrainer, native_program, refuse_bfloat16
from segue.training.setup import TrainingSetup
from segue.training.trainer import Trainer

WARNED = 0.25  # of the memory that is free: above it, a training says what it needs
TRUNCATED = 200  # steps that are advised where memory is short


def make_trainer(job: TrainingSetup) -> Trainer:
    """The trainer for a network, on its device: the native library where it can.

    Raises:
        MissingPackageError: it needs PyTorch, which is not installed.
        OptionError: the options ask for bfloat16, which cannot be had.
    """
    program = native_program(job)
    if not isinstance(program, str):
        return NativeTrainer(job, program)
    refuse_bfloat16(job, program)
    require("torch")
    from segue.training.torch_trainer import TorchTrainer

    return TorchTrainer(job)


def check_memory(job: TrainingSetup, x: Sequences) -> str:
    """A line when a training will need more than a quarter of what is free, else "".

    Args:
        job: the setup of the training.
        x: the training sequences as they came.

    Raises:
        TrainingError: it needs more than there is; the message says what would fit.
    """
    # As the network sees them: a text is fewer words than characters.
    lengths = job.train.batches.lengths
    longest = min(int(lengths.max()), job.options.truncate or int(lengths.max()))
    batch_size = min(job.batch_size, len(lengths))
    resident = 0 if x.is_mapped else 4 * x.total_steps * job.network.input_shape.features
    rough = 40 * batch_size * sum(job.network.numbers_at_once(longest).values())
    if resident + rough <= WARNED * UNCHECKED:  # whatever is free
        return ""
    limit = memory_limit()
    if limit is None or resident + rough <= WARNED * limit:  # not worth a measurement
        return ""
    trainer = make_trainer(job)
    bytes_of = trainer.update_bytes(longest)
    needed = bytes_of(batch_size)
    if resident + needed <= WARNED * limit:
        return ""
    about = (
        f"Training needs about {size_text(resident + needed)} of memory (batches of "
        f"{batch_size} sequences of up to {longest:,} steps); {size_text(limit)} are free."
    )
    cut = longest > TRUNCATED and f"truncate={TRUNCATED} of TrainingOptions"
    if resident + needed <= limit:
        more = f"; so does {cut}, for causal networks" if cut else ""
        return f"{about} A smaller batch_size needs less{more}."
    room = limit - resident
    fits = bisect.bisect_right(range(1, batch_size), room, key=lambda size: int(bytes_of(size)))
    fitting = f"batch_size={fits} fits." if fits else "Not even one sequence at a time fits."
    options = replace(job.options, truncate=TRUNCATED)
    in_pieces = make_trainer(replace(job, options=options)).training_bytes
    if cut and job.network.causal and in_pieces(batch_size, TRUNCATED) <= room:
        other = "So does" if fits else "What fits is"
        fitting += f" {other} {cut}, for which memory does not grow."
    raise TrainingError(
        f"{about} {fitting} Shorter sequences or a smaller network need less; {VARIABLE} in "
        "the environment sets another limit."
    )
