"""`check_layer` and `check_network`: contract checks of layers and whole networks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segue.data.sequences import Array
from segue.errors import NotCausalError, SpecError
from segue.kernels.ragged import Ragged
from segue.kernels.threads import threads
from segue.layers import LAYERS, BiRNN, BuildContext, LayerSpec, Shape
from segue.layers.base import chain_shape
from segue.layers.inference import InferenceChain
from segue.modules import Padded
from segue.modules.network import TorchNetwork
from segue.networks import NetworkLike, as_specs, is_custom
from segue.randomness import Draws, numpy_generator
from segue.spec import Spec, from_json, parse, to_text
from segue.testing.fit_checks import global_generators
from segue.testing.report import Check, DoesNotApplyError, Recorder, Report, run_checks

_OUTPUTS = 3
_LENGTHS = (5, 1, 9, 2, 9, 3)  # a length of one, equal ones, and no order
# A central difference in float64 with this step is right to about 1e-8.
_STEP, _GRADIENT_TOLERANCE = 1e-6, 1e-7
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def check_layer(
    spec: LayerSpec | nn.Module | str, shape: Shape | None = None, *, dtype: str | None = None
) -> Report:
    """Check every contract of one kind of layer.

    The layer stands alone in a network, once with an output for each sequence and once with one at
    every step, as far as it can; where it keeps two directions apart, a `birnn` joins them.

    Args:
        spec: the layer, or its text; it may be your own, of a kind that segue does not know, or a
            `torch.nn.Module` or `Cell` of your own.
        shape: of one example; three channels (tokens for a layer that takes those, one common
            length where it needs that) if left out.
        dtype: "float32" or "float64"; both if left out.

    Returns:
        A `Report` with the largest difference of each contract.

    Raises:
        CheckError: a contract is broken.
        SpecError: the layer cannot be built on this shape at all.

    >>> from segue.layers import GRU
    >>> print(check_layer(GRU(3, output="last"), dtype="float64").passed[0])
    text
    """
    specs = as_specs(spec)
    shape = _default_shape(specs) if shape is None else shape
    recorder, refusals = Recorder(""), []
    for every in (False, True):
        subject = NetworkSubject(_joined(specs, every=every), shape, every=every)
        try:
            subject.make()
        except SpecError as error:
            refusals.append(error)
            continue
        subject.check(recorder, dtype)
    if len(refusals) == 2:
        raise refusals[0]
    recorder.subject = to_text(specs)
    return recorder.report()


def check_network(
    network: NetworkLike,
    shape: Shape | None = None,
    *,
    outputs: int = _OUTPUTS,
    every: bool = False,
    dtype: str | None = None,
) -> Report:
    """Check every contract of a network with its head.

    padding: the output for a sequence, and the gradients, do not depend on batch mates, their order
    and number, or on what is behind its end. stream: a step at a time gives the same as the whole;
    a network that is not causal refuses, and names the layer. gradient: of the weights and inputs,
    against finite differences in float64. dropout: a pure function of seed, epoch and step, that
    differs from step to step.
    without torch: the layers that predict give the same, which most do without PyTorch.
    training: padding does not enter what is learnt of a batch. Besides that: the text, the JSON and
    the weights go round, and the same seed gives the same bits.

    Args:
        network: a text or specs.
        shape: of one example, as in `check_layer`.
        outputs: units of the head.
        every: whether the head has an output at every step.
        dtype: "float32" or "float64"; both if left out.

    Returns:
        A `Report` with the largest difference of each contract.

    Raises:
        CheckError: a contract is broken.
        SpecError: the network cannot be built on this shape.
    """
    specs = as_specs(network)
    shape = _default_shape(specs) if shape is None else shape
    subject = NetworkSubject(specs, shape, outputs, every)
    subject.make()
    return subject.check(Recorder(""), dtype)


def _default_shape(specs: tuple[LayerSpec, ...]) -> Shape:
    if specs and specs[0].input_kind == "tokens":
        return Shape(1, tokens=7)
    shape = Shape(3)
    try:
        for every in (False, True):
            TorchNetwork(_joined(specs, every=every), shape, _OUTPUTS, every=every)
    except SpecError as error:
        if "common length" in str(error):
            return replace(shape, length=6)
    return shape


def _joined(specs: tuple[LayerSpec, ...], *, every: bool) -> tuple[LayerSpec, ...]:
    """With a layer that joins the directions, if the last one keeps them apart."""
    if getattr(specs[-1], "merge", None) != "none":
        return specs
    return (*specs, BiRNN(2, output="every" if every else "last"))


@dataclass(frozen=True)
class NetworkSubject:
    """A network under examination, and sequences that fit it.

    Attributes:
        specs: of its layers.
        shape: of one example.
        outputs: units of its head.
        every: whether the head has an output at every step.
        dtypes: in which it is checked.
    """

    specs: tuple[LayerSpec, ...]
    shape: Shape
    outputs: int = _OUTPUTS
    every: bool = False
    dtypes: tuple[str, ...] = tuple(_DTYPES)

    def check(self, recorder: Recorder, dtype: str | None) -> Report:
        """Run all checks, in one precision or in both."""
        every = ", every step" if self.every else ""
        recorder.subject = f"{to_text(self.specs)} on {self.shape}{every}"
        subject = self if dtype is None else replace(self, dtypes=(dtype,))
        with threads(1):  # more of them only wait for each other on sizes like these
            return run_checks(CHECKS, subject, recorder)

    def lacks(self, need: str) -> str:
        """Why it does not have something that a check needs."""
        if need == "specs" and any(map(is_custom, self.specs)):
            return "a module of one's own cannot be written down"
        if need == "no dropout" and self.drops:
            return "masks are drawn for the padding too"
        return ""

    @functools.cached_property
    def drops(self) -> bool:
        """Whether any layer drops values in training."""
        rates = ("rate", "dropout", "recurrent_dropout")

        def drop(specs: Iterable[LayerSpec]) -> bool:
            return any(
                any(getattr(spec, name, 0) for name in rates) or drop(spec.sublayers())
                for spec in specs
            )

        return drop(self.specs)

    def make(self, seed: int = 0) -> TorchNetwork:
        """The network with its first weights."""
        return TorchNetwork(self.specs, self.shape, self.outputs, every=self.every, seed=seed)

    def trained(self, dtype: str = "float64") -> TorchNetwork:
        """As if it had been trained: no weight is at its first value, no bias zero."""
        network = self.make()
        draws = numpy_generator(0, "trained")
        learnt = {id(p) for p in network.parameters()}
        with torch.no_grad():
            for weight in network.weight_tensors().values():
                if id(weight) in learnt:
                    size = 0.4 / np.sqrt(weight.shape[0]) if weight.ndim > 1 else 0.4
                    noise = draws.normal(size=tuple(weight.shape)) * size
                    weight += torch.tensor(noise, dtype=weight.dtype)
            network(self.batch(), Draws(0))  # moves averages, where there are any
        return network.to(_DTYPES[dtype])

    def sequences(self, lengths: Sequence[int] = _LENGTHS) -> list[Array]:
        """`[time, channel]` float64 sequences, or int32 tokens, that fit the shape."""
        draws = numpy_generator(0, "sequences")
        least = chain_shape(self.specs, BuildContext("", self.shape)).least
        counts = [self.shape.length or least - 1 + length for length in lengths]
        if self.shape.tokens is not None:
            return [draws.integers(0, self.shape.tokens, (n, 1)).astype(np.int32) for n in counts]
        return [draws.normal(size=(n, self.shape.features)) for n in counts]

    def batch(self) -> Padded:
        """The sequences as one batch, float32."""
        return _pad(self.sequences(), "float32")


def _pad(sequences: list[Array], dtype: str, padding: int = 0, garbage: float = 0.0) -> Padded:
    """Right-pad sequences to the longest and `padding` steps more, of values of size `garbage`."""
    lengths = torch.tensor([len(s) for s in sequences])
    size = (len(sequences), int(lengths.max()) + padding, sequences[0].shape[1])
    noise = numpy_generator(0, "garbage").normal(size=size) * garbage
    whole = sequences[0].dtype == np.int32
    values = torch.tensor(noise, dtype=torch.int32 if whole else _DTYPES[dtype])
    for row, sequence in enumerate(sequences):
        values[row, : len(sequence)] = torch.tensor(sequence).to(values.dtype)
    return Padded(values, lengths)


def _rows(signal: Padded | Tensor) -> list[Tensor]:
    """The output for each sequence: `[time, feature]` of its real steps, or `[feature]`."""
    if isinstance(signal, Padded):
        lengths = signal.lengths.tolist()
        return [v[:n] for v, n in zip(signal.values, lengths, strict=True)]
    return list(signal)


def _loss(outputs: list[Tensor], members: Iterable[int]) -> Tensor:
    """One number of the outputs of sequences: their sum, each times weights of its own."""
    pairs = zip(outputs, members, strict=True)
    return torch.stack([(a * _weights(tuple(a.shape), i).to(a)).sum() for a, i in pairs]).sum()


@functools.lru_cache(maxsize=1000)
def _weights(size: tuple[int, ...], number: int) -> Tensor:
    return torch.tensor(numpy_generator(0, "cotangent", number).normal(size=size))


def _equal(a: dict[str, Array], b: dict[str, Array]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def _same(a: Padded | Tensor, b: Padded | Tensor) -> bool:
    return all(map(torch.equal, _rows(a), _rows(b)))


def _state(network: TorchNetwork) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


# -- specs and bits -----------------------------------------------------------------------------


def check_round_trips(subject: NetworkSubject, recorder: Recorder) -> None:
    """The text and the JSON of the specs make the same specs again."""
    specs = subject.specs
    kinds: dict[str, type[Spec]] = {**LAYERS, **{spec.kind: type(spec) for spec in specs}}
    text, json = to_text(specs), [spec.to_json() for spec in specs]
    recorder.require(parse(text, kinds) == specs, f"{text!r} parses to other specs")
    again = from_json(json, kinds, what="layer")
    recorder.require(again == specs, f"{json} makes other specs", "json")


def check_seed(subject: NetworkSubject, recorder: Recorder) -> None:
    """The same seed gives the same weights and outputs, whatever was drawn elsewhere."""
    before, contract = global_generators(), "same seed, same bits"
    first, second, other = subject.make(seed=1), subject.make(seed=1), subject.make(seed=2)
    x = subject.batch()
    first(x, Draws(0))
    second(x, Draws(0))  # training may move averages, in both to the same bits
    recorder.require(global_generators() == before, "It draws from a global generator")
    same = _equal(first.get_weights(), second.get_weights()) and _same(first(x), second(x))
    recorder.require(same, "Two networks of one seed have other weights or outputs", contract)
    # A user's own module has its weights already.
    layers = first.layers.values()
    given = {id(p) for layer in layers if not layer.draws_weights for p in layer.parameters()}
    # Weights that are not drawn begin with one value or two, such as the biases of an lstm.
    for name, weight in first.named_parameters():
        drawn = id(weight) not in given and len(torch.unique(weight.detach())) > 2
        changed = not torch.equal(weight, other.get_parameter(name))
        recorder.require(changed or not drawn, f"{name} is the same for every seed", contract)


def check_weights(subject: NetworkSubject, recorder: Recorder) -> None:
    """Weights that are read can be set: the outputs are then the same bits."""
    source, target, x = subject.trained("float32"), subject.make(seed=5), subject.batch()
    weights = source.get_weights()
    target.set_weights(weights)
    same = _equal(weights, target.get_weights()) and _same(source(x), target(x))
    names = ", ".join(weights)
    recorder.require(same, f"Weights {names} were read and set, and something differs")


def check_dropout(subject: NetworkSubject, recorder: Recorder) -> None:
    """Dropout is a pure function of seed, epoch and step; without draws it is off."""
    network, x = subject.trained("float32"), subject.batch()
    plain, before = network(x), _state(network)
    dropped = network(x, Draws(1, epoch=2, step=3))
    again = _same(network(x, Draws(1, epoch=2, step=3)), dropped)
    recorder.require(again, "The same seed, epoch and step give another output")
    network.load_state_dict(before)  # training may have moved averages
    recorder.require(_same(network(x), plain), "Without draws the outputs vary")
    if not subject.drops:
        raise DoesNotApplyError("nothing is dropped")
    # Eight others of each kind: through one unit and a maximum, two masks may give the same.
    cases: tuple[tuple[str, Callable[[int], Draws], Any], ...] = (
        ("another seed", lambda k: Draws(2 + k, epoch=2, step=3), dropped),
        ("another epoch", lambda k: Draws(1, epoch=3 + k, step=3), dropped),
        ("another step", lambda k: Draws(1, epoch=2, step=4 + k), dropped),
        ("training", lambda k: Draws(1, epoch=2, step=k), plain),
    )
    for name, draws, reference in cases:
        differs = any(not _same(network(x, draws(k)), reference) for k in range(8))
        recorder.require(differs, f"{name} changes nothing", "dropout differs")


# -- padding ------------------------------------------------------------------------------------


def check_padding(subject: NetworkSubject, recorder: Recorder) -> None:
    """Outputs and gradients do not depend on how the sequences are put into batches."""
    sequences = subject.sequences()
    order = tuple(range(len(sequences)))
    alone: list[tuple[int, ...]] = [(i,) for i in order]
    turned = order[::-1]
    pairs = [turned[i : i + 2] for i in range(0, len(order), 2)]
    large = 1e6 if subject.shape.tokens is None else 1e9
    # What is different, which sequences are together, steps of padding, the size of their values.
    arrangements: list[tuple[str, list[tuple[int, ...]], int, float]] = [
        ("all in one batch", [order], 0, 0.0),
        ("in batches of two in the reverse order", pairs, 0, 0.0),
        ("4 steps of zeros behind the longest", [order], 4, 0.0),
        (f"7 steps of values of size {large:g} behind", [turned], 7, large),
        (f"alone, 3 steps of values of size {large:g} behind", alone, 3, large),
        ("each twice in the batch", [order + order], 0, 0.0),
    ]
    wanted, _ = _run(subject.trained(), [_pad([s], "float64") for s in sequences], alone)
    for dtype in subject.dtypes:
        network = subject.trained(dtype)
        for name, members, padding, garbage in arrangements:
            batches = [_pad([sequences[i] for i in m], dtype, padding, garbage) for m in members]
            results, behind = _run(network, batches, members)
            where = f"Lengths {[len(s) for s in sequences]}, {name}, against each alone in float64"
            for what, got in results.items():
                recorder.compare(got, wanted[what], f"{what}. {where}", dtype=dtype)
            text = f"{where}: padding got {behind:.3g}"
            recorder.require(behind == 0, text, "padding has no gradient")


def _run(
    network: TorchNetwork, batches: list[Padded], members: list[tuple[int, ...]]
) -> tuple[dict[str, list[Array]], float]:
    """Outputs and gradients in the sequences' order, and the largest gradient of padding."""
    outputs: dict[int, Array] = {}
    inputs: dict[int, Array] = {}
    largest = 0.0
    network.zero_grad()
    for x, numbers in zip(batches, members, strict=True):
        if x.values.is_floating_point():
            x.values.requires_grad_(True)
        rows = _rows(network(x))
        _loss(rows, numbers).backward()  # type: ignore[no-untyped-call]
        gradients = torch.zeros_like(x.values) if x.values.grad is None else x.values.grad
        behind = gradients[~x.mask()]
        largest = max(largest, float(behind.abs().max()) if len(behind) else 0.0)
        for i, row, gradient, n in zip(numbers, rows, gradients, x.lengths.tolist(), strict=True):
            outputs[i], inputs[i] = row.detach().numpy(), gradient[:n].numpy().copy()
    repeats = sum(map(len, members)) / len(outputs)
    results = {
        "outputs": [outputs[i] for i in range(len(outputs))],
        "gradients of the inputs": [inputs[i] for i in range(len(inputs))],
        "gradients of the weights": [
            (torch.zeros_like(p) if p.grad is None else p.grad / repeats).numpy().copy()
            for p in network.parameters()
        ],
    }
    return results, largest


