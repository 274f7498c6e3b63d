"""Occlusion of the data themselves: what a prediction loses when a stretch of time is hidden.

It calls `predict_proba` and nothing else, so it holds for every network, preparation and ensemble,
and needs no PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from segue.data.arrays import as_features
from segue.data.dataset import Dataset, named
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError, did_you_mean, is_whole
from segue.evaluation.model_info import require_classes
from segue.readers.objects import plain_sequences

_STEPS = 500_000  # of varied sequences that are predicted at once
_LEAST = 1e-7  # a probability below counts as this one


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What the probability of a class owes to each stretch of some sequences.

    Attributes:
        values: `[time, channel]`, the fall of the log odds of the class (in nats) when the stretch
            that a step is in is hidden: above zero it speaks for the class. One channel where all
            were hidden together.
        targets: `[n]`, the class that is explained.
        channels: a name for each channel of `values`.
        x: the sequences.
    """

    values: Sequences
    targets: Array
    channels: tuple[str, ...]
    x: Sequences = field(repr=False)

    def plot(self, index: int = 0, **options: Any) -> Array:
        """Draw one sequence with colour underneath; see `segue.plots.plot_attribution`."""
        from segue import plots

        return plots.plot_attribution(
            self.x[index],
            self.values[index],
            channels=self.channels,
            title=f"occlusion: for (blue) and against (orange) {named(self.targets[index])}",
            **options,
        )


def occlusion_sensitivity(
    classifier: Any,
    X: Any,  # noqa: N803  (scikit-learn's name)
    *,
    pieces: int = 50,
    channels: Literal["each", "together"] = "together",
    target: Any = None,
) -> Sensitivity:
    """Hide one stretch of each sequence after the other and note what the prediction loses.

    What is hidden is replaced by the mean of its channel in the sequence itself (silence, in a
    sound) before the preparation, so that times are those of the data, whatever steps the network
    sees. A sequence is predicted `pieces` times, or that often for each channel.

    Args:
        classifier: fitted, with `predict_proba`: an ensemble and other libraries' too.
        X: sequences of numbers of any lengths, as `predict` takes them.
        pieces: into so many stretches of equal length each sequence is cut; a shorter one into its
            steps.
        channels: hide all channels "together", or "each" by itself.
        target: the class to be explained, or one for each sequence; if left out, the predicted one.

    Returns:
        A `Sensitivity`: `.values` `[time, channel]`, `.plot()`.

    Raises:
        OptionError: `pieces` below 1, or `channels` that is neither.
        DataError: texts or tokens, a target that is no class, or a model without classes.

    Source: M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV
    2014; log odds as in M. Robnik-Šikonja, I. Kononenko, "Explaining classifications for individual
    instances", IEEE TKDE 20 (2008).

    >>> class Ends:
    ...     classes_, class_counts_ = np.array(["low", "high"]), {"low": 1, "high": 1}
    ...     def predict_proba(self, x):
    ...         high = np.array([1 / (1 + np.exp(-steps[-1, 0])) for steps in x])
    ...         return np.stack([1 - high, high], axis=1)
    >>> found = occlusion_sensitivity(Ends(), [[0.0, 0.0, 3.0], [1.0, 5.0]], pieces=3)
    >>> [steps[:, 0].round(1).tolist() for steps in found.values]
    [[0.0, 0.0, 2.0], [0.0, 2.0]]
    """
    if not is_whole(pieces, least=1):
        raise OptionError(f"`pieces` is {pieces!r}; expected a whole number from 1 on.")
    if channels not in ("each", "together"):
        raise OptionError(f"`channels` is {channels!r}; expected 'each' or 'together'.")
    require_classes(classifier, "Occlusion")
    data = X if isinstance(X, Dataset) else None
    x = plain_sequences(X)
    static = None if data is None or data.static is None else as_features(data.static)
    shape = getattr(getattr(classifier, "network_", None), "input_shape", None)
    if x.is_text or getattr(shape, "tokens", None) is not None:
        raise DataError(
            "Texts and tokens have no mean that could stand for what is hidden: "
            "segue.evaluation.explain.occlusion hides their vectors."
        )
    known = np.asarray(_predicted(classifier, x, static), np.float64)
    codes = _codes(classifier.classes_, known, target)
    rows = [np.zeros((n, x.channels if channels == "each" else 1)) for n in x.lengths.tolist()]
    for block, places in _blocks(_hidden(x, int(pieces), each=channels == "each")):
        owners = np.array([owner for owner, _, _ in places], np.int64)
        own = None if static is None else static[owners]
        found = np.asarray(
            _predicted(classifier, Sequences.from_list(block, exact=True), own), np.float64
        )
        chosen = codes[owners]
        falls = _log_odds(known[owners, chosen]) - _log_odds(found[np.arange(len(found)), chosen])
        for (owner, steps, column), fall in zip(places, falls.tolist(), strict=True):
            rows[owner][steps, column] = fall
    names = (data.channels if data is not None else None) or tuple(
        f"channel {number + 1}" for number in range(x.channels)
    )
    shown = names if channels == "each" or x.channels == 1 else ("all",)
    values = Sequences.from_list(rows) if rows else x[:0]
    return Sensitivity(values, np.asarray(classifier.classes_)[codes], shown, x)


