"""`fit` in pure functions: prepare, build, train, and refit on all data where wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, SpecError, counted, first_few, warn_user
from segue.estimators.fingerprint import SeenSequences, digests, fingerprint, seen_by
from segue.estimators.splitting import EstimatorArguments, TrainValidationSplit
from segue.estimators.transfer import InitialWeights
from segue.kernels.threads import choose_threads, threads
from segue.layers import LayerSpec, Shape
from segue.layers.base import input_kind_of
from segue.networks import Network, as_specs, split_head, with_embedding
from segue.prepare import Augmenter, Batches, Preparation
from segue.prepare.pipeline import idle_channels, refuse_coarse
from segue.prepare.steps import MeanScale, fit_static, scaled_static
from segue.spec import to_text
from segue.tasks import Task
from segue.training import Callback, History
from segue.training.checkpoint import TrainingFolder
from segue.training.history import make_reporter
from segue.training.inference import cache_fixed_layers
from segue.training.loop import TrainingState, check_monitor, train
from segue.training.memory import check_training
from segue.training.objectives import make_objective
from segue.training.optimizers import check_carries_state, freeze
from segue.training.setup import (
    SequenceTargets,
    StepTargets,
    Targets,
    TrainingData,
    TrainingSetup,
    choose_device,
)

Lines = list[tuple[str, str]]

MOST_TOKENS = 10_000_000  # an embedding has a row for each
AUTO_UPDATES, LEAST_EPOCHS, MOST_EPOCHS = 1000, 10, 300


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


@dataclass(frozen=True)
class FitResult:
    """The result of a training: the fitted attributes of an estimator, without their underscore."""

    network: Network
    preparation: Preparation
    static: MeanScale | None
    task: Task
    history: History
    stopped: str
    training_summary: Lines
    seen: tuple[SeenSequences, ...] | None
    channels: tuple[str, ...] | None
    reading: Any


def fit_split(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    initial: Any = None,
    folder: str | Path | None = None,
    *,
    resume: bool = False,
) -> FitResult:
    """Train, and with `refit` once more on everything. The estimator is read, not written.

    Args:
        estimator: its parameters.
        split: what is trained on and what is validated with, of `split_data`.
        initial: weights to begin with, as in `fit`.
        folder: where history and checkpoints are written; `None`: nowhere. The last checkpoint
            stays, so that nothing is lost before the result is safe (`checkpoint.remove`).
        resume: go on from the checkpoint there.

    Raises:
        DataError: `initial` without any layer that fits.
        SpecError: a network or preparation that does not fit the data.
        TrainingError: a loss that is not finite.
    """
    if initial is not None:
        initial = InitialWeights.of(initial)
    run_folder = None if folder is None else TrainingFolder(Path(folder), resume)
    refit = estimator.training_options.refit and split.validation is not None
    result, setup = _train(estimator, split, initial, run_folder)
    first = result.history
    if refit and first.best_epoch and result.stopped != "interrupted":
        # Once more on everything, for as many epochs as the best one of the first training.
        epochs = first.best_epoch
        rates: tuple[float, ...] = ()
        if estimator.training_options.schedule == "plateau":
            rates = tuple(row["learning_rate"] for row in first.rows[:epochs])
        run_folder = None if run_folder is None else run_folder.refit()
        everything = split.everything(epochs)
        again, later = _train(
            estimator, everything, initial, run_folder, epochs=epochs, rates=rates
        )
        if again.stopped == "interrupted":  # the first training counts
            result = replace(result, stopped="interrupted")
        else:
            history = History(first.rows, first.best_epoch, refit=again.history)
            result, setup = replace(again, history=history), later
    if result.stopped == "interrupted":
        where = f"after {len(first)} of {setup.epochs} epochs; the best weights so far are kept."
        if not len(first):
            where = "within the first epoch; the little that was learnt until then is kept."
        warn_user(f"Training was interrupted {where}")
    if not result.history.rows:
        return result
    targets = (setup.validation or setup.train).targets
    assert isinstance(targets, SequenceTargets | StepTargets)
    values = torch.as_tensor(targets.values).cpu().numpy()
    validated = setup.validation is not None
    line = result.task.summary_line(result.history.kept, values, validated=validated)
    return replace(result, training_summary=[*result.training_summary, *filter(None, [line])])


def _train(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    initial: InitialWeights | None,
    run_folder: TrainingFolder | None,
    *,
    epochs: int | None = None,
    rates: tuple[float, ...] = (),
) -> tuple[FitResult, TrainingSetup]:
    """Train once.

    Args:
        estimator: its parameters.
        split: what is trained on.
        initial: weights to begin with.
        run_folder: where the training is written.
        epochs: in place of the estimator's.
        rates: the learning rate of each epoch, in place of the schedule's.
    """
    prepared = prepare_training(estimator, split, initial)
    setup = replace(prepared.setup, epochs=epochs or prepared.setup.epochs, rates=rates)
    options, network = setup.options, setup.network
    if epochs is None:
        check_monitor(options, setup.objective, validated=setup.validation is not None)
    memory = check_training(setup, split.train.x)
    reporters: list[Callback] = []
    if options.progress != "none":
        validated = setup.validation is not None
        reporter = make_reporter(options, setup.epochs, is_validated=validated)
        for heading, text in prepared.lines:
            reporter.message(f"{heading}: {text}")
        reporter.message(memory)
        reporters = [reporter]
    values = digests(split.train.x)
    callbacks: list[Callback] = []
    state = TrainingState.start(setup)
    if run_folder is not None:
        shared = fingerprint(estimator, network, split, values)
        callbacks, state = run_folder.open(setup, shared)
    with threads(options.threads or choose_threads(network, setup.batch_size)):
        stopped = train(cache_fixed_layers(setup), state, [*reporters, *callbacks])
    summary = [
        ("network", to_text(network.specs)),
        ("preparation", str(prepared.preparation)),
        *prepared.lines,
        ("optimizer", f"{options.optimizer}, {options.schedule} up to {setup.learning_rate:g}"),
        ("batch size", str(setup.batch_size)),
        ("epochs", f"{len(state.rows)} of {setup.epochs}, {stopped}"),
        ("weights kept", f"of epoch {state.best_epoch or len(state.rows)}"),
        ("time", f"{state.seconds:.1f} s"),
        ("seed", str(setup.seed)),
    ]
    result = FitResult(
        network=network,
        preparation=prepared.preparation,
        static=prepared.static,
        task=prepared.task,
        history=History(state.rows, state.best_epoch),
        stopped=stopped,
        training_summary=summary,
        seen=seen_by(estimator, split, values, () if initial is None else initial.seen),
        channels=split.channels,
        reading=split.reading,
    )
    return result, setup


# -- before the first epoch ------------------------------------------------------------------------


def prepare_training(
    estimator: EstimatorArguments, split: TrainValidationSplit, initial: Any = None
) -> PreparedTraining:
    """Fit the preparation and build the network: all that is to be trained, and a summary of it."""
    data, device, options = split.train, choose_device(estimator.device), estimator.training_options
    given = as_specs(estimator.network)
    tokens = input_kind_of(given) == "tokens"  # it begins with an embedding, or else takes tokens
    preparation = Preparation.fit(estimator.prepare, data.x, rate_hz=data.rate_hz, tokens=tokens)
    refuse_coarse(preparation, data)
    examples = split.task.examples(data, preparation)
    task = split.task.fitted(examples, preparation)
    if task.per_step:
        check_keeps_steps(preparation, task)
    static = None if data.static is None else fit_static(data.static)
    objective = make_objective(task.objective, options)
    specs, head = split_head(given, objective.head_forms)
    shape = shape_of(data.x, preparation)
    network = build_network(specs, shape, task, preparation, static, seed=estimator.seed)
    network.to(device)
    if options.frozen:
        freeze(network, options.frozen)
    if options.truncate is not None:
        check_carries_state(network, options.truncate)
    lines = [*split.lines, *idle_lines(data)]
    if preparation.kind == "texts":
        assert preparation.vocabulary is not None
        step, fitted = preparation.vocabulary
        lines.append(("text", f"{step}: {step.describe(fitted)}"))
        if len(network.specs) > len(specs):
            text = f"{network.specs[0]} comes first, a vector for each {step.unit}"
            lines.append(("network", text))
    if head:
        lines.append(("head", f"{to_text(head)}, as the network ends"))
    if initial is not None:
        weights = InitialWeights.of(initial)
        lines += weights.transfer_weights(network, task.to_json(), preparation)

    def with_targets(data: Dataset, weights: Array | None = None) -> TrainingData:
        scaled = scaled_static(static, len(data), data.static)
        batches = Batches(data.x, preparation, device, scaled)
        targets = as_targets(task, data, device)
        if weights is None:
            return TrainingData(batches, targets)
        weights = weights.astype(np.float32)
        if task.per_step:
            return TrainingData(batches, targets, StepTargets(weights, data.x.lengths, device, 0.0))
        return TrainingData(batches, targets, SequenceTargets(torch.from_numpy(weights).to(device)))

    epochs = estimator.epochs
    train, validation = with_targets(examples, task.weights(examples, split.weights)), None
    if split.validation is not None:
        preparation.check_rate(split.validation.rate_hz)
        validation = with_targets(task.examples(split.validation, preparation))
    augmenter = Augmenter(preparation, estimator.seed)
    setup = TrainingSetup(
        network=network,
        train=train,
        validation=validation,
        objective=objective,
        epochs=choose_epochs(len(examples), estimator.batch_size) if epochs == "auto" else epochs,
        batch_size=estimator.batch_size,
        learning_rate=estimator.learning_rate,
        seed=estimator.seed,
        options=options,
        augmenter=augmenter if augmenter.steps else None,
    )
    return PreparedTraining(setup, task, preparation, static, lines)


def idle_lines(data: Dataset) -> Lines:
    """What is to be told of channels that say nothing.

    Raises:
        DataError: there is no value at all.
    """
    if data.x.kind != "numbers":
        return []
    empty, constant = idle_channels(data)
    if empty:
        if len(empty) == data.x.channels and data.static is None:
            raise DataError(
                "Every value of the training sequences is missing (NaN): there is nothing to learn "
                "from. Look at how they were read with `segue data show`."
            )
        names = first_few(empty)
        warn_user(f"No training sequence has a value in channel {names}: all are missing (NaN).")
    about = {"has no value": empty, "has the same value in every step": constant}
    return [("channels", f"{first_few(names)} {text}") for text, names in about.items() if names]


def build_network(
    specs: tuple[LayerSpec, ...],
    shape: Shape,
    task: Task,
    preparation: Preparation,
    static: MeanScale | None,
    *,
    seed: int,
) -> Network:
    """The network for sequences of a shape, of the layers before its head, with initial weights.

    Raises:
        SpecError: layers that do not fit together, or not the data.
        NotCausalError: a layer that would see its own target.
    """
    network = Network(
        with_embedding(specs) if preparation.kind == "texts" else specs,
        shape,
        task.objective.outputs,
        every=task.per_step,
        seed=seed,
        static=0 if static is None else len(static.mean),
    )
    task.check_network(network)
    return network


def as_targets(task: Task, data: Dataset, device: torch.device) -> Targets:
    """The targets of a data set as training wants them."""
    values, per_step = task.encode(data)
    if per_step:
        return StepTargets(values, data.x.lengths, device)
    return SequenceTargets(torch.from_numpy(values).to(device))


def choose_epochs(count: int, batch_size: int) -> int:
    """As many as make about a thousand updates: small data sets are seen often, large ones less.

    >>> choose_epochs(200, 32), choose_epochs(20, 32), choose_epochs(55_000, 32)
    (143, 300, 10)
    """
    updates = -(-count // batch_size)
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, round(AUTO_UPDATES / updates)))


def check_keeps_steps(preparation: Preparation, task: Task) -> None:
    """Raise where there is a target for each step, and the preparation makes other steps.

    Raises:
        SpecError: the step of the preparation is named.
    """
    step = preparation.what_changes_steps()
    if step is not None:
        raise SpecError(
            f"the preparation step `{step}` makes other steps of the data's, and to {task.name} is "
            "to answer at each of the data's own. Prepare with steps that keep them, such as "
            "'standardize', and let layers look around, such as conv(32, 9)."
        )


def shape_of(x: Sequences, preparation: Preparation) -> Shape:
    """The input shape of the network for one sequence."""
    lengths = np.unique(preparation.lengths(x.lengths))
    tokens = None
    if preparation.kind != "numbers":
        tokens = token_count(x) if preparation.kind == "tokens" else preparation.token_count
    return Shape(
        features=preparation.channels_out,
        length=int(lengths[0]) if len(lengths) == 1 and not x.is_text else None,
        tokens=tokens,
    )


def token_count(x: Sequences) -> int:
    """The number of tokens for an embedding: from 0 to the largest.

    Raises:
        DataError: several tokens a step, negative ones, or numbers too large to be such.
    """
    least = min(int(block.values.min()) for block in x.blocks())
    largest = max(int(block.values.max()) for block in x.blocks())
    if x.channels == 1 and least >= 0 and largest < MOST_TOKENS:
        return largest + 1
    raise DataError(
        "The network begins with an embedding, which takes one token a step, a number from 0 to "
        f"{MOST_TOKENS - 1:,} at most; these sequences have {counted(x.channels, 'channel')} of "
        f"whole numbers from {least:,} to {largest:,}. Number the tokens from 0 on, as "
        "np.unique(x, return_inverse=True) does; of measurements leave the embedding out."
    )