@torch.no_grad()
def check_training(subject: NetworkSubject, recorder: Recorder) -> None:
    """What a layer learns of a batch in training, such as its mean, is of the real steps only."""
    network = subject.trained()
    sequences, before = subject.sequences(), _state(network)
    seen = []
    for padding, garbage in ((0, 0.0), (5, 1e6)):
        network.load_state_dict(before)
        x = _pad(sequences, "float64", padding, 0.0 if subject.shape.tokens else garbage)
        seen.append([*_rows(network(x, Draws(0))), *_state(network).values()])
    where = "In training, 5 steps of values of size 1e6 behind the longest, against none"
    recorder.compare(seen[1], seen[0], where, dtype="float64")


# -- stream and gradient ------------------------------------------------------------------------


@torch.no_grad()
def check_stream(subject: NetworkSubject, recorder: Recorder) -> None:
    """A step at a time gives what the whole gives; a network that is not causal refuses by name."""
    whole = subject.trained()
    ahead = next((layer.name for layer in whole.chain if not layer.causal), None)
    if ahead is not None:
        text = ""
        try:
            whole.initial_state(1)
        except NotCausalError as error:
            text = str(error)
        refusal = f"{ahead} is not causal, but a stream was not refused by its name; got {text!r}"
        recorder.require(ahead in text, refusal, "refuses to stream")
        raise DoesNotApplyError("it looks ahead")
    for dtype in subject.dtypes:
        network = subject.trained(dtype)
        for sequence in subject.sequences((1, 2, 8)):
            two = [sequence, sequence[::-1].copy()]
            x = _pad(two, dtype).values
            state = network.initial_state(2)
            for time in range(len(sequence)):
                y, state = network.step(x[:, time], state)
                reference = whole(_pad([s[: time + 1] for s in two], "float64"))
                is_padded = isinstance(reference, Padded)
                wanted = [row[-1] if is_padded else row for row in _rows(reference)]
                where = f"Step {time} of {len(sequence)}, two sequences, against the whole so far"
                recorder.compare(y, wanted, where, dtype=dtype)
    recorder.skipped["refuses to stream"] = "it is causal"


