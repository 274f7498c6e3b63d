"""Training in the native library: a network as a program, and many updates of it in one call.

A `Program` is made layer by layer (`LayerSpec.write_training`); it says where each weight lies in
one array of all weights. `train` then goes through a list of updates: gathering, forward, backward,
clipping, optimizer, loss and scores.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.kernels.native import ACTIVATIONS, CELLS, Kernels, library

_INT, _LONG, _FLOAT, _DOUBLE = ctypes.c_int32, ctypes.c_int64, ctypes.c_float, ctypes.c_double
_DATA, _TWO = ctypes.c_void_p, ctypes.c_int64 * 2

_KINDS = ("dense", "recurrent", "dropout", "embedding", "pool", "flatten", "activation")
_MERGES = ("", "concat", "sum", "mean")  # "": one direction
_POOLS = ("last", "mean", "max")
LOSSES = ("softmax", "binary", "sigmoid", "multilabel", "squared")
_OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")
_OVER_FEATURES = ("softmax", "log_softmax", "sparsemax")  # they have no form in training


class _Layer(ctypes.Structure):
    """`segue_layer` of native/include/segue.h, as the structures below are those of their names."""

    _fields_ = (
        ("kind", _INT),
        ("function", _INT),
        ("merge", _INT),
        ("keeps_sequence", _INT),
        ("parameter", _FLOAT),
        ("is_trained", _INT),
        ("precision", _INT),
        ("rate", _DOUBLE),
        ("recurrent_rate", _DOUBLE),
        ("inputs", _LONG),
        ("outputs", _LONG),
        ("kernel", _TWO),
        ("recurrent_kernel", _TWO),
        ("bias", _TWO),
        ("initial_h", _TWO),
        ("initial_c", _TWO),
        ("inputs_mask", _TWO),
        ("hidden_mask", _TWO),
    )


class _Network(ctypes.Structure):
    _fields_ = (
        ("layers", _DATA),
        ("layer_count", _LONG),
        ("weights", _DATA),
        ("size", _LONG),
        ("shared", _LONG),
        ("trained", _DATA),
        ("trained_count", _LONG),
        ("loss", _INT),
        ("every", _INT),
        ("smoothing", _FLOAT),
        ("scores_losses", _INT),
        ("reports_scores", _INT),
        ("scale", _DATA),
        ("optimizer", _INT),
        ("momentum", _FLOAT),
        ("weight_decay", _FLOAT),
        ("clip_norm", _FLOAT),
        ("moments", _DATA),
    )


class _Examples(ctypes.Structure):
    _fields_ = (
        ("values", _DATA),
        ("tokens", _DATA),
        ("channels", _LONG),
        ("offsets", _DATA),
        ("classes", _DATA),
        ("targets", _DATA),
        ("weights", _DATA),
    )


class _Updates(ctypes.Structure):
    _fields_ = (
        ("sequences", _DATA),
        ("batch_offsets", _DATA),
        ("batch_numbers", _DATA),
        ("first_batches", _DATA),
        ("rates", _DATA),
        ("count", _LONG),
        ("keys", _DATA),
        ("trains", _INT),
        ("seconds", _DOUBLE),
        ("threads", _LONG),
        ("store", _DATA),
    )


class _Progress(ctypes.Structure):
    _fields_ = (
        ("steps", _LONG),
        ("done", _LONG),
        ("loss", _DOUBLE),
        ("norm", _DOUBLE),
        ("sums", _DOUBLE * 3),
        ("bytes", _LONG),
        ("threads", _LONG),
    )


class Place(NamedTuple):
    """Where a weight lies among all weights."""

    first: int
    shape: tuple[int, ...]

    def of(self, weights: Array) -> Array:
        """The weight, as a view."""
        return weights[self.first : self.first + math.prod(self.shape)].reshape(self.shape)


@dataclass
class Program:
    """The layers of a network as the native library trains them.

    Attributes:
        shapes: of all weights, by `<layer>/<part>`.
        frozen: the names of layers whose weights stay as they are.
        fixed: the names of single weights that do.
        problems: what the library cannot train.
        places: where each weight lies; embeddings come last.
        masks: the path of each dropout mask among the draws.
        units: of each recurrent layer, of one direction.
        tokens: the embedding, and how many tokens it has; the library does not look whether others
            come.
        length: likewise the layer that takes sequences of so many steps only, and how many.
    """

    shapes: dict[str, tuple[int, ...]]
    frozen: frozenset[str] = frozenset()
    fixed: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    places: dict[str, Place] = field(init=False)
    masks: list[tuple[str, ...]] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    tokens: tuple[str, int] | None = None
    length: tuple[str, int] | None = None
    size: int = field(init=False, default=0)
    shared: int = field(init=False, default=0)
    _layers: list[_Layer] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = sorted(self.shapes, key=lambda name: name.endswith("/embeddings"))
        self.places = {}
        for name in names:
            self.places[name] = Place(self.size, self.shapes[name])
            self.size += math.prod(self.shapes[name])
            if not name.endswith("/embeddings"):
                self.shared = self.size

    @property
    def has_tokens(self) -> bool:
        """Whether the network begins with an embedding, and takes whole numbers."""
        return self.tokens is not None

    # -- layers -----------------------------------------------------------------------------------

    def add(self, kind: str, name: str, **fields: Any) -> _Layer:
        """Add a layer; its weights and masks are not there yet."""
        nowhere = {key: _TWO(-1, -1) for key, of in _Layer._fields_ if of is _TWO}
        has_weights = any(known.partition("/")[0] == name for known in self.shapes)
        layer = _Layer(kind=_KINDS.index(kind), **nowhere, **fields)
        layer.is_trained = has_weights and name not in self.frozen
        self._layers.append(layer)
        return layer

    def dense(self, name: str, inputs: int, outputs: int, activation: Any) -> None:
        """`kernel` and, where it is there, `bias`; an activation spec."""
        function, parameter = self._activation(name, activation)
        layer = self.add("dense", name, inputs=inputs, outputs=outputs, function=function)
        layer.parameter = parameter
        layer.kernel[0], layer.bias[0] = self._first(f"{name}/kernel"), self._first(f"{name}/bias")

    def activation(self, name: str, activation: Any) -> None:
        """An activation as a layer of its own."""
        function, parameter = self._activation(name, activation)
        layer = self.add("activation", name, function=function)
        layer.parameter = parameter

    def recurrent(
        self,
        name: str,
        cell: str,
        inputs: int,
        units: int,
        *,
        keeps_sequence: bool,
        merge: str = "",
        rate: float = 0.0,
        recurrent_rate: float = 0.0,
    ) -> None:
        """The weights of a cell for each direction: below `forward/` and `backward/` with `merge`.

        Args:
            name: of the layer.
            cell: "lstm", "gru", "gru_before", "rnn_tanh" or "rnn_relu".
            inputs: features.
            units: of a direction.
            keeps_sequence: whether there is an output at each step.
            merge: of two directions, "concat", "sum" or "mean"; "": there is one.
            rate: of the dropout of the inputs.
            recurrent_rate: of that of the hidden state.
        """
        layer = self.add("recurrent", name, inputs=inputs, outputs=units, function=CELLS[cell])
        self.units.append(units)
        layer.merge, layer.keeps_sequence = _MERGES.index(merge), keeps_sequence
        layer.rate, layer.recurrent_rate = rate, recurrent_rate
        for way, direction in enumerate(("forward", "backward") if merge else ("forward",)):
            part = f"{direction}/" if merge else ""
            for weight in ("kernel", "recurrent_kernel", "bias", "initial_h", "initial_c"):
                getattr(layer, weight)[way] = self._first(f"{name}/{part}{weight}")
            if rate:
                layer.inputs_mask[way] = self._mask(name, direction, "x")
            if recurrent_rate:
                layer.hidden_mask[way] = self._mask(name, direction, "h")

    def dropout(self, name: str, rate: float) -> None:
        """A mask of its own for each value."""
        layer = self.add("dropout", name, rate=rate)
        layer.inputs_mask[0] = self._mask(name)

    def embedding(self, name: str, tokens: int, features: int) -> None:
        """`embeddings`: the first layer."""
        if self._layers:
            self.problems.append(f"{name} is not the first layer")
        self.tokens = name, tokens
        layer = self.add("embedding", name, inputs=tokens, outputs=features, keeps_sequence=True)
        layer.kernel[0] = self._first(f"{name}/embeddings")

    def pool(self, name: str, how: str) -> None:
        """The last step, the mean or the largest value of all steps."""
        self.add("pool", name, function=_POOLS.index(how))

    def flatten(self, name: str, length: int) -> None:
        """All steps as one vector: there are so many."""
        self.length = name, length
        self.add("flatten", name)

    def _activation(self, name: str, activation: Any) -> tuple[int, float]:
        known = activation.kind in ACTIVATIONS and activation.kind not in _OVER_FEATURES
        if not known:
            self.problems.append(f"{name} has the activation {activation}")
            return 0, 0.0
        numbers = [float(v) for key, v in vars(activation).items() if key != "name"]
        return ACTIVATIONS[activation.kind], numbers[0] if numbers else 0.0

    def _first(self, name: str) -> int:
        return self.places[name].first if name in self.places else -1

    def _mask(self, *path: str) -> int:
        self.masks.append(path)
        return len(self.masks) - 1

    # -- what the library gets --------------------------------------------------------------------

    def trained(self) -> list[str]:
        """The names of the weights that are trained, in the order in which they lie."""
        return [
            name
            for name in self.places
            if name not in self.fixed and name.partition("/")[0] not in self.frozen
        ]

    def layers(self) -> Any:
        """The layers as an array of structures."""
        return (_Layer * len(self._layers))(*self._layers)


class LossForm(NamedTuple):
    """A loss as the library knows it."""

    kind: str  # "softmax", "binary", "sigmoid", "multilabel" or "squared"
    every: bool = False  # a target at every step
    smoothing: float = 0.0
    scores_losses: bool = False  # the score is the loss
    reports_scores: bool = False  # the loss that is reported is the score
    scale: tuple[float, ...] = ()  # of the score of a squared loss


class OptimizerForm(NamedTuple):
    """An optimizer, and the longest gradient that it gets; 0: any."""

    kind: str
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 0.0


class Examples(NamedTuple):
    """Prepared sequences and their targets."""

    values: Array  # float32 [steps, channel], or int32 [steps, 1] tokens
    offsets: Array  # int64 [n + 1]
    targets: Array  # int64 [n], or [steps] with -1 for none; or float32 [n, outputs]
    weights: Array | None = None  # float32, as many as targets


class Batches(NamedTuple):
    """Updates, each of some batches, each of some sequences."""

    sequences: Array  # int64, of all batches
    offsets: Array  # int64 [batches + 1]
    numbers: Array  # int64 [batches], of a batch within the epoch
    first: Array  # int64 [updates + 1]: the batches of each update

    def within(self) -> tuple[Batches, Array]:
        """The same of the sequences that occur in it only, and which these are."""
        chosen, renumbered = np.unique(self.sequences, return_inverse=True)
        return self._replace(sequences=renumbered.astype(np.int64)), chosen

    @classmethod
    def of(cls, updates: Sequence[Sequence[tuple[int, Array]]]) -> Batches:
        """Updates as pairs of a batch's number and the indices of its sequences."""
        batches = [batch for update in updates for batch in update]
        sizes = [len(index) for _, index in batches]
        return cls(
            np.concatenate([index for _, index in batches]).astype(np.int64, copy=False),
            np.array([*accumulate(sizes, initial=0)], np.int64),
            np.array([number for number, _ in batches], np.int64),
            np.array([*accumulate(map(len, updates), initial=0)], np.int64),
        )


