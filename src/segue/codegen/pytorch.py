"""A network as a module of plain PyTorch, exact on sequences of unequal length.

What is written needs PyTorch only. Recurrent layers run over packed sequences, which is PyTorch's
own way of leaving out the padding. The weights of segue are copied by a function in the same file.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from segue.codegen.pieces import HELPERS, WRITERS, Link, Source
from segue.errors import SpecError
from segue.layers import Dense

if TYPE_CHECKING:
    from segue.networks import Network


def pytorch_source(network: Network) -> str:
    """Write a network as a class `Network(nn.Module)` and a function `copy_weights`.

    Raises:
        SpecError: layers that are not written in plain PyTorch; all of them are named.
    """
    source = Source()
    for link in _links(network):
        writer = WRITERS.get(link.layer.kind)
        if writer is None:
            source.problems.append(f"{link.name} is a {link.layer.kind} layer")
        else:
            writer(source, link)
    if source.problems:
        raise SpecError(
            f"This network is not written in plain PyTorch: {'; '.join(source.problems)}. "
            "framework='segue' writes every network."
        )
    return _text(network, source)


def _links(network: Network) -> list[Link]:
    """Every layer with its spec, the head too; what stands for several layers is written out."""
    *layers, head = network.chain
    waiting: deque[Any] = deque(network.specs)
    links: list[Link] = []
    shape = network.input_shape
    while waiting:
        spec = waiting.popleft()
        if hasattr(spec, "expand"):
            waiting.extendleft(reversed(spec.expand(shape)))
            continue
        links.append(Link(spec, layers[len(links)], shape))
        shape = links[-1].layer.shape
    return [*links, Link(Dense(head.shape.features), head, shape)]


def _text(network: Network, source: Source) -> str:
    helpers = [name for name in HELPERS if name in source.helpers]
    imports = ["import torch", "from torch import nn"]
    if any("functional." in step for step in source.steps):
        imports.append("from torch.nn import functional")
    packing = {"pack": "pack_padded_sequence", "unpack": "pad_packed_sequence"}
    packed = [name for key, name in packing.items() if key in helpers]
    if packed:
        imports.append(f"from torch.nn.utils.rnn import {', '.join(packed)}")
    given = network.input_shape
    kind = "int" if given.tokens is not None else "float32"
    values = 1 if given.tokens is not None else given.features
    end = "batch, time" if network.chain[-1].shape.sequence else "batch"
    lines = [
        f'"""{network.summary().text}, written by segue.',
        "",
        f"x: [batch, {given.length or 'time'}, {values}] {kind}, right-padded with zeros",
        "lengths: [batch] int64",
        f"gives: logits [{end}, {network.chain[-1].shape.features}]",
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
