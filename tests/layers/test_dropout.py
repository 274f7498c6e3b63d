"""Dropout: which values it takes away, how often, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from segue.kernels.cells import Masks
from segue.layers import BuildContext, Shape
from segue.modules import Layer, Padded
from segue.modules.recurrent import RecurrentCell
from segue.networks import as_specs
from segue.randomness import Draws

UNITS = 6


def build(text: str, *, every: bool = True, features: int = UNITS) -> Layer:
    (spec,) = as_specs(text)
    return spec.build(BuildContext("layer", Shape(features), every=every))


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


class Seen:
    """The masks that a cell gets, and the inputs that came with them."""

    def __init__(self, layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: list[tuple[Tensor, Masks | None]] = []
        for cell in (m for m in layer.modules() if isinstance(m, RecurrentCell)):
            monkeypatch.setattr(cell, "kernel_run", self._noting(cell.kernel_run))

    def _noting(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def noted(x: Tensor, *arguments: Any, masks: Masks | None, **more: Any) -> Any:
            self.given.append((x, masks))
            return run(x, *arguments, masks=masks, **more)

        return noted


GATES = {"lstm": 4, "gru": 3, "gru(6, reset=before": 3, "rnn": 1, "bilstm": 4, "bigru": 3}


def masks_in_training(text: str, monkeypatch: pytest.MonkeyPatch, **more: int) -> list[Masks]:
    layer = build(text, features=4)
    seen = Seen(layer, monkeypatch)
    layer(ones(400, 2, 4), Draws(0, **more))
    masks = [masks for _, masks in seen.given if masks is not None]
    assert len(masks) == len(seen.given)
    return masks


@pytest.mark.parametrize("word", GATES)
def test_each_gate_draws_masks_of_its_own(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the inputs and the state, at their own rates; two gates agree by chance only."""
    head = word if "(" in word else f"{word}(6"
    text = f"{head}, dropout=0.2, recurrent_dropout=0.5)"
    for inputs, hidden in masks_in_training(text, monkeypatch):
        assert inputs is not None
        assert inputs.shape == (400, GATES[word], 4)
        assert hidden.shape == (400, GATES[word], 6)
        for mask, rate in ((inputs, 0.2), (hidden, 0.5)):
            assert set(mask.unique().tolist()) == {0.0, float(torch.tensor(1 / (1 - rate)))}
            kept = (mask != 0).float()
            assert kept.mean((0, 2)).tolist() == pytest.approx([1 - rate] * GATES[word], abs=0.05)
            chance = rate**2 + (1 - rate) ** 2
            for gate in range(1, GATES[word]):
                agreement = float((kept[:, gate] == kept[:, gate - 1]).float().mean())
                assert agreement == pytest.approx(chance, abs=0.06)


def test_a_sequence_of_one_channel_is_seldom_hidden_from_all_gates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One mask for all gates would hide every fifth; four hide one in 625."""
    layer = build("lstm(6, dropout=0.2, recurrent_dropout=0.2)", features=1)
    seen = Seen(layer, monkeypatch)
    layer(ones(10_000, 1, 1), Draws(0))
    ((_, masks),) = seen.given
    assert masks is not None
    assert masks.inputs is not None
    hidden = float((masks.inputs.sum((1, 2)) == 0).float().mean())
    assert hidden == pytest.approx(0.2**4, abs=0.0015)


@pytest.mark.parametrize("word", ["lstm", "gru", "rnn"])
def test_without_recurrent_dropout_all_gates_share_a_mask(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the whole sequence can take the fast path."""
    layer = build(f"{word}(6, dropout=0.5)")
    seen = Seen(layer, monkeypatch)
    layer(ones(), Draws(0))
    ((x, masks),) = seen.given
    assert masks is None
    assert set(x.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(x, x[:, :1].expand_as(x))


def test_masks_follow_from_seed_epoch_and_step_and_belong_to_the_place_in_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asked again the same ones, in another step others; what else is in the batch is nothing."""
    text = "bilstm(6, dropout=0.5, recurrent_dropout=0.5)"
    first, again = (masks_in_training(text, monkeypatch) for _ in range(2))
    assert all(torch.equal(a.hidden, b.hidden) for a, b in zip(first, again, strict=True))
    later = masks_in_training(text, monkeypatch, step=1)
    assert not torch.equal(first[0].hidden, later[0].hidden)
    assert not torch.equal(first[0].hidden, first[1].hidden)  # the two directions
    few = Seen(layer := build(text, features=4), monkeypatch)
    layer(ones(7, 9, 4), Draws(0))
    for (_, masks), wanted in zip(few.given, first, strict=True):
        assert masks is not None
        assert torch.equal(masks.hidden, wanted.hidden[:7])


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
    first, second = (spec.build(BuildContext(name, Shape(UNITS))) for name in ("a", "b"))
    assert not torch.equal(first(ones(), Draws(0)).values, second(ones(), Draws(0)).values)