def _predicted(classifier: Any, x: Sequences, static: Any) -> Any:
    return classifier.predict_proba(x) if static is None else classifier.predict_proba(x, static)


def _hidden(
    x: Sequences, pieces: int, *, each: bool
) -> Iterator[tuple[Array, tuple[int, slice, int]]]:
    """Each sequence with each of its stretches hidden, and whose it is, where, and which column."""
    for owner, steps in enumerate(x):
        values = np.asarray(steps, np.result_type(steps, np.float32))
        means = np.ma.masked_invalid(values).mean(axis=0).filled(np.nan)
        width = max(1, -(-len(values) // pieces))
        groups = [slice(c, c + 1) for c in range(x.channels)] if each else [slice(None)]
        for column, group in enumerate(groups):
            for first in range(0, len(values), width):
                hidden, stretch = values.copy(), slice(first, first + width)
                hidden[stretch, group] = means[group]
                yield hidden, (owner, stretch, column)


def _blocks(items: Iterator[tuple[Array, Any]]) -> Iterator[tuple[list[Array], list[Any]]]:
    """Several at once, as many as stay within memory."""
    block, places, steps = list[Array](), list[Any](), 0
    for values, place in items:
        if block and steps + len(values) > _STEPS:
            yield block, places
            block, places, steps = [], [], 0
        block.append(values)
        places.append(place)
        steps += len(values)
    if block:
        yield block, places


def _log_odds(shares: Array) -> Array:
    held = np.clip(shares, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(held) - np.log1p(-held))


def _codes(classes: Any, known: Array, target: Any) -> Array:
    """`[n]` class numbers: of the predicted class, of one class for all, or of one for each.

    Raises:
        DataError: there is no such class, or another number of them.
    """
    if target is None:
        return np.asarray(known.argmax(axis=1), np.int64)
    wanted = np.asarray(target)
    if wanted.shape not in ((), (len(known),)):
        raise DataError(
            f"`target` has shape {wanted.shape}; expected one class, or {len(known)}, one for each "
            "sequence."
        )
    numbers = {name: code for code, name in enumerate(np.asarray(classes).tolist())}
    for name in wanted.ravel().tolist():
        if name not in numbers:
            near = did_you_mean(str(name), map(str, numbers))
            raise DataError(f"`target`: there is no class {name!r}.{near}")
    found = np.array([numbers[name] for name in wanted.ravel().tolist()], np.int64)
    return np.broadcast_to(found, (len(known),)).copy()
