"""The features of whole sequences in NumPy: slow and exact, a part of `segue.kernels.reference`.

Quantiles of dyadic intervals, competing kernels, and the kernels of MiniROCKET; signals are ragged,
and sequences have at least one step.
"""

from __future__ import annotations

import itertools

import numpy as np

from segue.data.arrays import Array
from segue.kernels.ragged import quiet

TAPS, MIDDLE = 9, 4
HEAVY = np.array(list(itertools.combinations(range(TAPS), 3)))  # of the kernels of MiniROCKET


def interval_bounds(lengths: Array, interval: Array) -> tuple[Array, Array]:
    """The first step of an interval, and the one behind its last, of sequences of these lengths.

    Args:
        lengths: `[n]`.
        interval: parts of equal length, the number of the one that it is, whether it lies half a
            part later, and, not needed here, how many quantiles of it are wanted.

    >>> first, end = interval_bounds(np.array([8, 1]), np.array([4, 1, 0, 1]))
    >>> first, end
    (array([2, 0]), array([4, 1]))
    """
    parts, number, shifted, _ = interval
    shift = np.where(shifted, -(-lengths // (2 * parts)), 0)
    first = np.minimum(number * lengths // parts + shift, lengths - 1)
    return first, np.maximum(
        np.minimum((number + 1) * lengths // parts + shift, lengths), first + 1
    )


@quiet
def quantiles(values: Array, offsets: Array, intervals: Array) -> Array:
    """Evenly spaced quantiles of intervals of each sequence, each second one less the mean.

    Args:
        values: `[steps, feature]`.
        offsets: `[n + 1]`.
        intervals: `[count, 4]`, as in `interval_bounds`; an interval has at least one step. A
            single quantile is the median.

    Returns:
        `[n, feature, quantiles of all intervals]`.
    """
    found = np.empty((len(offsets) - 1, values.shape[1], intervals[:, 3].sum()), np.float32)
    for number, (begin, end) in enumerate(itertools.pairwise(offsets)):
        own, length = values[begin:end].astype(np.float64), end - begin
        bounds = (interval_bounds(length, interval) for interval in intervals)
        parts = zip(bounds, intervals[:, 3], strict=True)
        spread = [_spread(own[first:last], count) for (first, last), count in parts]
        found[number] = np.concatenate(spread).T
    return found


def _spread(part: Array, count: int) -> Array:
    """`[count, feature]`, quantiles of `[steps, feature]`."""
    ordered, last = np.sort(part, axis=0), len(part) - 1
    if count == 1:
        return np.median(part, axis=0, keepdims=True)
    low, rest = np.divmod(np.arange(count) * last, count - 1)
    above = ordered[np.minimum(low + 1, last)] - ordered[low]
    spread: Array = ordered[low] + above * (rest / (count - 1))[:, None]
    spread[1::2] -= part.mean(axis=0)
    return spread


def mixed(values: Array, channels: Array | None) -> Array:
    """Signals `[steps, signal]` of sequences `[steps, feature]`: sums of features by weights.

    Args:
        values: `[steps, feature]`; one feature, where there are no weights.
        channels: `[feature, signal]`.
    """
    return values.astype(np.float64) if channels is None else values @ channels.astype(np.float64)


def tap_differences(signal: Array, dilation: int) -> Array:
    """`[9, steps, signal]`, what the taps around each step are more than it; zeros beyond the ends.

    Args:
        signal: `[steps, signal]`, of one sequence.
        dilation: steps from one tap to the next.
    """
    reach = MIDDLE * dilation
    padded = np.pad(signal, ((reach, reach), (0, 0)))
    steps = len(signal)
    seen = [padded[tap * dilation : tap * dilation + steps] for tap in range(TAPS)]
    return np.asarray(np.stack(seen) - signal)


@quiet
def hydra(
    values: Array, offsets: Array, channels: Array | None, kernel: Array, *, dilation: int
) -> tuple[Array, Array]:
    """Groups of kernels of one dilation compete at each step.

    Args:
        values: `[steps, feature]`.
        offsets: `[n + 1]`.
        channels: `[feature, group]`, weights of the features in the signal that a group sees;
            `None`: there is one feature, as it is.
        kernel: `[9, group, kernel]`; its taps multiply what the steps there are more than the one
            in the middle, so that the weight of that one does not matter.
        dilation: steps from one tap to the next.

    Returns:
        For each kernel the sum of its responses where they are the largest of its group, and the
        number of steps where they are the least, `[n, group, kernel]` each. The first of equal
        ones counts.
    """
    groups, kernels = kernel.shape[1:]
    most, least = (np.zeros((len(offsets) - 1, groups, kernels), np.float32) for _ in "xx")
    signals, weights = mixed(values, channels), kernel.astype(np.float64)
    for number, (begin, end) in enumerate(itertools.pairwise(offsets)):
        taps = tap_differences(signals[begin:end], dilation)
        taps = np.broadcast_to(taps, (*taps.shape[:2], groups))
        response = np.einsum("itg,igk->tgk", taps, weights)
        numbers = np.arange(kernels)
        wins = response.argmax(2)[:, :, None] == numbers
        most[number] = np.where(wins, response, 0.0).sum(0)
        least[number] = (response.argmin(2)[:, :, None] == numbers).sum(0)
    return most, least


def fixed_responses(signal: Array, dilation: int) -> Array:
    """`[steps, 84]`, the responses of MiniROCKET's kernels: three taps weigh 2, the others -1.

    Args:
        signal: `[steps, 84]`, or `[steps, 1]` for all of them, of one sequence.
        dilation: steps from one tap to the next.
    """
    taps = np.broadcast_to(tap_differences(signal, dilation), (TAPS, len(signal), len(HEAVY)))
    each = np.arange(len(HEAVY))
    heavy = np.sum([taps[tap, :, each] for tap in HEAVY.T], axis=0)  # [84, steps]
    return np.asarray(3 * heavy.T - taps.sum(0))


@quiet
def multirocket(
    values: Array,
    offsets: Array,
    channels: Array | None,
    bias: Array,
    *,
    dilation: int,
    phase: int,
) -> Array:
    """Four numbers of the responses of MiniROCKET's kernels that are above each bias.

    Args:
        values: `[steps, feature]`.
        offsets: `[n + 1]`.
        channels: `[feature, 84]`, weights of the features in the signal that a kernel sees; `None`:
            there is one feature, as it is.
        bias: `[84, count]`.
        dilation: steps from one tap to the next.
        phase: kernels whose number and phase have an even sum see zeros beyond the ends; the others
            lie within the sequence, if it is as long as they are.

    Returns:
        `[n, 4, 84, count]`: the share of responses above the bias, their longest run as a share,
        the mean of what they are above it, and the mean of their places, from 1 on, as a share.
    """
    found = np.zeros((len(offsets) - 1, 4, *bias.shape), np.float32)
    signals, reach = mixed(values, channels), MIDDLE * dilation
    for number, (begin, end) in enumerate(itertools.pairwise(offsets)):
        responses = fixed_responses(signals[begin:end], dilation)
        for kernel, response in enumerate(responses.T):
            if (kernel + phase) % 2 and len(response) > 2 * reach:
                response = response[reach:-reach]
            more = response[:, None] - bias[kernel].astype(np.float64)
            found[number, :, kernel] = _pooled(more)
    return found


def _pooled(more: Array) -> Array:
    """`[4, count]` of what responses `[steps, count]` are above their biases."""
    steps, above = len(more), more > 0
    passed = np.maximum(above.sum(0), 1)
    place = np.arange(1, steps + 1)[:, None]
    below = np.maximum.accumulate(np.where(above, 0, place), axis=0)
    longest = (place - below).max(0)
    mean = np.where(above, more, 0.0).sum(0) / passed
    return np.stack([above.mean(0), longest / steps, mean, (above * place).sum(0) / passed / steps])


LEAST_VARIANCE = 1e-6  # added to that of a shapelet's window


def normalized_windows(windows: Array) -> Array:
    """`[..., size, feature]` less the mean over the steps, divided by the deviation."""
    values = windows - windows[..., :1, :]  # of a constant window all are zero
    values -= values.mean(-2, keepdims=True)
    variance = np.square(values).mean(-2, keepdims=True)
    return np.asarray(values / np.sqrt(variance + LEAST_VARIANCE))


def shapelet_windows(sequence: Array, size: int, *, dilation: int, normalized: bool) -> Array:
    """`[windows, size, feature]` of a sequence `[steps, feature]`.

    One that is shorter than a window has one, with zeros beyond its end.
    """
    reach = (size - 1) * dilation
    padded = np.pad(sequence.astype(np.float64), ((0, max(0, reach + 1 - len(sequence))), (0, 0)))
    first = np.arange(len(padded) - reach)
    windows = padded[first[:, None] + np.arange(size) * dilation]
    return normalized_windows(windows) if normalized else windows


@quiet
def rdst(
    values: Array,
    offsets: Array,
    shapelets: Array,
    thresholds: Array,
    *,
    dilation: int,
    normalized: bool,
) -> Array:
    """Distances of shapelets to the windows of each sequence.

    Args:
        values: `[steps, feature]`.
        offsets: `[n + 1]`.
        shapelets: `[size, feature, shapelet]`.
        thresholds: `[shapelet]`.
        dilation: steps from one value of a window to the next.
        normalized: whether each window has the mean 0 and the deviation 1, by feature.

    Returns:
        `[n, 3, shapelet]`: the least distance, its place, from 1 on, as a share of the windows, and
        the share of windows that are nearer than the threshold.
    """
    found = np.empty((len(offsets) - 1, 3, len(thresholds)), np.float32)
    wanted = shapelets.astype(np.float64)
    for number, (begin, end) in enumerate(itertools.pairwise(offsets)):
        windows = shapelet_windows(
            values[begin:end], len(shapelets), dilation=dilation, normalized=normalized
        )
        each = np.stack([np.abs(one[:, :, None] - wanted).sum((0, 1)) for one in windows])
        place = (each.argmin(0) + 1) / len(windows)
        found[number] = each.min(0), place, (each < thresholds).mean(0)
    return found
