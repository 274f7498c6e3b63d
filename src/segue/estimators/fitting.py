"""`fit` in pure functions: prepare, build, train, and refit on all data where wanted."""

from __future__ import annotations

import bisect
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.encoding import NO_LABEL
from segue.data.sequences import Array, Sequences
from segue.errors import (
    DataError,
    OptionError,
    SpecError,
    TrainingError,
    counted,
    first_few,
    warn_user,
)
from segue.estimators.fingerprint import digests, fingerprint, seen_by
from segue.estimators.result import FitResult, Lines
from segue.estimators.splitting import EstimatorArguments, TrainValidationSplit
from segue.estimators.transfer import InitialWeights
from segue.extras import require
from segue.kernels.ragged import Ragged, offsets_of
from segue.layers import Shape
from segue.layers.base import input_kind_of
from segue.limits import VARIABLE, memory_limit, size_text
from segue.networks import Network, as_specs, split_head, with_embedding
from segue.prepare import Batches, Preparation
from segue.prepare.augmentation import Augmentation
from segue.prepare.pipeline import refuse_coarse
from segue.prepare.steps import MeanScale, fit_static, scaled_static
from segue.randomness import numpy_generator
from segue.spec import to_text
from segue.tasks import Task
from segue.training import Callback, History
from segue.training.checkpoint import TrainingFolder
from segue.training.history import LogWriter, make_reporter
from segue.training.inference import UNCHECKED
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
from segue.training.trainers import make_trainer

if TYPE_CHECKING:
    from segue.prepare.padded import Augmenter

