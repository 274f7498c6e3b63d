"""`fit` as functions of values: prepare, build, train, perhaps train once more on everything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segue.dataset import Dataset
from segue.errors import DataError, SpecError, counted
from segue.estimators.initial import InitialWeights
from segue.estimators.parameters import EstimatorParameters
from segue.estimators.seen import LIMIT, SALT_BYTES, Digests, SeenSequences, digests, joined
from segue.estimators.splitting import TrainValidationSplit
from segue.kernels.threads import threads
from segue.layers import LayerSpec, Shape
from segue.networks import Network, as_specs, split_head, with_embedding
from segue.prepare import Augmenter, Batches, Preparation
from segue.prepare.numeric import StaticScale
from segue.prepare.pipeline import refuse_coarse
from segue.sequences import Array, Sequences
from segue.spec import to_text
from segue.tasks import Task
from segue.training import Callback, History
from segue.training.caching import cache_fixed_layers
from segue.training.folder import TrainingFolder
from segue.training.forward import check_carries_state
from segue.training.hardware import choose_device, choose_threads, memory_warning
from segue.training.loop import TrainingState, train
from segue.training.monitors import check_monitor
from segue.training.objectives import make_objective
from segue.training.optimizers import freeze
from segue.training.reporter import make_reporter
from segue.training.setup import TrainingData, TrainingSetup
from segue.training.targets import SequenceTargets, StepTargets, Targets

Lines = list[tuple[str, str]]

MOST_TOKENS = 10_000_000  # an embedding has a row for each
AUTO_UPDATES, LEAST_EPOCHS, MOST_EPOCHS = 1000, 10, 300


@dataclass(frozen=True)
class FittedParts:
    """All that prediction needs, and that is known before the first epoch.

    Attributes:
        task: with the statistics of the training targets.
        preparation: fitted on the training part.
        static: the scale of static features; `None`: there are none.
        network: its weights are those of the training's end, or the initial ones before.
    """

    task: Task
    preparation: Preparation
    static: StaticScale | None
    network: Network

    def scaled_static(self, count: int, static: Any) -> Array | None:
        """The scaled static features of `count` sequences; `None` where the model has none.

        Raises:
            DataError: the model needs some, and none or others are given; or it has none.
        """
        if self.static is not None:
            return self.static.apply(static, count=count)
        if static is None:
            return None
        raise DataError("The model was trained without static features: leave out `static`.")


@dataclass(frozen=True)
class FitResult:
    """What a training has come to.

    Attributes:
        parts: what prediction needs.
        history: a row per epoch.
        stopped: how it ended: "finished", "early", "time" or "interrupted".
        summary: what was done, as pairs of a heading and a text.
        seen: hashes of the sequences that the weights were fitted on; `None`: not kept.
        epochs: how many were planned.
        channels: the names of the channels; `None` where the data have none.
        reading: how the source was read; `None` where it was no file or data frame.
    """

    parts: FittedParts
    history: History
    stopped: str
    summary: Lines
    seen: tuple[SeenSequences, ...] | None
    epochs: int
    channels: tuple[str, ...] | None
    reading: Any


def fit_split(
    estimator: EstimatorParameters,
    split: TrainValidationSplit,
    initial: InitialWeights | None = None,
    folder: Path | None = None,
    *,
    resume: bool = False,
) -> FitResult:
    """Train, and with `refit` once more on everything. The estimator is read, not written.

    Args:
        estimator: its parameters.
        split: what is trained on and what is validated with, of `split_data`.
        initial: weights to begin with; `None`: new ones.
        folder: where history and checkpoints are written; `None`: nowhere.
        resume: go on from the checkpoint there.

    Raises:
        DataError: `initial` without any layer that fits.
        SpecError: a network or preparation that does not fit the data.
        TrainingError: a loss that is not finite.
    """
    place = None if folder is None else TrainingFolder(folder, resume)
    refit = estimator.training_options.refit and split.validation is not None
    result, job = _train(estimator, split, initial, place, is_last=not refit)
    if refit and result.history.best_epoch and result.stopped != "interrupted":
        again, later = _refit(estimator, split, initial, place, result.history)
        if again.stopped == "interrupted":  # the first training counts
            result = replace(result, stopped="interrupted")
        else:
            result, job = again, later
    if not result.history.rows:
        return result
    targets = _target_values((job.validation or job.train).targets)
    validated = job.validation is not None
    line = result.parts.task.summary_line(result.history.kept, targets, validated=validated)
    return result if line is None else replace(result, summary=[*result.summary, line])


def _target_values(targets: Targets) -> Array:
    assert isinstance(targets, SequenceTargets | StepTargets)
    values = targets.values
    return values.cpu().numpy() if isinstance(values, torch.Tensor) else values


def _refit(
    estimator: EstimatorParameters,
    split: TrainValidationSplit,
    initial: InitialWeights | None,
    place: TrainingFolder | None,
    first: History,
) -> tuple[FitResult, TrainingSetup]:
    """Train once more on everything, for as many epochs as the best one of the first training."""
    epochs = first.best_epoch or len(first)
    rates: tuple[float, ...] = ()
    if estimator.training_options.schedule == "plateau":
        rates = tuple(row["learning_rate"] for row in first.rows[:epochs])
    place = None if place is None else place.refit()
    again, job = _train(
        estimator, split.everything(epochs), initial, place, epochs=epochs, rates=rates
    )
    history = History(first.rows, first.best_epoch, refit=again.history)
    return replace(again, history=history), job


def training_job(
    estimator: EstimatorParameters,
    split: TrainValidationSplit,
    initial: InitialWeights | None = None,
) -> tuple[TrainingSetup, FittedParts, Lines]:
    """Fit the preparation and build the network: all that is to be trained, and a summary of it."""
    data, device = split.train, choose_device(estimator.device)
    preparation = Preparation.fit(
        estimator.prepare, data.x, rate_hz=data.rate_hz, tokens=estimator._takes_tokens
    )
    refuse_coarse(preparation, data)
    examples = split.task.examples(data, preparation)
    task = split.task.fitted(examples, preparation)
    if task.per_step:
        check_keeps_steps(preparation, task)
    static = None if data.static is None else StaticScale.fit(data.static)
    layers, head = split_head(
        as_specs(estimator.network), make_objective(task.objective).head_forms
    )
    network = build_network(
        estimator, task, preparation, static, shape_of(data.x, preparation), specs=layers
    )
    network.to(device)
    parts = FittedParts(task, preparation, static, network)
    options = estimator.training_options
    freeze(network, options.frozen)
    if options.truncate is not None:
        check_carries_state(network, options.truncate)
    lines = [*split.lines, *_text_lines(preparation, network, len(layers))]
    if head:
        lines.append(("head", f"{to_text(head)}, as the network ends"))
    if initial is not None:
        lines += initial.transfer_weights(network, task.to_json(), preparation)
    epochs = estimator.epochs
    if epochs == "auto":
        epochs = choose_epochs(len(examples), estimator.batch_size)
    validation = split.validation
    if validation is not None:
        validation = task.examples(validation, preparation)
    job = TrainingSetup(
        network=network,
        train=_examples(parts, examples, task.weights(examples, split.weights), device),
        validation=None if validation is None else _examples(parts, validation, None, device),
        objective=make_objective(task.objective),
        epochs=epochs,
        batch_size=estimator.batch_size,
        learning_rate=estimator.learning_rate,
        seed=estimator.seed,
        options=options,
        augmenter=Augmenter.of(preparation, estimator.seed),
    )
    return job, parts, lines


def build_network(
    estimator: EstimatorParameters,
    task: Task,
    preparation: Preparation,
    static: StaticScale | None,
    shape: Shape,
    *,
    specs: tuple[LayerSpec, ...],
) -> Network:
    """The network for such sequences, of the layers before its head, with its initial weights.

    Raises:
        SpecError: layers that do not fit together, or not the data.
        NotCausalError: a layer that would see its own target.
    """
    network = Network(
        specs if preparation.vocabulary is None else with_embedding(specs),
        shape,
        task.objective.outputs,
        every=task.per_step,
        seed=estimator.seed,
        static=0 if static is None else len(static.mean),
    )
    task.check_network(network)
    return network


def _examples(
    parts: FittedParts, data: Dataset, weights: Array | None, device: torch.device
) -> TrainingData:
    static = parts.scaled_static(len(data), data.static)
    parts.preparation.check_rate(data.rate_hz)
    batches = Batches(data.x, parts.preparation, device, static)
    targets = as_targets(parts.task, data, device)
    if weights is None:
        return TrainingData(batches, targets)
    weights = weights.astype(np.float32)
    if parts.task.per_step:
        return TrainingData(batches, targets, StepTargets(weights, data.x.lengths, device, 0.0))
    return TrainingData(batches, targets, SequenceTargets(torch.from_numpy(weights).to(device)))


def as_targets(task: Task, data: Dataset, device: torch.device) -> Targets:
    """The targets of a data set as training wants them."""
    values, per_step = task.encode(data)
    if per_step:
        return StepTargets(values, data.x.lengths, device)
    return SequenceTargets(torch.from_numpy(values).to(device))


def _train(
    estimator: EstimatorParameters,
    split: TrainValidationSplit,
    initial: InitialWeights | None,
    place: TrainingFolder | None,
    *,
    is_last: bool = True,
    epochs: int | None = None,
    rates: tuple[float, ...] = (),
) -> tuple[FitResult, TrainingSetup]:
    """Train once.

    Args:
        estimator: its parameters.
        split: what is trained on.
        initial: weights to begin with.
        place: where the training is written.
        is_last: whether no other training follows.
        epochs: in place of the estimator's.
        rates: the learning rate of each epoch, in place of the schedule's.
    """
    job, parts, lines = training_job(estimator, split, initial)
    job = replace(job, epochs=epochs or job.epochs, rates=rates)
    if epochs is None:
        check_monitor(job.options, job.objective, validated=job.validation is not None)
    reporter = make_reporter(job.options, job.epochs, is_watched=job.validation is not None)
    messages = [f"{heading}: {text}" for heading, text in lines]
    for text in [*messages, memory_warning(job, split.train.x)]:
        reporter.message(text)
    values = digests(split.train.x)
    callbacks: list[Callback] = []
    state = TrainingState.start(job)
    if place is not None:
        shared = fingerprint(estimator, parts.network, split, values)
        callbacks, state = place.open(job, shared, is_last=is_last)
    with threads(job.options.threads or choose_threads(job.network, job.batch_size)):
        stopped = train(cache_fixed_layers(job), state, [reporter, *callbacks])
    before = () if initial is None else initial.seen
    result = FitResult(
        parts=parts,
        history=History(state.rows, state.best_epoch),
        stopped=stopped,
        summary=_summary(parts, job, state, lines, stopped),
        seen=seen_by(estimator, split, values, before),
        epochs=job.epochs,
        channels=split.channels,
        reading=split.reading,
    )
    return result, job


# -- what is chosen and checked -------------------------------------------------------------------


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
    """What the network sees of one sequence."""
    lengths = np.unique(preparation.lengths(x.lengths))
    tokens = preparation.token_count
    if preparation.takes_tokens:
        tokens = token_count(x)
    return Shape(
        features=preparation.channels_out,
        length=int(lengths[0]) if len(lengths) == 1 and not x.is_text else None,
        tokens=tokens,
    )


def token_count(x: Sequences) -> int:
    """How many tokens an embedding must know: from 0 to the largest.

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


