"""Each layer in plain PyTorch: the line that makes it, the lines that run it, its weights.

A writer appends to a `Source`. `HELPERS` are functions that the written lines call; only those that
are called are written.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from segue.layers import Layer, Shape
from segue.layers.activations import ACTIVATIONS as SEGUES
from segue.layers.activations import ActivationSpec


@dataclass
class Source:
    """What is collected while a network is gone through.

    Attributes:
        modules: lines of `__init__`.
        steps: lines of `forward`, where `x` is the signal.
        copies: lines of `copy_weights`.
        helpers: names of the functions that these call, in the order of `HELPERS`.
        problems: what cannot be written.
    """

    modules: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Link:
    """One layer of a chain: its spec, its module, and the shape that comes in."""

    spec: Any
    layer: Layer
    given: Shape

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def attribute(self) -> str:
        """The same as an attribute of a module, which has some names of its own already."""
        taken = keyword.iskeyword(self.name) or hasattr(nn.Module(), self.name)
        return f"{self.name}_" if taken else self.name


Writer = Callable[[Source, Link], None]


# -- layers -------------------------------------------------------------------------------------


def write_recurrent(source: Source, link: Link) -> None:
    """`lstm`, `gru`, `rnn` and their bidirectional forms, over packed sequences."""
    spec, name = link.spec, link.attribute
    cell = link.layer.kind.removeprefix("bi")
    both = link.layer.kind != cell
    source.problems += _recurrent_problems(link)
    options = ', nonlinearity="relu"' if getattr(spec, "activation", "") == "relu" else ""
    options += ", bidirectional=True" if both else ""
    made = f"nn.{cell.upper()}({link.given.features}, {spec.units}, batch_first=True{options})"
    source.modules.append(f"self.{name} = {made}")
    if spec.dropout or spec.recurrent_dropout:
        source.steps.append(f"# In training segue drops inputs or states of {link.name} here.")
    if link.layer.shape.sequence:
        source.steps.append(f"x = unpack(self.{name}(pack(x, lengths))[0], x.shape[1])")
        ends = (f"x[:, :, :{spec.units}]", f"x[:, :, {spec.units}:]")
        joined = _joined(*ends, spec.merge) if both and spec.merge != "concat" else ""
    else:
        state = "(h, _)" if cell == "lstm" else "h"
        source.steps.append(f"_, {state} = self.{name}(pack(x, lengths))")
        joined = _joined("h[0]", "h[1]", spec.merge) if both else "h[0]"
    source.steps += [f"x = {joined}"] if joined else []
    copy = "copy_gru" if cell == "gru" else "copy_recurrent"
    source.helpers |= {"pack", copy} | ({"unpack"} if link.layer.shape.sequence else set())
    directions = (("forward/", ""), ("backward/", ', "_reverse"')) if both else (("", ""),)
    for part, suffix in directions:
        source.copies.append(f'{copy}(model.{name}, weights, "{link.name}/{part}"{suffix})')


def _recurrent_problems(link: Link) -> list[str]:
    spec = link.spec
    problems = []
    if spec.initial_state != "zeros":
        problems.append(f"{link.name} has initial_state={spec.initial_state!r}")
    if getattr(spec, "reset", "after") == "before":
        problems.append(f"{link.name} is a gru with reset=before")
    if getattr(spec, "merge", "concat") == "none":
        problems.append(f"{link.name} keeps its two directions apart")
    return problems


def _joined(ahead: str, back: str, merge: str) -> str:
    if merge == "concat":
        return f"torch.cat([{ahead}, {back}], dim=-1)"
    return f"{ahead} + {back}" if merge == "sum" else f"({ahead} + {back}) / 2"


def write_dense(source: Source, link: Link) -> None:
    """A linear layer, and its activation."""
    name, bias = link.attribute, "" if link.spec.bias else ", bias=False"
    size = f"{link.given.features}, {link.spec.units}"
    source.modules.append(f"self.{name} = nn.Linear({size}{bias})")
    source.steps.append(f"x = self.{name}(x)")
    if link.spec.activation != "linear":
        _write_function(source, link, SEGUES[link.spec.activation])
    source.copies.append(f'copy_linear(model.{name}, weights, "{link.name}/")')
    source.helpers.add("copy_linear")


def write_dropout(source: Source, link: Link) -> None:
    """PyTorch's own."""
    source.modules.append(f"self.{link.attribute} = nn.Dropout({link.spec.rate})")
    source.steps.append(f"x = self.{link.attribute}(x)")


def write_embedding(source: Source, link: Link) -> None:
    """A table of vectors."""
    tokens = len(link.layer.weights()["embeddings"])
    source.modules.append(f"self.{link.attribute} = nn.Embedding({tokens}, {link.spec.features})")
    source.steps.append(f"x = self.{link.attribute}(x[:, :, 0].long())")
    source.copies.append(
        f'model.{link.attribute}.weight.copy_(torch.as_tensor(weights["{link.name}/embeddings"]))'
    )


