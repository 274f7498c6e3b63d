"""Dropout: which values it takes away, how often, and for how long."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from segue.layers import Layer, Padded, Place, Shape
from segue.networks import as_specs
from segue.randomness import Draws

UNITS = 6


def build(text: str, *, every: bool = True, features: int = UNITS) -> Layer:
    (spec,) = as_specs(text)
    return spec.build(Place("layer", Shape(features), every=every))


def ones(batch: int = 50, time: int = 7, features: int = UNITS) -> Padded:
    return Padded(torch.ones(batch, time, features), torch.full((batch,), time))


def identity(layer: Layer, part: str = "") -> None:
    """Let an rnn with relu give its inputs back: no recurrence, no bias."""
    weights = layer.weights()
    weights[f"{part}kernel"].data = torch.eye(UNITS)
    weights[f"{part}recurrent_kernel"].data = torch.zeros(UNITS, UNITS)


def test_a_dropout_layer_takes_its_share_and_keeps_the_mean() -> None:
    """Zero with the rate's probability, else 1 / (1 - rate); each value by itself."""
    values = build("dropout(0.3)")(ones(), Draws(0)).values
    kept = values != 0
    torch.testing.assert_close(values[kept], torch.full((int(kept.sum()),), 1 / 0.7))
    assert float(kept.float().mean()) == pytest.approx(0.7, abs=0.03)
    assert not torch.equal(kept[:, 0], kept[:, 1])


def test_dropout_of_a_recurrent_layer_is_constant_over_time() -> None:
    """One mask for the inputs of a sequence, another one for the next sequence."""
    layer = build("rnn(6, activation=relu, dropout=0.5)")
    identity(layer)
    values = layer(ones(), Draws(0)).values
    assert set(values.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(values, values[:, :1].expand_as(values))
    assert not torch.equal(values[0], values[1])
    assert float((values != 0).float().mean()) == pytest.approx(0.5, abs=0.1)


def test_recurrent_dropout_is_constant_over_time_too() -> None:
    """It is the hidden state that is masked: where it adds up, it does so at every step or none."""
    layer = build("rnn(6, activation=relu, recurrent_dropout=0.5)")
    weights = layer.weights()
    weights["kernel"].data = torch.eye(UNITS)
    weights["recurrent_kernel"].data = torch.eye(UNITS) / 2  # kept: 1 + 2 * h / 2; dropped: 1
    values = layer(ones(time=4), Draws(0)).values
    rows = {tuple(row) for row in values.transpose(1, 2).reshape(-1, 4).tolist()}
    assert rows == {(1.0, 1.0, 1.0, 1.0), (1.0, 2.0, 3.0, 4.0)}


def masks_of(layer: Layer, part: str = "") -> tuple[Tensor, Tensor]:
    """The masks of inputs and hidden states, read off two runs of two steps."""
    identity(layer, part)
    seen = layer(ones(time=1), Draws(0))
    inputs = (seen.values[:, 0] != 0).float()
    layer.weights()[f"{part}kernel"].data = torch.zeros(UNITS, UNITS)
    layer.weights()[f"{part}bias"].data = torch.ones(UNITS)
    layer.weights()[f"{part}recurrent_kernel"].data = torch.eye(UNITS)
    hidden = (layer(ones(time=2), Draws(0)).values[:, 1] > 1).float()
    return inputs, hidden


def test_inputs_and_hidden_state_have_masks_of_their_own() -> None:
    """Also where both have the same size and the same rate."""
    text = "rnn(6, activation=relu, dropout=0.5, recurrent_dropout=0.5)"
    inputs, hidden = masks_of(build(text))
    assert not torch.equal(inputs, hidden)
    agreement = float((inputs == hidden).float().mean())
    assert agreement == pytest.approx(0.5, abs=0.12)


def test_the_two_directions_have_masks_of_their_own() -> None:
    """Each direction is a layer by itself."""
    layer = build("birnn(6, activation=relu, dropout=0.5)")
    for part in ("forward/", "backward/"):
        identity(layer, part)
    values = layer(ones(time=1), Draws(0)).values[:, 0]
    assert not torch.equal(values[:, :UNITS], values[:, UNITS:])


def test_layers_of_other_names_have_other_masks() -> None:
    """Two dropout layers of one network do not drop the same places."""
    (spec,) = as_specs("dropout(0.5)")
    first, second = (spec.build(Place(name, Shape(UNITS))) for name in ("a", "b"))
    assert not torch.equal(first(ones(), Draws(0)).values, second(ones(), Draws(0)).values)
