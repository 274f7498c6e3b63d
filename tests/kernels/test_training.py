"""Training in the native library against PyTorch in float64: the same updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from segue.data.encoding import NO_LABEL
from segue.kernels import forward, native
from segue.kernels.training import (
    Batches,
    Examples,
    LossForm,
    NativeNetwork,
    OptimizerForm,
    Outcome,
    Program,
)
from segue.layers import Shape
from segue.layers.activations import ACTIVATIONS
from segue.layers.base import BuildContext, plan_layers
from segue.layers.core import Dense
from segue.modules.network import TorchNetwork
from segue.networks import as_specs
from segue.prepare.padded import Padded
from segue.randomness import Draws, key
from segue.training.losses import LOSSES
from segue.training.optimizers import make_optimizer
from segue.training.options import TrainingOptions

try:
    native.load("portable")
except native.NativeUnavailableError as error:
    pytest.skip(str(error), allow_module_level=True)

PATHS = [path for path in forward.NATIVE if native.library().segue_path(path.encode())]
RATE, UPDATES, BATCH = 0.01, 3, 20


@dataclass
class Case:
    """A small training of random sequences."""

    text: str
    loss: str = "softmax"
    optimizer: str = "adam"
    channels: int = 3
    outputs: int = 4
    every: bool = False
    tokens: int | None = None
    length: int | None = None
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    smoothing: float = 0.0
    weighted: bool = False
    frozen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rng = np.random.default_rng(len(self.text))
        n = 2 * BATCH
        self.lengths = rng.integers(1, 9, n) if self.length is None else np.full(n, self.length)
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        steps = int(self.offsets[-1])
        self.values = rng.normal(size=(steps, self.channels)).astype(np.float32)
        if self.tokens:
            self.values = rng.integers(0, self.tokens, (steps, 1)).astype(np.int32)
        rows = steps if self.every else n
        self.targets = rng.integers(NO_LABEL if self.every else 0, self.outputs, rows)
        if self.loss == "binary":
            self.targets = rng.integers(0, 2, rows)
        if self.loss in ("multilabel", "squared"):
            self.targets = rng.normal(size=(rows, self.outputs)).astype(np.float32)
        if self.loss == "multilabel":
            self.targets = (self.targets > 0).astype(np.float32)
        self.weights = rng.uniform(0.5, 1.5, rows).astype(np.float32) if self.weighted else None
        self.updates = [[(i, rng.permutation(n)[:BATCH])] for i in range(UPDATES)]
        self.shape = Shape(self.channels, length=self.length, tokens=self.tokens)
        self.specs = as_specs(self.text)

    def torch_network(self) -> TorchNetwork:
        return TorchNetwork(self.specs, self.shape, self.outputs, every=self.every)

    def program(self, shapes: dict[str, tuple[int, ...]]) -> Program:
        program, last = Program(shapes, frozenset(self.frozen)), self.shape
        for planned in plan_layers(self.specs, BuildContext("", self.shape, self.every)):
            planned.spec.write_training(program, planned.context)
            last = planned.shape
        Dense(self.outputs).write_training(program, BuildContext("head", last))
        assert not program.problems
        return program

    def natively(self, kernels: native.Kernels) -> tuple[dict[str, Any], Outcome]:
        """The weights after the updates, and loss, norm and sums."""
        initial = self.torch_network().get_weights()
        program = self.program({name: weight.shape for name, weight in initial.items()})
        network = NativeNetwork(
            program,
            LossForm(self.loss, self.every, self.smoothing, reports_scores=self.loss == "squared"),
            OptimizerForm(self.optimizer, self.momentum, self.weight_decay, self.clip_norm),
        )
        for name, place in program.places.items():
            place.of(network.weights)[...] = initial[name]
        numbers = [key(0, 1, *path, bits=128) for path in program.masks]
        keys = np.array([[k & (2**64 - 1), k >> 64] for k in numbers], np.uint64).reshape(-1, 2)
        outcome = network.run(
            kernels,
            Examples(self.values, self.offsets, self.targets, self.weights),
            Batches.of(self.updates),
            rates=[RATE] * UPDATES,
            keys=keys,
        )
        return {n: place.of(network.weights) for n, place in program.places.items()}, outcome

    def with_torch(self) -> tuple[dict[str, Any], float, float, list[float]]:
        """The same in float64."""
        network = self.torch_network().double()
        for name in self.frozen:
            network.layer(name).requires_grad_(False)
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        given: Any = {"optimizer": self.optimizer, "momentum": self.momentum}
        options = TrainingOptions(weight_decay=self.weight_decay, **given)
        optimizer = make_optimizer(trained, RATE, options)
        form = LOSSES["steps" if self.every and self.loss == "softmax" else self.loss]
        more = {"smoothing": self.smoothing} if self.smoothing else {}
        sums = [0.0, 0.0, 0.0]
        for ((step, index),) in self.updates:
            x, targets, weights = self.padded(index)
            outputs = network(x, Draws(0, 1, step))
            logits = outputs.values if isinstance(outputs, Padded) else outputs
            losses = form.loss(logits, targets, **more)
            weighted = losses if weights is None else losses * weights
            count = float((targets != NO_LABEL).sum()) if self.every else float(len(index))
            optimizer.zero_grad()
            loss = weighted.sum() / count
            loss.backward()
            longest = self.clip_norm or float("inf")
            norm = float(torch.nn.utils.clip_grad_norm_(trained, longest))
            assert form.score is not None
            scores = form.score(logits.detach(), targets)
            for i, more_of in enumerate((weighted.detach().sum(), scores.sum(), count)):
                sums[i] += float(more_of)
            optimizer.step()
        weights = {n: w.detach().numpy() for n, w in network.weight_tensors().items()}
        return weights, float(loss.detach()), norm, sums

    def padded(self, index: Any) -> tuple[Padded, torch.Tensor, torch.Tensor | None]:
        lengths = self.lengths[index]
        time = np.arange(lengths.max())
        real = time < lengths[:, None]
        steps = np.where(real, self.offsets[index][:, None] + time, 0)
        kind = np.int32 if self.tokens else np.float64
        values = np.where(real[:, :, None], self.values[steps], 0).astype(kind)
        targets = self.targets[index]
        weights = None if self.weights is None else self.weights[index]
        if self.every:
            targets = np.where(real, self.targets[steps], NO_LABEL)
            weights = None if self.weights is None else np.where(real, self.weights[steps], 0)
        targets = targets if np.issubdtype(targets.dtype, np.integer) else targets.astype(float)
        kept = None if weights is None else torch.from_numpy(weights)
        return (
            Padded(torch.from_numpy(values), torch.from_numpy(lengths)),
            torch.from_numpy(targets),
            kept,
        )


def check(case: Case, path: str) -> None:
    found, outcome = case.natively(native.load(path, 2))
    expected, loss, norm, sums = case.with_torch()
    assert outcome.done == UPDATES
    assert outcome.loss == pytest.approx(loss, rel=1e-5)
    assert outcome.norm == pytest.approx(norm, rel=1e-4)
    np.testing.assert_allclose(outcome.sums, sums, rtol=1e-5, atol=1e-5)
    # A gradient near 0 becomes a whole step of the others, and its rounding with it.
    atol = 1e-5 if case.optimizer == "sgd" else 1e-2 * RATE
    for name, weight in expected.items():
        np.testing.assert_allclose(found[name], weight, atol=atol, err_msg=name)


CASES = [
    Case("flatten dense(16, relu) dense(8, tanh)", channels=1, length=12),
    Case("flatten dense(16) dense(8, gelu)", "binary", "rmsprop", outputs=1, length=5),
    Case("dense(9, silu) dropout(0.3) pool(mean) dropout(0.2)", optimizer="adamw", smoothing=0.1),
    Case("dense(9, elu) pool(max)", "sigmoid", weighted=True),
    Case("dense(9, selu) pool(last)", "squared", "rmsprop", momentum=0.5, clip_norm=0.3),
    Case("embedding(7) pool(mean)", "multilabel", tokens=11),
    Case("embedding(7) dropout(0.5) dense(5, mish)", tokens=11, every=True, weighted=True),
    Case("embedding(6) lstm(16)", every=True, tokens=9, smoothing=0.2),
    Case("lstm(9) dense(5, relu)", optimizer="sgd", momentum=0.9, weight_decay=0.01, clip_norm=0.5),
    Case("lstm(8, output=every) lstm(5)", optimizer="adamw", weight_decay=0.1),
    Case("bilstm(9) dropout(0.3)"),
    Case("bigru(9, output=every, merge=sum) pool(mean)"),
    Case("bigru(9, output=every, reset=before, merge=mean) gru(4)", weight_decay=0.1),
    Case("birnn(9, merge=mean)"),
    Case("rnn(7, activation=relu) dense(3)", "squared", channels=1),
    Case("lstm(9, initial_state=learnt)"),
    Case("bilstm(9, initial_state=learnt, output=every) lstm(3)"),
    Case("lstm(9, dropout=0.3)"),
    Case("lstm(9, dropout=0.3, recurrent_dropout=0.2) dense(4, relu)"),
    Case("dense(3) bilstm(9, dropout=0.3, output=every) bigru(5, recurrent_dropout=0.3)"),
    Case("gru(9, reset=before, recurrent_dropout=0.2, dropout=0.1, output=every) pool(max)"),
    Case("lstm(33) lstm(17)", every=True, weighted=True),
    Case("dense(5) lstm(6) dense(4)", frozen=("lstm_1",)),
    Case("embedding(4) gru(6)", tokens=7, frozen=("embedding_1",)),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)
def test_updates_are_those_of_pytorch(case: Case, path: str) -> None:
    """Weights, loss, length of the gradient, and sums of losses and scores."""
    check(case, path)


@pytest.mark.parametrize("name", sorted(native.ACTIVATIONS))
def test_the_gradient_of_each_activation(name: str) -> None:
    if name in ("softmax", "log_softmax", "sparsemax"):
        program = Program({})
        program.activation("here", ACTIVATIONS[name])
        assert program.problems == [f"here has the activation {ACTIVATIONS[name]}"]
        return
    check(Case(f"dense(9) {name} pool(mean)", "squared", "sgd", outputs=2), native.load().path)


@pytest.mark.parametrize("path", PATHS)
def test_the_bits_are_the_same_with_any_number_of_threads(path: str) -> None:
    """Shards of a batch do not depend on it, and their gradients are added in their order."""
    text = "embedding(40) bilstm(40, dropout=0.2, output=every) lstm(90) dense(20, relu)"
    case = Case(text, tokens=50, length=40)
    one, first = case.natively(native.load(path, 1))
    for threads in (2, 3):
        other, second = case.natively(native.load(path, threads))
        assert second.threads > 1
        assert second._replace(threads=1) == first
        assert all(np.array_equal(one[name], other[name]) for name in one)