def write_pool(source: Source, link: Link) -> None:
    """Over real steps only."""
    masked = {
        "mean": "x = torch.where(real(x, lengths), x, 0).sum(1) / lengths[:, None]",
        "max": "x = torch.where(real(x, lengths), x, -torch.inf).amax(1)",
        "last": "x = x[torch.arange(len(x), device=x.device), lengths - 1]",
    }
    if link.spec.how not in masked or link.spec.parts > 1:
        source.problems.append(f"{link.name} is {link.spec}")
        return
    source.steps.append(masked[link.spec.how])
    source.helpers |= set() if link.spec.how == "last" else {"real"}


def write_flatten(source: Source, link: Link) -> None:  # noqa: ARG001  (a `Writer`)
    """All sequences have one length here, so there is no padding."""
    source.steps.append("x = x.flatten(1)")


def write_activation(source: Source, link: Link) -> None:
    """A function of the signal."""
    _write_function(source, link, link.spec)


def _write_function(source: Source, link: Link, spec: ActivationSpec) -> None:
    if spec.kind not in ACTIVATIONS:
        source.problems.append(f"{link.name} has the activation {spec.kind}")
        return
    source.steps.append(f"x = {ACTIVATIONS[spec.kind].format(**vars(spec))}")


# What PyTorch calls the activations; an argument stands in braces.
ACTIVATIONS = {
    "linear": "x",
    "relu": "torch.relu(x)",
    "tanh": "torch.tanh(x)",
    "sigmoid": "torch.sigmoid(x)",
    "exponential": "torch.exp(x)",
    "softmax": "torch.softmax(x, dim=-1)",
    "log_softmax": "torch.log_softmax(x, dim=-1)",
    "leaky_relu": "functional.leaky_relu(x, {slope})",
    "swish": "functional.silu(x)",
    "hard_silu": "functional.hardswish(x)",
    "hard_swish": "functional.hardswish(x)",
    "squareplus": "(x + torch.sqrt(x * x + 4)) / 2",
    "sparse_plus": "torch.where(x <= -1, 0, torch.where(x < 1, (x + 1) ** 2 / 4, x))",
    "sparse_sigmoid": "((x + 1) / 2).clamp(0, 1)",
    "soft_shrink": "functional.softshrink(x, {threshold})",
    "hard_shrink": "functional.hardshrink(x, {threshold})",
    "hard_tanh": "functional.hardtanh(x)",
    "tanh_shrink": "functional.tanhshrink(x)",
    "hard_sigmoid": "functional.hardsigmoid(x)",
    "log_sigmoid": "functional.logsigmoid(x)",
    **{
        name: f"functional.{name}(x)"
        for name in ("relu6", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "softsign")
    },
}

WRITERS: dict[str, Writer] = {
    **dict.fromkeys(("lstm", "gru", "rnn", "bilstm", "bigru", "birnn"), write_recurrent),
    **dict.fromkeys(SEGUES, write_activation),
    "dense": write_dense,
    "dropout": write_dropout,
    "embedding": write_embedding,
    "pool": write_pool,
    "flatten": write_flatten,
}


# -- what the lines call ------------------------------------------------------------------------

HELPERS = {
    "pack": '''
def pack(x, lengths):
    """Leave the padding out, as recurrent layers of PyTorch want it."""
    return pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
''',
    "unpack": '''
def unpack(packed, time):
    """[batch, time, feature] again, zeros behind each end."""
    return pad_packed_sequence(packed, batch_first=True, total_length=time)[0]
''',
    "real": '''
def real(x, lengths):
    """[batch, time, 1], true at real steps."""
    return (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[:, :, None]
''',
    "copy_linear": '''
def copy_linear(layer, weights, prefix):
    """Kernels are [in, out] in segue, [out, in] here."""
    layer.weight.copy_(torch.as_tensor(weights[prefix + "kernel"]).T)
    if layer.bias is not None:
        layer.bias.copy_(torch.as_tensor(weights[prefix + "bias"]))
''',
    "copy_recurrent": '''
def copy_recurrent(layer, weights, prefix, suffix=""):
    """PyTorch adds a second bias, which stays zero."""
    kernel, recurrent, bias = (
        torch.as_tensor(weights[prefix + part]) for part in ("kernel", "recurrent_kernel", "bias")
    )
    getattr(layer, "weight_ih_l0" + suffix).copy_(kernel.T)
    getattr(layer, "weight_hh_l0" + suffix).copy_(recurrent.T)
    getattr(layer, "bias_ih_l0" + suffix).copy_(bias)
    getattr(layer, "bias_hh_l0" + suffix).zero_()
''',
    "copy_gru": '''
def copy_gru(layer, weights, prefix, suffix=""):
    """PyTorch has the reset gate before the update gate."""
    kernel, recurrent, bias = (
        torch.cat([reset, update, candidate], dim=-1)
        for part in ("kernel", "recurrent_kernel", "bias")
        for update, reset, candidate in [torch.as_tensor(weights[prefix + part]).chunk(3, dim=-1)]
    )
    getattr(layer, "weight_ih_l0" + suffix).copy_(kernel.T)
    getattr(layer, "weight_hh_l0" + suffix).copy_(recurrent.T)
    getattr(layer, "bias_ih_l0" + suffix).copy_(bias[0])
    getattr(layer, "bias_hh_l0" + suffix).copy_(bias[1])
''',
}
