"""The table of activations: each is a layer, and a value of other layers' `activation`.

The names and definitions are those of Keras. A row is a class with its word, its PyTorch
expression and its formula; `segue.modules.activations` computes this expression, exported source
contains it, and the reference shows the formula. `x` is the signal, applied at every step;
`softmax`, `sparsemax` and `log_softmax` go over the features of a step. `glu` and `prelu`, which
change the number of features or have weights, are layers only.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pydantic

from segue.data.arrays import Array
from segue.errors import NoInferenceError, SpecError
from segue.kernels import forward, reference
from segue.kernels.ragged import quiet
from segue.layers.activations_onnx import ONNX
from segue.layers.base import BuildContext, LayerSpec, PointwiseSpec, Shape, TorchSource
from segue.layers.inference import PointwiseInference, WeightShapes
from segue.onnx_graph import Value
from segue.spec import Name

if TYPE_CHECKING:
    from segue.kernels.training import Program

NotNegative = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]


class ActivationInference(PointwiseInference):
    """No weights, no state."""

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self.activation = spec
        self._function: Callable[[Array], Array] = spec.function()

    def transform(self, values: Array) -> Array:
        return self._function(values)

    def transform_onnx(self, x: Value) -> Value:
        found: Value = self.spec.onnx(x)
        return found


class ActivationSpec(
    PointwiseSpec, abc.ABC, module_name="ActivationLayer", inference=ActivationInference
):
    """A function of the signal, without weights.

    Class attributes:
        code: the function as a PyTorch expression of `x`, with the fields in braces.
        overflows: whether it can be infinite. Then it must not see the values in the padding: its
            gradient there would be 0 * infinity.
    """

    code: ClassVar[str]
    overflows: ClassVar[bool] = False

    @property
    def expression(self) -> str:
        """The PyTorch expression of `x` with these arguments.

        >>> LeakyReLU(0.1).expression
        'functional.leaky_relu(x, 0.1)'
        """
        return self.code.format(**vars(self))

    def function(self) -> Callable[[Array], Array]:
        """The function without torch, of float32 `[rows, feature]`.

        Raises:
            NoInferenceError: the kernels do not have it.

        >>> LeakyReLU(0.5).function()(np.array([[-1.0, 2.0]], np.float32))
        array([[-0.5,  2. ]], dtype=float32)
        """
        if self.kind == "linear":
            return _unchanged
        if type(self) not in TABLE or self.kind not in reference.ACTIVATIONS:
            raise NoInferenceError(f"the activation {self} is computed with PyTorch only.")
        numbers = {name: value for name, value in vars(self).items() if name != "name"}
        activate: Callable[..., Array] = forward.backend().activate
        return functools.partial(activate, self.kind, tuple(numbers.values()))

    def onnx(self, x: Value) -> Value:
        """The function in an ONNX graph, of a tensor of two or three axes.

        Raises:
            SpecError: it has no form there.
        """
        row = ONNX.get(self.kind)
        if row is None:
            raise SpecError(f"the activation {self} has no form in ONNX.")
        numbers = [value for name, value in vars(self).items() if name != "name"]
        return row(x, *numbers)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        if self.kind != "linear":
            source.steps.append(f"x = {self.expression}")

    def write_training(self, program: Program, context: BuildContext) -> None:
        program.activation(context.name, self)


def _unchanged(values: Array) -> Array:
    return values


@dataclass(frozen=True)
class PlainActivation(ActivationSpec, abc.ABC):
    """An activation without arguments."""

    name: Name | None = None


class Linear(PlainActivation, kind="linear", code="x"):
    """`linear`: x itself."""


class ReLU(PlainActivation, kind="relu", code="torch.relu(x)"):
    """`relu`: max(0, x)."""


class ReLU6(PlainActivation, kind="relu6", code="functional.relu6(x)"):
    """`relu6`: min(max(0, x), 6)."""


@dataclass(frozen=True)
class LeakyReLU(ActivationSpec, kind="leaky_relu", code="functional.leaky_relu(x, {slope})"):
    """`leaky_relu(slope=0.2)`: x, or slope * x below 0; Maas et al., ICML 2013."""

    slope: NotNegative = 0.2
    name: Name | None = None


class ELU(PlainActivation, kind="elu", code="functional.elu(x)"):
    """`elu`: x, or exp(x) - 1 below 0; Clevert et al., ICLR 2016."""


class CELU(PlainActivation, kind="celu", code="functional.celu(x)"):
    """`celu`: max(0, x) + min(0, exp(x) - 1); Barron, 2017."""


class SELU(PlainActivation, kind="selu", code="functional.selu(x)"):
    """`selu`: 1.0507 x, or 1.7581 (exp(x) - 1) below 0; Klambauer et al., NIPS 2017."""


class GELU(PlainActivation, kind="gelu", code="functional.gelu(x)"):
    """`gelu`: x times the normal distribution function of x; Hendrycks & Gimpel, 2016."""


class SiLU(PlainActivation, kind="silu", code="functional.silu(x)"):
    """`silu`: x * sigmoid(x); Elfwing et al., Neural Networks 107, 2018."""


class Swish(PlainActivation, kind="swish", code="functional.silu(x)"):
    """`swish`: another word for `silu`; Ramachandran et al., 2017."""


class HardSiLU(PlainActivation, kind="hard_silu", code="functional.hardswish(x)"):
    """`hard_silu`: x * hard_sigmoid(x); Howard et al., ICCV 2019."""


class HardSwish(PlainActivation, kind="hard_swish", code="functional.hardswish(x)"):
    """`hard_swish`: another word for `hard_silu`."""


class Mish(PlainActivation, kind="mish", code="functional.mish(x)"):
    """`mish`: x * tanh(softplus(x)); Misra, BMVC 2020."""


class Softplus(PlainActivation, kind="softplus", code="functional.softplus(x)"):
    """`softplus`: log(1 + exp(x))."""


class Squareplus(PlainActivation, kind="squareplus", code="(x + torch.sqrt(x * x + 4)) / 2"):
    """`squareplus`: (x + sqrt(x^2 + 4)) / 2; Barron, 2021."""


class SparsePlus(
    PlainActivation,
    kind="sparse_plus",
    code="torch.where(x <= -1, 0.0, torch.where(x < 1, (x + 1) ** 2 / 4, x))",
):
    """`sparse_plus`: 0 up to -1, x from 1 on, and a parabola between."""


class Softsign(PlainActivation, kind="softsign", code="functional.softsign(x)"):
    """`softsign`: x / (1 + |x|)."""


class Tanh(PlainActivation, kind="tanh", code="torch.tanh(x)"):
    """`tanh`: the hyperbolic tangent."""


class HardTanh(PlainActivation, kind="hard_tanh", code="functional.hardtanh(x)"):
    """`hard_tanh`: min(max(-1, x), 1)."""


class TanhShrink(PlainActivation, kind="tanh_shrink", code="functional.tanhshrink(x)"):
    """`tanh_shrink`: x - tanh(x)."""


@dataclass(frozen=True)
class SoftShrink(ActivationSpec, kind="soft_shrink", code="functional.softshrink(x, {threshold})"):
    """`soft_shrink(threshold=0.5)`: x moved towards 0 by the threshold, 0 where it is nearer."""

    threshold: NotNegative = 0.5
    name: Name | None = None


@dataclass(frozen=True)
class HardShrink(ActivationSpec, kind="hard_shrink", code="functional.hardshrink(x, {threshold})"):
    """`hard_shrink(threshold=0.5)`: x, or 0 where it is as near to 0 as the threshold."""

    threshold: NotNegative = 0.5
    name: Name | None = None


class Sigmoid(PlainActivation, kind="sigmoid", code="torch.sigmoid(x)"):
    """`sigmoid`: 1 / (1 + exp(-x))."""


class HardSigmoid(PlainActivation, kind="hard_sigmoid", code="functional.hardsigmoid(x)"):
    """`hard_sigmoid`: min(max(0, x / 6 + 1 / 2), 1)."""


class SparseSigmoid(PlainActivation, kind="sparse_sigmoid", code="((x + 1) / 2).clamp(0, 1)"):
    """`sparse_sigmoid`: min(max(0, (x + 1) / 2), 1)."""


class LogSigmoid(PlainActivation, kind="log_sigmoid", code="functional.logsigmoid(x)"):
    """`log_sigmoid`: log(sigmoid(x))."""


class Softmax(PlainActivation, kind="softmax", code="torch.softmax(x, dim=-1)"):
    """`softmax`: exp(x), divided by its sum over the features."""


class Sparsemax(PlainActivation, kind="sparsemax", code="sparsemax(x)"):
    """`sparsemax`: like softmax, with small ones exactly 0; Martins & Astudillo, ICML 2016."""


class LogSoftmax(PlainActivation, kind="log_softmax", code="torch.log_softmax(x, dim=-1)"):
    """`log_softmax`: log(softmax(x))."""


class Exponential(PlainActivation, kind="exponential", code="torch.exp(x)", overflows=True):
    """`exponential`: exp(x)."""


TABLE: tuple[type[ActivationSpec], ...] = tuple(
    kind
    for kind in list(vars().values())
    if isinstance(kind, type) and issubclass(kind, ActivationSpec) and hasattr(kind, "code")
)
ACTIVATIONS: dict[str, ActivationSpec] = {spec.kind: spec() for spec in TABLE}

if TYPE_CHECKING:
    Activation = str
else:
    Activation = Literal[tuple(ACTIVATIONS)]


class GLUInference(PointwiseInference):
    """No weights, no state."""

    @quiet
    def transform(self, values: Array) -> Array:
        half = values.shape[1] // 2
        gates: Array = self.kernels.activate("sigmoid", (), np.ascontiguousarray(values[:, half:]))
        return values[:, :half] * gates

    def transform_onnx(self, x: Value) -> Value:
        half = self.inputs // 2
        return x.slice(0, half, -1) * x.slice(half, 2 * half, -1).op("Sigmoid")


@dataclass(frozen=True)
class GLU(LayerSpec, kind="glu", inference=GLUInference):
    """`glu`: the first half of the features times the sigmoid of the second half.

    Half of the features come out. Dauphin, Fan, Auli & Grangier, "Language modeling with gated
    convolutional networks", ICML 2017.

    Args:
        name: the layer's own name.
    """

    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        if context.shape.features % 2:
            raise SpecError(
                f"{context.name} halves the features, and {context.shape.features} come in: put "
                "a layer of an even number before it, such as dense(32)."
            )
        return context.shape.with_features(context.shape.features // 2)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        source.steps.append("x = functional.glu(x)")


class PReLUInference(PointwiseInference):
    """Weights: `alpha` [feature]."""

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:  # noqa: ARG003
        return {"alpha": (context.shape.features,)}

    @classmethod
    def initial_weights(cls, spec: Any, context: BuildContext) -> dict[str, Array]:
        return {"alpha": np.full(context.shape.features, spec.alpha, np.float32)}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._alpha = weights["alpha"]

    @quiet
    def transform(self, values: Array) -> Array:
        return np.where(values < 0, self._alpha * values, values)

    def transform_onnx(self, x: Value) -> Value:
        return x.op("PRelu", self._alpha)


@dataclass(frozen=True)
class PReLU(PointwiseSpec, kind="prelu", inference=PReLUInference):
    """`prelu`: x, or alpha * x below 0, with a learnt alpha for each feature.

    The same alphas at every step. He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015.

    Args:
        alpha: initial value of every alpha.
        name: the layer's own name.
    """

    alpha: NotNegative = 0.25
    name: Name | None = None

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        name = source.attribute(context.name)
        source.modules.append(f"self.{name} = nn.PReLU({context.shape.features})")
        alpha = f'weights["{context.name}/alpha"]'
        source.copies.append(f"model.{name}.weight.copy_(torch.as_tensor({alpha}))")
        source.steps.append(f"x = each_step(self.{name}, x)")
