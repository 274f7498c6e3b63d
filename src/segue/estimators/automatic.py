"""`network="auto"`: several networks are fitted and joined to one, in the time that there is.

The result is a network as any other: the members side by side, `parallel(...)`, each with its own
head, and a head behind them that weights their logits. So whatever a network can do it can do.
"""

from __future__ import annotations

import copy
import inspect
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.data.dataset import Dataset
from segue.data.encoding import NO_LABEL
from segue.errors import OptionError, warn_user
from segue.estimators.folds import Fits, fit_folds, logits_of
from segue.estimators.kept_members import KeptMembers
from segue.estimators.mixture import mean_of, mixture
from segue.estimators.on_target import milliseconds_of, on_target
from segue.estimators.result import FitResult, Lines
from segue.estimators.splitting import (
    EstimatorArguments,
    TrainValidationSplit,
    fits_in_closed_form,
    has_candidates,
    held_out_groups,
    warn_of_targets,
)
from segue.estimators.suited import seen_sizes, suited
from segue.extras import require
from segue.layers.untrained import LONGEST
from segue.limits import size_text
from segue.metrics.intervals import standard_error, wilson_interval
from segue.progress import Progress, duration
from segue.randomness import numpy_generator
from segue.search.candidates import CANDIDATES, LARGE, Candidate, DataSize, in_order
from segue.search.combining import Combination, combine, combine_by_groups, join_held_out
from segue.search.search import Found, Member, search
from segue.search.sizing import part_within, within
from segue.spec import to_text
from segue.training import Callback, History
from segue.training.checkpoint import TrainingFolder
from segue.training.closed_form import HeldOut, measured, wanted_outputs
from segue.training.inference import probabilities
from segue.training.loop import TrainingState
from segue.training.objectives import Objective, make_objective
from segue.training.trees import FOLDS, fold_of_each

SECONDS = 120.0  # where there is no limit
FEW = 20  # sequences that show whether a validation part can be scored
SOON, SOON_SHARE = 3.0, 0.6  # seconds of what is trained so that there is a model; of what is left
ONE_ERROR = 0.683  # how often a standard error holds the true value
JOINING = 0.5  # seconds that are kept for it, or a twentieth of a short limit
ALONE = "bilstm(100)"  # where there are no candidates
CAUSAL = "lstm(100)"  # likewise, and none can look ahead
PLAIN = CANDIDATES[1]  # where none can be held out: windows of a series overlap
NETWORKS = "networks"  # in the summary of a member that is trained: how many, one for each fold
# Options of its training; what is said of the whole is not said of it.
_OF_A_MEMBER: dict[str, Any] = {
    "progress": "none", "time_limit_seconds": None, "target_ms": None, "target_kb": None
}  # fmt: skip
_OF_EPOCHS = "epochs", "batch_size", "learning_rate"
# What the summary of one member says of it alone.
_OF_ONE = (
    "network", "head", "scores", "time", "kernels", "seed",
    "optimizer", "batch size", "epochs", "weights kept", NETWORKS,
)  # fmt: skip


def resolved(estimator: EstimatorArguments, split: TrainValidationSplit) -> EstimatorArguments:
    """The estimator with a network in place of "auto", where there are no candidates to search."""
    options = estimator.training_options
    if options.target_ms or options.target_kb:
        warn_of_targets()
    is_causal = estimator._task_type.targets_inside and split.task.per_step
    alone: EstimatorArguments = with_network(estimator, CAUSAL if is_causal else ALONE)
    if split.train.x.is_text or split.task.per_step:
        return alone
    limit = options.time_limit_seconds or SECONDS
    candidate = part_within(PLAIN, _size_of(estimator, split.train), limit)
    plain: EstimatorArguments = with_network(estimator, candidate.network)
    return plain if fits_in_closed_form(plain) else alone


def searches(estimator: EstimatorArguments, split: TrainValidationSplit) -> bool:
    """Whether there are several candidates for a network of these data."""
    kind = split.task.objective.kind
    # Of a sigmoid for each class the probabilities are brought to one.
    return has_candidates(estimator, split.train) and kind != "sigmoid"


