"""The gradient of an update: of the mean loss over all answers of its batches."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor

from segue.randomness import Draws
from segue.training.history import Row
from segue.training.objectives import Objective
from segue.training.setup import TrainingSetup, Update


class RunningMetrics:
    """Loss and score over the batches of a pass, each answer counting the same."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.loss = self.score = self.count = 0.0

    @torch.no_grad()
    def add(
        self, outputs: Any, targets: Tensor, losses: Tensor, weights: Tensor | None = None
    ) -> None:
        """Count some answers in; a loss counts as much as its weight says, a score always once."""
        reported = self.objective.reported_losses(outputs, targets, losses)
        self.loss += float((reported if weights is None else reported * weights).sum())
        self.score += float(self.objective.scores(outputs, targets, losses).sum())
        self.count += float(self.objective.counts(targets).sum())

    def row(self, prefix: str = "") -> Row:
        """The means, by the names that they have in the history."""
        count = max(1.0, self.count)
        score = self.objective.reported_score(self.score / count)
        return {f"{prefix}loss": self.loss / count, f"{prefix}{self.objective.metric}": score}


def compute_gradients(
    job: TrainingSetup, update: Update, epoch: int, means: RunningMetrics
) -> tuple[float, float]:
    """Set the gradient of every weight that is trained, shortened to `options.clip_norm`.

    The batches of the update go through the network one after the other, and perhaps in pieces;
    the gradient is that of all at once.

    Args:
        job: what is trained.
        update: the batches: their number within the epoch, and the indices of their sequences.
        epoch: counted from 1.
        means: loss and scores are added to them.

    Returns:
        The mean loss, and the length of the gradient before it was shortened.
    """
    batches = [(Draws(job.seed, epoch, step), job.batch(index, epoch)) for step, index in update]
    counts = [job.objective.counts(batch.targets).sum() for _, batch in batches]
    count = functools.reduce(torch.add, counts).clamp(min=1)
    for weight in job.trained:
        weight.grad = None
    total = 0.0
    for draws, batch in batches:
        for outputs, targets, weights in job.forward(job.network, batch, draws):
            losses = job.objective.losses(outputs, targets)
            loss = (losses if weights is None else losses * weights).sum() / count
            torch.autograd.backward(loss)
            total += float(loss.detach())
            means.add(outputs, targets, losses, weights)
    longest = job.options.clip_norm or math.inf
    norm = torch.nn.utils.clip_grad_norm_(job.trained, longest)
    return total, float(norm)
