"""From a text to specs, and the head that may be written out at their end."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from segue.errors import SpecError
from segue.layers import LAYERS
from segue.layers.base import LayerSpec
from segue.layers.core import Dense, Embedding
from segue.layers.custom import as_spec, is_torch_module
from segue.networks.foreign import translation_hint
from segue.spec import parse, to_text

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
    specs: Iterable[Any] = (network,)
    if isinstance(network, str):
        specs = parse(network, LAYERS, hint=translation_hint)
    elif isinstance(network, Iterable) and not is_torch_module(network):
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
