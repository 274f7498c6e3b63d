"""The cells against numpy written by hand from Keras's documentation: gate orders and formulas.

Keras: LSTM gates are input, forget, cell, output; GRU gates are update, reset, candidate, with a
bias [2, 3 * units] where `reset_after=True`; a kernel is [channel, gates * units].
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segue.data.sequences import Array
from segue.kernels.cells import (
    LSTMState,
    RecurrentWeights,
    gru,
    gru_step,
    lstm,
    lstm_step,
    rnn,
    rnn_step,
)

CHANNELS, UNITS, TIME = 2, 3, 6


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def keras_lstm(
    x: Array, kernel: Array, recurrent: Array, bias: Array, state: tuple[Array, Array]
) -> Array:
    h, c = state
    outputs = []
    for x_t in x:
        z = x_t @ kernel + h @ recurrent + bias
        i, f, g, o = (z[k * UNITS : (k + 1) * UNITS] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack([*outputs, c])  # the cell state as the last row


def keras_gru(x: Array, kernel: Array, recurrent: Array, bias: Array, h: Array) -> Array:
    """`reset_after=True`: two biases; False: one."""
    outputs = []
    for x_t in x:
        if bias.ndim == 2:
            inner, outer = x_t @ kernel + bias[0], h @ recurrent + bias[1]
            z = sigmoid(inner[:UNITS] + outer[:UNITS])
            r = sigmoid((inner + outer)[UNITS : 2 * UNITS])
            candidate = np.tanh(inner[2 * UNITS :] + r * outer[2 * UNITS :])
        else:
            inner = x_t @ kernel + bias
            z = sigmoid(inner[:UNITS] + h @ recurrent[:, :UNITS])
            r = sigmoid(inner[UNITS : 2 * UNITS] + h @ recurrent[:, UNITS : 2 * UNITS])
            candidate = np.tanh(inner[2 * UNITS :] + (r * h) @ recurrent[:, 2 * UNITS :])
        h = z * h + (1 - z) * candidate
        outputs.append(h)
    return np.stack(outputs)


def draw(gates: int, *bias: int) -> tuple[Array, Array, Array, Array, Array, Array]:
    """x, kernel, recurrent kernel, bias, h, c."""
    draws = np.random.default_rng(4)
    return (
        draws.normal(size=(TIME, CHANNELS)),
        draws.normal(size=(CHANNELS, gates * UNITS)),
        draws.normal(size=(UNITS, gates * UNITS)),
        draws.normal(size=(*bias, gates * UNITS)),
        draws.normal(size=UNITS),
        draws.normal(size=UNITS),
    )


def tensor(array: Array) -> torch.Tensor:
    return torch.tensor(array)


def test_lstm() -> None:
    """Whole sequences, and one step at a time, from a given state."""
    x, kernel, recurrent, bias, h, c = draw(4)
    wanted = keras_lstm(x, kernel, recurrent, bias, (h, c))
    weights = RecurrentWeights(tensor(kernel), tensor(recurrent), tensor(bias))
    state = LSTMState(tensor(h)[None], tensor(c)[None])
    outputs, final = lstm(tensor(x)[None], torch.tensor([TIME]), weights, state)
    np.testing.assert_allclose(outputs[0], wanted[:-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(final.h[0], wanted[-2], rtol=0, atol=1e-12)
    np.testing.assert_allclose(final.c[0], wanted[-1], rtol=0, atol=1e-12)
    for time in range(TIME):
        y, state = lstm_step(tensor(x[time])[None], weights, state)
        np.testing.assert_allclose(y[0], wanted[time], rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [(2,), ()], ids=["reset after", "reset before"])
def test_gru(bias: tuple[int, ...]) -> None:
    """Both forms, whole and step by step."""
    x, kernel, recurrent, biases, h, _ = draw(3, *bias)
    wanted = keras_gru(x, kernel, recurrent, biases, h)
    weights = RecurrentWeights(tensor(kernel), tensor(recurrent), tensor(biases))
    state = (tensor(h)[None],)
    outputs, final = gru(tensor(x)[None], torch.tensor([TIME]), weights, state)
    np.testing.assert_allclose(outputs[0], wanted, rtol=0, atol=1e-12)
    np.testing.assert_allclose(final[0][0], wanted[-1], rtol=0, atol=1e-12)
    for time in range(TIME):
        y, state = gru_step(tensor(x[time])[None], weights, state)
        np.testing.assert_allclose(y[0], wanted[time], rtol=0, atol=1e-12)


def test_the_two_forms_of_the_gru_differ() -> None:
    """With the same numbers and no recurrent bias they are two cells, not one."""
    x, kernel, recurrent, bias, h, _ = draw(3)
    state, lengths = (tensor(h)[None],), torch.tensor([TIME])
    before = RecurrentWeights(tensor(kernel), tensor(recurrent), tensor(bias))
    after = before._replace(bias=tensor(np.stack([bias, 0 * bias])))
    a, _ = gru(tensor(x)[None], lengths, before, state)
    b, _ = gru(tensor(x)[None], lengths, after, state)
    assert float((a - b).abs().max()) > 0.01


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn(activation: str) -> None:
    """Elman's network with either activation."""
    x, kernel, recurrent, bias, h, _ = draw(1)
    weights = RecurrentWeights(tensor(kernel), tensor(recurrent), tensor(bias))
    state = (tensor(h)[None],)
    outputs, _ = rnn(
        tensor(x)[None],
        torch.tensor([TIME]),
        weights,
        state,
        activation=activation,  # type: ignore[arg-type]
    )
    for time in range(TIME):
        z = x[time] @ kernel + h @ recurrent + bias
        h = np.tanh(z) if activation == "tanh" else np.maximum(z, 0)
        y, state = rnn_step(tensor(x[time])[None], weights, state, activation=activation)  # type: ignore[arg-type]
        np.testing.assert_allclose(outputs[0, time], h, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(y[0], h, rtol=1e-12, atol=1e-12)
