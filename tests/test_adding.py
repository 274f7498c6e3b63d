"""A new activation, layer, optimiser, schedule and metric is one class or row: here a toy of each.

CONTRIBUTING.md says in which file; a new task is in `tests/estimators/test_new_task.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import segue
from segue import SequenceClassifier, TrainingOptions
from segue.data.sequences import Array
from segue.errors import SpecError
from segue.layers import LAYERS, BuildContext, LayerSpec, Shape
from segue.layers.activations import PlainActivation
from segue.layers.inference import PointwiseInference, WeightShapes
from segue.metrics import METRICS, Metric
from segue.modules.base import PointwiseLayer
from segue.modules.network import TorchNetwork
from segue.networks import Network, as_specs
from segue.spec import Name, to_text
from segue.testing import check_layer, tiny_dataset
from segue.training import options as options_module
from segue.training.optimizers import OPTIMIZERS
from segue.training.schedules import SCHEDULES


def fit(network: str = "gru(4)", **options: Any) -> SequenceClassifier:
    chosen = TrainingOptions(progress="none", **options)
    return SequenceClassifier(network, epochs=2, options=chosen).fit(tiny_dataset(30))


class Cube(PlainActivation, kind="cube", code="x ** 3"):
    """`cube`: x * x * x."""


def test_an_activation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its class has all: the word, the arithmetic, the exported source."""
    monkeypatch.setitem(LAYERS, "cube", Cube)
    layer = TorchNetwork(as_specs("cube"), Shape(2, sequence=False), 1).chain[0]
    assert torch.equal(layer(torch.tensor([[2.0, -1.0]])), torch.tensor([[8.0, -1.0]]))
    assert "x = x ** 3" in Network(as_specs("lstm(3) cube"), Shape(2), 1).to_python("torch")
    check_layer(Cube())
    fitted = fit("gru(4) cube dense(3)")
    fitted.save(tmp_path / "model.safetensors")
    x = tiny_dataset(30).x
    loaded = segue.load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.predict_proba(x), fitted.predict_proba(x))


class ScaleInference(PointwiseInference):
    """Weights: `factor` [feature]."""

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        return {"factor": (context.shape.features,)}

    def transform(self, values: Array) -> Array:
        return values * self.weights()["factor"]


@dataclass(frozen=True)
class Scale(LayerSpec, kind="scale", inference=ScaleInference):
    """`scale(factor)`: each feature times a number that is trained."""

    factor: float
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape

    def build(self, context: BuildContext) -> ScaleLayer:
        """For a layer of `segue.layers` the class is found by its name in `segue.modules`."""
        return ScaleLayer(self, context)


class ScaleLayer(PointwiseLayer):
    """Weights: `factor` [feature]."""

    def __init__(self, spec: Scale, context: BuildContext) -> None:
        super().__init__(spec, context)
        self.factor = nn.Parameter(torch.full((context.shape.features,), spec.factor))

    def transform(self, x: Tensor) -> Tensor:
        return x * self.factor


def test_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text, the promises of every layer, the weights by name, training."""
    monkeypatch.setitem(LAYERS, "scale", Scale)
    assert to_text(as_specs("lstm(4) scale(factor=2.0, name=mine)")) == "lstm(4) scale(2.0, mine)"
    with pytest.raises(SpecError, match="`factor` is 'a'"):
        as_specs("scale(a)")
    assert check_layer(Scale(0.5)).difference("without torch", "float32") < 1e-6
    assert "scale_1/factor" in fit("scale(2.0) gru(4)").network_.get_weights()


class Signs(torch.optim.Optimizer):
    """Steps of one size, against the sign of the gradient."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                weight -= group["lr"] * weight.grad.sign()


def test_an_optimiser_and_a_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of a table, and its word among those of the options."""
    optimizers = (*get_args(options_module.OptimizerName), "signs")
    schedules = (*get_args(options_module.ScheduleName), "linear")
    monkeypatch.setattr(options_module, "OptimizerName", Literal[optimizers])
    monkeypatch.setattr(options_module, "ScheduleName", Literal[schedules])
    monkeypatch.setitem(OPTIMIZERS, "signs", Signs)
    monkeypatch.setitem(SCHEDULES, "linear", lambda done: 1 - done)
    fitted = fit(optimizer="signs", schedule="linear")
    assert np.isfinite(fitted.history_["loss"]).all()
    rates = fitted.history_["learning_rate"]
    assert rates[0] > rates[1]


def test_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the table is an attribute of the evaluation, and a line of its table."""

    def error_rate(targets: Any, predictions: Any) -> float:
        return float(np.mean(targets != predictions))

    row = Metric(
        "error_rate",
        error_rate,
        ("targets", "predictions"),
        ("classify",),
        "lower",
        "error rate",
        "share wrong",
    )
    monkeypatch.setattr("segue.metrics.METRICS", (*METRICS, row))
    result: Any = segue.evaluate(fit(), tiny_dataset(30))
    assert result.error_rate == pytest.approx(1 - result.accuracy)
    assert "error rate" in result.report()