# -- what is kept of a training --------------------------------------------------------------------


def fingerprint(
    estimator: EstimatorParameters, network: Network, split: TrainValidationSplit, values: Digests
) -> dict[str, Any]:
    """What two trainings must share for one to go on from the other.

    Args:
        estimator: its parameters.
        network: that is trained.
        split: what it is trained on.
        values: the hashes of these sequences.
    """
    data = split.train
    digest = hashlib.blake2b(data.x.lengths.tobytes(), digest_size=8)
    targets = data.y.values if isinstance(data.y, Sequences) else data.y
    digest.update(str(np.asarray(targets).tolist()).encode())
    return {
        **_settings(estimator),
        "network": str(network.summary().text),
        "data": digest.hexdigest(),
        # Lengths and targets alone once stood for the data: a checkpoint of then has no such line.
        "set of values": joined([values, *_beside(split)]),
    }


def seen_by(
    estimator: EstimatorParameters,
    split: TrainValidationSplit,
    values: Digests,
    before: tuple[SeenSequences, ...],
) -> tuple[SeenSequences, ...] | None:
    """The record of the sequences of a training; `None` of more than a million.

    The salt is a hash of the settings and of all values, not a random draw: the same training
    writes the same file (its weights are the same anyway, so the salt tells nothing that they do
    not), while another training, also on the same data, has another salt.

    Args:
        estimator: its parameters.
        split: what it was trained on, and validated with.
        values: the hashes of the sequences of the training.
        before: what the weights that the training began with had been fitted on.
    """
    validation = split.validation
    if len(values) + (0 if validation is None else len(validation)) > LIMIT:
        return None
    theirs = values[:0] if validation is None else digests(validation.x)
    text = repr(sorted(_settings(estimator).items())).encode()
    salt = bytes.fromhex(joined([values, theirs, text]))[:SALT_BYTES]
    own = SeenSequences.of(values, theirs, salt)
    return (own, *(one for one in before if one.salt != salt))


