"""Training with PyTorch: the network as a torch module, gradients by autograd, `torch.optim`.

An update has the gradient of the mean loss over all targets of its batches.
"""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from segue._version import __version__
from segue.data.arrays import Array
from segue.kernels.threads import choose_threads, threads, usable_threads
from segue.randomness import Draws
from segue.training import memory, validation
from segue.training.objectives import RunningMetrics
from segue.training.optimizers import make_optimizer
from segue.training.pieces import Outputs, in_pieces
from segue.training.setup import Batch, TrainingData, TrainingSetup, Update, processor
from segue.training.trainer import Advance, Trainer


class TorchTrainer(Trainer):
    """A trainer for every network, on every device.

    Attributes:
        network: the module that is trained.
        trained: its weights by name, without those of frozen layers.
        optimizer: of these weights.
    """

    trained: dict[str, nn.Parameter]

    def __init__(self, job: TrainingSetup) -> None:
        self.job = job
        self.network = job.network.to_torch().train()
        for name in job.options.frozen:
            self.network.layer(name).requires_grad_(False)
        tensors = self.network.weight_tensors().items()
        self.trained = {k: w for k, w in tensors if isinstance(w, nn.Parameter) and w.requires_grad}
        weights = self.trained.values()
        self.optimizer = make_optimizer(weights, job.learning_rate, job.options)

    @property
    def thread_count(self) -> int:
        """The number of threads for the size of the work, unless the options have one."""
        return self.job.options.threads or choose_threads(self.network, self.job.batch_size)

    @contextmanager
    def computing(self) -> Iterator[None]:
        with threads(self.thread_count):
            self.job = validation.cache_fixed_layers(self.job, self.network)
            yield

    def advance(
        self,
        epoch: int,
        updates: Sequence[Update],
        rates: Sequence[float],
        means: RunningMetrics,
        until: float = math.inf,
    ) -> Advance:
        """Perform the first of the updates."""
        loss, norm = self.compute_gradients(updates[0], epoch, means, until)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return Advance(0, loss, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rates[0]
        self.optimizer.step()
        return Advance(1, loss, norm)

    def compute_gradients(
        self, update: Update, epoch: int, means: RunningMetrics, until: float = math.inf
    ) -> tuple[float, float]:
        """Set the gradient of every weight that is trained, shortened to `options.clip_norm`.

        The batches of the update go through the network one after the other, and perhaps in pieces;
        the gradient is that of all at once.

        Args:
            update: the batches: their number within the epoch, and the indices of their sequences.
            epoch: counted from 1.
            means: loss and scores are added to them.
            until: of `time.perf_counter`: no batch, and no piece of one, is begun after it, once
                there is something to learn from; the gradient is then that of the targets so far.

        Returns:
            The mean loss, and the length of the gradient before it was shortened.
        """
        seed, gather = self.job.seed, self.job.train.gather
        batches = [(Draws(seed, epoch, step), gather(index, epoch)) for step, index in update]
        return self.gradients_of(batches, means, until)

    def gradients_of(
        self, batches: Sequence[tuple[Draws, Batch]], means: RunningMetrics, until: float = math.inf
    ) -> tuple[float, float]:
        """As `compute_gradients`, of batches with the draws of their dropout."""
        objective, trained = self.job.objective, list(self.trained.values())
        counts = [objective.counts(batch.targets).sum() for _, batch in batches]
        count = functools.reduce(torch.add, counts).clamp(min=1)
        for weight in trained:
            weight.grad = None
        total, steps, done, is_over = 0.0, self.job.options.truncate, torch.zeros_like(count), False
        for draws, batch in batches:
            if is_over:
                break
            passes: Iterable[Outputs]
            if steps is None:
                passes = [Outputs(self.network(batch.x, draws), batch.targets, batch.weights)]
            else:
                passes = in_pieces(self.network, batch, draws, steps, every=objective.every)
            for outputs, targets, weights in passes:
                losses = objective.losses(outputs, targets)
                loss = (losses if weights is None else losses * weights).sum() / count
                torch.autograd.backward(loss)
                total += float(loss.detach())
                means.add(objective.sums(outputs, targets, losses, weights))
                done += objective.counts(targets).sum()
                is_over = time.perf_counter() >= until and bool(done > 0)
                if is_over:
                    break
        if is_over:  # the clock has cut the update: the mean is over what was done
            share = float(done / count)
            total /= share
            for weight in trained:
                if weight.grad is not None:
                    weight.grad /= share
        longest = self.job.options.clip_norm or math.inf
        norm = torch.nn.utils.clip_grad_norm_(trained, longest)
        return total, float(norm)

    def measure(self, data: TrainingData) -> RunningMetrics:
        return validation.measure(self.network, data, self.job.objective, usable_threads())

    def update_bytes(self, longest: int) -> Callable[[int], float]:
        constant, each = memory.measured_bytes(self, longest)
        return lambda batch_size: constant + batch_size * each

    def target_count(self, update: Update, epoch: int) -> float:
        data = self.job.train
        if data.augmenter is None:
            return super().target_count(update, epoch)
        batches = [data.gather(index, epoch) for _, index in update]  # some steps may be left out
        return sum(float(self.job.objective.counts(batch.targets).sum()) for batch in batches)

    # -- weights, and the state of the optimizer --------------------------------------------------

    def weights(self) -> dict[str, Array]:
        return self.network.get_weights()

    def set_weights(self, weights: Mapping[str, Array]) -> None:
        self.network.set_weights(weights)

    def optimizer_parts(self) -> dict[str, bool]:
        probe = nn.Parameter(torch.zeros(1))
        probe.grad = torch.zeros(1)
        trial = make_optimizer([probe], 0.0, self.job.options)
        trial.step()
        return {name: torch.as_tensor(v).ndim > 0 for name, v in trial.state[probe].items()}

    def optimizer_state(self) -> dict[str, Array]:
        return {
            f"{name}/{part}": torch.as_tensor(value).detach().cpu().numpy().copy()
            for name, weight in self.trained.items()
            for part, value in self.optimizer.state.get(weight, {}).items()
        }

    def set_optimizer_state(self, state: Mapping[str, Array]) -> None:
        numbers = {name: number for number, name in enumerate(self.trained)}
        entries: dict[int, dict[str, Tensor]] = {}
        for name, value in state.items():
            weight, _, part = name.rpartition("/")
            entries.setdefault(numbers[weight], {})[part] = torch.tensor(value, device="cpu")
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": entries})

    def environment(self) -> dict[str, str]:
        kernels = f"PyTorch, {torch.backends.cpu.get_cpu_capability()}"
        limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
        device = next(self.network.parameters()).device
        return {
            "segue": __version__,
            "torch": torch.__version__,
            "kernels": f"{kernels}, oneDNN up to {limit}" if limit else kernels,
            "processor": processor()
            if device.type == "cpu"
            else torch.cuda.get_device_name(device),
            "threads": str(self.thread_count),
            "precision": self.precision,
        }
