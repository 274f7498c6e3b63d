"""Specs know shapes and causality without torch, as their modules have them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import segue
from segue.layers import LAYERS, BuildContext, CustomCell, CustomModule, Shape
from segue.layers.activations import ACTIVATIONS
from segue.layers.base import plan_layers
from segue.modules.network import TorchNetwork
from segue.networks import as_specs
from segue.prepare.pipeline import STEPS
from segue.spec import Spec
from segue.spec.base import accepts, fields_of

NETWORKS = [
    "conv(4, 3, causal=true) maxpool(2) attention(2) pool(mean, parts=2) dense(6) glu prelu",
    "dense(6) position attention(2, causal=true) residual(gru(6) dropout(0.2)) lstm(3)",
    "parallel(lstm(3), random_conv(4), bilstm(2, merge=sum) pool(max)) batchnorm layernorm",
    "repeat(2, residual(conv(4, 4, stride=2))) bilstm(3, merge=none) birnn(2)",
    "inception_time(2, 4, 8)",
    "lstm_fcn(3) tanh",
    "rocket(9)",
]


def test_specs_and_layers_import_no_torch() -> None:
    """Texts are parsed, printed and planned where torch is not installed at all."""
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import segue.spec\n"
        "from segue.layers import LAYERS, BuildContext, Shape\n"
        "from segue.layers.base import chain_shape\n"
        "text = 'conv(8, 3) residual(gru(8)) bilstm(4) dense(3, relu)'\n"
        "specs = segue.spec.parse(text, LAYERS)\n"
        "assert segue.spec.to_text(specs) == text\n"
        "print(chain_shape(specs, BuildContext('', Shape(2))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[3]\n", "")


@pytest.mark.parametrize("text", NETWORKS)
def test_a_plan_is_what_is_built(text: str) -> None:
    """Names, shapes and causality are those of the modules."""
    specs = as_specs(text)
    planned = list(plan_layers(specs, BuildContext("", Shape(2))))
    built = TorchNetwork(specs, Shape(2), 3).chain[:-1]
    assert [plan.context.name for plan in planned] == [layer.name for layer in built]
    assert [plan.shape for plan in planned] == [layer.shape for layer in built]
    assert [plan.spec.is_causal for plan in planned] == [layer.causal for layer in built]
    assert all(spec.is_causal for spec in specs) == all(layer.causal for layer in built)


@pytest.mark.parametrize("kind", [*LAYERS.values(), *STEPS.values(), CustomModule, CustomCell])
def test_defaults_are_right_as_they_stand(kind: type[Spec]) -> None:
    """They are not validated when a spec is made: no schema would change or refuse one."""
    for name, info in fields_of(kind).items():
        if not info.required:
            word = "none" if info.default is None and not info.takes_none else info.default
            assert accepts(kind, name, word)
            validated = info.adapter.validate_python(word, strict=True)
            assert validated == info.default
            assert type(validated) is type(info.default)


def test_a_name_that_has_changed_warns() -> None:
    """For one release."""
    for old, new in (("Own", "CustomModule"), ("Place", "BuildContext")):
        with pytest.warns(DeprecationWarning, match=f"{old} is now called segue.layers.{new}"):
            assert getattr(segue.layers, old) is getattr(segue.layers, new)
    with pytest.raises(AttributeError, match="no attribute 'Lstm'"):
        segue.layers.Lstm  # noqa: B018


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_an_activation_is_one_row(kind: str) -> None:
    """Its formula is in its docstring, after its word; its expression is of x."""
    spec = ACTIVATIONS[kind]
    assert (spec.__doc__ or "").startswith((f"`{kind}`: ", f"`{kind}("))
    assert "x" in spec.expression
