"""A network as Python source: with segue's own layers, or as a module of plain PyTorch.

A module of plain PyTorch needs PyTorch only, and is exact on sequences of unequal length: its
recurrent layers run over packed sequences, which is PyTorch's own way to leave out the padding. A
function in the same source copies segue's weights into it. Each layer writes its own lines
(`LayerSpec.write_torch`), and `templates/torch_module.txt` has what stands around them.
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
    from jinja2 import Environment, PackageLoader, StrictUndefined

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
    packing = {"pack": "pack_padded_sequence", "unpack": "pad_packed_sequence"}
    environment = Environment(
        loader=PackageLoader("segue.networks"),
        autoescape=False,  # noqa: S701  (what is written is Python, not HTML)
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("torch_module.txt").render(
        network=to_text(specs),
        shape=shape,
        output=output,
        source=source,
        values=1 if shape.tokens is not None else shape.features,
        dtype="int" if shape.tokens is not None else "float32",
        packing=[function for name, function in packing.items() if name in source.helpers],
    )
