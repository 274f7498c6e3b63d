"""The next token at every step of a text: its probabilities, and how it is drawn.

Token 0, which stands for nothing in a text, is its edge: it comes in before the first token, and it
is what follows the last. So a text of n tokens has n + 1 steps.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from segue.errors import OptionError
from segue.estimators.parameters import is_whole
from segue.networks import Network
from segue.padded import Padded
from segue.sequences import Array, Sequences
from segue.training.gradient import map_state

# Steps of a text that go through the network at once, and numbers that its head gives at once.
_STEPS_AT_ONCE, _OUTPUTS_AT_ONCE = 256, 20_000_000
_TEXTS_AT_ONCE = 256

Floats = npt.NDArray[np.float64]


@torch.no_grad()
def at_every_step(
    networks: Sequence[Network],
    inputs: Sequences,
    function: Callable[[Tensor, Tensor], Tensor],
    following: Sequences,
) -> list[Array]:
    """Apply a function to the logits of every step and return what it gives for each text.

    Texts go through the network in pieces with the state carried on, so memory grows neither with
    their length nor with the number of different tokens, but with what the function gives.

    Args:
        networks: causal, of the same tokens; the mean of their probabilities counts.
        inputs: `[time, 1]` tokens of each text.
        function: gets logits `[step, token]` and the tokens that follow, `[step]`.
        following: `[time, 1]`, the token that follows at each step.
    """
    device = next(networks[0].parameters()).device
    at_once = _OUTPUTS_AT_ONCE // (len(networks) * networks[0].chain.shape.features)
    steps = max(1, min(_STEPS_AT_ONCE, at_once))
    texts = max(1, min(_TEXTS_AT_ONCE, at_once // steps))
    rows: list[list[Array]] = [[] for _ in range(len(inputs))]
    order = np.argsort(-inputs.lengths, kind="stable")
    for first in range(0, len(order), texts):
        chosen = order[first : first + texts]
        x, wanted = (_padded([s[i] for i in chosen], device) for s in (inputs, following))
        for place, logits in _pieces_of_all(networks, x, steps):
            for row, number in enumerate(chosen[: len(logits.lengths)]):
                span = slice(int(logits.lengths[row]))
                targets = wanted.values[row, place : place + steps, 0][span]
                rows[number].append(function(logits.values[row, span], targets).cpu().numpy())
    return [np.concatenate(parts) for parts in rows]


def _padded(items: Sequence[Array], device: torch.device) -> Padded:
    lengths = torch.tensor([len(item) for item in items])
    values = torch.zeros(len(items), int(lengths.max()), 1, dtype=torch.int64)
    for row, item in enumerate(items):
        values[row, : len(item)] = torch.from_numpy(item.astype(np.int64))
    return Padded(values.to(device), lengths.to(device))


def _pieces(network: Network, x: Padded, steps: int) -> Iterator[tuple[int, Padded]]:
    """Logits of so many steps after the other, of the texts that go on; the longest come first."""
    state = network.initial_state(len(x.lengths))
    for first in range(0, x.values.shape[1], steps):
        running = slice(int((x.lengths > first).sum()))
        state = map_state(operator.itemgetter(running), state)
        left = (x.lengths[running] - first).clamp(max=steps)
        piece = Padded(x.values[running, first : first + steps], left)
        logits, state = network.forward_from(piece, state)
        yield first, logits


def _pieces_of_all(
    networks: Sequence[Network], x: Padded, steps: int
) -> Iterator[tuple[int, Padded]]:
    """The pieces of one network; of several, with logits of the mean of their probabilities."""
    together = zip(*(_pieces(network, x, steps) for network in networks), strict=True)
    for (first, logits), *others in together:
        values = mean_logits([logits.values, *(other.values for _, other in others)])
        yield first, logits._replace(values=values)


def mean_logits(logits: Sequence[Tensor]) -> Tensor:
    """Logits whose softmax is the mean of the softmax of each; those of one stay as they are.

    >>> one, other = torch.tensor([0.9, 0.1]).log(), torch.tensor([0.5, 0.5]).log()
    >>> torch.softmax(mean_logits([one, other]), -1).numpy().round(3).tolist()
    [0.7, 0.3]
    """
    if len(logits) == 1:
        return logits[0]
    each = torch.stack([torch.log_softmax(one.double(), dim=-1) for one in logits])
    return torch.logsumexp(each, dim=0) - math.log(len(logits))


# -- drawing ------------------------------------------------------------------------------------


def draw(
    probabilities: Floats, uniform: float, temperature: float = 1.0, top_k: int | None = None
) -> int:
    """One token by its probability.

    Args:
        probabilities: `[token]`.
        uniform: a draw between 0 and 1.
        temperature: below 1 likely tokens become more likely still; 0: the most likely one.
        top_k: only of the so many most likely; `None`: of all.

    >>> shares = np.array([0.1, 0.6, 0.3])
    >>> draw(shares, 0.05), draw(shares, 0.95), draw(shares, 0.95, 0.0), draw(shares, 0.5, top_k=1)
    (0, 2, 1, 1)
    """
    order = np.argsort(-probabilities, kind="stable")
    if temperature == 0:
        return int(order[0])
    kept = np.sort(order[:top_k])
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities[kept]) / temperature
    ends = np.cumsum(np.exp(scores - scores.max()))
    return int(kept[np.searchsorted(ends, uniform * ends[-1], side="right")])


def check_drawing(length: Any, temperature: Any, top_k: Any) -> None:
    """Raise `OptionError` for all that means nothing, together."""
    problems = []
    if not is_whole(length, least=0):
        problems.append(f"`length` is {length!r}; expected a whole number from 0 on.")
    if isinstance(temperature, bool) or not np.isreal(temperature) or not temperature >= 0:
        problems.append(f"`temperature` is {temperature!r}; expected 0 or more.")
    if top_k is not None and not is_whole(top_k, least=1):
        problems.append(f"`top_k` is {top_k!r}; expected a whole number from 1 on, or None.")
    if problems:
        raise OptionError(" ".join(problems))


def next_probabilities(logits: Tensor, _: Tensor) -> Tensor:
    """`[step, token]` probabilities of logits."""
    return torch.softmax(logits.double(), dim=-1).float()


def next_log_probability(logits: Tensor, following: Tensor) -> Tensor:
    """`[step]`, the log-probability of the token that follows."""
    chosen = logits.gather(1, following[:, None])[:, 0].double()
    return chosen - torch.logsumexp(logits.double(), dim=-1)
