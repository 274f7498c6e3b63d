"""Each promise of a network, as one function that compares and records."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segue.errors import NotCausalError
from segue.layers import LayerSpec, Shape
from segue.modules import Padded
from segue.networks import Network
from segue.randomness import Draws, numpy_generator
from segue.sequences import Array
from segue.testing.batches import Arrangement, arrangements, make_sequences, pad, rows
from segue.testing.report import Recorder

Make = Callable[..., Network]

# A central difference in float64 with this step is right to about 1e-8.
_STEP, _GRADIENT_TOLERANCE = 1e-6, 1e-7
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def trained(make: Make, dtype: torch.dtype) -> Network:
    """A network as if it had been trained: no weight is at its first value, no bias zero."""
    network = make()
    draws = numpy_generator(0, "trained")
    learnt = {id(p) for p in network.parameters()}
    with torch.no_grad():
        for weight in network.weight_tensors().values():
            if id(weight) in learnt:
                size = 0.4 / np.sqrt(weight.shape[0]) if weight.ndim > 1 else 0.4
                noise = draws.normal(size=tuple(weight.shape)) * size
                weight += torch.tensor(noise, dtype=weight.dtype)
        network(_batch(network.input_shape), Draws(0))  # moves averages, where there are any
    return network.to(dtype)


# -- padding ------------------------------------------------------------------------------------


def check_padding(make: Make, dtypes: Iterable[str], recorder: Recorder) -> None:
    """Answers and gradients do not depend on how the sequences are put into batches."""
    shape = make().input_shape
    sequences = make_sequences(shape)
    lengths = [len(s) for s in sequences]
    alone = Arrangement("alone", tuple((i,) for i in range(len(sequences))))
    reference = _Run(trained(make, torch.float64), sequences, alone, torch.float64)
    for dtype in dtypes:
        network = trained(make, _DTYPES[dtype])
        for arrangement in arrangements(len(sequences), tokens=shape.tokens is not None):
            run = _Run(network, sequences, arrangement, _DTYPES[dtype])
            where = f"Lengths {lengths}, {arrangement.name}, against each alone in float64"
            for kind, got, wanted in (
                ("outputs", run.outputs, reference.outputs),
                ("gradients of the weights", run.weights, reference.weights),
                ("gradients of the inputs", run.inputs, reference.inputs),
            ):
                recorder.compare("padding", got, wanted, dtype=dtype, where=f"{kind}. {where}")
            recorder.require(
                "padding has no gradient",
                run.padding == 0,
                f"{where}: padding got {run.padding:.3g}",
            )


class _Run:
    """The outputs and gradients of all sequences in one arrangement, in the sequences' order."""

    def __init__(
        self,
        network: Network,
        sequences: list[Array],
        arrangement: Arrangement,
        dtype: torch.dtype,
    ) -> None:
        seen: dict[int, tuple[Tensor, Array]] = {}
        repeats = sum(map(len, arrangement.batches)) / len(sequences)
        network.zero_grad()
        self.padding = 0.0
        for members, x in zip(
            arrangement.batches, arrangement.padded(sequences, dtype), strict=True
        ):
            if x.values.is_floating_point():
                x.values.requires_grad_(True)
            answers = rows(network(x))
            loss = torch.stack(
                [(a * cotangent(a, i)).sum() for a, i in zip(answers, members, strict=True)]
            ).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            gradients = torch.zeros_like(x.values) if x.values.grad is None else x.values.grad
            behind = gradients[~x.mask()]
            self.padding = max(self.padding, float(behind.abs().max()) if len(behind) else 0.0)
            for i, answer, gradient in zip(members, answers, gradients, strict=True):
                seen[i] = (answer.detach(), gradient[: len(sequences[i])].numpy().copy())
        order = range(len(sequences))
        self.outputs = [seen[i][0].numpy() for i in order]
        self.inputs = [seen[i][1] for i in order]
        self.weights = [
            (torch.zeros_like(p) if p.grad is None else p.grad / repeats).numpy().copy()
            for p in network.parameters()
        ]


def cotangent(answer: Tensor, number: int) -> Tensor:
    """What the outputs of a sequence are multiplied with to make one number of them."""
    return _cotangent(tuple(answer.shape), number).to(answer.dtype)


