"""Losses, schedules and optimisers against values computed by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from segue.errors import OptionError
from segue.tasks import ObjectiveName
from segue.training import TrainingOptions
from segue.training.inference import probabilities
from segue.training.objectives import make_objective
from segue.training.optimizers import make_optimizer
from segue.training.schedules import SCHEDULES


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


# -- losses --------------------------------------------------------------------------------------


def test_softmax_loss() -> None:
    """-log of the probability of the right class."""
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)
    total = math.exp(1) + math.exp(2) + math.exp(0.5)
    got = make_objective(ObjectiveName("softmax", 3)).losses(logits, torch.tensor([1, 2]))
    np.testing.assert_allclose(got, [-math.log(math.exp(2) / total), math.log(3)], rtol=1e-12)


def test_one_logit_loss() -> None:
    """Binary cross-entropy; the logit is that of the second class."""
    logits = torch.tensor([[0.7], [0.7], [-3.0]], dtype=torch.float64)
    got = make_objective(ObjectiveName("binary", 1)).losses(logits, torch.tensor([1, 0, 1]))
    wanted = [-math.log(sigmoid(0.7)), -math.log(1 - sigmoid(0.7)), -math.log(sigmoid(-3))]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_sigmoid_loss() -> None:
    """Binary cross-entropy of every output, averaged over the outputs."""
    logits = torch.tensor([[0.3, -1.0, 2.0]], dtype=torch.float64)
    got = make_objective(ObjectiveName("sigmoid", 3)).losses(logits, torch.tensor([2]))
    wanted = -(math.log(1 - sigmoid(0.3)) + math.log(1 - sigmoid(-1)) + math.log(sigmoid(2))) / 3
    np.testing.assert_allclose(got, [wanted], rtol=1e-12)


def test_probabilities() -> None:
    """They sum to one for every head, also where all sigmoids are next to nothing."""
    logits = torch.tensor([[0.3, -1.0, 2.0], [-900.0, -901.0, -902.0]], dtype=torch.float64)
    single = [sigmoid(0.3), sigmoid(-1), sigmoid(2)]
    got = probabilities(logits, "sigmoid")
    np.testing.assert_allclose(got[0], np.array(single) / sum(single), rtol=1e-12)
    np.testing.assert_allclose(got[1], np.exp([0, -1, -2]) / np.exp([0, -1, -2]).sum(), rtol=1e-9)
    np.testing.assert_allclose(probabilities(logits, "softmax").sum(1), 1, rtol=1e-12)
    two = probabilities(torch.tensor([[0.4], [800.0]], dtype=torch.float64), "binary")
    np.testing.assert_allclose(two, [[1 - sigmoid(0.4), sigmoid(0.4)], [0, 1]], atol=1e-12)


# -- schedules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("constant", {0: 1, 0.5: 1, 1: 1}),
        ("plateau", {0: 1, 0.5: 1, 1: 1}),
        ("cosine", {0: 1, 0.5: (1 + 1e-4) / 2, 1: 1e-4}),
        ("one-cycle", {0: 0.04, 0.15: 0.52, 0.3: 1, 0.65: (1 + 1e-4) / 2, 1: 1e-4}),
    ],
)
def test_schedules_have_their_known_values(name: str, values: dict[float, float]) -> None:
    """Factors of the learning rate by the share that is done."""
    for done, factor in values.items():
        assert SCHEDULES[name](done) == pytest.approx(factor, rel=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_schedule_leaves_zero_to_one(name: str) -> None:
    """So the learning rate that is given is the highest that occurs, and it is reached."""
    factors = [SCHEDULES[name](done / 1000) for done in range(1001)]
    assert max(factors) == pytest.approx(1, abs=1e-12)
    assert min(factors) > 0


# -- optimisers ----------------------------------------------------------------------------------

GRADIENTS = (np.array([0.5, -2.0]), np.array([0.1, 1.0]), np.array([-3.0, 0.0]))
RATE = 0.1


def steps_of(**options: Any) -> np.ndarray[Any, Any]:
    """The weights after three steps from (1, -1) with the gradients above."""
    weights = torch.tensor([1.0, -1.0], dtype=torch.float64, requires_grad=True)
    optimizer = make_optimizer([weights], RATE, TrainingOptions(**options))
    for gradient in GRADIENTS:
        weights.grad = torch.tensor(gradient)
        optimizer.step()
    return weights.detach().numpy()


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam(name: str, decay: float) -> None:
    """Kingma & Ba, algorithm 1; decay through the gradient, or (adamw) straight on the weights."""
    weights, m, v = np.array([1.0, -1.0]), np.zeros(2), np.zeros(2)
    for t, gradient in enumerate(GRADIENTS, 1):
        if name == "adamw":
            weights = weights * (1 - RATE * decay)
        slope = gradient + (decay * weights if name == "adam" else 0)
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        weights = weights - RATE * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(steps_of(optimizer=name, weight_decay=decay), weights, rtol=1e-6)


def test_rmsprop() -> None:
    """As in Keras: the mean square decays with 0.9, and 1e-7 stands in the denominator."""
    weights, square = np.array([1.0, -1.0]), np.zeros(2)
    for gradient in GRADIENTS:
        square = 0.9 * square + 0.1 * gradient**2
        weights = weights - RATE * gradient / (np.sqrt(square) + 1e-7)
    np.testing.assert_allclose(steps_of(optimizer="rmsprop"), weights, rtol=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd(momentum: float) -> None:
    """Down the slope, with and without momentum."""
    weights, velocity = np.array([1.0, -1.0]), np.zeros(2)
    for gradient in GRADIENTS:
        velocity = momentum * velocity + gradient
        weights = weights - RATE * velocity
    got = steps_of(optimizer="sgd", momentum=momentum)
    np.testing.assert_allclose(got, weights, rtol=1e-9)


# -- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": "adamm"}, "`optimizer` is 'adamm'. Did you mean \"adam"),
        ({"schedule": "onecycle"}, "`schedule` is 'onecycle'. Did you mean \"one-cycle\""),
        ({"clip_norm": 0}, "`clip_norm` is 0; expected more than 0, or None"),
        ({"patience": -1}, "`patience` is -1; expected a whole number from 1 on, or None"),
        ({"patience": "5"}, "`patience` is '5'; expected a whole number from 1 on, or None"),
        ({"patience": 2.5}, "`patience` is 2.5; expected a whole number from 1 on, or None"),
        ({"threads": 2.5}, "`threads` is 2.5; expected a whole number from 1 on, or None"),
        ({"threads": True}, "`threads` is True; expected a whole number"),
        ({"time_limit_seconds": math.nan}, "`time_limit_seconds` is nan"),
        ({"momentum": None}, "`momentum` is None; expected 0 or more"),
        ({"min_delta": -0.1}, "`min_delta` is -0.1; expected 0 or more"),
        ({"plateau_patience": 0}, "`plateau_patience` is 0; expected a whole number from 1 on"),
        ({"plateau_factor": 1.0}, "`plateau_factor` is 1.0; expected between 0 and 1"),
    ],
)
def test_options_that_mean_nothing_are_refused(given: dict[str, Any], message: str) -> None:
    """With what was expected."""
    with pytest.raises(OptionError, match=message):
        TrainingOptions(**given)


def test_all_wrong_options_are_reported_together() -> None:
    """Nobody has to mend one after the other."""
    with pytest.raises(OptionError, match="`optimizer`.*`patience`.*`momentum`"):
        TrainingOptions(optimizer="x", patience=0, momentum=-1)  # type: ignore[arg-type]


def test_numbers_of_a_parameter_search_are_taken() -> None:
    """NumPy's own types, as `GridSearchCV` and `np.linspace` give them."""
    TrainingOptions(patience=np.int64(3), clip_norm=np.float32(0.5))  # type: ignore[arg-type]
