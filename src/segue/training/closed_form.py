"""Training in closed form: the head of a network of which nothing else is trained.

The features of all training sequences are computed once, and `fit_ridge` solves for the head. What
it would say of each sequence if it had been fitted without it stands beside the result. Trees that
stand before the head are grown, and the vectors of tokens found by counting.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.deadline import check_time
from segue.errors import TrainingError
from segue.kernels import forward
from segue.kernels.ragged import Ragged, offsets_of
from segue.layers.core import Embedding
from segue.layers.inference import InferenceLayer
from segue.layers.trees import Trees, log_shares
from segue.limits import VARIABLE, memory_limit, size_text
from segue.networks import Network
from segue.randomness import numpy_generator
from segue.training.history import Row
from segue.training.log_loss import Floats, log_losses
from segue.training.naive_bayes import count_tokens
from segue.training.objectives import Objective, RunningMetrics
from segue.training.ridge import RidgeFit, best_scale, fit_ridge
from segue.training.setup import TrainingData, TrainingSetup
from segue.training.trees import grow_trees

MOST = 12_000  # sequences or features, of which there are fewer: time grows with the third power
_STEPS = 20_000  # of the sequences whose features are computed at once
_FEW = 40_000_000  # steps times features: of few features those of more steps are computed at once


@dataclass(frozen=True)
class HeldOut:
    """What is predicted for each training sequence by a model that was fitted without it.

    Attributes:
        outputs: `[n, class]` probabilities; of a regressor `[n]` or `[n, value]` numbers.
        targets: `[n]` class numbers, `[n, label]` of 0 and 1, or numbers.
    """

    outputs: Array
    targets: Array


class Head(NamedTuple):
    """A fitted head.

    Attributes:
        kernel: `[feature, output]`.
        bias: `[output]`.
        held_out: `[n, output]`, its outputs for each sequence, by one that was fitted without it.
        text: what it is, in words.
    """

    kernel: Floats
    bias: Floats
    held_out: Floats
    text: str


class Solution(NamedTuple):
    """The result of a training in closed form.

    Attributes:
        network: with all its weights.
        head: of the network.
        row: of the history: scores on what was trained on, and held out.
    """

    network: Network
    head: Head
    row: Row


def solve(setup: TrainingSetup, groups: Array | None = None) -> Solution:
    """Find the head of the network of a training in closed form; trees before it are grown first.

    Args:
        setup: what is trained; epochs, rates and batches of it have no meaning here. A network with
            an embedding is `embedding(classes) pool(mean)`, for classes.
        groups: `[n]`, which training sequences are held out together; `None`: each alone.

    Raises:
        TrainingError: more sequences and features than memory and time allow; features that are
            not finite.
    """
    began = time.perf_counter()
    network, data, objective = setup.network, setup.train, setup.objective
    targets = data.targets.ragged()
    weights = None if data.weights is None else data.weights.ragged()
    with forward.threads(setup.options.threads):
        if isinstance(network.specs[-1], Trees):
            network, head = _grow(setup, targets, weights, groups)
            x = features(network, data)
        elif isinstance(network.specs[0], Embedding):
            head = _count(setup, targets, weights, groups)
            x = features(network, data)
        else:
            x = features(network, data)
            wanted = wanted_outputs(targets, objective)
            try:
                found = fit_ridge(x, wanted, objective.form, weights=weights, groups=groups)
            except np.linalg.LinAlgError:
                raise TrainingError(
                    "The features of the training sequences are so large that the head cannot be "
                    "found. Look for values far out of the ordinary with `segue data show`."
                ) from None
            head = Head(found.kernel, found.bias, found.held_out, _in_words(found))
        bias, kernel = head.bias.astype(np.float32), head.kernel.astype(np.float32)
        network.set_weights({"head/kernel": kernel, "head/bias": bias})
        row = {"epoch": 1, **measured(objective, x @ kernel + bias, targets, weights).row()}
        held_out = measured(objective, head.held_out, targets, None)
        if setup.validation is not None:
            seen = features(network, setup.validation) @ kernel + bias
            own = setup.validation.targets.ragged()
            held_out = measured(objective, seen, own, None)
    row |= {"learning_rate": 0.0, **held_out.row("validation_")}
    return Solution(network, head, {**row, "seconds": time.perf_counter() - began})


def _in_words(found: RidgeFit) -> str:
    """A ridge regression in words.

    >>> kernel = np.zeros((4, 1))
    >>> _in_words(RidgeFit(kernel, kernel[0], kernel, 0.01, 2.5, 0.3))
    'ridge regression on 4 features, penalty 0.01, logits scaled by 2.5'
    """
    text = f"ridge regression on {len(found.kernel):,} features, penalty {found.penalty:.2g}"
    return text if found.scale == 1 else f"{text}, logits scaled by {found.scale:.3g}"


def _grow(
    setup: TrainingSetup, targets: Array, weights: Array | None, groups: Array | None
) -> tuple[Network, Head]:
    """The network with its trees, and the head behind them, which scales their logits."""
    network, spec = setup.network, setup.network.specs[-1]
    assert isinstance(spec, Trees)
    assert spec.classes is not None
    *_, layer, _ = network.chain.layers
    x = features(network, setup.train, before=layer)
    forest = grow_trees(
        x, targets, trees=spec.trees, count=spec.classes, weights=weights, groups=groups,
        seed=int(numpy_generator(setup.seed, "trees").integers(2**31)),
        threads=setup.options.threads or int(getattr(forward.backend(), "threads", 1)),
    )  # fmt: skip
    nodes, leaves = len(forest.weights["below"]), len(forest.weights["leaf"])
    own = {f"{layer.name}/{name}": weight for name, weight in forest.weights.items()}
    others = {n: w for n, w in network.get_weights().items() if n not in own}
    network = Network(
        (*network.specs[:-1], replace(spec, nodes=nodes, leaves=leaves, depth=forest.depth)),
        network.input_shape, network.outputs, seed=network.seed,
        weights={**others, **own}, device=network.device,
    )  # fmt: skip
    logits = log_shares(forest.held_out, spec.trees)
    text = f"{spec.trees:,} extremely randomised trees on {x.shape[1]:,} features"
    return network, _scaled(logits, setup, targets, weights, text)


def _count(
    setup: TrainingSetup, targets: Array, weights: Array | None, groups: Array | None
) -> Head:
    """The head behind the means of the tokens' vectors, which are set."""
    network, batches = setup.network, setup.train.batches
    spec, name = network.specs[0], f"{network.names[0]}/embeddings"
    assert isinstance(spec, Embedding)
    values, lengths = batches.ragged(np.arange(len(targets)))  # type: ignore[attr-defined]
    tokens = len(network.get_weights()[name])
    counted = count_tokens(
        values[:, 0], lengths, targets, tokens=tokens, count=spec.features, weights=weights,
        groups=groups, seed=int(numpy_generator(setup.seed, "counts").integers(2**31)),
    )  # fmt: skip
    network.set_weights({name: counted.vectors.astype(np.float32)})
    head = _scaled(counted.held_out, setup, targets, weights, f"naive Bayes on {tokens:,} tokens")
    of_static = np.zeros((network.static, head.kernel.shape[1]))
    return head._replace(kernel=np.concatenate([head.kernel, of_static]))


