"""Models that Keras builds and saves, in both formats, answer here as they do there.

Hypothesis draws the layers. Each sequence goes to Keras alone, without padding; where every layer
supports masks, all of them together, padded, too.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from segue.layers.activations import ACTIVATIONS
from segue.testing.report import TOLERANCE
from segue.training.inference import probabilities
from segue.weights import from_keras

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:(?s).*a softmax over axis -1 .* size 1:UserWarning"),
]

CHANNELS, TOKENS, LENGTHS = 3, 11, (7, 2, 5, 1, 4)
PADDING = -9.0
ENDS = ["cell", "cell", "bi", "mean", "max", "steps", "flatten"]
LOSE_MASKS = {"conv", "pool"}
POOLS = [  # of two steps, or of three
    ("MaxPooling1D", 2, 1, "same"), ("MaxPooling1D", 2, 2, "same"), ("MaxPooling1D", 3, 1, "valid"),
    ("AveragePooling1D", 3, 1, "same"), ("AveragePooling1D", 2, 2, "valid"),
]  # fmt: skip
FUNCTIONS = sorted(set(ACTIVATIONS) - {"exponential", "sparsemax"})
units = st.integers(1, 6)
rates = st.sampled_from([0.0, 0.0, 0.3])
joins = st.sampled_from(["concat", "sum", "ave", "mul"])


@st.composite
def cells(draw: Any, every: bool) -> tuple[str, dict[str, Any]]:
    """The class of a recurrent layer, and its arguments."""
    kind = draw(st.sampled_from(["LSTM", "GRU", "GRU", "SimpleRNN"]))
    arguments = {
        "units": draw(units), "return_sequences": every, "use_bias": draw(st.booleans()),
        "dropout": draw(rates), "recurrent_dropout": draw(rates),
    }  # fmt: skip
    if kind == "GRU":
        arguments["reset_after"] = draw(st.booleans())
    if kind == "SimpleRNN":
        arguments["activation"] = draw(st.sampled_from(["tanh", "relu"]))
    return kind, arguments


@st.composite
def kept(draw: Any) -> tuple[str, Any]:
    """A layer that keeps the sequence, and what it is made with."""
    kind = draw(st.sampled_from("cell cell bi bi conv dense each norm pool act drop".split()))
    if kind in ("cell", "bi"):
        return kind, (draw(cells(True)), draw(joins))
    if kind == "conv":
        ways = [("same", 1), ("causal", 1), ("causal", 2), ("valid", 1), ("valid", 2)]
        padding, stride = draw(st.sampled_from(ways))
        return kind, {
            "filters": draw(units), "kernel_size": draw(st.integers(1, 4)), "padding": padding,
            "strides": stride, "activation": draw(st.sampled_from([None, "relu"])),
            "dilation_rate": 1 if stride > 1 else draw(st.integers(1, 2)),
            "use_bias": draw(st.booleans()),
        }  # fmt: skip
    if kind == "norm":
        name = draw(st.sampled_from(["BatchNormalization", "LayerNormalization"]))
        epsilon = draw(st.sampled_from([1e-3, 1e-2]))
        center, scale = draw(st.booleans()), draw(st.booleans())
        return kind, (name, {"center": center, "scale": scale, "epsilon": epsilon})
    if kind == "pool":
        return kind, draw(st.sampled_from(POOLS))
    return kind, (draw(units), draw(st.sampled_from(FUNCTIONS)))


def windows(kind: str, given: Any) -> tuple[int, int]:
    """Steps from one window to the next, and those that the first one needs."""
    if kind == "conv":
        span = (given["kernel_size"] - 1) * given["dilation_rate"] + 1
        return given["strides"], span if given["padding"] == "valid" else 1
    if kind == "pool":
        _, width, stride, padding = given
        return stride, width if padding == "valid" else 1
    return 1, 1


def least(plan: dict[str, Any]) -> int:
    """The length of the shortest sequence that has an answer."""
    needed, strides = 1, 1
    for stride, first in (windows(*layer) for layer in plan["layers"]):
        needed, strides = needed + strides * (first - 1), strides * stride
    return needed


@st.composite
def models(draw: Any) -> dict[str, Any]:
    """What a model is made of: its input, layers that keep the sequence, its end, its head."""
    heads = [(3, "softmax"), (2, "softmax"), (1, "sigmoid"), (3, "sigmoid"), (3, "linear")]
    layers, end = draw(st.lists(kept(), max_size=3)), draw(st.sampled_from(ENDS))
    if end == "steps":  # an answer at every step needs every step
        layers = [one for one in layers if windows(*one) == (1, 1)]
    return {
        "tokens": draw(st.booleans()) and draw(st.booleans()),
        "prepared": draw(st.booleans()),
        "masked": draw(st.booleans()),
        "functional": draw(st.booleans()),
        "layers": layers,
        "end": end,
        "last": (draw(cells(False)), draw(joins)),
        "dense": draw(st.lists(st.tuples(units, st.sampled_from(FUNCTIONS)), max_size=1)),
        "head": draw(st.sampled_from(heads)),
        "apart": draw(st.booleans()),
        "seed": draw(st.integers(0, 999)),
    }


def made(layers: Any, kind: str, given: Any) -> Any:
    """A layer of Keras."""
    if kind in ("cell", "bi"):
        (name, arguments), join = given
        cell = getattr(layers, name)(**arguments)
        return cell if kind == "cell" else layers.Bidirectional(cell, merge_mode=join)
    if kind == "conv":
        return layers.Conv1D(**given)
    if kind == "norm":
        return getattr(layers, given[0])(**given[1])
    if kind in ("dense", "each"):
        dense = layers.Dense(*given)
        return dense if kind == "dense" else layers.TimeDistributed(dense)
    if kind == "pool":
        name, width, stride, padding = given
        return getattr(layers, name)(width, strides=stride, padding=padding)
    return layers.Dropout(0.2) if kind == "drop" else layers.Activation(given[1])


def chain_of(layers: Any, plan: dict[str, Any]) -> list[Any]:
    """The layers of a model, behind its input."""
    chain = []
    if plan["masked"] and not plan["tokens"]:
        chain.append(layers.Masking(PADDING))
    if plan["tokens"]:
        chain.append(layers.Embedding(TOKENS, 4, mask_zero=plan["masked"]))
    elif plan["prepared"]:
        chain.append(layers.Normalization(mean=[0.5, -1.0, 2.0], variance=[4.0, 0.5, 1.0]))
    chain += [made(layers, *one) for one in plan["layers"]]
    if plan["end"] in ("cell", "bi"):
        chain.append(made(layers, plan["end"], plan["last"]))
    elif plan["end"] != "steps":
        ends = {"mean": "GlobalAveragePooling1D", "max": "GlobalMaxPooling1D", "flatten": "Flatten"}
        chain.append(getattr(layers, ends[plan["end"]])())
    chain += [layers.Dense(*one) for one in plan["dense"]]
    count, activation = (3, "softmax") if plan["end"] == "steps" else plan["head"]
    apart = plan["apart"] and activation in ("softmax", "sigmoid")
    chain.append(layers.Dense(count, None if apart else activation))
    return chain + ([layers.Activation(activation)] if apart else [])


def build(keras: Any, plan: dict[str, Any]) -> Any:
    """The model, with no weight as it was initialised."""
    length = 3 + least(plan) if plan["end"] == "flatten" else None
    chain = chain_of(keras.layers, plan)
    start = keras.layers.Input((length,) if plan["tokens"] else (length, CHANNELS))
    if plan["functional"]:
        x = start
        for layer in chain:
            x = layer(x)
        model = keras.Model(start, x)
    else:
        model = keras.Sequential([start, *chain])
    draws = np.random.default_rng(plan["seed"])
    for layer in model.layers:
        if layer.name.rstrip("_0123456789") != "normalization":
            before = layer.get_weights()
            layer.set_weights([w + np.abs(0.3 * draws.normal(size=w.shape)) for w in before])
    return model


def data_for(plan: dict[str, Any]) -> list[np.ndarray]:
    draws = np.random.default_rng(plan["seed"] + 1)
    more = least(plan) - 1
    lengths = [4 + more] * 3 if plan["end"] == "flatten" else [n + more for n in LENGTHS]
    if plan["tokens"]:
        return [draws.integers(1, TOKENS, n) for n in lengths]
    return [draws.normal(size=(n, CHANNELS)).astype(np.float32) for n in lengths]


def answers(estimator: Any, x: list[np.ndarray]) -> list[np.ndarray]:
    """What the last layer of the model gave, of each sequence."""
    kind = estimator.task_.objective.kind
    if kind == "steps":
        return list(estimator.predict_proba(x))
    if kind == "squared":
        return list(np.asarray(estimator.predict(x)).reshape(len(x), -1))
    return list(probabilities(estimator._head_outputs(x), kind))


def near(got: np.ndarray, wanted: np.ndarray) -> None:
    if got.shape[-1] == 2 and wanted.shape[-1] == 1:
        got = got[..., 1:]
    assert got.shape == wanted.shape
    difference = np.abs(got - wanted).max() / max(1.0, np.abs(wanted).max())
    assert difference <= TOLERANCE["float32"]


def theirs(model: Any, values: np.ndarray) -> np.ndarray:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not support masking")
        return np.asarray(model(values, training=False).detach())


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
@settings(
    max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(plan=models())
def test_a_model_answers_as_in_keras(keras: Any, tmp_path: Path, ending: str, plan: Any) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not support masking")
        model = build(keras, plan)
    path, x = tmp_path / f"model{ending}", data_for(plan)
    more: dict[str, Any] = {}
    if plan["end"] != "steps" and plan["head"][1] == "linear":
        more["task"] = "regress"
    if ending == ".keras":
        model.save(path)
    else:
        more["network"] = tmp_path / "model.json"
        more["network"].write_text(model.to_json())
        model.save_weights(path)
    found = answers(from_keras(path, **more), x)
    for sequence, own in zip(x, found, strict=True):
        near(own, theirs(model, sequence[None])[0])
    loses = any(kind in LOSE_MASKS for kind, _ in plan["layers"])
    if plan["masked"] and not loses and plan["end"] not in ("max", "flatten"):
        padded = np.full(
            (len(x), max(map(len, x)), *x[0].shape[1:]), 0 if plan["tokens"] else PADDING,
            x[0].dtype,
        )  # fmt: skip
        for row, sequence in enumerate(x):
            padded[row, : len(sequence)] = sequence
        together = theirs(model, padded)
        for row, own in enumerate(found):
            near(own, together[row, : len(own)] if plan["end"] == "steps" else together[row])
