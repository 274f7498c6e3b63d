"""Convolution, normalisation, attention and pooling give what PyTorch's modules give."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.layers import BuildContext, Shape
from segue.layers.activations import ACTIVATIONS
from segue.modules import Layer, Padded
from segue.networks import as_specs
from segue.randomness import Draws
from segue.testing.report import TOLERANCE

FEATURES = 6
EQUAL, RAGGED = torch.tensor([9, 9, 9, 9]), torch.tensor([4, 1, 9, 7])
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def build(text: str, dtype: torch.dtype, features: int = FEATURES) -> Layer:
    (spec,) = as_specs(text)
    layer = spec.build(BuildContext("layer", Shape(features))).to(dtype)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in layer.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=generator).to(dtype)
    return layer


def batch(dtype: torch.dtype) -> Tensor:
    x = torch.randn(4, 9, FEATURES, generator=torch.Generator().manual_seed(1)).to(dtype)
    return x.requires_grad_(True)


def alone(layer: Layer, x: Tensor, lengths: Tensor) -> list[Tensor]:
    """What the layer gives in a ragged batch, cut to the real steps."""
    answer = layer(Padded(x, lengths))
    return [v[:n] for v, n in zip(answer.values, answer.lengths.tolist(), strict=True)]


def assert_near(got: Tensor, wanted: Tensor, dtype: str) -> None:
    assert got.shape == wanted.shape
    scale = max(1.0, float(wanted.detach().abs().max()))
    assert float((got - wanted).detach().abs().max()) <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 7])
def test_conv(width: int, stride: int, dilation: int, dtype: str) -> None:
    """Each sequence alone through `nn.Conv1d`, surrounded by zeros; gradients too."""
    text = f"conv(5, {width}, stride={stride}, dilation={dilation})"
    layer = build(text, DTYPES[dtype])
    module = nn.Conv1d(FEATURES, 5, width, stride, dilation=dilation, dtype=DTYPES[dtype])
    module.weight.data = layer.weights()["kernel"].detach().permute(2, 1, 0)
    module.bias.data = layer.weights()["bias"].detach()  # type: ignore[union-attr]
    span = (width - 1) * dilation
    sides = (span // 2, span - span // 2)
    x, y = batch(DTYPES[dtype]), batch(DTYPES[dtype])
    got = alone(layer, x, RAGGED)
    wanted = [
        module(nn.functional.pad(row[:n].t()[None], sides))[0].t()
        for row, n in zip(y, RAGGED.tolist(), strict=True)
    ]
    for a, b, n in zip(got, wanted, RAGGED.tolist(), strict=True):
        assert len(a) == math.ceil(n / stride)
        assert_near(a, b, dtype)
    torch.cat(got).square().sum().backward()
    torch.cat(wanted).square().sum().backward()
    assert_near(x.grad, y.grad, dtype)  # type: ignore[arg-type]
    kernel = layer.weights()["kernel"].grad
    assert_near(kernel, module.weight.grad.permute(2, 1, 0), dtype)  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize("width", [1, 2, 5])
def test_causal_conv_looks_back_only(width: int) -> None:
    """All the zeros before the sequence, none behind."""
    layer = build(f"conv(5, {width}, dilation=2, causal=true)", torch.float64)
    module = nn.Conv1d(FEATURES, 5, width, dilation=2, dtype=torch.float64)
    module.weight.data = layer.weights()["kernel"].detach().permute(2, 1, 0)
    module.bias.data = layer.weights()["bias"].detach()  # type: ignore[union-attr]
    x = batch(torch.float64)
    padded = nn.functional.pad(x.transpose(1, 2), (2 * (width - 1), 0))
    assert_near(layer(Padded(x, EQUAL)).values, module(padded).transpose(1, 2), "float64")


@pytest.mark.parametrize(("width", "stride"), [(3, 1), (2, 2), (5, 2), (4, 3)])
def test_maxpool(width: int, stride: int) -> None:
    """Each sequence alone through `max_pool1d`, surrounded by minus infinity."""
    layer = build(f"maxpool({width}, {stride})", torch.float64)
    x = batch(torch.float64)
    sides = ((width - 1) // 2, width // 2)
    for got, row, n in zip(alone(layer, x, RAGGED), x, RAGGED.tolist(), strict=True):
        padded = nn.functional.pad(row[:n].t()[None], sides, value=-torch.inf)
        assert_near(got, nn.functional.max_pool1d(padded, width, stride)[0].t(), "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lengths", [EQUAL, RAGGED], ids=["equal", "ragged"])
def test_batchnorm(lengths: Tensor, dtype: str) -> None:
    """`nn.BatchNorm1d` of the real steps side by side: in training, and what it keeps in mind."""
    layer = build("batchnorm(0.8)", DTYPES[dtype])
    module = nn.BatchNorm1d(FEATURES, eps=1e-3, momentum=0.2, dtype=DTYPES[dtype])
    module.weight.data = layer.weights()["gamma"].detach()
    module.bias.data = layer.weights()["beta"].detach()
    x, y = batch(DTYPES[dtype]), batch(DTYPES[dtype])
    real = Padded(x, lengths).mask()
    for _ in range(2):
        got = layer(Padded(x, lengths), Draws(0)).values[real]
        wanted = module(y[real])
        assert_near(got, wanted, dtype)
    got[:, 1].square().sum().backward()
    wanted[:, 1].square().sum().backward()
    assert_near(x.grad, y.grad, dtype)  # type: ignore[arg-type]
    count = int(real.sum())
    variance = 0.64 + (module.running_var - 0.64) * (count - 1) / count  # type: ignore[operator]
    assert_near(layer.weights()["moving_mean"], module.running_mean, dtype)  # type: ignore[arg-type]
    assert_near(layer.weights()["moving_variance"], variance, dtype)
    module.running_var = layer.weights()["moving_variance"]
    module.eval()
    assert_near(layer(Padded(x, lengths)).values[real], module(y[real]), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layernorm(dtype: str) -> None:
    """`nn.LayerNorm` over the features."""
    layer = build("layernorm", DTYPES[dtype])
    module = nn.LayerNorm(FEATURES, eps=1e-3, dtype=DTYPES[dtype])
    module.weight.data = layer.weights()["gamma"].detach()
    module.bias.data = layer.weights()["beta"].detach()
    x = batch(DTYPES[dtype])
    assert_near(layer(Padded(x, EQUAL)).values, module(x), dtype)
    assert_near(layer(x[:, 0]), module(x[:, 0]), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("causal", [False, True])
def test_attention(causal: bool, dtype: str) -> None:
    """PyTorch's pre-norm encoder layer, with its mask of padding."""
    layer = build(f"attention(3, feedforward=7, activation=gelu, causal={causal})", DTYPES[dtype])
    module = nn.TransformerEncoderLayer(
        FEATURES,
        3,
        7,
        dropout=0.0,
        activation="gelu",
        layer_norm_eps=1e-3,
        batch_first=True,
        norm_first=True,
        dtype=DTYPES[dtype],
    )
    copy_attention(layer.weights(), module)
    x = batch(DTYPES[dtype])
    masks: dict[str, Any] = {"src_key_padding_mask": ~Padded(x, RAGGED).mask()}
    if causal:
        masks["src_mask"] = torch.ones(9, 9, dtype=torch.bool).triu(1)
    real = Padded(x, RAGGED).mask()
    assert_near(layer(Padded(x, RAGGED)).values[real], module(x, **masks)[real], dtype)


