"""Explanations of a classifier: its gates, and the steps and channels that move its logits.

`gates` decomposes a recurrent layer and recomposes it; `integrated_gradients` and `occlusion`
attribute the logit of a class to each step of each channel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from segue.data.dataset import Dataset, named
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError, did_you_mean
from segue.evaluation.gates import Gates, gates
from segue.evaluation.model_info import require_classes, require_one_network
from segue.modules.network import TorchNetwork
from segue.prepare.batches import Batches
from segue.prepare.padded import Padded
from segue.prepare.steps import scaled_static
from segue.training.inference import STEPS_AT_ONCE
from segue.training.validation import run_batches

if TYPE_CHECKING:
    from segue.estimators import SequenceClassifier

__all__ = ["Attribution", "Gates", "gates", "integrated_gradients", "occlusion"]


@dataclass(frozen=True, eq=False)
class Attribution:
    """Attributions of the steps and channels of some sequences, to one class each.

    Attributes:
        method: "integrated gradients" or "occlusion".
        values: `[time, channel]`, in units of the logit: above zero speaks for the class, below
            zero against it. Steps and channels are those that the network sees (of
            `prepare="frame(32)"`, frames); of tokens, and where channels were hidden together,
            there is one channel.
        targets: `[n]`, the class that is explained.
        change: `[n]`, the logit of that class, less the logit of a sequence of which nothing is
            known (every prepared value 0: the mean of the training data, if it was standardized).
        channels: a name for each channel.
        x: the sequences as they came; as they were prepared, where that makes other steps of them.
    """

    method: str
    values: Sequences
    targets: Array
    change: Array
    channels: tuple[str, ...]
    x: Sequences = field(repr=False)

    @property
    def sums(self) -> Array:
        """`[n]`, the sum over the steps and channels of each sequence."""
        return np.array([steps.sum(dtype=np.float64) for steps in self.values])

    @property
    def difference(self) -> float:
        """The largest difference between a sum and its change of the logit (completeness)."""
        return float(np.abs(self.sums - self.change).max())

    def plot(self, index: int = 0, **options: Any) -> Array:
        """Draw one sequence with colour underneath; see `segue.plots.plot_attribution`."""
        from segue import plots

        return plots.plot_attribution(
            self.x[index],
            self.values[index],
            channels=self.channels,
            title=f"{self.method}: for (blue) and against (orange) {named(self.targets[index])}",
            **options,
        )


# -- what the methods share ---------------------------------------------------------------------

# From a signal `[batch, time, feature]` and class numbers `[batch]` to their logits `[batch]`.
Logit = Callable[[Padded, Tensor], Tensor]
# Attribution `[batch, time, feature]` of a signal and its class numbers, by such a function.
Method = Callable[[Padded, Tensor, Logit], Tensor]


def attribute(
    classifier: SequenceClassifier,
    X: Any,  # noqa: N803
    method: Method,
    name: str,
    *,
    target: Any,
    static: Any,
) -> Attribution:
    """Explain sequences with a method.

    What is known of a sequence as a whole (`static`) stays as it is: it has no share. Of tokens,
    what is explained are their vectors, and the features of one are summed.
    """
    require_one_network(classifier, "An explanation")
    require_classes(classifier, "An explanation")
    x, static = classifier._input(X, static)
    network = classifier.network_.to_torch()
    codes = _codes(classifier, x, target, static)
    change = np.empty(len(x))
    rows: list[Any] = [None] * len(x)

    def work(index: Array, batch: Padded) -> None:
        first, signal = 0, batch
        if network.input_shape.tokens is not None:  # numbers begin behind the embedding
            first, signal = 1, network.chain[0](batch)._replace(static=batch.static)
        logit = _logit_of(network, first)
        chosen = torch.from_numpy(codes[index]).to(signal.values.device)
        nothing = signal._replace(values=torch.zeros_like(signal.values))
        known, unknown = (logit(one, chosen).double() for one in (signal, nothing))
        change[index] = (known - unknown).cpu()
        with torch.enable_grad():
            found = method(signal, chosen, logit)
        found = found.sum(-1, keepdim=True) if first else found
        for i, values, n in zip(index, found.cpu().numpy(), signal.lengths.tolist(), strict=True):
            rows[i] = values[:n]

    if len(x):
        scaled = scaled_static(classifier.static_, len(x), static)
        batches = Batches(x, classifier.preparation_, classifier.network_.device, scaled)
        run_batches(network, batches, work, classifier.training_options.threads)
    values = Sequences.from_list(rows)
    names = _names(classifier, X, values.channels)
    seen = classifier.preparation_.as_seen(x)
    return Attribution(name, values, classifier.classes_[codes], change, names, seen)


def occlusion(
    classifier: SequenceClassifier,
    X: Any,  # noqa: N803  (scikit-learn's name)
    *,
    width: int = 1,
    channels: Literal["each", "together"] = "each",
    target: Any = None,
    static: Any = None,
) -> Attribution:
    """Hide one piece after the other and note by how much the logit of the class falls.

    A hidden value is 0 after preparation: the mean of the training data, if it was standardized.
    Every step of a piece gets the fall of its piece. A sequence of T steps and C channels
    goes through the network C * T / width times.

    Args:
        classifier: fitted.
        X: sequences, in any form that `predict` takes.
        width: steps of a piece, as the network sees them; the last piece of a sequence may be
            shorter.
        channels: hide "each" channel by itself, or all "together".
        target: the class to be explained, or one for each sequence; if left out, the predicted one.
        static: `[n, feature]`, where the model was trained with static features; a `Dataset` brings
            its own. They stay as they are and have no share.

    Returns:
        An `Attribution`: `.values` `[time, channel]` (one channel for "together"), `.plot()`.

    Raises:
        OptionError: `width` below 1, or `channels` that is neither.
        DataError: a target that is no class, or sequences that cannot be used.

    Source: M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV
    2014.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0]] * 10, ["up", "down"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=3, options=options).fit(x, y)
    >>> occlusion(classifier, x[:2], width=2).values.lengths.tolist()
    [3, 2]
    """
    if width < 1:
        raise OptionError(f"`width` is {width!r}; expected a whole number of steps from 1 on.")
    if channels not in ("each", "together"):
        raise OptionError(f"`channels` is {channels!r}; expected 'each' or 'together'.")

    @torch.no_grad()
    def method(signal: Padded, codes: Tensor, logit: Logit) -> Tensor:
        shown = logit(signal, codes)
        features = signal.values.shape[2]
        takes_tokens = classifier.network_.input_shape.tokens is not None
        pieces = [slice(c, c + 1) for c in range(features)]
        if channels == "together" or takes_tokens:
            pieces = [slice(0, features)]
        found = signal.values.new_zeros(*signal.values.shape[:2], len(pieces))
        for number, piece in enumerate(pieces):
            for first in range(0, signal.values.shape[1], width):
                values = signal.values.clone()
                values[:, first : first + width, piece] = 0
                fall = shown - logit(signal._replace(values=values), codes)
                found[:, first : first + width, number] = fall[:, None]
        return found

    return attribute(classifier, X, method, "occlusion", target=target, static=static)


def _logit_of(network: TorchNetwork, first: int) -> Logit:
    """The network from its layer number `first` on."""

    def logit(x: Padded, codes: Tensor) -> Tensor:
        signal: Any = x
        *layers, head = network.chain[first:]
        for layer in layers:
            signal = layer(signal)
        outputs: Tensor = head(network.joined(signal, x.static))
        if outputs.shape[1] == 1:  # two classes share one logit, that of the second
            return (2 * codes - 1) * outputs[:, 0]
        return outputs.gather(1, codes[:, None])[:, 0]

    return logit


def _codes(classifier: SequenceClassifier, x: Sequences, target: Any, static: Any) -> Array:
    """`[n]` class numbers: of the predicted class, of one class for all, or of one for each."""
    if target is None:
        return np.asarray(classifier.predict_proba(x, static).argmax(axis=1))
    wanted = np.asarray(target)
    if wanted.shape not in ((), (len(x),)):
        raise DataError(
            f"`target` has shape {wanted.shape}; expected one class, or {len(x)}, one for each "
            "sequence."
        )
    numbers = {name: code for code, name in enumerate(classifier.classes_.tolist())}
    for name in np.unique(wanted).tolist():
        if name not in numbers:
            near = did_you_mean(str(name), map(str, numbers))
            if str(name) in map(str, numbers):
                near = " The classes are numbers: leave out the quotes."
            raise DataError(f"`target`: there is no class {name!r}.{near}")
    return np.broadcast_to([numbers[n] for n in wanted.ravel().tolist()], (len(x),)).copy()


def _names(classifier: SequenceClassifier, given: Any, count: int) -> tuple[str, ...]:
    """The channels that the network sees; behind those of the data stand the masks."""
    preparation = classifier.preparation_
    known = given.channels if isinstance(given, Dataset) else None
    names = known or tuple(f"channel {i + 1}" for i in range(preparation.channels_in))
    if count == len(names):
        return names
    expected = preparation.fitted[-1].get("expected", ()) if preparation.fitted else ()
    if count == len(names) + len(expected):
        return (*names, *(f"{names[i]} missing" for i in expected))
    return ("all",) if count == 1 else tuple(f"feature {i + 1}" for i in range(count))


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)  # on the line from -1 to 1
_POINTS, _SHARES = ((_NODES + 1) / 2).tolist(), (_WEIGHTS / 2).tolist()
_HALVINGS = 8
_FINE = 1 / 16  # below this length of a piece, what it may miss no longer shrinks with it


def integrated_gradients(
    classifier: SequenceClassifier,
    X: Any,  # noqa: N803  (scikit-learn's name)
    *,
    target: Any = None,
    steps: int = 64,
    tolerance: float = 1e-3,
    static: Any = None,
) -> Attribution:
    """Share out the change of a class's logit among the steps and channels of each sequence.

    The gradient is integrated along the straight line from a sequence of which nothing is known
    (every prepared value 0) to the sequence itself. So the shares add up to the change of the
    logit between the two (completeness). Padding has no share.

    A network that remembers can change its mind within a short piece of that line. So the line is
    cut in pieces of 16 points (Gauss-Legendre), each piece is held against its own change of the
    logit, and those that miss it are halved, eight times at most. `.difference` is how far the
    shares are from adding up in the end.

    Args:
        classifier: fitted.
        X: sequences, in any form that `predict` takes.
        target: the class to be explained, or one for each sequence; if left out, the predicted one.
        steps: points on the line to begin with.
        tolerance: how far the shares may miss the change of the logit before pieces are halved.
        static: `[n, feature]`, where the model was trained with static features; a `Dataset` brings
            its own. They stay as they are and have no share.

    Returns:
        An `Attribution`: `.values` `[time, channel]`, `.plot()`.

    Raises:
        OptionError: `steps` below 1, or a `tolerance` that is not above 0.
        DataError: a target that is no class, or sequences that cannot be used.

    Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0]] * 10, ["up", "down"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=3, options=options).fit(x, y)
    >>> found = integrated_gradients(classifier, x[:2])
    >>> found.values[0].shape, found.difference < 1e-4
    ((3, 1), True)
    """
    if steps < 1:
        raise OptionError(f"`steps` is {steps!r}; expected a whole number from 1 on.")
    if not tolerance > 0:
        raise OptionError(f"`tolerance` is {tolerance!r}; expected a number above 0.")
    pieces = -(-steps // len(_POINTS))

    def method(signal: Padded, codes: Tensor, logit: Logit) -> Tensor:
        def logit_of(x: Padded, rows: Tensor) -> Tensor:
            return logit(x, codes[rows])

        return _line_integrals(signal, logit_of, tolerance, pieces) * signal.values

    return attribute(classifier, X, method, "integrated gradients", target=target, static=static)


def _line_integrals(signal: Padded, logit: Logit, tolerance: float, pieces: int) -> Tensor:
    """The integral of the gradient from nothing (0) to each sequence (1), `[batch, time, feature]`.

    Which pieces of a line are halved is decided for it alone, so batch mates change nothing; but
    the pieces of all lines go through the network together.

    Args:
        signal: the sequences.
        logit: of sequences, and the numbers `[piece]` of those in the signal.
        tolerance: how far a whole line may miss the change of the logit.
        pieces: of each line, to begin with.
    """
    batch, time, _ = signal.values.shape
    edges = torch.linspace(0, 1, pieces + 1).to(signal.values)
    # Of each piece: whose line it is part of, and where it begins and ends, from 0 to 1.
    rows = torch.arange(batch, device=edges.device).repeat_interleave(pieces)
    low, high = edges[:-1].repeat(batch), edges[1:].repeat(batch)
    total = torch.zeros_like(signal.values)
    for halving in range(_HALVINGS + 1):
        missed = []
        for index in torch.split(torch.arange(len(rows)), max(1, STEPS_AT_ONCE // time)):
            piece = rows[index], low[index], high[index]
            found, gap = _integrate(signal, logit, *piece)
            fine = gap <= tolerance * (piece[2] - piece[1]).clamp(min=_FINE)
            kept = fine if halving < _HALVINGS else torch.ones_like(fine)
            total.index_add_(0, piece[0][kept], found[kept])
            missed.append(index[~kept.cpu()])
        left = torch.cat(missed)
        if len(left) == 0:
            break
        rows, low, high = rows[left], low[left], high[left]
        middle = (low + high) / 2
        rows, low, high = rows.repeat(2), torch.cat([low, middle]), torch.cat([middle, high])
    return total


def _integrate(
    signal: Padded, logit: Logit, rows: Tensor, low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor]:
    """The integrals of pieces, and by how much they miss the change of the logit, `[piece]`."""
    static = None if signal.static is None else signal.static[rows]
    x, width = Padded(signal.values[rows], signal.lengths[rows], static), high - low
    found = torch.zeros_like(x.values)
    for point, share in zip(_POINTS, _SHARES, strict=True):
        gradient = _gradient(_scaled(x, low + point * width), rows, logit)
        found += share * width[:, None, None] * gradient
    with torch.no_grad():
        change = logit(_scaled(x, high), rows) - logit(_scaled(x, low), rows)
    return found, ((found * x.values).sum((1, 2)) - change).abs()


def _scaled(x: Padded, shares: Tensor) -> Padded:
    return x._replace(values=shares[:, None, None] * x.values)


def _gradient(x: Padded, rows: Tensor, logit: Logit) -> Tensor:
    values = x.values.detach().requires_grad_()
    with torch.enable_grad():
        total = logit(x._replace(values=values), rows).sum()
    return torch.autograd.grad(total, values)[0]