@functools.lru_cache(maxsize=1000)
def _cotangent(size: tuple[int, ...], number: int) -> Tensor:
    return torch.tensor(numpy_generator(0, "cotangent", number).normal(size=size))


# -- stream -------------------------------------------------------------------------------------


@torch.no_grad()
def check_stream(make: Make, dtype: str, recorder: Recorder) -> None:
    """A step at a time gives what the whole gives; what is not causal refuses by name."""
    network = trained(make, _DTYPES[dtype])
    if not network.causal:
        _check_refusal(network, recorder)
        recorder.skip("stream", "it looks ahead")
        return
    recorder.skip("refuses to stream", "it is causal")
    whole = trained(make, torch.float64)
    for sequence in make_sequences(network.input_shape, (1, 2, 8)):
        two = [sequence, sequence[::-1].copy()]
        x = pad(two, _DTYPES[dtype]).values
        state = network.initial_state(2)
        for time in range(len(sequence)):
            y, state = network.step(x[:, time], state)
            reference = whole(pad([s[: time + 1] for s in two], torch.float64))
            wanted = [row[-1] if isinstance(reference, Padded) else row for row in rows(reference)]
            where = f"Step {time} of {len(sequence)}, two sequences, against the whole up to there"
            recorder.compare("stream", y, wanted, dtype=dtype, where=where)


def _check_refusal(network: Network, recorder: Recorder) -> None:
    guilty = next(layer.name for layer in network.chain if not layer.causal)
    text = ""
    try:
        network.initial_state(1)
    except NotCausalError as error:
        text = str(error)
    recorder.require(
        "refuses to stream",
        guilty in text,
        f"{guilty} is not causal, but a stream was not refused by its name; got {text!r}",
    )


# -- gradient -----------------------------------------------------------------------------------


def check_gradients(make: Make, recorder: Recorder) -> None:
    """Derivatives along random directions, one for each weight and the inputs, in float64."""
    network = trained(make, torch.float64)
    x = pad(make_sequences(network.input_shape, (4, 1, 6)), torch.float64, padding=2)
    variables: dict[str, Tensor] = dict(network.named_parameters())
    if x.values.is_floating_point():
        variables["the inputs"] = x.values.requires_grad_(True)

    def loss() -> Tensor:
        answers = rows(network(x))
        return torch.stack([(a * cotangent(a, i)).sum() for i, a in enumerate(answers)]).sum()

    gradients = torch.autograd.grad(loss(), list(variables.values()), allow_unused=True)
    for (name, variable), gradient in zip(variables.items(), gradients, strict=True):
        draws = numpy_generator(0, "direction", name)
        direction = torch.tensor(draws.normal(size=tuple(variable.shape)))
        slope = 0.0 if gradient is None else float((gradient * direction).sum())
        recorder.compare(
            "gradient",
            [slope],
            [_difference(loss, variable, direction)],
            dtype="float64",
            where=f"The derivative along {name} against a finite difference",
            tolerance=_GRADIENT_TOLERANCE,
        )


@torch.no_grad()
def _difference(loss: Callable[[], Tensor], variable: Tensor, direction: Tensor) -> float:
    before = variable.clone()
    values = []
    for steps in (-1, 1):
        variable.copy_(before + steps * _STEP * direction)
        values.append(float(loss()))
    variable.copy_(before)
    return (values[1] - values[0]) / (2 * _STEP)


# -- bits ---------------------------------------------------------------------------------------


def check_seed(make: Make, recorder: Recorder) -> None:
    """The same seed gives the same weights and answers, whatever was drawn elsewhere."""
    torch_state = torch.random.get_rng_state()
    numpy_state = _numpy_state()
    first, second, other = make(seed=1), make(seed=1), make(seed=2)
    x = _batch(first.input_shape)
    first(x, Draws(0))
    second(x, Draws(0))  # training may move averages, in both to the same bits
    unchanged = torch.equal(torch.random.get_rng_state(), torch_state)
    unchanged &= _numpy_state() == numpy_state
    recorder.require("no hidden randomness", unchanged, "It draws from a global generator")
    recorder.require(
        "same seed, same bits",
        _equal(first.get_weights(), second.get_weights()) and _same(first(x), second(x)),
        "Two networks of the same seed have other weights or answers",
    )
    # A user's own module has its weights already.
    layers = first.layers.values()
    given = {id(p) for layer in layers if not layer.draws_weights for p in layer.parameters()}
    # Weights that are not drawn begin with one value or two, such as the biases of an lstm.
    for name, weight in first.named_parameters():
        drawn = id(weight) not in given and len(torch.unique(weight.detach())) > 2
        changed = not torch.equal(weight, other.get_parameter(name))
        recorder.require(
            "same seed, same bits", changed or not drawn, f"{name} is the same for every seed"
        )