def copy_attention(weights: dict[str, Tensor], module: Any) -> None:
    parts = ("query", "key", "value")
    inside = module.self_attn
    inside.in_proj_weight.data = torch.cat([weights[f"{p}/kernel"].t() for p in parts]).detach()
    inside.in_proj_bias.data = torch.cat([weights[f"{p}/bias"] for p in parts]).detach()
    for target, part in (
        (inside.out_proj, "output"),
        (module.linear1, "feedforward_1"),
        (module.linear2, "feedforward_2"),
    ):
        target.weight.data = weights[f"{part}/kernel"].detach().t()
        target.bias.data = weights[f"{part}/bias"].detach()
    for target, part in ((module.norm1, "norm_1"), (module.norm2, "norm_2")):
        target.weight.data = weights[f"{part}/gamma"].detach()
        target.bias.data = weights[f"{part}/beta"].detach()


def test_attention_is_multi_head_attention() -> None:
    """The part that looks around is `nn.MultiheadAttention`."""
    layer: Any = build("attention(2)", torch.float64)
    module = nn.MultiheadAttention(FEATURES, 2, batch_first=True, dtype=torch.float64)
    weights = layer.weights()
    parts = ("query", "key", "value")
    module.in_proj_weight.data = torch.cat([weights[f"{p}/kernel"].t() for p in parts]).detach()
    module.in_proj_bias.data = torch.cat([weights[f"{p}/bias"] for p in parts]).detach()
    module.out_proj.weight.data = weights["output/kernel"].detach().t()
    module.out_proj.bias.data = weights["output/bias"].detach()
    x = batch(torch.float64)
    assert_near(layer._attend(x, None, {})[0], module(x, x, x)[0], "float64")


