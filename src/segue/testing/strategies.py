"""Hypothesis strategies: lengths, sequences, data sets, specs of layers and whole networks.

from hypothesis import given
from segue.testing import strategies

@given(strategies.sequences())
def test_my_function(x): ...
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.layers import LAYERS, Dense, Dropout, LayerSpec, Pool
from segue.layers.composition import Branches, Layers
from segue.layers.recurrent import BidirectionalSpec, InitialState, RecurrentSpec
from segue.spec import Count, Name, Spec, nested_fields


def lengths(least: int = 1, most: int = 12, count: int = 6) -> SearchStrategy[list[int]]:
    """Lists of one to `count` lengths, often with equal ones and ones of length `least`."""
    return st.lists(st.integers(least, most), min_size=1, max_size=count)


@st.composite
def sequences(
    draw: DrawFn, *, least: int = 1, most: int = 12, missing: bool = False, limit: float = 1e3
) -> Sequences:
    """`Sequences` of unequal lengths with one to four channels.

    Args:
        draw: given by Hypothesis.
        least: the shortest length.
        most: the longest length.
        missing: whether values may be NaN.
        limit: the largest absolute value.
    """
    sizes = draw(lengths(least, most))
    channels = draw(st.integers(1, 4))
    number = st.floats(-limit, limit, width=32)
    value = st.one_of(number, st.just(float("nan"))) if missing else number
    count = sum(sizes) * channels
    values = np.array(draw(st.lists(value, min_size=count, max_size=count)), np.float32)
    return Sequences(values.reshape(-1, channels), np.cumsum([0, *sizes]))


@st.composite
def datasets(draw: DrawFn, *, classes: int = 3, missing: bool = False) -> Dataset:
    """`Dataset`s with a text label for each sequence."""
    x = draw(sequences(missing=missing))
    names = tuple(f"class {number}" for number in range(classes))
    labels = draw(st.lists(st.sampled_from(names), min_size=len(x), max_size=len(x)))
    return Dataset(x, np.array(labels), classes=names)


_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)


def _values_of_type(hint: Any) -> SearchStrategy[Any]:
    """Values of a field by its type."""
    if hint == Count:
        return st.integers(1, 1000)
    if hint == Name:
        return _NAMES | st.sampled_from(["none", "true", "False"])
    if hint == Layers:
        return st.lists(_plain_layers(), min_size=1, max_size=2)
    if hint == Branches:
        return st.lists(_values_of_type(Layers), min_size=2, max_size=3)
    if get_origin(hint) is Annotated:
        return _within_bounds(hint)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if hint is type(None):
        return st.none()
    if get_args(hint):
        return st.one_of([_values_of_type(member) for member in get_args(hint)])
    known: Mapping[Any, SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        str: _NAMES,
    }
    return known[hint]


def _plain_layers() -> SearchStrategy[LayerSpec]:
    """Specs of the kinds that hold no others."""
    plain = [kind for kind in LAYERS.values() if not nested_fields(kind)]
    return st.sampled_from(plain).flatmap(specs)


def _within_bounds(hint: Any) -> SearchStrategy[Any]:
    """Numbers that the bounds of an `Annotated[int | float, pydantic.Field(...)]` allow."""
    kind, field = get_args(hint)
    bounds = {type(m).__name__: m for m in field.metadata}
    least = bounds["Ge"].ge if "Ge" in bounds else bounds["Gt"].gt
    most = bounds["Le"].le if "Le" in bounds else bounds["Lt"].lt if "Lt" in bounds else 1000
    if kind is int:
        return st.integers(least, min(most, 1000))
    return st.floats(
        least,
        most,
        exclude_min="Gt" in bounds,
        exclude_max="Lt" in bounds,
        allow_subnormal=False,
    )


@st.composite
def specs(draw: DrawFn, kind: type[Spec]) -> Any:
    """Specs of one kind, any argument given or left out. They need not fit any data.

    Args:
        draw: given by Hypothesis.
        kind: the class of the spec, your own too.
    """
    hints = typing.get_type_hints(kind, include_extras=True)
    given: dict[str, Any] = {}
    for field in fields(kind):
        hint = hints[field.name]
        if hint == InitialState:
            row = st.lists(st.floats(-2, 2), min_size=1, max_size=3)
            values = st.lists(row, min_size=1, max_size=2)
            given[field.name] = draw(st.sampled_from(["zeros", "learnt"]) | values)
        else:
            given[field.name] = draw(_values_of_type(hint))
    return kind(**given)


def layer_specs() -> SearchStrategy[LayerSpec]:
    """Specs of every kind of layer that segue has."""
    return st.one_of([specs(kind) for kind in LAYERS.values()])


@st.composite
def networks(draw: DrawFn, *, layers: int = 3, units: int = 4) -> tuple[LayerSpec, ...]:
    """Networks that can be built for sequences of any length and end them.

    Args:
        draw: given by Hypothesis.
        layers: recurrent layers, at most.
        units: of each layer, at most.
    """
    recurrent = [kind for kind in LAYERS.values() if issubclass(kind, RecurrentSpec)]
    size, rate = st.integers(1, units), st.sampled_from([0.0, 0.3])
    chain: list[LayerSpec] = []
    for _ in range(draw(st.integers(1, layers))):
        kind = draw(st.sampled_from(recurrent))
        more: dict[str, Any] = {"dropout": draw(rate), "recurrent_dropout": draw(rate)}
        more["initial_state"] = draw(st.sampled_from(["zeros", "learnt"]))
        if issubclass(kind, BidirectionalSpec):
            more["merge"] = draw(st.sampled_from(["concat", "sum", "mean"]))
        chain.append(kind(draw(size), **more))
        between = st.sampled_from([None, Dropout(0.4), Dense(draw(size), "tanh")])
        chain += [layer for layer in [draw(between)] if layer is not None]
    end = draw(st.sampled_from([None, Pool("mean"), Pool("max")]))
    if end is not None:
        chain.append(end)
    return tuple(chain)