class Outcome(NamedTuple):
    """What a call of the library has done."""

    done: int  # updates
    loss: float  # of the last one that was tried
    norm: float  # of its gradient, before it was shortened
    sums: tuple[float, float, float]  # of losses, scores and targets
    bytes: int  # that a thread took for the sequences that it had at once
    threads: int  # that took part


class NativeNetwork:
    """The weights of a program, the state of its optimizer, and how both change.

    Args:
        program: without problems.
        loss: what is minimised.
        optimizer: how.

    Attributes:
        weights: float32 `[size]`, of all layers.
        moments: float32 `[2, size]`, of the optimizer.
        steps: of the optimizer so far.
    """

    def __init__(self, program: Program, loss: LossForm, optimizer: OptimizerForm) -> None:
        self.program = program
        self.weights = np.zeros(program.size, np.float32)
        self.moments = np.zeros((2, program.size), np.float32)
        self.steps = 0
        places = [program.places[name] for name in program.trained()]
        ends = [(place.first, place.first + math.prod(place.shape)) for place in places]
        self._trained = np.array(ends, np.int64).reshape(-1, 2)
        self._scale = np.array(loss.scale, np.float32)
        self._examples: tuple[Examples | None, Any] = None, None
        self._store = library().segue_store_new()
        weakref.finalize(self, library().segue_store_free, self._store)
        self._layers = program.layers()
        self._network = _Network(
            layers=ctypes.addressof(self._layers),
            layer_count=len(self._layers),
            weights=self.weights.ctypes.data,
            size=program.size,
            shared=program.shared,
            trained=self._trained.ctypes.data,
            trained_count=len(self._trained),
            loss=LOSSES.index(loss.kind),
            every=loss.every,
            smoothing=loss.smoothing,
            scores_losses=loss.scores_losses,
            reports_scores=loss.reports_scores,
            scale=self._scale.ctypes.data if len(self._scale) else None,
            optimizer=_OPTIMIZERS.index(optimizer.kind),
            momentum=optimizer.momentum,
            weight_decay=optimizer.weight_decay,
            clip_norm=optimizer.clip_norm,
            moments=self.moments.ctypes.data,
        )

    def use_bfloat16(self, form: int) -> None:
        """Take the products of recurrent layers in a form of bfloat16; 0: in float32."""
        for layer in self._layers:
            layer.precision = form if layer.kind == _KINDS.index("recurrent") else 0

    def shards(self, kernels: Kernels, sequences: int, steps: int) -> int:
        """Into how many shards a batch is cut; each has gradients of its own."""
        return kernels.shards(ctypes.addressof(self._network), sequences, steps)

    def run(
        self,
        kernels: Kernels,
        examples: Examples,
        batches: Batches,
        *,
        rates: Sequence[float] | None = None,
        keys: Array | None = None,
        seconds: float = np.inf,
        sums: Sequence[float] = (0.0, 0.0, 0.0),
        threads: int | None = None,
    ) -> Outcome:
        """Perform updates, or only measure.

        Args:
            kernels: the path that computes.
            examples: the sequences.
            batches: the updates.
            rates: the learning rate of each; `None`: loss and scores only, without dropout.
            keys: uint64 `[masks, 2]`, of the program's masks.
            seconds: after which no further update is begun.
            sums: of the epoch so far, to which those of each update are added in their order: so
                they are the same in whatever calls the updates are made.
            threads: at most; `None`: those of the path.
        """
        if examples is not self._examples[0]:  # most calls go on with those of the last
            values, targets = examples.values.ctypes.data, examples.targets.ctypes.data
            are_tokens = examples.values.dtype == np.int32
            are_classes = examples.targets.dtype == np.int64
            self._examples = (
                examples,
                _Examples(
                    values=None if are_tokens else values,
                    tokens=values if are_tokens else None,
                    channels=examples.values.shape[1],
                    offsets=examples.offsets.ctypes.data,
                    classes=targets if are_classes else None,
                    targets=None if are_classes else targets,
                    weights=None if examples.weights is None else examples.weights.ctypes.data,
                ),
            )
        held = np.array([] if rates is None else rates, np.float64)
        updates = _Updates(
            sequences=batches.sequences.ctypes.data,
            batch_offsets=batches.offsets.ctypes.data,
            batch_numbers=batches.numbers.ctypes.data,
            first_batches=batches.first.ctypes.data,
            rates=held.ctypes.data,
            count=len(batches.first) - 1,
            keys=None if keys is None else keys.ctypes.data,
            trains=rates is not None,
            seconds=seconds,
            threads=threads or kernels.threads,
            store=self._store,
        )
        progress = _Progress(steps=self.steps, sums=tuple(sums))
        arguments = map(ctypes.addressof, (self._network, self._examples[1], updates, progress))
        try:
            kernels.train(*arguments)
        finally:
            self.steps = progress.steps  # those that were made before there was no more memory
        return Outcome(
            progress.done,
            progress.loss,
            progress.norm,
            tuple(progress.sums),
            progress.bytes,
            progress.threads,
        )