@torch.no_grad()
def check_without_torch(subject: NetworkSubject, recorder: Recorder) -> None:
    """The layers without torch give what their modules give in float64: whole, and by steps."""
    context, network = BuildContext("", subject.shape, subject.every), subject.trained("float32")
    layers = InferenceChain(subject.specs, context, network.get_weights())
    sequences = subject.sequences()
    given = [s if s.dtype == np.int32 else s.astype(np.float32) for s in sequences]
    signal: Any = _pad(given, "float64")
    for layer in subject.trained().chain[:-1]:
        signal = layer(signal)
    offsets = np.cumsum([0, *map(len, given)])
    found, where = layers(Ragged(np.concatenate(given), offsets)), "Without torch, ragged"
    rows = np.split(found.values, offsets[1:-1]) if isinstance(found, Ragged) else found
    recorder.compare(rows, _rows(signal), f"{where}, against the modules in float64")
    if not layers.causal:
        return
    state = layers.initial_state(1)
    for time, x_t in enumerate(given[2]):
        y_t, state = layers.step(x_t[None], state)
        so_far = layers(Ragged(given[2][: time + 1], np.array([0, time + 1])))
        wanted = so_far.values[-1:] if isinstance(so_far, Ragged) else so_far
        recorder.compare(y_t, wanted, f"Without torch, step {time} against the whole so far")


