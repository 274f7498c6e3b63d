"""Modules of plain PyTorch for layers of many features that are not trained.

Written source takes them over, as what stands in `segue.networks.torch_helpers`. Signals are
`[batch, signal, time]` here. Sums are computed in the order of the native library, in float32:
which kernel wins a step, and whether a response is above its bias, may hang on the last bit.
"""

# Written source has no annotations, and calls all by position; so has what is copied into it.
# mypy: ignore-errors

import math

import torch
from torch import nn
from torch.nn import functional

from segue.networks.torch_helpers import real


def features_first(x, lengths):
    """[batch, feature, time], zeros behind the ends."""
    return torch.where(real(x, lengths), x, 0).transpose(1, 2)


def chosen_steps(x, steps):
    """[batch, chosen, feature] of steps [batch, chosen]."""
    return x.gather(1, steps[:, :, None].expand(-1, -1, x.shape[2]))


def changes_of(x, lengths):
    """What each step has more than the one before, and how many there are; of one step a zero."""
    step = torch.arange(x.shape[1], device=x.device)
    after = chosen_steps(x, torch.minimum(step + 1, lengths[:, None] - 1))
    return after - x, (lengths - 1).clamp(min=1)


def mix_features(x, weights):
    """Sums of [batch, feature, time] by weights [feature, signal], one after the other."""
    total = x[:, :1] * weights[0][:, None]
    for feature in range(1, len(weights)):
        total = total + x[:, feature : feature + 1] * weights[feature][:, None]
    return total


def around_steps(x, count, dilation, before):
    """For each of the taps what stands there, zeros beyond the ends."""
    reach = (count - 1) * dilation
    padded, time = functional.pad(x, (before, reach - before)), x.shape[2]
    return [padded[:, :, tap * dilation : tap * dilation + time] for tap in range(count)]


def multiply_add(a, b, c, once):
    """The sum a * b + c, rounded once or twice; in float64 a product of two float32 is exact."""
    return (a.double() * b.double() + c.double()).float() if once else a * b + c


class MultiRocket(nn.Module):
    """Four numbers of what fixed kernels respond above biases."""

    def __init__(self, channels, plans):
        super().__init__()
        self.plans = plans  # of the series and its changes: dilation, biases of a kernel, phase
        parts = plans[0] + plans[1]
        self.signals = 84 if channels > 1 else 1
        self.register_buffer("bias", torch.zeros(84 * sum(count for _, count, _ in parts)))
        if channels > 1:
            self.register_buffer("channels", torch.zeros(channels, 84 * len(parts)))

    def forward(self, x, lengths):
        found, bias, part = [], 0, 0
        for plan in self.plans:
            signals = features_first(x, lengths)
            for dilation, count, phase in plan:
                seen = signals
                if self.signals > 1:
                    seen = mix_features(signals, self.channels[:, part : part + 84])
                own = self.bias[bias : bias + 84 * count].reshape(84, count, 1)
                more = fixed_responses(seen, self.signals, dilation)[:, :, None] - own
                found.append(pool_above(more, lengths, 4 * dilation, phase))
                bias, part = bias + 84 * count, part + 84
            x, lengths = changes_of(x, lengths)
        return torch.cat(found, dim=2).flatten(1)


def fixed_responses(signals, count, dilation):
    """[batch, 84, time], of one signal or of 84; of nine taps three weigh 2, the others -1."""
    taps = [tap - signals for tap in around_steps(signals, 9, dilation, 4 * dilation)]
    total = taps[0]
    for tap in taps[1:]:
        total = total + tap
    heavy = [(a, b, c) for a in range(9) for b in range(a + 1, 9) for c in range(b + 1, 9)]
    joined, step = torch.cat(taps, dim=1), 1 if count > 1 else 0
    first, second, third = (
        joined[:, [tap * count + number * step for number, tap in enumerate(one)]]
        for one in zip(*heavy, strict=True)
    )
    return (first + second + third) * 3 - total


def pool_above(more, lengths, reach, phase):
    """Of [batch, 84, bias, time]: how many are above 0, their longest run, mean, and place."""
    inner = (torch.arange(84, device=more.device) + phase) % 2 == 1
    first = (inner & (lengths[:, None] > 2 * reach)).long() * reach
    steps = (lengths[:, None] - 2 * first)[:, :, None]
    place = torch.arange(more.shape[3], device=more.device) + 1 - first[:, :, None]
    above = (more > 0) & ((place > 0) & (place <= steps))[:, :, None]
    count = above.sum(3).double()
    passed, steps = count.clamp(min=1), steps.double()
    mean = torch.where(above, more, 0).double().sum(3) / passed
    places = torch.where(above, place[:, :, None], 0).sum(3).double() / passed / steps
    found = torch.stack([count / steps, longest_run(above) / steps, mean, places], dim=1)
    return found.flatten(2).float()


def longest_run(above):
    """Of each row of true and false: the steps of a run have as many others before them."""
    below, ones = (~above).long(), above.float()
    before = below.cumsum(3) - below
    return torch.zeros_like(ones).scatter_add(3, before, ones).amax(3).double()