def _numpy_state() -> tuple[bytes, int]:
    state: Any = np.random.get_state()  # noqa: NPY002  (looked at, not drawn from)
    return state[1].tobytes(), state[2]


def check_weights(make: Make, recorder: Recorder) -> None:
    """Weights that are read can be set: the answers are then the same bits."""
    source, target = trained(make, torch.float32), make(seed=5)
    weights = source.get_weights()
    target.set_weights(weights)
    x = _batch(source.input_shape)
    recorder.require(
        "weights go round",
        _equal(weights, target.get_weights()) and _same(source(x), target(x)),
        f"Weights {', '.join(weights)} were read and set, and something differs",
    )


def check_dropout(make: Make, recorder: Recorder) -> None:
    """What dropout does is a pure function of seed, epoch and step; without draws it is off."""
    network = trained(make, torch.float32)
    x = _batch(network.input_shape)
    plain, before = network(x), _state(network)
    dropped = network(x, Draws(1, epoch=2, step=3))
    promise = "dropout is a pure function"
    again = _same(network(x, Draws(1, epoch=2, step=3)), dropped)
    recorder.require(promise, again, "The same seed, epoch and step give another answer")
    network.load_state_dict(before)  # training may have moved averages
    recorder.require(promise, _same(network(x), plain), "Without draws the answers vary")
    if not _drops(network.specs):
        recorder.skip("dropout differs", "nothing is dropped")
        return
    # Eight others of each kind: through one unit and a maximum, two masks may give the same.
    for name, others in (
        ("another seed", [Draws(1 + k, epoch=2, step=3) for k in range(1, 9)]),
        ("another epoch", [Draws(1, epoch=2 + k, step=3) for k in range(1, 9)]),
        ("another step", [Draws(1, epoch=2, step=3 + k) for k in range(1, 9)]),
    ):
        differs = any(not _same(network(x, draws), dropped) for draws in others)
        recorder.require("dropout differs", differs, f"{name} changes nothing")
    trained_differently = any(
        not _same(network(x, Draws(1, epoch=2, step=k)), plain) for k in range(8)
    )
    recorder.require("dropout differs", trained_differently, "training changes nothing")


@torch.no_grad()
def check_training(make: Make, recorder: Recorder) -> None:
    """What a layer learns of a batch in training, such as its mean, is of the real steps only."""
    network = trained(make, torch.float64)
    if _drops(network.specs):
        recorder.skip("training", "masks are drawn for the padding too")
        return
    sequences, before = make_sequences(network.input_shape), _state(network)
    seen = []
    for padding, garbage in ((0, 0.0), (5, 1e6)):
        network.load_state_dict(before)
        x = pad(sequences, torch.float64, padding, 0.0 if network.input_shape.tokens else garbage)
        answers = rows(network(x, Draws(0)))
        seen.append([*answers, *_state(network).values()])
    where = "In training, 5 steps of values of size 1e6 behind the longest, against none"
    recorder.compare("training", seen[1], seen[0], dtype="float64", where=where)


def _state(network: Network) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _drops(specs: Iterable[LayerSpec]) -> bool:
    rates = ("rate", "dropout", "recurrent_dropout")
    return any(
        any(getattr(spec, name, 0) for name in rates) or _drops(spec.sublayers()) for spec in specs
    )


def _batch(shape: Shape) -> Padded:
    return pad(make_sequences(shape), torch.float32)


def _equal(a: dict[str, Array], b: dict[str, Array]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def _same(a: Padded | Tensor, b: Padded | Tensor) -> bool:
    return all(torch.equal(x, y) for x, y in zip(rows(a), rows(b), strict=True))
