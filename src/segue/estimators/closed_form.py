"""`fit` in closed form, where only the head of a network is trained: from its setup to its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from segue.data.dataset import Dataset
from segue.errors import SpecError
from segue.estimators.result import Lines
from segue.estimators.splitting import (
    EstimatorArguments,
    fits_in_closed_form,
    held_out_groups,
)
from segue.kernels import forward
from segue.layers import LayerSpec
from segue.layers.trees import grown
from segue.networks import Network
from segue.prepare.steps import MeanScale
from segue.tasks import Task
from segue.training import Callback, History
from segue.training.checkpoint import TrainingFolder
from segue.training.closed_form import HeldOut, Solution, solve
from segue.training.history import describe
from segue.training.inference import probabilities
from segue.training.loop import TrainingState
from segue.training.objectives import Objective
from segue.training.setup import TrainingSetup


@dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes:
        network: with the weights that were trained.
        history: its epochs; in closed form one row.
        stopped: "finished", "early", "time", "callback" or "interrupted".
        lines: what was done, as pairs of a heading and a text.
        held_out: what was predicted for training sequences without them; `None`: nothing.
    """

    network: Network
    history: History
    stopped: str
    lines: Lines
    held_out: HeldOut | None = None


def train_in_closed_form(
    setup: TrainingSetup,
    train: Dataset,
    task: Task,
    run_folder: TrainingFolder | None,
    callbacks: Iterable[Callback],
) -> Ended:
    """Solve for the head; callbacks, and the history in a folder, get one row.

    Args:
        setup: what is trained; its network gets its weights.
        train: the training part; sequences of a group are held out together, and windows of a
            series, which overlap, are not.
        task: fitted.
        run_folder: where the history is written; `None`: nowhere.
        callbacks: as in `fit`.
    """
    callbacks = [*callbacks, *([] if run_folder is None else [run_folder.writer()])]
    for callback in callbacks:
        callback.on_start([])
    solution: Solution | None = None
    is_held_out, groups = train.splits_by != "time", held_out_groups(train)
    try:
        solution = solve(setup, groups)
        state = TrainingState(rows=[solution.row], best_epoch=1, seconds=solution.row["seconds"])
        for callback in callbacks:
            callback.on_epoch(solution.row, state)
    finally:
        for callback in callbacks:
            callback.on_end("failed" if solution is None else "finished")
    name, reason = forward.path()
    lines = [
        ("head", solution.head.text),
        ("scores", describe(solution.row)),
        ("time", f"{solution.row['seconds']:.1f} s"),
        ("kernels", f"native, {name}" if name in forward.NATIVE else f"{name}, {reason}"),
    ]
    held_out, form = None, setup.objective.form
    if is_held_out:
        outputs, targets = solution.head.held_out, setup.train.targets.ragged()
        if form == "squared":
            held_out = HeldOut(task.restore(outputs), task.restore(targets))
        else:
            held_out = HeldOut(probabilities(outputs, form), targets)
    history = History([solution.row], 1)
    return Ended(solution.network, history, "finished", lines, held_out)


def with_trees(
    specs: tuple[LayerSpec, ...],
    estimator: EstimatorArguments,
    objective: Objective,
    static: MeanScale | None,
) -> tuple[LayerSpec, ...]:
    """The layers of a network with trees, which then know how many classes there are.

    Raises:
        SpecError: trees cannot be grown for what is asked for.
    """
    wanted = ""
    if objective.form not in ("softmax", "binary"):
        wanted = "answer one class for each sequence, with head='softmax'"
    elif static is not None:
        wanted = "do not join static features: leave these out"
    elif not fits_in_closed_form(estimator):
        wanted = (
            "are grown behind features that are not trained, such as 'quant trees', without "
            "augmentation and a loss of one's own"
        )
    if wanted:
        raise SpecError(f"trees {wanted}.")
    return grown(specs, max(2, objective.outputs))
