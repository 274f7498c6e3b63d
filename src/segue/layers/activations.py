"""Activations: each a layer of its own, and a word for the `activation` of dense and conv.

The names and definitions are those of Keras. `x` is the signal, applied at every step; `softmax`
and `log_softmax` go over the features of a step.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import pydantic
import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.layers.base import Layer, LayerSpec, Place, each_step
from segue.layers.sparse import sparse_plus, sparse_sigmoid, sparsemax, squareplus
from segue.padded import Padded
from segue.randomness import Draws
from segue.spec import Name

Activation = Literal[
    "linear", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "swish",
    "hard_silu", "hard_swish", "mish", "softplus", "squareplus", "sparse_plus", "softsign", "tanh",
    "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "sigmoid", "hard_sigmoid",
    "sparse_sigmoid", "log_sigmoid", "softmax", "sparsemax", "log_softmax", "exponential",
]  # fmt: skip
NotNegative = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]


class ActivationSpec(LayerSpec, abc.ABC):
    """A function of the signal, without weights.

    Class attributes:
        overflows: whether it can be infinite. Then it must not see what is in the padding: its
            gradient there would be 0 * infinity.
    """

    overflows: ClassVar[bool] = False

    @abc.abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """The function, of a tensor whose last axis is the features."""

    def __call__(self, x: Padded | Tensor) -> Padded | Tensor:
        """Apply it at every step of a sequence, or to the whole."""
        if isinstance(x, Padded) and self.overflows:
            x = x._replace(values=x.filled(0.0))
        return each_step(self.apply, x)

    def build(self, place: Place) -> Layer:
        return ActivationLayer(self, place)


class ActivationLayer(Layer):
    """No weights; nothing is carried from step to step."""

    def __init__(self, spec: ActivationSpec, place: Place) -> None:
        super().__init__(place.name, place.shape)
        self.activation = spec

    def forward(self, x: Padded | Tensor, draws: Draws | None = None) -> Padded | Tensor:
        return self.activation(x)

    def step(self, x_t: Tensor, state: None) -> tuple[Tensor, None]:
        return self.activation.apply(x_t), None


@dataclass(frozen=True)
class Plain(ActivationSpec):
    """An activation without arguments."""

    function: ClassVar[Any]  # Tensor to Tensor

    name: Name | None = None

    def apply(self, x: Tensor) -> Tensor:
        values: Tensor = type(self).function(x)
        return values


def _unchanged(x: Tensor) -> Tensor:
    return x


class Linear(Plain):
    """`linear`: x itself."""

    kind = "linear"
    function = _unchanged


class ReLU(Plain):
    """`relu`: max(0, x)."""

    kind = "relu"
    function = torch.relu


class ReLU6(Plain):
    """`relu6`: min(max(0, x), 6)."""

    kind = "relu6"
    function = functional.relu6


@dataclass(frozen=True)
class LeakyReLU(ActivationSpec):
    """`leaky_relu(slope=0.2)`: x, or slope * x below 0; Maas et al., ICML 2013."""

    kind: ClassVar[str] = "leaky_relu"

    slope: NotNegative = 0.2
    name: Name | None = None

    def apply(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x, self.slope)


class ELU(Plain):
    """`elu`: x, or exp(x) - 1 below 0; Clevert et al., ICLR 2016."""

    kind = "elu"
    function = functional.elu


class CELU(Plain):
    """`celu`: max(0, x) + min(0, exp(x) - 1); Barron, 2017."""

    kind = "celu"
    function = functional.celu


class SELU(Plain):
    """`selu`: 1.0507 x, or 1.7581 (exp(x) - 1) below 0; Klambauer et al., NIPS 2017."""

    kind = "selu"
    function = functional.selu


class GELU(Plain):
    """`gelu`: x times the normal distribution function of x; Hendrycks & Gimpel, 2016."""

    kind = "gelu"
    function = functional.gelu


class SiLU(Plain):
    """`silu`: x * sigmoid(x); Elfwing et al., Neural Networks 107, 2018."""

    kind = "silu"
    function = functional.silu


class Swish(Plain):
    """`swish`: another word for `silu`; Ramachandran et al., 2017."""

    kind = "swish"
    function = functional.silu


class HardSiLU(Plain):
    """`hard_silu`: x * hard_sigmoid(x); Howard et al., ICCV 2019."""

    kind = "hard_silu"
    function = functional.hardswish


class HardSwish(Plain):
    """`hard_swish`: another word for `hard_silu`."""

    kind = "hard_swish"
    function = functional.hardswish


class Mish(Plain):
    """`mish`: x * tanh(softplus(x)); Misra, BMVC 2020."""

    kind = "mish"
    function = functional.mish


class Softplus(Plain):
    """`softplus`: log(1 + exp(x))."""

    kind = "softplus"
    function = functional.softplus


class Squareplus(Plain):
    """`squareplus`: (x + sqrt(x^2 + 4)) / 2; Barron, 2021."""

    kind = "squareplus"
    function = squareplus


class SparsePlus(Plain):
    """`sparse_plus`: 0 up to -1, x from 1 on, and a parabola between."""

    kind = "sparse_plus"
    function = sparse_plus


class Softsign(Plain):
    """`softsign`: x / (1 + |x|)."""

    kind = "softsign"
    function = functional.softsign


class Tanh(Plain):
    """`tanh`: the hyperbolic tangent."""

    kind = "tanh"
    function = torch.tanh


class HardTanh(Plain):
    """`hard_tanh`: min(max(-1, x), 1)."""

    kind = "hard_tanh"
    function = functional.hardtanh


class TanhShrink(Plain):
    """`tanh_shrink`: x - tanh(x)."""

    kind = "tanh_shrink"
    function = functional.tanhshrink


@dataclass(frozen=True)
class SoftShrink(ActivationSpec):
    """`soft_shrink(threshold=0.5)`: x moved towards 0 by the threshold, 0 where it is nearer."""

    kind: ClassVar[str] = "soft_shrink"

    threshold: NotNegative = 0.5
    name: Name | None = None

    def apply(self, x: Tensor) -> Tensor:
        return functional.softshrink(x, self.threshold)


@dataclass(frozen=True)
class HardShrink(ActivationSpec):
    """`hard_shrink(threshold=0.5)`: x, or 0 where it is as near to 0 as the threshold."""

    kind: ClassVar[str] = "hard_shrink"

    threshold: NotNegative = 0.5
    name: Name | None = None

    def apply(self, x: Tensor) -> Tensor:
        return functional.hardshrink(x, self.threshold)


class Sigmoid(Plain):
    """`sigmoid`: 1 / (1 + exp(-x))."""

    kind = "sigmoid"
    function = torch.sigmoid


class HardSigmoid(Plain):
    """`hard_sigmoid`: min(max(0, x / 6 + 1 / 2), 1)."""

    kind = "hard_sigmoid"
    function = functional.hardsigmoid


class SparseSigmoid(Plain):
    """`sparse_sigmoid`: min(max(0, (x + 1) / 2), 1)."""

    kind = "sparse_sigmoid"
    function = sparse_sigmoid


class LogSigmoid(Plain):
    """`log_sigmoid`: log(sigmoid(x))."""

    kind = "log_sigmoid"
    function = functional.logsigmoid


class Softmax(Plain):
    """`softmax`: exp(x), divided by its sum over the features."""

    kind = "softmax"
    function = nn.Softmax(dim=-1)


class Sparsemax(Plain):
    """`sparsemax`: like softmax, with small ones exactly 0; Martins & Astudillo, ICML 2016."""

    kind = "sparsemax"
    function = sparsemax


class LogSoftmax(Plain):
    """`log_softmax`: log(softmax(x))."""

    kind = "log_softmax"
    function = nn.LogSoftmax(dim=-1)


class Exponential(Plain):
    """`exponential`: exp(x)."""

    kind = "exponential"
    overflows = True
    function = torch.exp


SPECS: tuple[type[ActivationSpec], ...] = (
    Linear,
    ReLU,
    ReLU6,
    LeakyReLU,
    ELU,
    CELU,
    SELU,
    GELU,
    SiLU,
    Swish,
    HardSiLU,
    HardSwish,
    Mish,
    Softplus,
    Squareplus,
    SparsePlus,
    Softsign,
    Tanh,
    HardTanh,
    TanhShrink,
    SoftShrink,
    HardShrink,
    Sigmoid,
    HardSigmoid,
    SparseSigmoid,
    LogSigmoid,
    Softmax,
    Sparsemax,
    LogSoftmax,
    Exponential,
)
ACTIVATIONS: dict[str, ActivationSpec] = {spec.kind: spec() for spec in SPECS}
