"""The checks can fail: layers with one fault each, and the contract that the fault breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from segue.data.sequences import Array
from segue.layers import BuildContext, LayerSpec
from segue.layers.inference import PointwiseInference, WeightShapes
from segue.modules import Layer, Padded, each_step
from segue.randomness import Draws
from segue.spec import Name
from segue.testing import CheckError, check_layer


@dataclass(frozen=True)
class Faulty(LayerSpec):
    """A layer of the user's own, with the fault that `how` names."""

    kind: ClassVar[str] = "faulty"

    how: str
    rate: float = 0.0
    name: Name | None = None

    def build(self, context: BuildContext) -> Layer:
        return FaultyLayer(self, context)


class WrongGradient(torch.autograd.Function):
    """Doubles in the forward pass and triples in the backward one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return 3 * gradient


class FaultyLayer(Layer):
    def __init__(self, spec: Faulty, context: BuildContext) -> None:
        super().__init__(context.name, context.shape)
        self.how = spec.how
        size = context.shape.features
        seed = 1 if spec.how == "ignores the seed" else context.seed
        generator = torch.Generator().manual_seed(seed)
        if spec.how == "draws elsewhere":
            torch.rand(1)
        self.scale = nn.Parameter(torch.rand(size, generator=generator))

    def forward(self, x: Padded, draws: Draws | None = None) -> Any:
        values = x.values * self.scale
        faults: dict[str, Callable[[], Tensor]] = {
            "mean over padding": lambda: values - values.mean(1, keepdim=True),
            "mean over the batch": lambda: values - values.mean((0, 1), keepdim=True),
            "depends on the number of steps": lambda: values * values.shape[1],
            "wrong gradient": lambda: WrongGradient.apply(values),
            "looks ahead": lambda: values + values.roll(-1, 1) * x.mask()[:, :, None],
            "rounds": lambda: values.to(torch.bfloat16).to(values.dtype),
            "forgets the state": lambda: values.cumsum(1),
        }
        if self.how == "drops at random":
            return x._replace(values=nn.functional.dropout(values, 0.5, training=draws is not None))
        if self.how == "drops the same each step" and draws is not None:
            mask = Draws(draws.seed, draws.epoch, 0).keep_mask((1, 1, values.shape[2]), 0.5, values)
            return x._replace(values=values * mask)
        return x._replace(values=faults.get(self.how, lambda: values)())

    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        return x_t * self.scale, state


@pytest.mark.parametrize(
    ("how", "contract"),
    [
        ("mean over padding", "padding"),
        ("mean over the batch", "padding"),
        ("depends on the number of steps", "padding"),
        ("rounds", "stream"),
        ("looks ahead", "padding|stream"),
        ("forgets the state", "stream"),
        ("wrong gradient", "padding|stream|gradient"),
        ("draws elsewhere", "no hidden randomness"),
        ("ignores the seed", "same seed, same bits"),
        ("drops at random", "no hidden randomness|dropout is a pure function"),
    ],
)
def test_a_fault_is_found(how: str, contract: str) -> None:
    """Each fault breaks the contract that it is about, and the message names layer and contract."""
    with pytest.raises(CheckError, match=f"faulty.*breaks the contract `({contract})`"):
        check_layer(Faulty(how))


def test_dropout_that_forgets_the_step_is_found() -> None:
    """Masks must differ from step to step."""
    with pytest.raises(CheckError, match="dropout differs.*another step"):
        check_layer(Faulty("drops the same each step", rate=0.5))


def test_a_wrong_gradient_alone_is_found() -> None:
    """A layer that is right in all but its derivative."""

    @dataclass(frozen=True)
    class Doubling(LayerSpec):
        kind: ClassVar[str] = "doubling"

        name: Name | None = None

        def build(self, context: BuildContext) -> Layer:
            return DoublingLayer(context.name, context.shape)

    class DoublingLayer(Layer):
        def forward(self, x: Any, draws: Draws | None = None) -> Any:
            return each_step(WrongGradient.apply, x)

        def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
            return 2 * x_t, state

    with pytest.raises(CheckError, match="gradient.*along the inputs.*finite difference"):
        check_layer(Doubling())


class WrongInference(PointwiseInference):
    """Predicts with the weights of nobody."""

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:
        return {"scale": (context.shape.features,)}

    def transform(self, values: Array) -> Array:
        return 2 * values


def test_another_prediction_without_torch_is_found() -> None:
    """What is trained and what predicts are two forms of one layer."""

    class Twofold(Faulty, kind="twofold", inference=WrongInference):
        """Its module scales by what is trained."""

    with pytest.raises(CheckError, match="`without torch`. Without torch, ragged.*differs by"):
        check_layer(Twofold("none at all"))


def test_a_layer_of_ones_own_without_faults_passes() -> None:
    """The check knows nothing of the kinds that segue has."""
    report = check_layer(Faulty("none at all"))
    assert 0 < report.difference("padding", "float32") < 1e-6
    assert "padding" in str(report)


def test_the_message_says_how_much_and_with_which_lengths() -> None:
    """Without them nobody can look for the fault."""
    with pytest.raises(CheckError, match=r"Lengths \[5, 1, 9, 2, 9, 3\].*differs by \d.*allowed"):
        check_layer(Faulty("mean over padding"))


@pytest.mark.slow
def test_what_does_not_apply_is_said() -> None:
    """Neither kept nor broken: the report has the reason."""
    assert check_layer("lstm(3)").skipped == {
        "dropout differs": "nothing is dropped",
        "refuses to stream": "it is causal",
    }
    report = check_layer("bilstm(3, dropout=0.4)")
    assert report.skipped == {
        "stream": "it looks ahead",
        "training": "masks are drawn for the padding too",
    }
    assert "stream: does not apply, it looks ahead" in str(report)
    assert check_layer(nn.Identity()).skipped.keys() >= {"text", "json"}