def _settings(estimator: EstimatorParameters) -> dict[str, str]:
    """The arguments that change what is learnt, as text."""
    return {
        name: str(value)
        for name, value in estimator.get_params().items()
        if name not in ("options", "options__progress", "options__time_limit_seconds")
    }


def _beside(split: TrainValidationSplit) -> Iterable[bytes]:
    """What is learnt from beside values and targets: static features and weights."""
    if split.train.static is not None:
        yield split.train.static.tobytes()
    if split.weights is not None:
        weights = getattr(split.weights, "values", split.weights)  # of each step: `Sequences`
        yield np.asarray(weights, np.float64).tobytes()


def _summary(
    parts: FittedParts,
    job: TrainingSetup,
    state: TrainingState,
    lines: Iterable[tuple[str, str]],
    stopped: str,
) -> Lines:
    """What was done, as pairs of a heading and a text."""
    options = job.options
    return [
        ("network", parts.network.summary().text),
        ("preparation", str(parts.preparation)),
        *lines,
        ("optimizer", f"{options.optimizer}, {options.schedule} up to {job.learning_rate:g}"),
        ("batch size", str(job.batch_size)),
        ("epochs", f"{len(state.rows)} of {job.epochs}, {stopped}"),
        ("weights kept", f"of epoch {state.best_epoch or len(state.rows)}"),
        ("time", f"{state.seconds:.1f} s"),
        ("seed", str(job.seed)),
    ]


def _text_lines(preparation: Preparation, network: Network, layers: int) -> Lines:
    """What became of texts, as pairs of a heading and a text; nothing where there are none.

    Args:
        preparation: fitted.
        network: with an embedding where the user has given none.
        layers: how many the user has given.
    """
    if preparation.vocabulary is None:
        return []
    step, fitted = preparation.vocabulary
    lines = [("text", f"{step}: {step.describe(fitted)}")]
    if len(network.specs) > layers:
        lines.append(("network", f"{network.specs[0]} comes first, a vector for each {step.unit}"))
    return lines