def with_network(estimator: EstimatorArguments, network: str, **options: Any) -> Any:
    """A copy with a network, and with other options of training."""
    found: Any = copy.copy(estimator)
    found.network = network
    found.options = replace(estimator.training_options, **options)
    return found


def fit_automatically(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    fits: Fits,
    run_folder: TrainingFolder | None = None,
    callbacks: Iterable[Callback] = (),
    *,
    initial: object = None,
) -> FitResult:
    """Search, and join what was found to one result.

    Args:
        estimator: its parameters; the network is "auto".
        split: what is trained on.
        fits: how an estimator with another network is fitted.
        run_folder: where the history is written, and members as they are finished; `None`:
            nowhere.
        callbacks: as in `fit`.
        initial: weights to begin with; there can be none.

    Raises:
        OptionError: there are, or layers that are not to be trained are named.
    """
    if initial is not None or estimator.training_options.frozen:
        what = "Initial weights" if initial is not None else "The names of `frozen`"
        raise OptionError(
            f"{what} are of one network, and network='auto' fits several. Leave them out, or name "
            "the network that they are of."
        )
    began = time.perf_counter()
    if split.validation is not None:  # what is wrong with it is said now, and not behind the search
        few = slice(min(FEW, len(split.train)))
        weights = None if split.weights is None else split.weights[few]
        some = replace(split, train=split.train[few], weights=weights)
        fits.prepared(with_network(estimator, ALONE), some)
    is_refit = split.validation is not None and estimator.training_options.refit
    split = split.everything() if is_refit else split  # no epoch is chosen by validation
    callbacks = [*callbacks, *([] if run_folder is None else [run_folder.writer()])]
    for callback in callbacks:
        callback.on_start([])
    ended = "failed"
    try:
        result = _search_and_join(estimator, split, fits, run_folder, began)
        if is_refit:
            result = replace(result, history=replace(result.history, refit=result.history))
        ended, rows = result.stopped, result.history.rows
        for callback in callbacks:
            callback.on_epoch(rows[0], TrainingState(rows=rows, best_epoch=1))
    finally:
        for callback in callbacks:
            callback.on_end(ended)
    return result


def _search_and_join(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    fits: Fits,
    run_folder: TrainingFolder | None,
    began: float,
) -> FitResult:
    """The result; the arguments are those of `fit_automatically`, and when it began."""
    require("scipy")  # for `combine`, behind the search
    options = estimator.training_options
    limit = options.time_limit_seconds or SECONDS
    estimator = suited(estimator, split, fits.whole)
    kept = KeptMembers.open(run_folder, estimator, split)
    began -= kept.seconds
    if kept.members:
        _import_slow()
    size = _size_of(estimator, split.train)
    until = began + limit - min(JOINING, 0.05 * limit)
    fitting = _Fitting(estimator, replace(split, validation=None), fits, size, until)
    kind: Any = "steps" if split.task.per_step else "texts" if split.train.x.is_text else "series"
    one_class = split.train.task == "classify"
    candidates = within(in_order(size, kind, one_class=one_class), size, limit)
    if not any(candidate.trained for candidate in candidates):
        _warn_of_options(estimator)
    with Progress(options.progress, is_transient=True) as board:

        def starts(candidate: Candidate) -> None:
            spent = time.perf_counter() - began
            board.show("trying", candidate.name, share=min(1.0, spent / limit))

        def tell(member: Member) -> None:
            took = milliseconds_of(member.result, split.train)
            said = f"{in_words(member, split)}, {took:.2g} ms an answer, {duration(member.seconds)}"
            board.write(f"{member.candidate.name}: {said}")
            kept.keep(member, took)
            _import_slow()

        found = search(
            candidates,
            fitting.fit,
            lambda candidate: candidate.seconds(size),
            until=until,
            tell=tell,
            starts=starts,
            done=kept.members,
        )
    found = on_target(found, options, kept.milliseconds)
    try:
        result = joined(found, split, estimator.seed, time.perf_counter() - began)
    except KeyboardInterrupt:  # there is little left to be done
        found = replace(found, stopped="interrupted")
        return joined(found, split, estimator.seed, time.perf_counter() - began)
    try:
        return result if split.validation is None else _validated(result, split.validation)
    except KeyboardInterrupt:
        return replace(result, stopped="interrupted")


