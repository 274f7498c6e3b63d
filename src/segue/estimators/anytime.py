"""Probabilities after each step of a sequence: those for each of its prefixes.

A causal network gives all of them in one pass. Another network has to see each prefix anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from segue.data.arrays import as_features
from segue.data.sequences import Array, Sequences
from segue.errors import NotCausalError, OptionError, is_whole
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import PerSequence
from segue.kernels.ragged import Ragged
from segue.networks import Network
from segue.prepare.pipeline import every_th, unexpected_missing
from segue.training.history import make_reporter
from segue.training.inference import map_steps, probabilities

# Steps of prefixes that are copied and prepared at once.
_PREFIX_STEPS = 500_000


def anytime(
    classifier: BaseSequenceEstimator,
    x: Sequences,
    static: PerSequence = None,
    every: int = 1,
    *,
    quiet: bool = False,
) -> Sequences:
    """Return `[time, class]` probabilities after each step. See `SequenceClassifier.anytime`.

    Args:
        classifier: fitted.
        x: checked sequences.
        static: `[n, feature]` as they come, where the model has static features.
        every: after every so many steps, and after the last.
        quiet: do not print what it costs.
    """
    if not is_whole(every, least=1):
        raise OptionError(f"`every` is {every!r}; expected a whole number of steps from 1 on.")
    reason = _what_looks_ahead(classifier, x)
    if reason and len(x):
        _refuse_short_prefixes(classifier.network_, int(every))
        return _each_prefix(classifier, x, int(every), static, "" if quiet else reason)
    network, task = classifier.network_, classifier.task_

    def at_every_step(x: Ragged) -> Ragged:
        logits = network.prefix_outputs(x)
        found = probabilities(logits.values, task.objective.kind)
        return logits._replace(values=found.astype(np.float32))

    prepared = classifier._prepared(x, static)
    width = len(getattr(task, "classes", ()))
    found = map_steps(network, prepared, at_every_step, width, classifier.training_options.threads)
    if every == 1 or not len(x):
        return found
    return Sequences.from_list([rows[every_th(len(rows), int(every)) - 1] for rows in found])


def _what_looks_ahead(classifier: BaseSequenceEstimator, x: Sequences) -> str:
    """Why one pass is not enough; nothing where it is."""
    preparation = classifier.preparation_
    for layer in classifier.network_.chain:
        if not layer.causal:
            return str(layer.not_causal()).partition(", so it cannot")[0]
    for step in preparation.steps:
        if not step.causal:
            return f"the preparation `{step}` looks ahead"
    if any(len(unexpected_missing(preparation, b.values, b.lengths)) for b in x.blocks()):
        return "values are missing where training had none, and interpolating them looks ahead"
    return ""


# -- each prefix --------------------------------------------------------------------------------


def _refuse_short_prefixes(network: Network, every: int) -> None:
    for name, layer in network.layers.items():
        if layer.fixed_length is not None:
            raise NotCausalError(
                f"{name} takes sequences of {layer.fixed_length} steps only, so there are no "
                "probabilities after fewer. Use a layer that takes any length: lstm(32), or "
                "pool(mean)."
            )
    if network.shortest_length > every:
        raise NotCausalError(
            f"The network has windows that lie wholly inside a sequence (padding=valid), so there "
            f"are no probabilities after fewer than {network.shortest_length} steps: use "
            f"every={network.shortest_length} or more."
        )


def _each_prefix(
    classifier: BaseSequenceEstimator, x: Sequences, every: int, static: Any, reason: str
) -> Sequences:
    """Every prefix as a sequence of its own; a reason to do so is printed with what it costs."""
    ends = [classifier.preparation_.prefix_lengths(n, every) for n in x.lengths.tolist()]
    counts = [len(own) for own in ends]
    if reason:
        steps, count = sum(int(own.sum()) for own in ends), sum(counts)
        text = f"anytime: {reason}, so each of {count:,} prefixes is seen anew: {steps:,} time "
        text += f"steps in place of {x.total_steps:,}, {steps / x.total_steps:.0f} times the work "
        text += "of predict."
        if every == 1 and steps > _PREFIX_STEPS:
            text += " every=10 makes it about a tenth."
        make_reporter(classifier.training_options).message(text)
    cut = (steps[:end] for steps, own in zip(x, ends, strict=True) for end in own.tolist())
    known = None if static is None else np.repeat(as_features(static), counts, axis=0)
    found: list[Array] = []
    first = 0
    for block in _blocks(cut):
        rows = slice(first, first := first + len(block))
        own_static = None if known is None else known[rows]
        found.append(classifier._outputs(Sequences.from_list(block, exact=True), own_static))
    return Sequences(np.concatenate(found), np.concatenate([[0], np.cumsum(counts)]))


def _blocks(items: Iterator[Array]) -> Iterator[list[Array]]:
    """Lists of so many arrays that their steps stay within memory."""
    block: list[Array] = []
    steps = 0
    for item in items:
        if block and steps + len(item) > _PREFIX_STEPS:
            yield block
            block, steps = [], 0
        block.append(item)
        steps += len(item)
    if block:
        yield block