def test_pool_attention() -> None:
    """The weighted mean, written out for each sequence."""
    layer = build("pool(attention)", torch.float64)
    x, query = batch(torch.float64), layer.weights()["query"]
    got = layer(Padded(x, RAGGED))
    for answer, row, n in zip(got, x, RAGGED.tolist(), strict=True):
        weights = torch.exp(row[:n] @ query / FEATURES**0.5)
        assert_near(answer, (weights[:, None] * row[:n]).sum(0) / weights.sum(), "float64")


@pytest.mark.parametrize("parts", [2, 3, 7, 9, 12])
def test_pool_by_parts(parts: int) -> None:
    """Each sequence by its own length, cut as PyTorch's adaptive pooling cuts it."""
    x = batch(torch.float64)
    for how in ("mean", "max"):
        pool = {"mean": functional.adaptive_avg_pool1d, "max": functional.adaptive_max_pool1d}[how]
        got = build(f"pool({how}, {parts})", torch.float64)(Padded(x, RAGGED))
        for answer, row, n in zip(got, x, RAGGED.tolist(), strict=True):
            expected = pool(row[:n].t()[None], parts)[0].t().reshape(-1)
            assert_near(answer, expected, "float64")


def test_sinusoidal_position() -> None:
    """Equation by equation: sin(place / 10000^(2i / features)), then cos."""
    layer = build("position", torch.float64)
    got = layer(Padded(torch.zeros(4, 9, FEATURES, dtype=torch.float64), EQUAL)).values[0]
    for place in range(9):
        for i in range(FEATURES // 2):
            angle = place / 10_000 ** (2 * i / FEATURES)
            np.testing.assert_allclose(got[place, 2 * i], math.sin(angle), atol=1e-12)
            np.testing.assert_allclose(got[place, 2 * i + 1], math.cos(angle), atol=1e-12)


def nearest_in_simplex(row: Any) -> Any:
    """By bisection of what is subtracted, until the sum is 1."""
    low, high = row.min() - 1, row.max()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(row - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(row - low, 0)


# The formulas of Keras's documentation.
FORMULAS: dict[str, Any] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "celu": lambda x: np.maximum(x, 0) + np.minimum(0, np.expm1(x)),
    "selu": lambda x: 1.05070098 * np.where(x > 0, x, 1.67326324 * np.expm1(x)),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "squareplus": lambda x: (x + np.sqrt(x**2 + 4)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "log_sigmoid": lambda x: -np.log1p(np.exp(-x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "sparsemax": lambda x: np.array([nearest_in_simplex(row) for row in x]),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    "exponential": np.exp,
}


def test_every_activation_has_a_formula() -> None:
    assert list(FORMULAS) == list(ACTIVATIONS)


@pytest.mark.parametrize("word", FORMULAS)
def test_activations(word: str) -> None:
    """The word means the same as a layer and as an argument of dense."""
    x = np.linspace(-9, 9, 36).reshape(6, 6)
    wanted = FORMULAS[word](x)
    got = build(word, torch.float64)(torch.tensor(x))
    np.testing.assert_allclose(got, wanted, rtol=1e-7, atol=1e-9)
    dense = build(f"dense(6, {word})", torch.float64)
    dense.weights()["kernel"].data = torch.eye(6, dtype=torch.float64)
    dense.weights()["bias"].data = torch.zeros(6, dtype=torch.float64)
    np.testing.assert_allclose(dense(torch.tensor(x)).detach(), wanted, rtol=1e-7, atol=1e-9)