def _warn_of_options(estimator: EstimatorArguments) -> None:
    """Say that options of a training by gradients were given, where there is none."""
    default = inspect.signature(type(estimator)).parameters
    given = [name for name in _OF_EPOCHS if getattr(estimator, name) != default[name].default]
    if given:
        warn_user(
            f"{', '.join(f'`{name}`' for name in given)} without effect: of so few sequences "
            "network='auto' fits candidates in closed form alone, which have no epochs."
        )


def _size_of(estimator: EstimatorArguments, data: Dataset) -> DataSize:
    """How large the data are, as networks see them."""
    lengths, channels = seen_sizes(estimator, data)
    same, groups = bool((lengths == lengths[0]).all()), held_out_groups(data)
    sizes = np.ones(len(data)) if groups is None else np.unique(groups, return_counts=True)[1]
    return DataSize(
        len(data), float(lengths.mean()), channels, None if same else float(LONGEST),
        outputs=len(data.classes or ()) or 1, together=float((sizes**2).sum() / len(data)),
    )  # fmt: skip


class _Fitting(NamedTuple):
    """How candidates are fitted.

    Attributes:
        estimator: its parameters, without the network.
        split: what is trained on.
        fits: how an estimator with a network is fitted.
        size: of the data.
        until: when the search ends, by `time.perf_counter`.
    """

    estimator: EstimatorArguments
    split: TrainValidationSplit
    fits: Fits
    size: DataSize
    until: float

    def fit(self, candidate: Candidate, until: float) -> tuple[FitResult, Array]:
        """The result of a candidate, and logits of training sequences that were held out."""
        network, split, size = candidate.network, self.split, self.size
        quiet = with_network(self.estimator, network, **_OF_A_MEMBER)
        if candidate.counts:
            return self._count(quiet, candidate.parts)
        if not candidate.trained:
            result = self.fits.whole(quiet, split)
            return result, held_out_logits(result)
        folds = 1 if candidate.soon else FOLDS
        if candidate.soon:
            now = time.perf_counter()
            until = now + min(SOON, SOON_SHARE * (self.until - now))
        elif size.sequences >= LARGE:
            needed = FOLDS * candidate.training_seconds(size.sequences, size.steps)
            folds = 1 if needed > until - time.perf_counter() else FOLDS
        return as_member(*fit_folds(quiet, split, self.fits, folds, until), split)

    def _count(self, estimator: EstimatorArguments, parts: int) -> tuple[FitResult, Array]:
        """Count the tokens of one of so many parts of the sequences."""
        split, count = self.split, len(self.split.train)
        rng = numpy_generator(estimator.seed, "counted")
        chosen = np.sort(rng.permutation(count)[: max(1, count // parts)])
        weights = None if split.weights is None else split.weights[chosen]
        part = replace(split, train=split.train[chosen], weights=weights)
        result = self.fits.counted(estimator, split if parts == 1 else part)
        found = held_out_logits(result)
        logits = np.full((count, found.shape[1]), np.nan)
        logits[chosen] = found
        return result, logits


def _import_slow() -> None:
    """Import what joins members while there is time; on a busy machine it takes seconds."""
    require("scipy.optimize")


def held_out_logits(result: FitResult) -> Array:
    """`[n, output]`, logits for training sequences that were held out, or scaled numbers."""
    held_out = result.held_out
    assert held_out is not None
    objective = make_objective(result.task.objective)
    outputs = np.asarray(held_out.outputs, np.float64)
    if objective.form == "squared":
        scale = np.asarray(objective.scale)
        centred = outputs.reshape(len(outputs), -1) - result.task.restore(0 * scale)
        return np.asarray(centred / scale)
    outputs = outputs.clip(1e-12, 1 - 1e-12)
    if objective.form == "softmax":
        return np.log(outputs)
    return np.log(outputs / (1 - outputs))[:, -objective.outputs :]


def in_words(member: Member, split: TrainValidationSplit) -> str:
    """What is known of a member: its scores for held-out sequences, and the size of its weights."""
    size = sum(w.nbytes for w in member.result.network.get_weights().values())
    row: dict[str, float] = member.result.history.rows[0]
    objective = make_objective(member.result.task.objective)
    score = row[f"validation_{objective.metric}"]
    said = f"{objective.metric} {score:.4f}"
    known, encoded, wanted = known_targets(member.result, split, [member.logits])
    logits, groups = member.logits[known], _groups_of(split, known)
    if objective.form == "squared":  # of a root the error is that of the mean, by its derivative
        squares = (((logits - wanted) * np.asarray(objective.scale or 1.0)) ** 2).mean(1)
        error = standard_error(squares / max(2 * score, 1e-300), groups)
    elif encoded.ndim == 1 and logits.shape[1] > 1:
        error = standard_error(logits.argmax(1) == encoded, groups)
    else:
        error = standard_error(((logits > 0) == (wanted > 0)).mean(1), groups)
    if error == 0 and objective.form != "squared":  # all are right, or all wrong
        count = int(known.sum()) if groups is None else len(np.unique(groups))
        low, high = wilson_interval(round(score * count), count, level=ONE_ERROR)
        error = high - low
    said += f" ± {error:.4f}" if error is not None else ""
    said += f", log loss {row['validation_loss']:.4f}" if objective.form != "squared" else ""
    return f"held out {said}; {size_text(size)}"


def as_member(
    results: list[FitResult], logits: Array, split: TrainValidationSplit
) -> tuple[FitResult, Array]:
    """The networks of several folds as one, their mean: a result; and the logits held out."""
    first, objective = results[0], make_objective(results[0].task.objective)
    network = mean_of([result.network for result in results], objective)
    known, encoded, _ = known_targets(first, split, [logits])
    row = scores(logits[known], encoded, objective)
    result = replace(
        first,
        network=network,
        history=History([row], 1),
        training_summary=[*first.training_summary, (NETWORKS, str(len(results)))],
        held_out=as_held_out(first, logits[known], encoded),
    )
    return result, logits


def known_targets(
    result: FitResult, split: TrainValidationSplit, logits: list[Array]
) -> tuple[Array, Array, Array]:
    """What all members have held out: `[n]` whether it is so; the targets there, in two forms.

    Args:
        result: of one of them.
        split: what they were trained on.
        logits: `[n, output]` of each.
    """
    objective = make_objective(result.task.objective)
    encoded = result.task.encode(split.train).values
    known = np.asarray(np.isfinite([one.sum(1) for one in logits]).all(0))
    if objective.every:
        known &= encoded != NO_LABEL
    encoded = encoded[known]
    is_number = objective.form == "squared"
    return known, encoded, encoded if is_number else wanted_outputs(encoded, objective)


def as_held_out(result: FitResult, logits: Array, encoded: Array) -> HeldOut | None:
    """What is predicted for sequences that were held out; nothing where each step is one.

    Args:
        result: of a training.
        logits: `[n, output]`.
        encoded: the targets.
    """
    form = make_objective(result.task.objective).form
    if form == "steps":
        return None
    if form == "squared":
        return HeldOut(result.task.restore(logits), result.task.restore(encoded))
    return HeldOut(probabilities(logits, form), encoded)


def joined(found: Found, split: TrainValidationSplit, seed: int, seconds: float) -> FitResult:
    """The members as one result.

    Args:
        found: of the search.
        split: what they were trained on.
        seed: of the folds.
        seconds: that the search took.
    """
    first: FitResult = found.members[0].result
    objective = make_objective(first.task.objective)
    form = "softmax" if objective.every else objective.form
    members = found.members
    known, encoded, wanted = known_targets(first, split, [m.logits for m in members])
    own = [member.logits[known] for member in members]
    weights = first.task.weights(split.train, split.weights)
    weights = None if weights is None else weights[known]
    groups = _groups_of(split, known)
    rng, classes = np.random.default_rng(seed), encoded if encoded.ndim == 1 else 0 * encoded[:, 0]
    parts = fold_of_each(FOLDS, classes, groups, rng)
    if groups is None:
        combination = combine(own, wanted, form, weights)
        logits = join_held_out(own, wanted, form, weights, parts=parts, found=combination)
    else:
        combination, logits = combine_by_groups(own, wanted, form, weights, parts=parts)
    kept = [i for i, weight in enumerate(combination.weights) if weight > 1e-3] or [0]
    network = mixture(
        [members[i].result.network for i in kept],
        combination._replace(weights=combination.weights[kept]),
        objective,
    )
    row = scores(logits, encoded, objective) | {"seconds": seconds}
    return replace(
        first,
        network=network,
        history=History([row], 1),
        stopped=found.stopped,
        training_summary=_summary(split, found, combination, seconds),
        held_out=as_held_out(first, logits, encoded),
    )


def _validated(result: FitResult, data: Dataset) -> FitResult:
    """The result with the scores of its own for the sequences of a validation part."""
    objective = make_objective(result.task.objective)
    logits, targets = logits_of(result, data), result.task.encode(data).values
    if objective.every:
        logits, targets = logits[targets != NO_LABEL], targets[targets != NO_LABEL]
    theirs = scores(logits, targets, objective)
    of_part = {name: value for name, value in theirs.items() if name.startswith("validation_")}
    return replace(result, history=History([result.history.rows[0] | of_part], 1))


def _groups_of(split: TrainValidationSplit, known: Array) -> Array | None:
    """Which rows of what is held out belong together; `None`: each is one by itself.

    Args:
        split: what members were trained on.
        known: `[n]`, which rows there are.
    """
    groups = held_out_groups(split.train)
    if split.task.per_step:
        of_each = np.arange(len(split.train)) if groups is None else groups
        groups = np.repeat(of_each, split.train.x.lengths)
    return None if groups is None else np.asarray(groups)[known]


def scores(logits: Array, targets: Array, objective: Objective) -> dict[str, float]:
    """The row of the history: all scores are of these sequences, those of the training too."""
    form = "softmax" if objective.every else objective.form
    row = measured(replace(objective, form=form), logits, targets, None).row()
    held_out = {f"validation_{name}": value for name, value in row.items()}
    return {"epoch": 1, **row, "learning_rate": 0.0, **held_out}


def _summary(
    split: TrainValidationSplit, found: Found, combination: Combination, seconds: float
) -> Lines:
    """What was done: the members with their weights, and what was left out."""
    members = found.members
    first: FitResult = members[0].result
    given = [pair for pair in first.training_summary if pair[0] not in _OF_ONE]
    lines = [
        (
            member.candidate.name,
            f"weight {weight:.2f}, {in_words(member, split)}: {_networks_of(member)}",
        )
        for member, weight in zip(members, combination.weights, strict=True)
    ]
    last = [pair for pair in first.training_summary if pair[0] in ("kernels", "seed")]
    each = ", ".join(f"{m.candidate.name} {duration(m.seconds)}" for m in found.members)
    return [
        ("network", f"auto: {len(members)} of {len(members) + len(found.left_out)} candidates"),
        *given,
        *lines,
        *((name, f"left out: {why}") for name, why in found.left_out),
        ("time", f"{duration(seconds)}: {each}"),  # no file has it: equal members, equal files
        *last,
    ]


def _networks_of(member: Member) -> str:
    """The text of a member's network, or of its networks."""
    if not member.candidate.trained:
        return to_text(member.result.network.specs)
    several = dict(member.result.training_summary).get(NETWORKS, "1")
    return member.candidate.network + (f", the mean of {several}" if several != "1" else "")