def _scaled(
    logits: Floats, setup: TrainingSetup, targets: Array, weights: Array | None, text: str
) -> Head:
    """The head behind logits that are known but for their scale.

    Args:
        logits: `[n, class]`, of training sequences that were held out.
        setup: what is trained.
        targets: `[n]`, the classes.
        weights: `[n]`; `None`: all the same.
        text: where the logits are from.
    """
    form, classes = setup.objective.form, logits.shape[1]
    turned = np.eye(classes) if form == "softmax" else np.array([[-1.0], [1.0]])
    scores, wanted = logits @ turned, wanted_outputs(targets, setup.objective)
    scale = best_scale(scores, wanted, form, weights)
    text = f"{text}, logits scaled by {scale:.3g}"
    return Head(scale * turned, np.zeros(len(turned[0])), scale * scores, text)


def features(network: Network, data: TrainingData, before: InferenceLayer | None = None) -> Array:
    """`[n, feature]`: the input of the head for each sequence, or of the layer before it.

    Raises:
        TrainingError: more than memory and time allow.
    """
    *layers, last = network.chain.layers
    if before is not None:
        *layers, last = layers
    lengths, batches = data.batches.lengths, data.batches
    _check_size(len(lengths), last.inputs)
    found = np.empty((len(lengths), last.inputs), np.float32)
    first, ends = 0, np.cumsum(lengths)
    steps = max(_STEPS, _FEW // max(1, last.inputs))
    while first < len(lengths):
        check_time()
        begin = ends[first - 1] if first else 0
        end = max(first + 1, int(np.searchsorted(ends, begin + steps, "right")))
        values, own = batches.ragged(np.arange(first, end))  # type: ignore[attr-defined]
        signal: object = Ragged(values, offsets_of(own))
        for layer in layers:
            signal = layer(signal)
        static = batches.static  # type: ignore[attr-defined]
        found[first:end] = network.joined(signal, None if static is None else static[first:end])
        first = end
    return found


def _check_size(count: int, width: int) -> None:
    """Raise where a solution would take more memory or time than there is."""
    least = min(count, width)
    needed = 4 * count * width + 3 * 8 * least**2
    limit = memory_limit()
    advice = (
        "Ask for fewer features, such as rocket(1000), multirocket(1000) or hydra(8), or train on "
        "fewer sequences"
    )
    if least > MOST:
        raise TrainingError(
            f"The head of {count:,} sequences with {width:,} features each is solved in closed "
            f"form, and the smaller of the two numbers can be {MOST:,} at most. {advice}."
        )
    if limit is not None and needed > limit:
        raise TrainingError(
            f"{width:,} features of {count:,} sequences need about {size_text(needed)} of memory, "
            f"and {size_text(limit)} are free. {advice}; {VARIABLE} in the environment sets "
            "another limit."
        )


def wanted_outputs(targets: Array, objective: Objective) -> Array:
    """`[n, output]`, what the outputs are to be: 0 and 1, or numbers."""
    if targets.ndim > 1:
        return targets.astype(np.float64)
    if objective.form == "binary":
        return targets[:, None].astype(np.float64)
    return np.asarray(np.eye(objective.outputs)[targets])


def measured(
    objective: Objective, outputs: Array, targets: Array, weights: Array | None
) -> RunningMetrics:
    """Loss and score, as those of any training; without PyTorch.

    Args:
        objective: of the training.
        outputs: `[n, output]`, of the head.
        targets: `[n]` or `[n, output]`.
        weights: `[n]`, of the losses; `None`: all the same.
    """
    logits, wanted = outputs.astype(np.float64), wanted_outputs(targets, objective)
    if objective.form == "squared":
        errors = (logits - wanted) * np.asarray(objective.scale or 1.0)
        losses = scores = (errors**2).mean(1)
    else:
        losses, _ = log_losses(logits, wanted, objective.form)
        is_one = targets.ndim == 1 and objective.form in ("softmax", "sigmoid")
        is_right = (logits > 0) == (wanted > 0)
        scores = logits.argmax(1) == targets if is_one else is_right.mean(1)
    counted = losses if weights is None else losses * weights
    sums = {"loss": counted.sum(), "score": scores.sum(), "count": len(logits)}
    return RunningMetrics(objective, {name: float(value) for name, value in sums.items()})