def check_gradients(subject: NetworkSubject, recorder: Recorder) -> None:
    """Derivatives along random directions, one for each weight and the inputs, in float64."""
    network = subject.trained()
    x = _pad(subject.sequences((4, 1, 6)), "float64", padding=2)
    variables: dict[str, Tensor] = dict(network.named_parameters())
    if x.values.is_floating_point():
        variables["the inputs"] = x.values.requires_grad_(True)

    def loss() -> Tensor:
        return _loss(_rows(network(x)), range(3))

    gradients = torch.autograd.grad(loss(), list(variables.values()), allow_unused=True)
    for (name, variable), gradient in zip(variables.items(), gradients, strict=True):
        draws = numpy_generator(0, "direction", name)
        direction = torch.tensor(draws.normal(size=tuple(variable.shape)))
        slope = 0.0 if gradient is None else float((gradient * direction).sum())
        before, values = variable.detach().clone(), []
        with torch.no_grad():
            for sign in (-1, 1):
                variable.copy_(before + sign * _STEP * direction)
                values.append(float(loss()))
            variable.copy_(before)
        difference = (values[1] - values[0]) / (2 * _STEP)
        where = f"The derivative along {name} against a finite difference"
        tolerance = _GRADIENT_TOLERANCE
        recorder.compare([slope], [difference], where, dtype="float64", tolerance=tolerance)


CHECKS = (
    Check(("text", "json"), check_round_trips, ("specs",)),
    Check(("no hidden randomness", "same seed, same bits"), check_seed),
    Check(("weights go round",), check_weights),
    Check(("dropout is a pure function", "dropout differs"), check_dropout),
    Check(("padding", "padding has no gradient"), check_padding),
    Check(("training",), check_training, ("no dropout",)),
    Check(("stream", "refuses to stream"), check_stream),
    Check(("without torch",), check_without_torch),
    Check(("gradient",), check_gradients),
)
