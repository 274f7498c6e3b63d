"""Functions and modules of plain PyTorch that written source takes over as they stand here.

`segue.networks.source` copies those that a network needs, with what these call; nothing here may
need more than PyTorch. They work on right-padded batches, `x` `[batch, time, feature]` with
`lengths` `[batch]`, ignore what is behind each end, and can be traced with both axes left open.
"""

# Written source has no annotations, and calls all by position; so has what is copied into it.
# ruff: noqa: PLR0917
# mypy: ignore-errors

import math

import torch
from torch import nn
from torch.nn import functional


def real(x, lengths):
    """[batch, time, 1], true at real steps."""
    return (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[:, :, None]


def last(x, lengths):
    """Each sequence's own last step, [batch, feature]."""
    index = (lengths - 1)[:, None, None].expand(-1, 1, x.shape[2])
    return x.gather(1, index).squeeze(1)


def backwards(x, lengths):
    """Reverse each sequence by its own length; padding stays behind."""
    step = torch.arange(x.shape[1], device=x.device)
    index = torch.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)
    return x.gather(1, index[:, :, None].expand(-1, -1, x.shape[2]))


def wide(layer, x):
    """A linear layer of thousands of inputs, whose products are added in float64."""
    x = x.double() @ layer.weight.double().T
    return (x if layer.bias is None else x + layer.bias).float()


def each_step(layer, x):
    """A layer of PyTorch that takes [rows, feature], at every step."""
    return layer(x.reshape(-1, x.shape[-1])).reshape(x.shape)


# -- recurrent layers -----------------------------------------------------------------------------


def recur(layer, x, *initial):
    """The outputs of a recurrent layer at every step, from initial states [units] if given."""
    if not initial:
        return layer(x)[0]
    state = tuple(one.expand(1, x.shape[0], -1).contiguous() for one in initial)
    return layer(x, state if len(state) > 1 else state[0])[0]


class ClassicGRU(nn.Module):
    """A GRU whose reset gate acts before the recurrent product, which PyTorch's has not."""

    def __init__(self, channels, units):
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(channels, 3 * units))
        self.recurrent_kernel = nn.Parameter(torch.zeros(units, 3 * units))
        self.bias = nn.Parameter(torch.zeros(3 * units))

    def forward(self, x, state=None):
        run = torch.jit.script(run_classic_gru) if torch.jit.is_tracing() else run_classic_gru
        if state is None:
            state = x.new_zeros(1, x.shape[0], self.recurrent_kernel.shape[0])
        return run(x @ self.kernel + self.bias, state[0], self.recurrent_kernel), None


