"""Specs of networks from texts, lists and JSON, the head of a network, and its Python source.

The last, dense layer of a network is implied: the *head*. Its units follow from the task.

The source has segue's own layers, or is a module of plain PyTorch. Such a module needs PyTorch
only, and is exact on sequences of unequal length: its recurrent layers run over packed sequences,
which is PyTorch's own way to leave out the padding. A function in the same source copies segue's
weights into it. Each layer writes its own lines (`LayerSpec.write_torch`), and
`templates/torch_network.txt` has what stands around them.
"""

from __future__ import annotations

import json
import keyword
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from importlib.resources import files
from typing import Any

from torch import nn

from segue.errors import OptionError, SpecError, did_you_mean
from segue.layers import LAYERS, BuildContext, CustomCell, CustomModule, Dense, LayerSpec, Shape
from segue.layers.base import TorchSource, plan_layers
from segue.layers.core import Embedding
from segue.layers.custom import as_spec, is_torch_module
from segue.modules import Chain
from segue.spec import from_json, parse, to_text
from segue.spec.base import fields_of, resolve_alias

EMBEDDING = 64  # features of a token in an embedding that is added

# A text, one layer or several; a layer is a spec, or a `torch.nn.Module` or `Cell` of the user.
NetworkLike = str | LayerSpec | Any | Iterable[LayerSpec | Any]


def as_specs(network: NetworkLike) -> tuple[LayerSpec, ...]:
    """The specs of a network that is given as a text, one layer or several.

    A `torch.nn.Module` or a `Cell` of the user is wrapped in its spec.

    Raises:
        SpecError: a text that does not parse, or something else.

    >>> as_specs("lstm(8) dense(4, relu)")
    (LSTM(units=8, ...), Dense(units=4, activation='relu', bias=True, name=None))
    """
    is_one = isinstance(network, LayerSpec) or is_torch_module(network)
    specs: Iterable[Any] = (network,)
    if isinstance(network, str):
        specs = parse(network, LAYERS, hint=translation_hint)
    elif isinstance(network, Iterable) and not is_one:
        specs = network
    specs = tuple(spec if isinstance(spec, LayerSpec) else as_spec(spec) for spec in specs)
    for spec in specs:
        if not isinstance(spec, LayerSpec):
            raise SpecError(
                f"a network is a text such as 'lstm(128)', or a list of layer specs such as "
                f"[LSTM(128)]; got {spec!r}."
            )
    return specs


def with_embedding(specs: tuple[LayerSpec, ...]) -> tuple[LayerSpec, ...]:
    """A network for tokens: `embedding(64)` is added in front, unless its first layer takes them.

    >>> to_text(with_embedding(as_specs("bilstm(100)")))
    'embedding(64) bilstm(100)'
    """
    begins = specs[0] if specs else None
    if begins is not None and (is_custom(begins) or begins.input_kind == "tokens"):
        return specs
    return (Embedding(EMBEDDING), *specs)


def is_custom(spec: LayerSpec) -> bool:
    """Whether it holds a module of the user, which no text or file can bring."""
    return spec.is_custom or any(is_custom(inner) for inner in spec.sublayers())


def specs_from_json(items: Iterable[Mapping[str, Any]]) -> tuple[LayerSpec, ...]:
    """Read layer specs from the JSON of a model file.

    Raises:
        SpecError: an unknown kind or field, or a layer of the user.
    """
    # The last two raise an error with the reason.
    kinds: dict[str, type[LayerSpec]] = {**LAYERS, "own": CustomModule, "cell": CustomCell}
    return tuple(s for s in from_json(items, kinds, what="layer") if isinstance(s, LayerSpec))


def current_json(items: Any) -> Any:
    """The JSON of specs with the present names of fields in place of older ones.

    >>> current_json([{"kind": "conv", "filters": 8, "width": 3}])
    [{'kind': 'conv', 'filters': 8, 'kernel_size': 3}]
    """
    if isinstance(items, list):
        return [current_json(item) for item in items]
    kind = LAYERS.get(items.get("kind", "")) if isinstance(items, dict) else None
    if kind is None:
        return items
    fields = (resolve_alias(kind, name, value) for name, value in items.items())
    return {name: current_json(value) for name, value in fields}


HeadForms = Collection[tuple[int, str]]  # units, and the activation behind or in the dense layer


