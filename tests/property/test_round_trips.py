"""Whatever specs there are: their text and their JSON make the same specs again."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.errors import SpecError
from segue.layers import LAYERS, LayerSpec
from segue.networks import as_specs, specs_from_json
from segue.spec import Spec, parse, to_text
from segue.testing import strategies


@given(st.lists(strategies.layer_specs(), max_size=4))
def test_specs_to_text_to_specs(specs: list[LayerSpec]) -> None:
    """Every field of every kind, also names such as `none` and numbers such as 1e-07."""
    assert as_specs(to_text(specs)) == tuple(specs)


@given(strategies.layer_specs(), st.sampled_from([" ", ", ", " | ", " -> ", "\n\t"]))
def test_separators_mean_the_same(spec: LayerSpec, between: str) -> None:
    """Space, comma, bar, arrow and new line."""
    assert as_specs(f"{spec}{between}{spec}") == (spec, spec)


@given(st.lists(strategies.layer_specs(), max_size=4))
def test_specs_to_json_to_specs(specs: list[LayerSpec]) -> None:
    """Through real JSON text, as in a model file."""
    items = json.loads(json.dumps([spec.to_json() for spec in specs]))
    assert specs_from_json(items) == tuple(specs)


@given(strategies.layer_specs())
def test_the_text_leaves_defaults_out(spec: LayerSpec) -> None:
    """What is written is what differs, so a text stays short and its JSON too."""
    assert str(specs_from_json([spec.to_json()])[0]) == str(spec)
    assert "=zeros" not in str(spec)
    assert "output=auto" not in str(spec)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but a `SpecError`."""
    specs: tuple[Spec, ...] = ()
    with contextlib.suppress(SpecError):
        specs = parse(text, LAYERS)
    assert parse(to_text(specs), LAYERS) == specs


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=6,
    ),
    st.sampled_from(sorted(LAYERS)),
    st.sampled_from(
        "units rate name initial_state output how features x layers branches shortcut times".split()
    ),
)
def test_any_json_is_read_or_refused(value: object, kind: str, field: str) -> None:
    """A wrong type, or a field that is not there, raises a `SpecError` and nothing else."""
    items: Any = [{"kind": kind, field: value}]
    with contextlib.suppress(SpecError):
        specs = specs_from_json(items)
        assert specs_from_json([specs[0].to_json()]) == specs


@pytest.mark.parametrize("item", [None, 3, "lstm", [], {"kind": ["lstm"]}, {"kind": None}, {}])
def test_json_that_describes_no_layer_is_refused(item: Any) -> None:
    """Also where it is no object at all."""
    with pytest.raises(SpecError, match="unknown layer|is described by an object with its kind"):
        specs_from_json([item])