class Hydra(nn.Module):
    """Of kernels that compete in groups what they win, and how often they lose."""

    def __init__(self, channels, groups, kernels, dilations, once):
        super().__init__()
        half = groups - groups // 2
        self.halves = [slice(0, half), slice(half, groups)][: min(2, groups)]
        self.dilations, self.once = dilations, once
        self.register_buffer("kernel", torch.zeros(9, len(dilations), groups, kernels))
        if channels > 1:
            self.register_buffer("channels", torch.zeros(channels, len(dilations), groups))

    def forward(self, x, lengths):
        found = []
        for half in self.halves:
            signals, there = features_first(x, lengths), real(x, lengths)[:, None, None, :, 0]
            for number, dilation in enumerate(self.dilations):
                seen = signals
                if hasattr(self, "channels"):
                    seen = mix_features(signals, self.channels[:, number, half])
                kernel = self.kernel[:, number, half]
                response = competing_responses(seen, kernel, dilation, self.once)
                numbers = torch.arange(response.shape[2], device=x.device)[:, None]
                wins = (response.argmax(2, keepdim=True) == numbers) & there
                loses = (response.argmin(2, keepdim=True) == numbers) & there
                for values in (torch.where(wins, response, 0), loses):
                    mean = values.double().sum(3).flatten(1).clamp(min=0) / lengths[:, None]
                    found.append(mean.sqrt().float())
            x, lengths = changes_of(x, lengths)
        return torch.cat(found, dim=1)


def competing_responses(signals, kernel, dilation, once):
    """[batch, group, kernel, time], of signals of each group, or of one for all."""
    taps = around_steps(signals, 9, dilation, 4 * dilation)
    seen = [(tap - signals)[:, :, None] for tap in taps]
    response = seen[0] * kernel[0][:, :, None]
    for tap in (1, 2, 3, 5, 6, 7, 8):  # the one in the middle is zero
        response = multiply_add(seen[tap], kernel[tap][:, :, None], response, once)
    return response


class DilatedShapelets(nn.Module):
    """The least distance of shapelets, its place, and the share of windows that are near."""

    def __init__(self, size, channels, groups, once):
        super().__init__()
        self.groups, self.once = groups, once  # dilation, whether normalised, first, end
        self.register_buffer("shapelet", torch.zeros(size, channels, groups[-1][3]))
        self.register_buffer("threshold", torch.zeros(groups[-1][3]))

    def forward(self, x, lengths):
        found, signals, size = [], features_first(x, lengths), len(self.shapelet)
        for dilation, normalised, first, end in self.groups:
            windows = around_steps(signals, size, dilation, 0)
            if normalised:
                windows = normalised_windows(windows, self.once)
            far = absolute_distances(windows, self.shapelet[:, :, first:end])
            count = (lengths - (size - 1) * dilation).clamp(min=1)[:, None]
            there = torch.arange(far.shape[2], device=x.device) < count[:, :, None]
            far = torch.where(there, far, torch.inf)
            place = (far.argmin(2) + 1).double() / count
            near = (far < self.threshold[first:end, None]).sum(2).double() / count
            found.append(torch.stack([far.amin(2), place.float(), near.float()], dim=1))
        return torch.cat(found, dim=2).flatten(1)


def normalised_windows(windows, once):
    """Tap by tap: less the mean of the window, divided by its deviation."""
    values = [tap - windows[0] for tap in windows]  # of a constant window all are zero
    share = torch.ones((), device=values[0].device) / len(windows)
    mean = values[0]
    for value in values[1:]:
        mean = mean + value
    mean = mean * share
    values = [value - mean for value in values]
    total = values[0] * values[0]
    for value in values[1:]:
        total = multiply_add(value, value, total, once)
    variance = multiply_add(total, share, torch.full_like(share, 1e-6), once)
    scale = (1 / variance.double().sqrt().float().double()).float()
    return [value * scale for value in values]


def absolute_distances(windows, shapelets):
    """[batch, shapelet, window]: sums of absolute differences, one after the other."""
    total = None
    for tap, own in zip(windows, shapelets, strict=True):
        for feature, values in enumerate(own):
            far = (tap[:, feature : feature + 1] - values[:, None]).abs()
            total = far if total is None else total + far
    return total