def run_classic_gru(sums: torch.Tensor, h: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """The states at every step, [batch, time, units], of the inputs' share in the gates."""
    units, outputs = h.shape[1], torch.jit.annotate(list[torch.Tensor], [])
    for t in range(sums.shape[1]):
        gates = torch.sigmoid(sums[:, t, : 2 * units] + h @ kernel[:, : 2 * units])
        update, reset = gates[:, :units], gates[:, units:]
        new = torch.tanh(sums[:, t, 2 * units :] + (reset * h) @ kernel[:, 2 * units :])
        h = update * h + (1 - update) * new
        outputs.append(h)
    return torch.stack(outputs, 1)


# -- windows along time ---------------------------------------------------------------------------


def at_least(lengths, least):
    """The lengths; there is no such index where one is less."""
    return lengths + lengths.new_zeros(1)[(least - lengths).clamp(min=0)]


def slide(layer, x, lengths, before, after):
    """A convolution that sees zeros beyond both ends of each sequence."""
    x = torch.where(real(x, lengths), x, 0).transpose(1, 2)
    return layer(functional.pad(x, (before, after))).transpose(1, 2)


def largest_nearby(x, lengths, width, stride, before, after):
    """The largest values in windows, which see real steps only."""
    x = torch.where(real(x, lengths), x, -torch.inf).transpose(1, 2)
    x = functional.pad(x, (before, after), value=-torch.inf)
    x = functional.max_pool1d(x, width, stride).transpose(1, 2)
    return torch.where(torch.isinf(x), 0, x)


def mean_nearby(x, lengths, width, stride, before, after):
    """The means of windows, which see real steps only."""
    x = torch.where(real(x, lengths), x, 0).transpose(1, 2)
    x = functional.avg_pool1d(functional.pad(x, (before, after)), width, stride).transpose(1, 2)
    begin = torch.arange(x.shape[1], device=x.device) * stride - before
    end = torch.minimum(begin + width, lengths[:, None])
    return x * (width / (end - begin.clamp(min=0)).clamp(min=1))[:, :, None]


class RandomConv(nn.Module):
    """The share of steps at which each kernel's response is positive, and its largest response."""

    def __init__(self, size, channels, counts, edge):
        super().__init__()
        self.counts, self.edge = counts, edge  # of the kernels with dilation 1, 2, 4, ...
        self.register_buffer("kernel", torch.zeros(size, channels, sum(counts)))
        self.register_buffer("bias", torch.zeros(sum(counts)))

    def forward(self, x, lengths):
        there = real(x, lengths)
        x = torch.where(there, x, 0).transpose(1, 2)
        shares, largest, first = [], [], 0
        for power, count in enumerate(self.counts):
            kernel = self.kernel[:, :, first : first + count].permute(2, 1, 0)
            padded = functional.pad(x, ((kernel.shape[2] - 1) * 2**power, 0))
            bias = self.bias[first : first + count]
            response = functional.conv1d(padded, kernel, bias, dilation=2**power).transpose(1, 2)
            share = torch.clamp(response / self.edge + 0.5, 0, 1)
            shares.append(torch.where(there, share, 0).sum(1) / lengths[:, None])
            largest.append(torch.where(there, response, -torch.inf).amax(1))
            first += count
        return torch.cat(shares + largest, dim=1)


# -- ends of sequences ----------------------------------------------------------------------------


class AttentionPool(nn.Module):
    """The mean of the steps, weighted by learnt scores."""

    def __init__(self, features):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(features))

    def forward(self, x, lengths):
        there = real(x, lengths)
        x = torch.where(there, x, 0)
        scores = (x @ self.query / math.sqrt(len(self.query)))[:, :, None]
        return (torch.softmax(torch.where(there, scores, -torch.inf), dim=1) * x).sum(1)


def parts_of(x, lengths, parts):
    """[batch, time, 1] for each of the parts that a sequence is cut into: which steps it has."""
    step = torch.arange(x.shape[1], device=x.device)
    found = []
    for number in range(parts):
        first = number * lengths[:, None] // parts
        end = ((number + 1) * lengths[:, None] + parts - 1) // parts
        found.append(((step >= first) & (step < end))[:, :, None])
    return found


def mean_of_parts(x, lengths, parts):
    """The means of the parts, side by side."""
    inside = parts_of(x, lengths, parts)
    return torch.cat([torch.where(one, x, 0).sum(1) / one.sum(1) for one in inside], dim=1)


def max_of_parts(x, lengths, parts):
    """The largest values of the parts, side by side."""
    inside = parts_of(x, lengths, parts)
    return torch.cat([torch.where(one, x, -torch.inf).amax(1) for one in inside], dim=1)


# -- attention ------------------------------------------------------------------------------------


def positions(x):
    """Add sines and cosines of the position, counted from 0."""
    features = x.shape[2]
    even = torch.arange(0, features, 2, dtype=torch.float64, device=x.device)
    step = torch.arange(x.shape[1], device=x.device).double()
    angles = step[:, None] * 10_000 ** (-even / features)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return x + waves[:, :features].to(x.dtype)


class LearntPositions(nn.Module):
    """Adds a learnt vector for each position."""

    def __init__(self, longest, features):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(longest, features))

    def forward(self, x, lengths):
        most = len(self.positions)
        if not torch.jit.is_tracing() and (lengths > most).any():
            raise ValueError(f"{int(lengths.max())} steps; the model learnt {most} positions.")
        step = torch.arange(x.shape[1], device=x.device).clamp(max=most - 1)  # padding goes beyond
        return x + self.positions[step]


