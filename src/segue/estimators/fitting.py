"""`fit` in pure functions: prepare, build, train, and refit on all data where wanted."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.encoding import NO_LABEL
from segue.data.sequences import Array
from segue.deadline import check_time
from segue.errors import (
    OptionError,
    warn_user,
)
from segue.estimators.automatic import fit_automatically, resolved, searches
from segue.estimators.closed_form import Ended, train_in_closed_form, with_trees
from segue.estimators.fingerprint import fingerprint, seen_by
from segue.estimators.folds import Fits
from segue.estimators.result import FitResult, Lines
from segue.estimators.shapes import check_channels, check_keeps_steps, shape_of
from segue.estimators.splitting import (
    EstimatorArguments,
    TrainValidationSplit,
    fits_in_closed_form,
    is_automatic,
)
from segue.estimators.transfer import InitialWeights
from segue.extras import require
from segue.kernels.ragged import Ragged, offsets_of
from segue.layers.base import LayerSpec, input_kind_of
from segue.layers.trees import Trees
from segue.networks import Network, as_specs, split_head, with_embedding
from segue.prepare import Batches, Preparation
from segue.prepare.augmentation import Augmentation
from segue.prepare.steps import MeanScale, fit_static, scaled_static
from segue.randomness import numpy_generator
from segue.spec import to_text
from segue.tasks import Task
from segue.training import Callback, History
from segue.training.checkpoint import TrainingFolder
from segue.training.history import LogWriter, Reporter, make_reporter
from segue.training.loop import TrainingState, check_monitor, train
from segue.training.objectives import make_objective
from segue.training.setup import (
    SequenceTargets,
    StepTargets,
    Targets,
    TrainingData,
    TrainingSetup,
    check_carries_state,
    check_frozen,
    choose_device,
    choose_epochs,
)
from segue.training.trainer import Trainer
from segue.training.trainers import check_memory, make_trainer

if TYPE_CHECKING:
    from segue.prepare.padded import Augmenter

FITTED = 1000  # sequences from which weights may follow
_SHORTEST = 0.01  # seconds of a training: one update
EXPLODED = 3  # times the loss of the first epoch
_SOLVED = "head", "in closed form: epochs, batch size, learning rate and time limit play no part"


@dataclass(frozen=True)
class PreparedTraining:
    """All that is known before the first epoch.

    Attributes:
        setup: what is trained; its network has its initial weights.
        task: with the statistics of the training targets.
        preparation: fitted on the training part.
        static: the scale of static features; `None`: there are none.
        lines: what was chosen, as pairs of a heading and a text.
    """

    setup: TrainingSetup
    task: Task
    preparation: Preparation
    static: MeanScale | None
    lines: Lines


def fit_split(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    initial: Any = None,
    folder: str | Path | None = None,
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
) -> FitResult:
    """Train, and with `refit` once more on everything. The estimator is read, not written.

    Args:
        estimator: its parameters.
        split: what is trained on and what is validated with, of `split_data`.
        initial: weights to begin with, as in `fit`.
        folder: where history and checkpoints are written; `None`: nowhere. The last checkpoint
            stays, so that nothing is lost before the result is safe (`checkpoint.remove`).
        resume: go on from the checkpoint there.
        callbacks: as in `fit`.

    Raises:
        DataError: `initial` without any layer that fits.
        OptionError: `initial` for a network that is chosen.
        SpecError: a network or preparation that does not fit the data.
        TrainingError: a loss that is not finite.
    """
    run_folder = None if folder is None else TrainingFolder(Path(folder), resume)
    _check_callbacks(callbacks)
    if initial is not None:
        initial = InitialWeights.of(initial)
    if is_automatic(estimator):
        if searches(estimator, split):
            fits = Fits(fit_split, prepare_training, train_like, fit_by_counting)
            return fit_automatically(estimator, split, fits, run_folder, callbacks, initial=initial)
        estimator = resolved(estimator, split)
    refit = estimator.training_options.refit and split.validation is not None
    result, setup = _train(estimator, split, initial, run_folder, callbacks)
    first, where = result.history, ""
    if refit and first.best_epoch and result.stopped != "interrupted":
        # Once more on everything, for as many epochs as the best one of the first training.
        epochs = first.best_epoch
        rates: tuple[float, ...] = ()
        if estimator.training_options.schedule == "plateau":
            rates = tuple(row["learning_rate"] for row in first.rows[:epochs])
        run_folder = None if run_folder is None else run_folder.refit()
        everything = split.everything(epochs)
        again, later = _train(
            estimator, everything, initial, run_folder, callbacks, epochs=epochs, rates=rates
        )
        if again.stopped == "interrupted":  # the first training counts
            result = replace(result, stopped="interrupted")
            where = "while it was repeated on everything; the weights before that are kept."
        else:
            history = History(first.rows, first.best_epoch, refit=again.history)
            result, setup = replace(again, history=history), later
    if result.stopped == "interrupted":
        kept = "best weights so far" if first.best_epoch else "last weights"
        where = where or f"after {len(first)} of {setup.epochs} epochs; the {kept} are kept."
        if not len(first):
            where = "within the first epoch; the little that was learnt until then is kept."
        warn_user(f"Training was interrupted {where}")
    if not result.history.rows:
        return result
    losses = [row["loss"] for row in result.history.rows]
    if (worst := max(losses)) > EXPLODED * losses[0]:
        warn_user(
            f"The training loss rose from {losses[0]:.3g} to {worst:.3g} in epoch "
            f"{losses.index(worst) + 1}: a learning rate of {setup.learning_rate:g} is too high "
            f"for this network. Try learning_rate={setup.learning_rate / 10:g}."
        )
    targets = (setup.validation or setup.train).targets
    assert isinstance(targets, SequenceTargets | StepTargets)
    validated = "validation_loss" in result.history.kept
    line = result.task.summary_line(result.history, targets.values, validated=validated)
    return replace(result, training_summary=[*result.training_summary, *filter(None, [line])])


def _check_callbacks(callbacks: Sequence[Callback]) -> None:
    for number, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            raise OptionError(
                f"`callbacks[{number}]` is {callback!r}; expected an object of a subclass of "
                "segue.Callback."
            )


class _Deadline(Callback):
    """Ends a training that nobody waits for any more."""

    every_update = False

    def on_update(self, epoch: int, share: float, means: Any) -> None:
        check_time()


def train_like(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    like: PreparedTraining,
    until: float = math.inf,
) -> FitResult:
    """Train once, in memory, with the preparation and the statistics of another training.

    Args:
        estimator: its parameters.
        split: what is trained on.
        like: the other training.
        until: when it ends, by `time.perf_counter`.
    """
    return _train(estimator, split, None, None, [_Deadline()], like=like, until=until)[0]


def fit_by_counting(estimator: EstimatorArguments, split: TrainValidationSplit) -> FitResult:
    """Naive Bayes: the weights of `embedding(classes) pool(mean)`, in closed form and in memory."""
    return _train(estimator, split, None, None, (), in_closed_form=True)[0]


def _train(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    initial: InitialWeights | None,
    run_folder: TrainingFolder | None,
    callbacks: Sequence[Callback],
    *,
    epochs: int | None = None,
    rates: tuple[float, ...] = (),
    like: PreparedTraining | None = None,
    in_closed_form: bool = False,
    until: float = math.inf,
) -> tuple[FitResult, TrainingSetup]:
    """Train once.

    Args:
        estimator: its parameters.
        split: what is trained on.
        initial: weights to begin with.
        run_folder: where the training is written.
        callbacks: those of the user.
        epochs: in place of the estimator's.
        rates: the learning rate of each epoch, in place of the schedule's.
        like: has the preparation and the statistics of the targets; `None`: they are fitted.
        in_closed_form: whether there are no epochs, also where the network could have some.
        until: when it ends, by `time.perf_counter`, in place of the estimator's own limit.
    """
    prepared = prepare_training(estimator, split, initial, like)
    setup = replace(prepared.setup, epochs=epochs or prepared.setup.epochs, rates=rates)
    if until < math.inf:
        seconds = max(_SHORTEST, until - time.perf_counter())
        setup = replace(setup, options=replace(setup.options, time_limit_seconds=seconds))
    values, specs = split.train.x.digests(), setup.network.specs
    if in_closed_form or fits_in_closed_form(estimator):
        setup = replace(setup, epochs=1)
        told = [*_reporters(setup, [*prepared.lines, _SOLVED]), *callbacks]
        ended = train_in_closed_form(setup, split.train, prepared.task, run_folder, told)
    else:

        def opened(trainer: Trainer) -> tuple[list[Callback], TrainingState]:
            if run_folder is None:
                return [], TrainingState.start(trainer)
            return run_folder.open(trainer, fingerprint(estimator, specs, split, values))

        ended = _train_epochs(prepared, setup, split.train, opened, callbacks)
    result = FitResult(
        network=ended.network,
        preparation=prepared.preparation,
        static=prepared.static,
        task=prepared.task,
        history=ended.history,
        stopped=ended.stopped,
        training_summary=[
            ("network", to_text(ended.network.specs)),
            ("preparation", str(prepared.preparation)),
            *prepared.lines,
            *ended.lines,
            ("seed", str(setup.seed)),
        ],
        seen=seen_by(estimator, split, values, () if initial is None else initial.seen),
        channels=split.channels,
        reading=split.reading,
        held_out=ended.held_out,
    )
    return result, setup


def _train_epochs(
    prepared: PreparedTraining,
    setup: TrainingSetup,
    data: Dataset,
    opened: Callable[[Trainer], tuple[list[Callback], TrainingState]],
    callbacks: Sequence[Callback],
) -> Ended:
    """Train epoch by epoch.

    Args:
        prepared: says what was chosen.
        setup: what is trained.
        data: the training part.
        opened: what writes the training, and the state to begin with.
        callbacks: those of the user.
    """
    options, validated = setup.options, setup.validation is not None
    if not setup.rates and (options.schedule == "plateau" or options.monitor == "accuracy"):
        check_monitor(options, setup.objective, validated=validated)
    needs = check_memory(setup, data.x)
    reporters = _reporters(setup, prepared.lines, needs)
    log = [LogWriter()] if LogWriter.log.isEnabledFor(logging.INFO) else []
    with reporters[0].starting() if reporters else nullcontext():  # PyTorch imports much at first
        trainer = make_trainer(setup)
    writers, state = opened(trainer)
    stopped = train(trainer, state, [*reporters, *writers, *log, *callbacks])
    lines = [
        ("optimizer", f"{options.optimizer}, {options.schedule} up to {setup.learning_rate:g}"),
        ("batch size", str(setup.batch_size)),
        ("epochs", f"{len(state.rows)} of {setup.epochs}, {stopped}"),
        ("weights kept", f"of epoch {state.best_epoch or len(state.rows)}"),
        ("time", f"{state.seconds:.1f} s"),
        ("kernels", trainer.environment()["kernels"]),
    ]
    history = History(state.rows, state.best_epoch)
    return Ended(setup.network, history, stopped, lines)


def _reporters(setup: TrainingSetup, lines: Lines, needs: str = "") -> list[Reporter]:
    """What shows a training, if anything does; the lines before it are written."""
    if setup.options.progress == "none":
        return []
    validated = setup.validation is not None
    reporter = make_reporter(setup.options, setup.epochs, is_validated=validated)
    for heading, text in lines:
        reporter.message(f"{heading}: {text}")
    reporter.message(needs)
    return [reporter]


# -- before the first epoch ------------------------------------------------------------------------


def prepare_training(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    initial: Any = None,
    like: PreparedTraining | None = None,
) -> PreparedTraining:
    """Fit the preparation and build the network: all that is to be trained, and a summary of it."""
    data, device, options = split.train, choose_device(estimator.device), estimator.training_options
    given = as_specs(estimator.network)
    lines = list(split.lines)
    if like is None:
        # Whole numbers are tokens to a network that begins with an embedding, or else takes tokens.
        tokens = data.x.is_whole and input_kind_of(given) == "tokens"
        preparation = Preparation.fit(
            estimator.prepare, data.x, rate_hz=data.rate_hz, tokens=tokens, names=data.channels
        )
        lines += check_channels(data, preparation)
        examples = split.task.examples(data, preparation)
        task = split.task.fitted(examples, preparation)
        if task.per_step:
            check_keeps_steps(preparation, task)
        static = None if data.static is None else fit_static(data.static)
        shape = shape_of(data.x, preparation)
    else:
        preparation, task, static = like.preparation, like.task, like.static
        examples, shape = task.examples(data, preparation), like.setup.network.input_shape
    objective = make_objective(task.objective, options)
    specs, head = split_head(given, objective.head_forms)
    if any(isinstance(spec, Trees) for spec in specs):
        specs = with_trees(specs, estimator, objective, static)
    network = Network(
        with_embedding(specs) if preparation.kind == "texts" else specs,
        shape,
        task.objective.outputs,
        every=task.per_step,
        seed=estimator.seed,
        static=0 if static is None else len(static.mean),
        device=device,
    )
    task.check_network(network)
    check_frozen(network, options.frozen)
    fit_weights(network, examples, preparation, task)
    if options.truncate is not None:
        check_carries_state(network, options.truncate)
    if preparation.kind == "texts":
        lines += _text_lines(preparation, network, specs)
    if head:
        lines.append(("head", f"{to_text(head)}, as the network ends"))
    if initial is not None:
        weights = InitialWeights.of(initial)
        lines += weights.transfer_weights(network, task.to_json(), preparation)

    def with_targets(data: Dataset, weights: Array | None = None) -> TrainingData:
        scaled, own = None, None
        if static is not None or data.static is not None:
            scaled = scaled_static(static, len(data), data.static)
        if weights is not None:
            weights = weights.astype(np.float32)
            own = as_targets(weights, data.x.lengths, padding=0.0, per_step=task.per_step)
        values, per_step = task.encode(data)
        targets = as_targets(values, data.x.lengths, per_step=per_step)
        return TrainingData(Batches(data.x, preparation, device, scaled), targets, own)

    epochs = estimator.epochs
    train, validation = with_targets(examples, task.weights(examples, split.weights)), None
    if split.validation is not None:
        preparation.check_rate(split.validation.rate_hz)
        validation = with_targets(task.examples(split.validation, preparation))
    setup = TrainingSetup(
        network=network,
        train=replace(train, augmenter=make_augmenter(preparation, estimator.seed)),
        validation=validation,
        objective=objective,
        epochs=choose_epochs(len(examples), estimator.batch_size) if epochs == "auto" else epochs,
        batch_size=estimator.batch_size,
        learning_rate=estimator.learning_rate,
        seed=estimator.seed,
        options=options,
    )
    return PreparedTraining(setup, task, preparation, static, lines)


def _text_lines(preparation: Preparation, network: Network, specs: tuple[LayerSpec, ...]) -> Lines:
    """The vocabulary, and the embedding that comes first where the network has none."""
    assert preparation.vocabulary is not None
    step, fitted = preparation.vocabulary
    lines = [("text", f"{step}: {step.describe(fitted)}")]
    if len(network.specs) > len(specs):
        text = f"{network.specs[0]} comes first, a vector for each {step.unit}"
        lines.append(("network", text))
    return lines


def make_augmenter(preparation: Preparation, seed: int) -> Augmenter | None:
    """What changes the sequences in training; `None`: the preparation has no augmentation."""
    if not any(isinstance(step, Augmentation) for step in preparation.steps):
        return None
    require("torch")
    from segue.prepare.padded import Augmenter

    return Augmenter(preparation, seed)


def fit_weights(network: Network, data: Dataset, preparation: Preparation, task: Task) -> None:
    """Set the weights that follow from training sequences, if any do, from up to a thousand."""
    if not any(layer.fitted for layer in network.layers.values()):
        return
    chosen = np.sort(numpy_generator(network.seed, "fitted").permutation(len(data))[:FITTED])
    values, lengths = preparation.apply_ragged(data.x.gather(chosen))
    targets, per_step = task.encode(data)
    classes = None if per_step or targets.ndim > 1 else targets[chosen]
    network.fit_weights(Ragged(values, offsets_of(lengths)), classes)


def as_targets(
    values: Array,
    lengths: Array,
    *,
    padding: float = NO_LABEL,
    per_step: bool = False,
) -> Targets:
    """Targets, or weights, as training wants them.

    Args:
        values: `[n, ...]`, one for each sequence; or `[total_steps]`, one for each step.
        lengths: `[n]`, of the sequences.
        padding: of those for each step, the value behind each end.
        per_step: whether there is one for each step.
    """
    if per_step:
        return StepTargets(values, lengths, padding)
    return SequenceTargets(values)
