"""Integrated gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from segue.errors import OptionError
from segue.evaluation.explain.attribution import Attribution, Logit, attribute
from segue.prepare.batches import Padded
from segue.training.inference import STEPS_AT_ONCE

if TYPE_CHECKING:
    from segue.estimators import SequenceClassifier

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
        lines = _Lines(signal, codes, logit, tolerance)
        return lines.integrals(pieces) * signal.values

    return attribute(classifier, X, method, "integrated gradients", target=target, static=static)


class _Pieces(NamedTuple):
    """Pieces of the lines of some sequences."""

    rows: Tensor  # [piece], whose line
    low: Tensor  # [piece], where it begins, from 0 to 1
    high: Tensor  # [piece], where it ends

    def of(self, index: Tensor) -> _Pieces:
        return _Pieces(self.rows[index], self.low[index], self.high[index])

    def halved(self) -> _Pieces:
        middle = (self.low + self.high) / 2
        return _Pieces(
            self.rows.repeat(2), torch.cat([self.low, middle]), torch.cat([middle, self.high])
        )


@dataclass(frozen=True)
class _Lines:
    """The straight line from nothing (0) to each sequence of a batch (1).

    Which pieces of a line are halved is decided for it alone, so batch mates change nothing; but
    the pieces of all lines go through the network together.
    """

    signal: Padded
    codes: Tensor
    logit: Logit
    tolerance: float

    def integrals(self, pieces: int) -> Tensor:
        """The integral of the gradient along each line, `[batch, time, feature]`."""
        batch, time, _ = self.signal.values.shape
        edges = torch.linspace(0, 1, pieces + 1).to(self.signal.values)
        rows = torch.arange(batch, device=edges.device).repeat_interleave(pieces)
        waiting = _Pieces(rows, edges[:-1].repeat(batch), edges[1:].repeat(batch))
        total = torch.zeros_like(self.signal.values)
        for halving in range(_HALVINGS + 1):
            missed = []
            size = max(1, STEPS_AT_ONCE // time)
            for index in torch.split(torch.arange(len(waiting.rows)), size):
                some = waiting.of(index)
                found, gap = self._integrate(some)
                fine = gap <= self.tolerance * (some.high - some.low).clamp(min=_FINE)
                kept = fine if halving < _HALVINGS else torch.ones_like(fine)
                total.index_add_(0, some.rows[kept], found[kept])
                missed.append(index[~kept.cpu()])
            waiting = waiting.of(torch.cat(missed)).halved()
            if len(waiting.rows) == 0:
                break
        return total

    def _integrate(self, pieces: _Pieces) -> tuple[Tensor, Tensor]:
        """The integrals, and by how much they miss the change of the logit, `[piece]`."""
        x, rows = self.signal, pieces.rows
        static = None if x.static is None else x.static[rows]
        x = Padded(x.values[rows], x.lengths[rows], static)
        codes, width = self.codes[pieces.rows], pieces.high - pieces.low
        found = torch.zeros_like(x.values)
        for point, share in zip(_POINTS, _SHARES, strict=True):
            gradient = _gradient(_scaled(x, pieces.low + point * width), codes, self.logit)
            found += share * width[:, None, None] * gradient
        with torch.no_grad():
            change = self.logit(_scaled(x, pieces.high), codes)
            change -= self.logit(_scaled(x, pieces.low), codes)
        return found, ((found * x.values).sum((1, 2)) - change).abs()


def _scaled(x: Padded, places: Tensor) -> Padded:
    return x._replace(values=places[:, None, None] * x.values)


def _gradient(x: Padded, codes: Tensor, logit: Logit) -> Tensor:
    values = x.values.detach().requires_grad_()
    with torch.enable_grad():
        total = logit(x._replace(values=values), codes).sum()
    return torch.autograd.grad(total, values)[0]
