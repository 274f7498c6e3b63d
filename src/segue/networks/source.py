"""A network as Python source: with segue's own layers, or as a module of plain PyTorch.

A module of plain PyTorch needs PyTorch only, and is exact on sequences of unequal length: its
recurrent layers run over packed sequences, which is PyTorch's own way to leave out the padding. A
function in the same source copies segue's weights into it. Each layer writes its own lines:
`LayerSpec.write_torch`.
"""

from __future__ import annotations

import json
import keyword
from dataclasses import MISSING, fields
from typing import Any

from torch import nn

from segue.errors import OptionError, SpecError, did_you_mean
from segue.layers import LAYERS, BuildContext, Dense, LayerSpec, Shape
from segue.layers.base import TorchSource, plan_layers
from segue.modules import Chain
from segue.spec import to_text

LINE = 88  # a call that is longer is laid out over several lines


def to_python(
    specs: tuple[LayerSpec, ...], shape: Shape, chain: Chain, framework: str = "segue"
) -> str:
    """Write a network as Python source that builds the same one, without its weights.

    Args:
        specs: the layers without the head.
        shape: of the input.
        chain: the layers with the head.
        framework: "segue", or "torch" for a module of plain PyTorch with a function that copies the
            weights of `Network.get_weights()` into it.

    Raises:
        OptionError: another framework.
        SpecError: layers that cannot be written so; all of them are named.
    """
    frameworks = {"segue": segue_source, "torch": pytorch_source}
    if framework not in frameworks:
        near = did_you_mean(str(framework), frameworks)
        raise OptionError(f"`framework` is {framework!r}; expected 'segue' or 'torch'.{near}")
    return frameworks[framework](specs, shape, chain)


def segue_source(specs: tuple[LayerSpec, ...], shape: Shape, chain: Chain) -> str:
    """Write a network with the layers of `segue.layers`; the arguments are those of `to_python`.

    Raises:
        SpecError: a layer of a kind that segue does not have; it is named.
    """
    kinds = sorted({type(spec).__name__ for spec in _all_specs(specs)} | {"Shape"})
    chosen = {"length": shape.length, "tokens": shape.tokens}
    more = "".join(f", {name}={value}" for name, value in chosen.items() if value is not None)
    head = chain[-1].shape
    count = sum(p.numel() for p in chain.parameters())
    lines = [
        f'"""From {shape} to {head}, {count:,} parameters."""',
        "",
        f"from segue.layers import {', '.join(kinds)}",
        "from segue.networks import Network",
        "",
        "network = Network(",
        f"    {code_of(specs, 4)},",
        f"    Shape({shape.features}{more}),",
        f"    outputs={head.features},",
        *(["    every=True,"] if head.sequence else []),
        ")",
    ]
    return "\n".join(lines) + "\n"


def _all_specs(value: Any) -> list[LayerSpec]:
    """Every spec in a spec or a list of them."""
    if isinstance(value, tuple):
        return [spec for entry in value for spec in _all_specs(entry)]
    if not isinstance(value, LayerSpec):
        return []
    if LAYERS.get(value.kind) is not type(value):
        raise SpecError(
            f"{value} is a layer of your own: its source is yours, so no source is written here."
        )
    return [value, *(s for f in fields(value) for s in _all_specs(getattr(value, f.name)))]


def code_of(value: Any, indent: int = 0) -> str:
    """The source of a value, `indent` blanks from the margin.

    >>> from segue.layers import Dense
    >>> code_of((Dense(8, "relu"),))
    '(Dense(8, activation="relu"),)'
    """
    if isinstance(value, LayerSpec):
        return _laid_out(f"{type(value).__name__}(", _arguments(value), ")", indent)
    if isinstance(value, tuple):
        return _laid_out("(", [("", entry) for entry in value], ")", indent)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _laid_out(opening: str, arguments: list[tuple[str, Any]], closing: str, indent: int) -> str:
    """In one line if it fits, else an argument a line."""
    inner = indent + 4
    short = ", ".join(f"{name}{code_of(value)}" for name, value in arguments)
    comma = "," if opening == "(" and len(arguments) == 1 else ""
    line = f"{opening}{short}{comma}{closing}"
    if indent + len(line) <= LINE:
        return line
    rows = [f"{' ' * inner}{name}{code_of(value, inner)}," for name, value in arguments]
    return "\n".join([opening, *rows, f"{' ' * indent}{closing}"])


def _arguments(spec: LayerSpec) -> list[tuple[str, Any]]:
    """Required ones by position, the rest by name, without defaults."""
    chosen = []
    for f in fields(spec):
        value = getattr(spec, f.name)
        if f.default is MISSING and f.default_factory is MISSING:
            chosen.append(("", value))
        elif value != f.default:
            chosen.append((f"{f.name}=", value))
    return chosen


# -- plain PyTorch ------------------------------------------------------------------------------


def pytorch_source(specs: tuple[LayerSpec, ...], shape: Shape, chain: Chain) -> str:
    """Write a network as a class `Network(nn.Module)` and a function `copy_weights`.

    Args:
        specs: the layers without the head.
        shape: of the input.
        chain: the layers with the head.

    Raises:
        SpecError: layers that have no form in plain PyTorch; all of them are named.
    """
    source = TorchSource({*keyword.kwlist, *dir(nn.Module())})
    output = chain[-1].shape
    body = shape
    for planned in plan_layers(specs, BuildContext("", shape, output.sequence)):
        planned.spec.write_torch(source, planned.context)
        body = planned.shape
    Dense(output.features).write_torch(source, BuildContext("head", body))
    if source.problems:
        raise SpecError(
            f"This network is not written in plain PyTorch: {'; '.join(source.problems)}. "
            "framework='segue' writes every network."
        )
    return _text(specs, shape, output, source)


def _text(specs: tuple[LayerSpec, ...], shape: Shape, output: Shape, source: TorchSource) -> str:
    helpers = [name for name in HELPERS if name in source.helpers]
    imports = ["import torch", "from torch import nn"]
    if any("functional." in step for step in source.steps):
        imports.append("from torch.nn import functional")
    packing = {"pack": "pack_padded_sequence", "unpack": "pad_packed_sequence"}
    packed = [name for key, name in packing.items() if key in helpers]
    if packed:
        imports.append(f"from torch.nn.utils.rnn import {', '.join(packed)}")
    kind = "int" if shape.tokens is not None else "float32"
    values = 1 if shape.tokens is not None else shape.features
    end = "batch, time" if output.sequence else "batch"
    lines = [
        f'"""{to_text(specs)}, written by segue.',
        "",
        f"x: [batch, {shape.length or 'time'}, {values}] {kind}, right-padded with zeros",
        "lengths: [batch] int64",
        f"gives: logits [{end}, {output.features}]",
        '"""',
        "",
        *imports,
        "",
        "",
        "class Network(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        *(f"        {line}" for line in source.modules),
        "",
        "    def forward(self, x, lengths):",
        *(f"        {line}" for line in source.steps),
        "        return x",
        "",
        "",
        "@torch.no_grad()",
        "def copy_weights(model, weights):",
        '    """Take over `weights`, arrays by name: what `network_.get_weights()` gives."""',
        *(f"    {line}" for line in source.copies),
        "",
    ]
    return "\n".join(lines) + "".join("\n" + HELPERS[name] for name in helpers)


# Functions that the written lines call; only those that are called are written.
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
