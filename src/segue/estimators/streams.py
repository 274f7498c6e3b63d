"""Many sequences at once, step by step: streams by name, and their states as a file."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segue import tensorfile
from segue._version import __version__
from segue.data.sequences import Array
from segue.errors import FileError, OptionError
from segue.estimators.streaming import Probabilities, StreamBackend
from segue.kernels.ragged import Ragged

FORMAT = 1
_FIELDS = {"format", "kind", "segue", "model", "names", "sequences"}


class Streams:
    """A model that gets any number of sequences step by step, each by its name.

    Each stream gives what `model.stream()` would give for it alone. Where there are more than
    `limit`, the one that has had no step for longest is forgotten.

    Args:
        model: a fitted classifier, labeler or language model, or an ensemble of such, with a causal
            network and preparation.
        limit: the most streams that are kept.

    Attributes:
        classes: the class names, in the order of the probabilities.
        limit: as given.
        forgotten: how many streams were forgotten so far.

    Raises:
        NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
        OptionError: a model that has no streams, or a limit below 1.
        DataError: the model has static features of each sequence.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]] * 10, ["up", "down"] * 10
    >>> classifier = SequenceClassifier("gru(8)", options=TrainingOptions(progress="none"))
    >>> streams = Streams(classifier.fit(x, y))
    >>> for first, second in ((0.0, 2.0), (1.0, 1.0), (2.0, 0.0)):
    ...     a, b = streams.push(first, "a"), streams.push(second, "b")
    >>> streams.classes[a.argmax()], streams.classes[b.argmax()], streams.steps("b")
    ('up', 'down', 3)
    """

    def __init__(self, model: Any, limit: int = 10_000) -> None:
        if not hasattr(model, "stream"):
            raise OptionError(
                f"A {type(model).__name__} has no streams; expected a classifier, a labeler or a "
                "language model."
            )
        if limit < 1:
            raise OptionError(f"`limit` is {limit}; expected the most streams that are kept.")
        self._model, self.limit, self.forgotten = model, limit, 0
        self._backends: OrderedDict[str | int, StreamBackend] = OrderedDict()
        self._sequences: dict[str | int, Any] = {}
        self._fresh = self._new()  # what cannot be streamed is refused at once
        self.classes: tuple[Any, ...] = self._fresh.classes

    def push(self, step: Any, name: str | int = "", sequence: Any = None) -> Probabilities:
        """Take the next step of a stream and return the probability of each class, `[class]`.

        Args:
            step: as in `Stream.push`.
            name: of the stream; another name, another sequence.
            sequence: what the step belongs to, text or a number: where it is another than that of
                the step before, a new sequence of this stream begins.

        Raises:
            DataError: as in `Stream.push`; the step does not count then.
        """
        backend = self._backends.get(name)
        read = (self._fresh if backend is None else backend).read(step)
        if backend is None:
            backend = self._begin(name)
        elif sequence is not None and sequence != self._sequences.get(name):
            backend.reset()
        if sequence is not None:
            self._sequences[name] = sequence
        self._backends.move_to_end(name)
        return backend.update([read])

    def _begin(self, name: str | int) -> StreamBackend:
        if len(self._backends) >= self.limit:
            oldest, _ = self._backends.popitem(last=False)
            self._sequences.pop(oldest, None)
            self.forgotten += 1
        made, self._fresh = self._fresh, self._new()
        self._backends[name] = made
        return made

    def _new(self) -> StreamBackend:
        made: StreamBackend = self._model._stream_backend()
        return made

    def reset(self, name: str | int | None = None) -> None:
        """Forget a stream, or all: the next step is the first of a sequence."""
        if name is None:
            self._backends.clear()
            self._sequences.clear()
        else:
            self._backends.pop(name, None)
            self._sequences.pop(name, None)

    def steps(self, name: str | int = "") -> int:
        """The number of steps of a stream's sequence so far; 0 where there is none of the name."""
        backend = self._backends.get(name)
        return 0 if backend is None else backend.steps

    def __len__(self) -> int:
        return len(self._backends)

    def __iter__(self) -> Iterator[str | int]:
        return iter(self._backends)

    def __contains__(self, name: object) -> bool:
        return name in self._backends

    def __repr__(self) -> str:
        return f"Streams({len(self)} of at most {self.limit})"

    # -- as a file ------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the states of all streams to one file, whole or not at all.

        Raises:
            WriteError: the disk is full or read-only.
        """
        facts = {
            "format": FORMAT,
            "kind": "streams",
            "segue": __version__,
            "model": model_hash(self._model),
            "names": list(self._backends),
            "sequences": [self._sequences.get(name) for name in self._backends],
        }
        tensors: dict[str, Array] = {}
        states = [_leaves(backend.state()) for backend in self._backends.values()]
        for number, arrays in enumerate(zip(*states, strict=True)):
            like = next((one for one in arrays if one.size), arrays[0])
            filled = [one if one.size else like[:0] for one in arrays]
            tensors[f"values_{number}"] = np.concatenate(filled)
            tensors[f"rows_{number}"] = np.array([len(one) for one in filled], np.int64)
        tensorfile.write(path, tensorfile.to_bytes(json.dumps(facts), tensors))

    def load(self, path: str | Path) -> None:
        """Go on with the streams of a file that `save` has written, in place of those here.

        Raises:
            FileError: no such file, a damaged one, one of another model, or of more streams than
                are kept.
        """
        try:
            facts, tensors = self._checked(path)
            found: OrderedDict[str | int, StreamBackend] = OrderedDict()
            pairs = zip(facts["names"], _rows(tensors), strict=True)
            for name, leaves in pairs:
                found[name] = self._new()
                found[name].restore(_rebuilt(found[name].state(), iter(leaves)))
        except (ValueError, KeyError, TypeError, IndexError, StopIteration) as error:
            if isinstance(error, FileError):
                raise
            raise FileError(
                f"is no file of streams that segue has written, or a damaged one ({error}). Leave "
                "it out, or give the file that `save` of streams of this model has written.",
                path=path,
            ) from error
        if len(found) > self.limit:
            raise FileError(
                f"has {len(found):,} streams, and at most {self.limit:,} are kept. Give a higher "
                "limit, or another file to begin anew.",
                path=path,
            )
        named = zip(facts["names"], facts["sequences"], strict=True)
        self._sequences = {name: one for name, one in named if one is not None and name in found}
        self._backends = found

    def _checked(self, path: str | Path) -> tuple[dict[str, Any], tensorfile.Tensors]:
        text, tensors, _ = tensorfile.read(path)
        facts = tensorfile.from_json(text)
        if not isinstance(facts, dict) or facts.get("kind") != "streams":
            raise FileError(
                "holds no streams: is it a model? The states of streams are asked for.", path=path
            )
        if set(facts) != _FIELDS or facts["format"] != FORMAT:
            raise FileError(
                f"has format {facts.get('format')!r}, written by segue {facts.get('segue')!r}; "
                f"this is segue {__version__}, which reads format {FORMAT}.",
                path=path,
            )
        own = model_hash(self._model)
        if facts["model"] != own:
            raise FileError(
                f"has the streams of another model ({facts['model']}; this one is {own}). Give "
                "the model that they were saved with, or another file to begin anew.",
                path=path,
            )
        names = facts["names"]
        if not all(type(name) in (str, int) for name in names) or len(set(names)) != len(names):
            raise ValueError("its names are no names")
        return facts, tensors


def model_hash(model: Any) -> str:
    """A hash of all that the answers of a model depend on: network, weights, preparation, classes.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(2)", epochs=1, options=options)
    >>> len(model_hash(classifier.fit([[0.0, 1.0], [1.0, 0.0]] * 5, ["up", "down"] * 5)))
    24
    """
    digest = hashlib.blake2b(digest_size=12)
    for member in getattr(model, "members", (model,)):
        network, shape = member.network_, member.network_.input_shape
        described = [
            [str(spec) for spec in network.specs],
            [shape.features, shape.length, shape.tokens],
            member.preparation_.to_json(),
            [str(name) for name in getattr(member.task_, "classes", ())],
        ]
        digest.update(json.dumps(described).encode())
        for name, values in sorted(network.get_weights().items()):
            digest.update(f"\0{name}\0{values.dtype}\0{values.shape}\0".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


# -- states as arrays -----------------------------------------------------------------------------


def _leaves(state: Any) -> list[Array]:
    """The arrays of a state, in order, each with an axis of rows; numbers and tensors too."""
    if state is None:
        return []
    if isinstance(state, tuple | list):
        return [leaf for part in state for leaf in _leaves(part)]
    values: Array = np.asarray(state)
    return [np.atleast_1d(values)]


def _rows(tensors: tensorfile.Tensors) -> list[tuple[Array, ...]]:
    """The arrays of each of the streams of a file."""
    parts = []
    for number in range(len(tensors) // 2):
        values, rows = tensors[f"values_{number}"], tensors[f"rows_{number}"]
        if rows.ndim != 1 or (rows < 0).any() or int(rows.sum()) != len(values):
            raise ValueError(f"the rows of values_{number} are others than it has")
        parts.append([part.copy() for part in np.split(values, np.cumsum(rows)[:-1])])
    return list(zip(*parts, strict=True))


def _rebuilt(like: Any, leaves: Iterator[Array]) -> Any:
    """A state of the form of another one, with other arrays.

    Raises:
        ValueError: arrays that do not fit.
    """
    if like is None:
        return None
    if isinstance(like, Ragged):
        return _ragged(like, leaves)
    if isinstance(like, tuple | list):
        parts = [_rebuilt(part, leaves) for part in like]
        if isinstance(like, list):
            return parts
        return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
    values, wanted = next(leaves), np.asarray(like)
    if wanted.size and (values.dtype, values.size) != (wanted.dtype, wanted.size):
        raise ValueError(f"a state is {values.dtype} {values.shape}, not {wanted.dtype}")
    if hasattr(like, "detach"):  # a tensor of a module of the user's own
        return like.new_tensor(values.reshape(wanted.shape if wanted.size else values.shape))
    if not isinstance(like, np.ndarray):
        return type(like)(values[0])
    return values.reshape(wanted.shape) if wanted.size else values


def _ragged(like: Ragged, leaves: Iterator[Array]) -> Ragged:
    """Steps that a layer keeps: as many as at first, or any number of a layer that keeps all."""
    values: npt.NDArray[Any] = next(leaves)
    offsets = next(leaves)
    if not len(values):
        values = values.reshape(0, like.values.shape[1])
    sound = len(offsets) == 2 and offsets[0] == 0 and offsets[1] == len(values)
    sound = sound and values.dtype == like.values.dtype and offsets.dtype == like.offsets.dtype
    sound = sound and values.shape[1:] == like.values.shape[1:]
    if not sound or (len(like.values) and len(values) != len(like.values)):
        raise ValueError(f"the steps of a state are {values.shape}, not {like.values.shape}")
    return Ragged(values, offsets)
