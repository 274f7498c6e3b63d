"""`network="auto"`: several networks are fitted and joined to one, in the time that there is.

The result is a network as any other: the members side by side, `parallel(...)`, each with its own
head, and a head behind them that weights their logits. So whatever a network can do it can do.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.data.encoding import NO_LABEL
from segue.estimators.folds import Fits, fit_folds
from segue.estimators.kept_members import KeptMembers
from segue.estimators.on_target import milliseconds_of, on_target
from segue.estimators.result import FitResult, Lines
from segue.estimators.splitting import (
    EstimatorArguments,
    TrainValidationSplit,
    fits_in_closed_form,
    has_candidates,
    held_out_groups,
)
from segue.estimators.suited import seen_sizes, suited
from segue.extras import require
from segue.layers import Dense, Embedding, LayerSpec, Parallel, Pool
from segue.layers.untrained import LONGEST
from segue.networks import Network
from segue.progress import Progress, duration
from segue.search.candidates import LARGE, Candidate, in_order
from segue.search.combining import Combination, combine, join_held_out, loss_and_slope
from segue.search.search import Found, Member, search
from segue.search.sizing import DataSize, within
from segue.spec import to_text
from segue.training import Callback, History
from segue.training.checkpoint import TrainingFolder
from segue.training.closed_form import HeldOut, measured, wanted_outputs
from segue.training.inference import probabilities
from segue.training.loop import TrainingState
from segue.training.objectives import Objective, make_objective
from segue.training.trees import FOLDS, fold_of_each

SECONDS = 120.0  # where there is no limit
SOON = 3.0  # seconds of what is trained so that there is a model
JOINING = 0.5  # seconds that are kept for it, or a twentieth of a short limit
ALONE = "bilstm(100)"  # where there are no candidates
PLAIN = "parallel(multirocket, hydra)"  # where none can be held out: windows of a series overlap


def resolved(estimator: EstimatorArguments, split: TrainValidationSplit) -> EstimatorArguments:
    """The estimator with a network in place of "auto", where there are no candidates to search."""
    is_series = split.train.x.kind == "numbers" and not split.task.per_step
    plain: EstimatorArguments = with_network(estimator, PLAIN)
    alone: EstimatorArguments = with_network(estimator, ALONE)
    return plain if is_series and fits_in_closed_form(plain) else alone


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
) -> FitResult:
    """Search, and join what was found to one result.

    Args:
        estimator: its parameters; the network is "auto".
        split: what is trained on.
        fits: how an estimator with another network is fitted.
        run_folder: where the history is written, and members as they are finished; `None`:
            nowhere.
        callbacks: as in `fit`.
    """
    began = time.perf_counter()
    data, options = split.train, estimator.training_options
    callbacks = [*callbacks, *([] if run_folder is None else [run_folder.writer()])]
    for callback in callbacks:
        callback.on_start([])
    estimator = suited(estimator, split, fits.whole)
    kept = KeptMembers.open(run_folder, estimator, split)
    began -= kept.seconds
    (lengths, channels), count = seen_sizes(estimator, data), len(data)
    if kept.members:
        _import_slow()
    same = bool((lengths == lengths[0]).all())
    shape = (count, float(lengths.mean()), channels, None if same else float(LONGEST))
    size = DataSize(*shape, outputs=len(data.classes or ()) or 1)
    kind: Any = "steps" if split.task.per_step else "texts" if data.x.is_text else "series"
    limit = options.time_limit_seconds or SECONDS
    with Progress(options.progress, is_transient=True) as board:

        def one(candidate: Candidate, until: float) -> tuple[FitResult, Array]:
            quiet = with_network(
                estimator, candidate.network, progress="none", time_limit_seconds=None
            )
            if candidate.soon:
                soon = min(until, time.perf_counter() + SOON)
                return as_member(*fit_folds(quiet, split, fits, 1, soon), split)
            if candidate.trained:
                needed = FOLDS * candidate.training_seconds(count, size.steps)
                is_one = count >= LARGE and needed > until - time.perf_counter()
                folds = 1 if is_one else FOLDS
                return as_member(*fit_folds(quiet, split, fits, folds, until), split)
            result = fits.whole(quiet, split)
            return result, held_out_logits(result)

        def starts(candidate: Candidate) -> None:
            spent = time.perf_counter() - began
            board.show("trying", candidate.name, share=min(1.0, spent / limit))

        def tell(member: Member) -> None:
            took = milliseconds_of(member.result, data)
            said = f"{in_words(member)}, {took:.2g} ms an answer, {duration(member.seconds)}"
            board.write(f"{member.candidate.name}: {said}")
            kept.keep(member, took)
            _import_slow()

        found = search(
            within(in_order(count, kind), size, limit),
            one,
            lambda candidate: candidate.seconds(*size),
            until=began + limit - min(JOINING, 0.05 * limit),
            tell=tell,
            starts=starts,
            done=kept.members,
        )
    found = on_target(found, options, kept.milliseconds)
    try:
        result = joined(found, split, seconds=time.perf_counter() - began)
    except KeyboardInterrupt:  # there is little left to be done
        found = replace(found, stopped="interrupted")
        result = joined(found, split, seconds=time.perf_counter() - began)
    state = TrainingState(rows=result.history.rows, best_epoch=1)
    for callback in callbacks:
        callback.on_epoch(result.history.rows[0], state)
        callback.on_end(result.stopped)
    return result


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


def in_words(member: Member) -> str:
    """What is known of a member: its scores for held-out sequences, and the size of its weights."""
    size = sum(w.nbytes for w in member.result.network.get_weights().values())
    held_out: HeldOut | None = member.result.held_out
    row = member.result.history.rows[0]
    found = {n: v for n, v in row.items() if n.startswith("validation_") and not n.endswith("loss")}
    scores = ", ".join(f"{n.removeprefix('validation_')} {v:.4f}" for n, v in found.items())
    if held_out is not None and held_out.targets.ndim == 1 and held_out.outputs.ndim == 2:
        chosen = held_out.outputs[np.arange(len(held_out.targets)), held_out.targets]
        right = np.asarray(held_out.outputs.argmax(axis=1) == held_out.targets, float)
        error = right.std() / math.sqrt(len(right))
        scores = f"accuracy {right.mean():.4f} ± {error:.4f}"
        scores += f", log loss {-np.log(chosen.clip(1e-12)).mean():.4f}"
    return f"held out {scores}; {size / 1e6:.1f} MB"


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


def joined(found: Found, split: TrainValidationSplit, seconds: float) -> FitResult:
    """The members as one result.

    Args:
        found: of the search.
        split: what they were trained on.
        seconds: that the search took.
    """
    first: FitResult = found.members[0].result
    objective = make_objective(first.task.objective)
    form = "softmax" if objective.every else objective.form
    members = [m for m in found.members if not m.candidate.soon] or list(found.members)
    known, encoded, wanted = known_targets(first, split, [m.logits for m in members])
    own = [member.logits[known] for member in members]
    weights = first.task.weights(split.train, split.weights)
    weights = None if weights is None else weights[known]
    combination = combine(own, wanted, form, weights)
    if first.static is not None:  # each head joins them: one member has to do
        best = int(np.argmin([loss_and_slope(one, wanted, form, weights)[0] for one in own]))
        members, own = [members[best]], [own[best]]
        combination = combine(own, wanted, form, weights)
    kept = [i for i, weight in enumerate(combination.weights) if weight > 1e-3] or [0]
    network = mixture(
        [members[i].result.network for i in kept],
        combination._replace(weights=combination.weights[kept]),
        objective,
    )
    fold = _folds_of(split, known, encoded, first.network.seed)
    logits = join_held_out(own, wanted, form, weights, parts=fold, found=combination)
    row = scores(logits, encoded, objective) | {"seconds": seconds}
    return replace(
        first,
        network=network,
        history=History([row], 1),
        stopped=found.stopped,
        training_summary=_summary(first, found, members, combination, seconds),
        held_out=as_held_out(first, logits, encoded),
    )


def _folds_of(split: TrainValidationSplit, known: Array, encoded: Array, seed: int) -> Array:
    """The fold of each row of what is held out, in which another combination says what it is.

    Args:
        split: what members were trained on.
        known: `[n]`, which rows there are.
        encoded: the targets there.
        seed: of the draws.
    """
    groups = held_out_groups(split.train)
    if split.task.per_step:
        of_each = np.arange(len(split.train)) if groups is None else groups
        groups = np.repeat(of_each, split.train.x.lengths)
    classes = encoded if encoded.ndim == 1 else np.zeros(len(encoded))
    rng = np.random.default_rng(seed)
    return fold_of_each(FOLDS, classes, None if groups is None else groups[known], rng)


def scores(logits: Array, targets: Array, objective: Objective) -> dict[str, float]:
    """The row of the history: all scores are of held-out sequences, those of the training too."""
    form = "softmax" if objective.every else objective.form
    row = measured(replace(objective, form=form), logits, targets, None).row()
    held_out = {f"validation_{name}": value for name, value in row.items()}
    return {"epoch": 1, **row, "learning_rate": 0.0, **held_out}


def _summary(
    first: FitResult,
    found: Found,
    members: list[Member],
    combination: Combination,
    seconds: float,
) -> Lines:
    """What was done: the members with their weights, and what was left out."""
    given = [
        pair
        for pair in first.training_summary
        if pair[0] not in ("network", "head", "scores", "time", "kernels", "seed")
    ]
    lines = [
        (
            member.candidate.name,
            f"weight {weight:.2f}, {in_words(member)}: {_networks_of(member)}",
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
    if member.candidate.trained:
        return f"{member.candidate.network}, the mean of one for each fold"
    return to_text(member.result.network.specs)


# -- the network ----------------------------------------------------------------------------------


def mixture(networks: list[Network], joined_by: Combination, objective: Objective) -> Network:
    """One network of several with the same input: their logits, joined by its head.

    Args:
        networks: without static features, unless there is but one.
        joined_by: how.
        objective: of all.
    """
    outputs, (weights, scale, offset) = objective.outputs, joined_by
    first = networks[0]
    if len(networks) == 1:
        found = copy.copy(first)
        of_first = first.get_weights()
        kernel, bias = (weights[0] * scale * of_first[f"head/{n}"] for n in ("kernel", "bias"))
        found.set_weights(_head(kernel, bias + offset))
        return found
    branches: list[tuple[LayerSpec, ...]] = []
    given: dict[str, Array] = {}
    for number, network in enumerate(networks, start=1):
        branches.append((*network.specs, Dense(outputs, name="logits")))
        for name, weight in network.get_weights().items():
            own = name.replace("head/", "logits/", 1) if name.startswith("head/") else name
            given[f"parallel_1/branch_{number}/{own}"] = weight
    kernel = np.concatenate([weight * np.diag(scale) for weight in weights])
    head = _head(kernel, offset)
    return Network(
        (Parallel(tuple(branches)),), first.input_shape, outputs,
        every=first.every, seed=first.seed, weights={**given, **head}, device=first.device,
    )  # fmt: skip


def _head(kernel: Array, bias: Array) -> dict[str, Array]:
    return {"head/kernel": kernel.astype(np.float32), "head/bias": bias.astype(np.float32)}


def mean_of(networks: list[Network], objective: Objective) -> Network:
    """The mean of the logits of networks that differ in their weights only, as one.

    Of means of embeddings it is one that has as many features as there are outputs.
    """
    first, count = networks[0], len(networks)
    embedding, *others = first.specs
    if not isinstance(embedding, Embedding) or others != [Pool("mean")]:
        ones = np.ones(objective.outputs)
        mean = Combination(np.full(count, 1 / count), scale=ones, offset=0 * ones)
        return mixture(networks, mean, objective)
    weights = [network.get_weights() for network in networks]
    name, outputs = f"{first.names[0]}/embeddings", first.outputs
    table = sum(own[name] @ own["head/kernel"] / count for own in weights)
    bias = np.mean([own["head/bias"] for own in weights], axis=0)
    merged = {name: np.asarray(table, np.float32), **_head(np.eye(outputs), bias)}
    specs = (replace(embedding, features=outputs), *others)
    return Network(
        specs, first.input_shape, outputs, seed=first.seed, weights=merged, device=first.device
    )