class Quantiles(nn.Module):
    """Quantiles of parts of a sequence, of its changes, of theirs, and of its spectrum."""

    def __init__(self, length, depth, divisor):
        super().__init__()
        sizes = (length, max(1, length - 1), max(1, length - 2), length // 2 + 1)
        self.intervals = [dyadic_intervals(size, depth, divisor) for size in sizes]

    def forward(self, x, lengths):
        change, fewer = changes_of(x, lengths)
        signals = [(x, lengths), (smooth(change, fewer), fewer), changes_of(change, fewer)]
        signals.append(amplitudes(x, lengths))
        found = [
            interval_quantiles(signal, ends, level)
            for (signal, ends), levels in zip(signals, self.intervals, strict=True)
            for level in levels
        ]
        return torch.cat(found, dim=2).flatten(1)


def dyadic_intervals(length, depth, divisor):
    """By level: the number of parts, and of each its own, whether it is shifted, its quantiles."""
    levels = []
    for parts in [2**level for level in range(min(depth, length.bit_length()))]:
        sizes = [(one + 1) * length // parts - one * length // parts for one in range(parts)]
        rows = [(one, 0, 1 + (max(1, size) - 1) // divisor) for one, size in enumerate(sizes)]
        if parts > 1 and sorted(sizes)[(parts - 1) // 2] > 1:
            rows += [(one, 1, count) for one, _, count in rows[:-1]]
        levels.append((parts, rows))
    return levels


def smooth(x, lengths):
    """The mean of five steps around each; beyond the ends the first and the last go on."""
    step, last = torch.arange(x.shape[1], device=x.device), lengths[:, None] - 1
    total = 0
    for shift in (-2, -1, 0, 1, 2):
        total = total + chosen_steps(x, torch.minimum((step + shift).clamp(min=0), last)).double()
    return (total / 5).float()


def amplitudes(x, lengths):
    """Of the Fourier transform of each sequence, [batch, wave, feature], and how many there are."""
    counts, x = lengths // 2 + 1, torch.where(real(x, lengths), x, 0).double()
    if not torch.jit.is_tracing():
        found = x.new_zeros(x.shape[0], x.shape[1] // 2 + 1, x.shape[2])
        for length in lengths.unique().tolist():
            rows = (lengths == length).nonzero()[:, 0]
            found[rows, : length // 2 + 1] = torch.fft.rfft(x[rows, :length], dim=1).abs()
        return found.float(), counts
    wave = torch.arange(x.shape[1] // 2 + 1, device=x.device)[:, None]
    turn = wave * torch.arange(x.shape[1], device=x.device) % lengths[:, None, None]
    angle = turn.double() * (2 * math.pi / lengths[:, None, None].double())
    squares = (angle.cos() @ x) ** 2 + (angle.sin() @ x) ** 2
    return squares.sqrt().float(), counts


def interval_quantiles(x, lengths, level):
    """[batch, feature, quantile], evenly spread over each interval, each second less the mean."""
    parts, rows = level
    number, shifted = torch.tensor([row[:2] for row in rows], device=x.device).T
    ends = lengths[:, None]
    shift = (ends + 2 * parts - 1) // (2 * parts) * shifted
    first = torch.minimum(number * ends // parts + shift, ends - 1)
    end = torch.minimum((number + 1) * ends // parts + shift, ends)
    last = torch.maximum(end, first + 1) - first - 1  # [batch, interval], counted from the first
    step = torch.arange(last.max() + 1, device=x.device)
    inside = (step <= last[:, :, None])[:, None]
    index = first[:, :, None] + torch.minimum(step, last[:, :, None])
    own = chosen_steps(x, index.flatten(1)).transpose(1, 2)
    own = own.reshape(x.shape[0], x.shape[2], len(rows), -1)
    mean = torch.where(inside, own, 0).double().sum(3) / (last + 1)[:, None]
    ordered = torch.where(inside, own, torch.inf).sort(3).values
    return spread_evenly(ordered, mean, last, [count for _, _, count in rows]).float()


def spread_evenly(ordered, mean, last, counts):
    """Quantiles of the sorted [batch, feature, interval, step]; one alone is the median."""
    rows = [(one, n, count) for one, count in enumerate(counts) for n in range(count)]
    interval = [one for one, _, _ in rows]
    place = torch.tensor([1 if count == 1 else n for _, n, count in rows], device=mean.device)
    between = [2 if count == 1 else count - 1 for _, _, count in rows]
    between = torch.tensor(between, device=mean.device)
    last = last[:, interval]  # [batch, quantile]
    place = place * last
    low = place // between
    share = (place - low * between).double() / between
    begin = ordered.shape[3] * torch.tensor(interval, device=mean.device)
    below, above = (
        ordered.flatten(2).gather(2, (begin + at)[:, None].expand(-1, mean.shape[1], -1)).double()
        for at in (low, torch.minimum(low + 1, last))
    )
    odd = torch.tensor([n % 2 for _, n, _ in rows], device=mean.device)
    return below + (above - below) * share[:, None] - mean[:, :, interval] * odd


class Trees(nn.Module):
    """The logarithms of the shares of the classes in trees; the first nodes are the roots."""

    def __init__(self, trees, nodes, leaves, classes, depth):
        super().__init__()
        self.trees, self.depth = trees, depth
        for name in ("feature", "threshold", "below"):
            self.register_buffer(name, torch.zeros(nodes))
        self.register_buffer("leaf", torch.zeros(leaves, classes))

    def forward(self, x):
        node = torch.arange(self.trees, device=x.device).expand(*x.shape[:-1], self.trees)
        for _ in range(self.depth):
            below = self.below.long()[node]
            above = x.gather(-1, self.feature.long()[node]) > self.threshold[node]
            node = torch.where(below >= 0, below + above, node)
        shares = self.leaf[-1 - self.below.long()[node]].mean(-2)
        return torch.log((self.trees * shares + 1 / self.leaf.shape[1]) / (self.trees + 1))