def split_head(
    specs: tuple[LayerSpec, ...], forms: HeadForms
) -> tuple[tuple[LayerSpec, ...], tuple[LayerSpec, ...]]:
    """Split a head that is written out, as in Keras and MATLAB, from the layers before it.

    `dense(3) softmax`, `dense(3, softmax)` and a last, linear `dense(3)` are the head of a
    classifier of three classes.

    Args:
        specs: the network as it is written.
        forms: of the head, as pairs of units and an activation, such as `(3, "softmax")`.

    Returns:
        The layers before the head, and those that are the head; none where it is implied.

    Raises:
        SpecError: a softmax after a dense layer of another size than the head's.

    >>> layers, head = split_head(as_specs("lstm(8) dense(3) softmax"), [(3, "softmax")])
    >>> to_text(layers), to_text(head)
    ('lstm(8)', 'dense(3) softmax')
    """
    activation, dense = "linear", specs[-1] if specs else None
    head = specs[-1:]
    if len(specs) > 1 and specs[-1].kind in ("softmax", "sigmoid"):
        head, dense, activation = specs[-2:], specs[-2], specs[-1].kind
    if not isinstance(dense, Dense) or (len(head) == 2 and dense.activation != "linear"):
        return specs, ()
    activation = dense.activation if len(head) == 1 else activation
    if (dense.units, activation) in forms:
        return specs[: -len(head)], head
    sizes = sorted({units for units, _ in forms})
    if activation == "softmax" and dense.units not in sizes:
        expected = " or ".join(map(str, sizes))
        raise SpecError(
            f"the network ends with {to_text(head)}, and its head has {expected} "
            f"outputs: write {expected} there, or leave it out, since the head is implied."
        )
    return specs, ()


def translation_hint(word: str) -> str | None:
    """Advice for a layer or argument of another library; `None` for an unknown word.

    >>> translation_hint("SimpleRNN"), translation_hint("return_sequences")[:18]
    ('write rnn(units)', 'write output=every')
    >>> translation_hint("foo")
    """
    plain = word.lower().replace("_", "").removesuffix("layer").removesuffix("1d")
    text = files("segue.networks").joinpath("foreign.toml").read_text(encoding="utf-8")
    advice: str | None = tomllib.loads(text).get(plain)
    return advice


# -- Python source --------------------------------------------------------------------------------

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
    if framework not in ("segue", "torch"):
        near = did_you_mean(str(framework), ("segue", "torch"))
        raise OptionError(f"`framework` is {framework!r}; expected 'segue' or 'torch'.{near}")
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("segue.networks"),
        autoescape=False,  # noqa: S701  (what is written is Python, not HTML)
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    output = chain[-1].shape
    facts: dict[str, Any] = {"shape": shape, "output": output}
    if framework == "torch":
        facts |= {"source": _torch_source(specs, shape, output), "network": to_text(specs)}
    else:
        facts["kinds"] = sorted({type(spec).__name__ for spec in _all_specs(specs)} | {"Shape"})
        facts["layers"] = code_of(specs, 4)
        facts["parameters"] = sum(p.numel() for p in chain.parameters())
    return environment.get_template(f"{framework}_network.txt").render(facts)


def _torch_source(specs: tuple[LayerSpec, ...], shape: Shape, output: Shape) -> TorchSource:
    """The lines of plain PyTorch that the layers and the head write.

    Raises:
        SpecError: layers that have no form in plain PyTorch; all of them are named.
    """
    source, body = TorchSource({*keyword.kwlist, *dir(nn.Module())}), shape
    for planned in plan_layers(specs, BuildContext("", shape, output.sequence)):
        planned.spec.write_torch(source, planned.context)
        body = planned.shape
    Dense(output.features).write_torch(source, BuildContext("head", body))
    if source.problems:
        raise SpecError(
            f"This network is not written in plain PyTorch: {'; '.join(source.problems)}. "
            "framework='segue' writes every network."
        )
    return source


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
    """The source of a value, `indent` blanks from the margin; a line for each part if it is long.

    >>> from segue.layers import Dense
    >>> code_of((Dense(8, "relu"),))
    '(Dense(8, activation="relu"),)'
    """
    if isinstance(value, LayerSpec):  # required arguments by position, the rest without defaults
        opening, parts = f"{type(value).__name__}(", []
        for name, info in fields_of(type(value)).items():
            given = getattr(value, name)
            if info.required or given != getattr(type(value), name, None):
                parts.append(("" if info.required else f"{name}=", given))
    elif isinstance(value, tuple):
        opening, parts = "(", [("", entry) for entry in value]
    else:
        return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    short = ", ".join(f"{name}{code_of(part)}" for name, part in parts)
    comma = "," if opening == "(" and len(parts) == 1 else ""
    line = f"{opening}{short}{comma})"
    if indent + len(line) <= LINE:
        return line
    rows = [f"{' ' * (indent + 4)}{name}{code_of(part, indent + 4)}," for name, part in parts]
    return "\n".join([opening, *rows, f"{' ' * indent})"])