WARNED = 0.25  # of the memory that is free: above it, a training says what it needs
MOST_TOKENS = 10_000_000  # an embedding has a row for each
TRUNCATED = 200  # steps that are advised where memory is short
FITTED = 1000  # sequences from which weights may follow
EXPLODED = 3  # times the loss of the first epoch


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
        SpecError: a network or preparation that does not fit the data.
        TrainingError: a loss that is not finite.
    """
    if initial is not None:
        initial = InitialWeights.of(initial)
    run_folder = None if folder is None else TrainingFolder(Path(folder), resume)
    refit = estimator.training_options.refit and split.validation is not None
    for number, callback in enumerate(callbacks):
        if not isinstance(callback, Callback):
            raise OptionError(
                f"`callbacks[{number}]` is {callback!r}; expected an object of a subclass of "
                "segue.Callback."
            )
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
    validated = setup.validation is not None
    line = result.task.summary_line(result.history, targets.values, validated=validated)
    return replace(result, training_summary=[*result.training_summary, *filter(None, [line])])


def _train(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    initial: InitialWeights | None,
    run_folder: TrainingFolder | None,
    callbacks: Sequence[Callback],
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
        callbacks: those of the user.
        epochs: in place of the estimator's.
        rates: the learning rate of each epoch, in place of the schedule's.
    """
    prepared = prepare_training(estimator, split, initial)
    setup = replace(prepared.setup, epochs=epochs or prepared.setup.epochs, rates=rates)
    options, network = setup.options, setup.network
    if epochs is None and (options.schedule == "plateau" or options.monitor == "accuracy"):
        check_monitor(options, setup.objective, validated=setup.validation is not None)
    needs = check_memory(setup, split.train.x)
    reporters: list[Callback] = []
    if options.progress != "none":
        validated = setup.validation is not None
        reporter = make_reporter(options, setup.epochs, is_validated=validated)
        for heading, text in prepared.lines:
            reporter.message(f"{heading}: {text}")
        reporter.message(needs)
        reporters = [reporter]
    values = digests(split.train.x)
    writers: list[Callback] = []
    log = [LogWriter()] if LogWriter.log.isEnabledFor(logging.INFO) else []
    with reporter.starting() if reporters else nullcontext():  # PyTorch imports much for the first
        trainer = make_trainer(setup)
    state = TrainingState.start(trainer)
    if run_folder is not None:
        shared = fingerprint(estimator, network.specs, split, values)
        writers, state = run_folder.open(trainer, shared)
    stopped = train(trainer, state, [*reporters, *writers, *log, *callbacks])
    summary = [
        ("network", to_text(network.specs)),
        ("preparation", str(prepared.preparation)),
        *prepared.lines,
        ("optimizer", f"{options.optimizer}, {options.schedule} up to {setup.learning_rate:g}"),
        ("batch size", str(setup.batch_size)),
        ("epochs", f"{len(state.rows)} of {setup.epochs}, {stopped}"),
        ("weights kept", f"of epoch {state.best_epoch or len(state.rows)}"),
        ("time", f"{state.seconds:.1f} s"),
        ("kernels", trainer.environment()["kernels"]),
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
    # Whole numbers are tokens to a network that begins with an embedding, or else takes tokens.
    tokens = data.x.is_whole and input_kind_of(given) == "tokens"
    preparation = Preparation.fit(
        estimator.prepare, data.x, rate_hz=data.rate_hz, tokens=tokens, names=data.channels
    )
    lines = [*split.lines, *check_channels(data, preparation)]
    examples = split.task.examples(data, preparation)
    task = split.task.fitted(examples, preparation)
    if task.per_step:
        check_keeps_steps(preparation, task)
    static = None if data.static is None else fit_static(data.static)
    objective = make_objective(task.objective, options)
    specs, head = split_head(given, objective.head_forms)
    shape = shape_of(data.x, preparation)
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
    if any(layer.fitted for layer in network.layers.values()):
        fit_weights(network, examples, preparation, task)
    if options.truncate is not None:
        check_carries_state(network, options.truncate)
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


def make_augmenter(preparation: Preparation, seed: int) -> Augmenter | None:
    """What changes the sequences in training; `None`: the preparation has no augmentation."""
    if not any(isinstance(step, Augmentation) for step in preparation.steps):
        return None
    require("torch")
    from segue.prepare.padded import Augmenter

    return Augmenter(preparation, seed)


def fit_weights(network: Network, data: Dataset, preparation: Preparation, task: Task) -> None:
    """Set the weights that follow from training sequences, from up to a thousand of them."""
    chosen = np.sort(numpy_generator(network.seed, "fitted").permutation(len(data))[:FITTED])
    values, lengths = preparation.apply_ragged(data.x.gather(chosen))
    targets, per_step = task.encode(data)
    classes = None if per_step or targets.ndim > 1 else targets[chosen]
    network.fit_weights(Ragged(values, offsets_of(lengths)), classes)


def check_channels(data: Dataset, preparation: Preparation) -> Lines:
    """What is to be told of channels with missing values, without any, or with only one.

    Raises:
        DataError: there is no value at all, or values that float32 cannot tell apart.
    """
    if preparation.exact:
        refuse_coarse(preparation, data)
    if data.x.kind != "numbers":
        return []
    least, most = np.full(data.x.channels, np.inf), np.full(data.x.channels, -np.inf)
    missing = np.zeros(data.x.channels, np.int64)
    for block in data.x.blocks():
        if len(block.values):
            missing += np.isnan(block.values).sum(axis=0)
            least = np.fmin(least, np.fmin.reduce(block.values, axis=0))
            most = np.fmax(most, np.fmax.reduce(block.values, axis=0))
    channels = np.array(data.channels or range(data.x.channels), object).astype(str)
    empty = channels[least > most].tolist()
    constant = channels[(least == most) & (data.x.total_steps > 1)].tolist()
    if empty:
        if len(empty) == data.x.channels and data.static is None:
            raise DataError(
                "Every value of the training sequences is missing (NaN): there is nothing to learn "
                "from. Look at how they were read with `segue data show`."
            )
        names = first_few(empty)
        warn_user(f"No training sequence has a value in channel {names}: all are missing (NaN).")
    about = {"has no value": empty, "has the same value in every step": constant}
    lines = [("channels", f"{first_few(names)} {text}") for text, names in about.items() if names]
    if missing.any():
        share = f"{missing.sum():,} of {data.x.total_steps * data.x.channels:,}"
        where = first_few(channels[missing > 0])
        lines.append(("missing values", f"{share}, in channel {where}; prepared by {preparation}"))
    return lines


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
