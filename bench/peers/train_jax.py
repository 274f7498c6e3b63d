"""JAX with Optax: a whole call, all epochs with all their updates, is one compiled program."""

from __future__ import annotations

import json
import sys
from typing import Any

from train_shared import Train, run, use_processors

use_processors(json.loads(sys.argv[2])["threads"])  # before JAX counts them

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402
from cases import RATE, Case, Weights  # noqa: E402
from jax import Array, lax  # noqa: E402

LOSSES = {
    "squared": lambda out, y: (out[:, 0] - y) ** 2,
    "classes": optax.softmax_cross_entropy_with_integer_labels,
    "binary": lambda out, y: optax.sigmoid_binary_cross_entropy(out, y.reshape(out.shape)).mean(1),
}


def lstm(p: Any, x: Array, unroll: int, mask: Array | float = 1.0) -> Array:
    """`[time, batch, channel]` to the last hidden state; gates: input, forget, cell, output."""
    inputs = x @ p["kernel"] + p["bias"]

    def step(state: Any, z: Array) -> Any:
        h, c = state
        i, f, g, o = jnp.split(z + (h * mask) @ p["recurrent_kernel"], 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zero = jnp.zeros((x.shape[1], p["recurrent_kernel"].shape[0]))
    return lax.scan(step, (zero, zero), inputs, unroll=unroll)[0][0]


def gru(p: Any, x: Array, unroll: int) -> Array:
    """Likewise; gates: update, reset, new."""
    inputs = x @ p["kernel"] + p["bias"][0]

    def step(h: Array, z: Array) -> Any:
        update, reset, new = jnp.split(z, 3, -1)
        a, b, c = jnp.split(h @ p["recurrent_kernel"] + p["bias"][1], 3, -1)
        keep = jax.nn.sigmoid(update + a)
        new = jnp.tanh(new + jax.nn.sigmoid(reset + b) * c)
        return keep * h + (1 - keep) * new, None

    zero = jnp.zeros((x.shape[1], p["recurrent_kernel"].shape[0]))
    return lax.scan(step, zero, inputs, unroll=unroll)[0]


def forward(case: Case, p: Any, x: Array, key: Array, unroll: int) -> Array:
    """`[batch, time, channel]` to logits."""
    if case.cell == "flatten":
        x = x.reshape(len(x), -1)
    else:
        x, keep = x.swapaxes(0, 1), 1 - case.dropout
        if case.cell == "gru":
            x = gru(p["gru_1"], x, unroll)
        elif case.cell == "bilstm":
            ends = p["bilstm_1/forward"], p["bilstm_1/backward"]
            x = jnp.concatenate([lstm(ends[0], x, unroll), lstm(ends[1], x[::-1], unroll)], -1)
        elif case.dropout:
            of_x, of_h = jax.random.split(key)
            x = x * jax.random.bernoulli(of_x, keep, x.shape[1:]) / keep
            mask = jax.random.bernoulli(of_h, keep, (x.shape[1], case.units)) / keep
            x = lstm(p["lstm_1"], x, unroll, mask)
        else:
            x = lstm(p["lstm_1"], x, unroll)
    for number in range(len(case.dense)):
        dense = p[f"dense_{number + 1}"]
        x = jax.nn.relu(x @ dense["kernel"] + dense["bias"])
    return x @ p["head"]["kernel"] + p["head"]["bias"]


def build(case: Case, data: dict[str, Any], weights: Weights, job: dict[str, Any]) -> Train:
    """The job may say `unroll`: so many steps at once."""
    x, y = jnp.asarray(data["x"]), jnp.asarray(data["y"])
    p: dict[str, Any] = {}
    for name, value in weights.items():
        layer, _, part = name.rpartition("/")
        p.setdefault(layer, {})[part] = jnp.asarray(value)
    optimizer = optax.adam(RATE, eps=1e-8)
    if case.optimizer == "rmsprop":
        optimizer = optax.rmsprop(RATE, decay=0.9, eps=1e-7, eps_in_sqrt=False)
    whole, rest = divmod(len(x), case.batch)

    def update(carry: Any, batch: Array, x: Array, y: Array) -> Any:
        p, state, key = carry
        key, own = jax.random.split(key)

        def loss_of(p: Any) -> Array:
            out = forward(case, p, x[batch], own, job.get("unroll", 1))
            return LOSSES[case.loss](out, y[batch]).mean()

        loss, gradients = jax.value_and_grad(loss_of)(p)
        changes, state = optimizer.update(gradients, state, p)
        return (optax.apply_updates(p, changes), state, key), loss * len(batch)

    @jax.jit
    def all_epochs(carry: Any, x: Array, y: Array) -> Any:
        def epoch(carry: Any, _: None) -> Any:
            p, state, key = carry
            key, own = jax.random.split(key)
            order = jax.random.permutation(own, len(x))
            carry, total = (p, state, key), 0.0
            if whole:
                batches = order[: whole * case.batch].reshape(whole, case.batch)
                carry, losses = lax.scan(lambda c, b: update(c, b, x, y), carry, batches)
                total += losses.sum()
            if rest:
                carry, last = update(carry, order[whole * case.batch :], x, y)
                total += last
            return carry, total / len(x)

        return lax.scan(epoch, carry, length=case.epochs)

    carry = p, optimizer.init(p), jax.random.key(job["seed"])

    def train() -> list[float]:
        nonlocal carry
        carry, losses = all_epochs(carry, x, y)
        return [float(loss) for loss in losses]

    return train


if __name__ == "__main__":
    run(build)