class Attention(nn.Module):
    """A block of self-attention and a feed-forward network; the latter is written out below."""

    def __init__(self, features, heads, inside, causal, epsilon):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm_1 = nn.LayerNorm(features, eps=epsilon)
        self.norm_2 = nn.LayerNorm(features, eps=epsilon)
        self.query = nn.Linear(features, features)
        self.key = nn.Linear(features, features)
        self.value = nn.Linear(features, features)
        self.output = nn.Linear(features, features)
        self.feedforward_1 = nn.Linear(features, inside)
        self.feedforward_2 = nn.Linear(inside, features)

    def forward(self, x, lengths):
        there = real(x, lengths)
        x = torch.where(there, x, 0)
        normal, size = self.norm_1(x), x.shape[2] // self.heads
        query, key, value = (
            part(normal).reshape(x.shape[0], -1, self.heads, size).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        seen = there.transpose(1, 2)[:, None]  # [batch, 1, 1, key]
        if self.causal:
            step = torch.arange(x.shape[1], device=x.device)
            seen = seen & (step <= step[:, None])
        scores = query @ key.transpose(2, 3) / math.sqrt(size)
        weights = torch.softmax(torch.where(seen, scores, -torch.inf), dim=-1)
        heads = (weights @ value).transpose(1, 2).reshape(x.shape)
        return x + self.output(heads)


def sparsemax(x):
    """Like softmax, with small ones exactly 0."""
    ordered = torch.sort(x, dim=-1, descending=True).values
    count = torch.arange(1, x.shape[-1] + 1, device=x.device)
    sums = ordered.cumsum(-1) - 1
    size = (count * ordered > sums).sum(-1, keepdim=True)
    return torch.clamp(x - sums.gather(-1, size - 1) / size, min=0)


# -- preparation ----------------------------------------------------------------------------------


def interpolated(x, lengths):
    """Fill NaN: on the line between known values, outside them with the nearest."""
    known = real(x, lengths) & ~torch.isnan(x)
    step = torch.arange(x.shape[1], device=x.device)[:, None].expand(x.shape)
    count = known.long().cumsum(1)  # known steps up to here
    # The place of the n-th known step, from 1 on; what is not known goes to a row of its own.
    place = x.new_zeros(x.shape[0], x.shape[1] + 2, x.shape[2]).long()
    place = place.scatter(1, torch.where(known, count, x.shape[1] + 1), step)
    total = count[:, -1:]
    before = place.gather(1, count.clamp(min=1))
    after = place.gather(1, torch.minimum(count + 1, total.expand(x.shape)).clamp(min=1))
    low, high = x.gather(1, before), x.gather(1, after)
    share = ((step - before) / (after - before).clamp(min=1)).clamp(0, 1).to(x.dtype)
    filled = low + (high - low) * share
    return torch.where(known | (total == 0), x, filled)


def without_gaps(x, lengths, expected):
    """NaN becomes 0; a channel that says where it was, for those that had gaps in training."""
    missing = torch.isnan(x)
    surprising = [channel not in expected for channel in range(x.shape[2])]
    if any(surprising):
        chosen = torch.tensor(surprising, device=x.device)
        x = torch.where(chosen, interpolated(x, lengths), x)
    x = torch.where(torch.isnan(x), 0, x)
    return torch.cat([x, missing[:, :, expected].to(x.dtype)], dim=2) if expected else x


def frames(x, lengths, frame, hop, left, padded):
    """[batch, frame, channel, sample], and the number of frames of each sequence."""
    beyond = (lengths + 2 * left - frame).clamp(min=0)
    counts = 1 + beyond // hop
    if padded:  # a last frame that is not full; it must begin inside
        counts = torch.minimum(1 + (beyond + hop - 1) // hop, (lengths + hop - 1) // hop)
    x = torch.where(real(x, lengths), x, 0)
    x = functional.pad(x, (0, 0, left, left + frame + hop))
    begin = torch.arange(counts.max(), device=x.device) * hop
    index = begin[:, None] + torch.arange(frame, device=x.device)
    return x[:, index].transpose(2, 3), counts


def powers(x, window, size):
    """The power of each frequency of [..., sample], filled up with zeros to `size` samples."""
    sample = torch.arange(x.shape[-1], device=x.device)
    turn = sample[:, None] * torch.arange(size // 2 + 1, device=x.device) % size
    angles = turn.double() * (2 * math.pi / size)
    x = x * window
    return (x @ angles.cos()) ** 2 + (x @ angles.sin()) ** 2


def cosine_transform(x, kept):
    """The first terms of the orthonormal DCT-II over the channels."""
    channels = x.shape[2]
    step = torch.arange(channels, dtype=torch.float64, device=x.device)[:, None] + 0.5
    angles = math.pi / channels * step * torch.arange(kept, device=x.device)
    scale = torch.full((kept,), math.sqrt(2 / channels), dtype=torch.float64, device=x.device)
    scale = torch.where(torch.arange(kept, device=x.device) == 0, math.sqrt(1 / channels), scale)
    return x @ (angles.cos() * scale)


def log_frequency(x, lengths, frame, count, window, size, filters, floor):
    """Spectra of `count` frames all over each sequence: [batch, band, frame * channel]."""
    x = torch.where(real(x, lengths), x, 0)
    x = functional.pad(x, (0, 0, 0, frame))
    spread = torch.arange(count, device=x.device).double() / max(1, count - 1)
    starts = torch.round((lengths - frame).clamp(min=0)[:, None] * spread).long()
    index = starts[:, :, None] + torch.arange(frame, device=x.device)  # [batch, frame, sample]
    flat = index.flatten(1)[:, :, None].expand(-1, -1, x.shape[2])
    cut = x.gather(1, flat).reshape(x.shape[0], count, frame, x.shape[2]).transpose(2, 3)
    power = powers(cut, window, size) @ filters  # [batch, frame, channel, band]
    weakest = power.amax((1, 2, 3), keepdim=True) * 10 ** (-floor / 10)
    found = torch.log(torch.maximum(power, weakest.clamp(min=1.1754943508222875e-38)))
    bands = filters.shape[1]
    return found.flatten(1, 2).transpose(1, 2), torch.full_like(lengths, bands)


# -- weights --------------------------------------------------------------------------------------


def copy_linear(layer, weights, prefix):
    """Kernels are [in, out] in segue, [out, in] here."""
    layer.weight.copy_(torch.as_tensor(weights[prefix + "kernel"]).T)
    if layer.bias is not None:
        layer.bias.copy_(torch.as_tensor(weights[prefix + "bias"]))


def copy_conv(layer, weights, prefix):
    """Kernels are [size, in, out] in segue, [out, in, size] here."""
    layer.weight.copy_(torch.as_tensor(weights[prefix + "kernel"]).permute(2, 1, 0))
    if layer.bias is not None:
        layer.bias.copy_(torch.as_tensor(weights[prefix + "bias"]))


def copy_norm(layer, weights, prefix):
    """Scale and shift; of a batch normalisation the moving averages too."""
    layer.weight.copy_(torch.as_tensor(weights[prefix + "gamma"]))
    layer.bias.copy_(torch.as_tensor(weights[prefix + "beta"]))
    if prefix + "moving_mean" in weights:
        layer.running_mean.copy_(torch.as_tensor(weights[prefix + "moving_mean"]))
        layer.running_var.copy_(torch.as_tensor(weights[prefix + "moving_variance"]))


def copy_named(layer, weights, prefix):
    """The weights have the same names here."""
    for name, values in [*layer.named_parameters(), *layer.named_buffers()]:
        values.copy_(torch.as_tensor(weights[prefix + name]))


def copy_attention(layer, weights, prefix):
    """All parts of a block."""
    for name, part in layer.named_children():
        copy = copy_norm if name.startswith("norm") else copy_linear
        copy(part, weights, f"{prefix}{name}/")


def copy_recurrent(layer, weights, prefix):
    """PyTorch adds a second bias, which stays zero."""
    kernel, recurrent, bias = (
        torch.as_tensor(weights[prefix + part]) for part in ("kernel", "recurrent_kernel", "bias")
    )
    layer.weight_ih_l0.copy_(kernel.T)
    layer.weight_hh_l0.copy_(recurrent.T)
    layer.bias_ih_l0.copy_(bias)
    layer.bias_hh_l0.zero_()


def copy_gru(layer, weights, prefix):
    """PyTorch has the reset gate before the update gate."""
    kernel, recurrent, bias = (
        torch.cat([reset, update, candidate], dim=-1)
        for part in ("kernel", "recurrent_kernel", "bias")
        for update, reset, candidate in [torch.as_tensor(weights[prefix + part]).chunk(3, dim=-1)]
    )
    layer.weight_ih_l0.copy_(kernel.T)
    layer.weight_hh_l0.copy_(recurrent.T)
    layer.bias_ih_l0.copy_(bias[0])
    layer.bias_hh_l0.copy_(bias[1])
