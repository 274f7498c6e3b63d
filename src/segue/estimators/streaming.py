"""Streaming prediction: one step of a sequence in, probabilities out."""

from __future__ import annotations

import abc
import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from segue.data.arrays import as_steps
from segue.data.sequences import Array
from segue.errors import DataError, counted
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import PerSequence
from segue.prepare.pipeline import unexpected_missing
from segue.prepare.steps import scaled_static
from segue.training.inference import probabilities

Probabilities = npt.NDArray[np.float64]


class StreamBackend(Protocol):
    """One model or several, with the state after the steps so far."""

    classes: tuple[Any, ...]

    @property
    def steps(self) -> int: ...

    @property
    def probabilities(self) -> Probabilities | None: ...

    def reset(self, static: PerSequence = None) -> None: ...

    def read(self, step: Any) -> Any: ...

    def state(self) -> Any: ...

    def restore(self, state: Any) -> None: ...

    def update(self, read: Sequence[Any]) -> Probabilities: ...


class ModelStream:
    """A fitted model and the state that its layers have after the steps so far.

    Args:
        model: fitted, with a causal network and preparation.
        begin: a token that the network gets before the first step; `None`: none.
        static: `[feature]` of the sequence, where the model has static features.

    Raises:
        NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
        DataError: static features that are missing, or of another number.
    """

    def __init__(
        self,
        model: BaseSequenceEstimator,
        begin: int | None = None,
        static: Any = None,
    ) -> None:
        self._begin = begin
        model._check_fitted()
        self._scale = model.static_
        self._network = model.network_
        self._preparation = model.preparation_
        self._head = model.task_.objective.kind
        self._tokens = self._network.input_shape.tokens is not None
        self.classes: tuple[Any, ...] = tuple(getattr(model.task_, "classes", ()))
        self._preparation.check_causal()
        self._static: Array | None = None
        self._set_static(static)
        self.reset()

    def reset(self, static: PerSequence = None) -> None:
        """Forget what came: the next step is the first of another sequence."""
        if static is not None:
            self._set_static(static)
        self.steps = 0
        self._prepared = self._preparation.stream()
        self._probabilities: Probabilities | None = None
        self._state = self._network.initial_state(1, self._static)
        if self._begin is not None:
            first = np.full((1, 1), self._begin, np.int32)
            self._probabilities, self._state = self._after(first)

    def _set_static(self, static: Any) -> None:
        """Static features, scaled as in training."""
        rows = None if static is None else np.atleast_2d(np.asarray(static))
        self._static = scaled_static(self._scale, 1, rows)

    def state(self) -> Any:
        """All that the answers to further steps depend on, as nested tuples of arrays."""
        last = np.empty(0) if self._probabilities is None else self._probabilities
        return np.array([self.steps]), last, self._prepared.state(), self._state

    def restore(self, state: Any) -> None:
        """Go on where another stream of the same model was."""
        steps, last, prepared, self._state = state
        self.steps = int(steps[0])
        self._probabilities = last if len(last) else None
        self._prepared.restore(prepared)

    @property
    def probabilities(self) -> Probabilities | None:
        """`[class]`, a copy."""
        return None if self._probabilities is None else self._probabilities.copy()

    def read(self, step: Any) -> Array:
        """`[1, channel]` of a step as it comes."""
        return self._checked(self._number(str(step)) if isinstance(step, str) else step)

    def update(self, read: Sequence[Array]) -> Probabilities:
        """Take steps `[1, channel]` each and return the probabilities after them, `[class]`."""
        prepared = self._prepared.push(np.concatenate(read))
        if len(prepared):
            self._probabilities, self._state = self._after(prepared)
        self.steps += len(read)
        tail = self._prepared.tail()
        if tail is not None and len(tail):  # as long as there is no full frame
            return self._after(tail)[0]
        assert self._probabilities is not None
        return self._probabilities.copy()

    def _after(self, prepared: Array) -> tuple[Probabilities, Any]:
        """The probabilities after `[time, channel]` prepared steps, and the state."""
        state, logits = self._state, None
        for x_t in np.ascontiguousarray(prepared)[:, None]:
            logits, state = self._network.step(x_t, state)
        assert logits is not None
        if not np.isfinite(logits).all():
            raise DataError(
                f"The answer after step {self.steps} is not finite. Is a value far larger than "
                "those of the training? `reset()` begins anew."
            )
        return probabilities(logits[0], self._head), state

    def _number(self, text: str) -> int:
        """The token of one word or character."""
        found = self._preparation.tokens(text)
        if len(found) != 1 or not found[0].text:
            step: Any = self._preparation.steps[0]
            raise DataError(
                f"A step is {text!r}, {counted(len(found) if found[0].text else 0, step.unit)}; "
                "expected one at a time (in Python for token in model.preparation_.tokens(text): "
                "stream.push(token.text))."
            )
        return found[0].number

    def _checked(self, step: npt.ArrayLike) -> Array:
        """`[1, channel]`."""
        given: Array = np.asarray(step)
        channels = self._preparation.channels_in
        if given.shape != (channels,) and not (given.ndim == 0 and channels == 1):
            raise DataError(
                f"A step has shape {given.shape}; expected [{channels}], a value for each channel. "
                "One step is pushed at a time; whole sequences go into `predict_proba`."
            )
        whole = given.dtype.kind in "iu"
        if given.dtype.kind not in "fiub" or (self._tokens and not whole):
            wanted = "a token (a whole number)" if self._tokens else "numbers"
            raise DataError(f"A step is {given!r}; expected {wanted}.")
        values = self._preparation.entering(as_steps(given.reshape(1, -1)))
        if np.isinf(values).any():
            where = self._preparation.named(np.flatnonzero(np.isinf(values[0])))
            raise DataError(
                f"Step {self.steps} has a value in channel {where} that is infinite, or too "
                "large for float32; expected a number, or NaN where one is missing."
            )
        self._refuse_gaps(values)
        return values

    def _refuse_gaps(self, values: Array) -> None:
        if values.dtype.kind != "f" or not np.isnan(values).any():
            return
        gaps = self._unexpected_missing(values)
        if len(gaps):
            raise DataError(
                f"Step {self.steps} has no value (NaN) in channel {self._preparation.named(gaps)}, "
                "which had none missing in training. A stream cannot wait for the next value to "
                "interpolate: push a value such as the last one, or train with gaps."
            )

    def _unexpected_missing(self, values: Array) -> Array:
        if self._preparation.what_changes_steps() is None:
            return unexpected_missing(self._preparation, values, np.ones(1, np.int64))
        # A gap comes to lie in any channel of a frame: there must have been some in training.
        expects = any(len(fitted.get("expected", ())) for fitted in self._preparation.fitted)
        gaps = np.flatnonzero(np.isnan(values[0]))
        return gaps[:0] if expects else gaps


class EnsembleStream:
    """Several models that get the same sequence; the mean of their probabilities counts.

    Args:
        backends: of models of the same classes.
    """

    def __init__(self, backends: Sequence[ModelStream]) -> None:
        self._backends = tuple(backends)
        self.classes = self._backends[0].classes

    @property
    def steps(self) -> int:
        """The number of steps so far."""
        return self._backends[0].steps

    @property
    def probabilities(self) -> Probabilities | None:
        """The mean; `None` as long as one of them has none."""
        found = [backend.probabilities for backend in self._backends]
        known = [one for one in found if one is not None]
        return np.asarray(np.mean(known, axis=0)) if len(known) == len(found) else None

    def reset(self, static: PerSequence = None) -> None:
        """All of them begin another sequence."""
        for backend in self._backends:
            backend.reset(static)

    def state(self) -> Any:
        """The states of all of them."""
        return tuple(backend.state() for backend in self._backends)

    def restore(self, state: Any) -> None:
        """All of them go on where others were."""
        for backend, own in zip(self._backends, state, strict=True):
            backend.restore(own)

    def read(self, step: Any) -> tuple[Any, ...]:
        """The step as each of them reads it: none gets what another refuses."""
        return tuple(backend.read(step) for backend in self._backends)

    def update(self, read: Sequence[tuple[Any, ...]]) -> Probabilities:
        """Take steps as each has read them and return the mean probabilities, `[class]`."""
        each = zip(self._backends, zip(*read, strict=True), strict=True)
        return np.asarray(np.mean([backend.update(own) for backend, own in each], axis=0))


# -- streams ----------------------------------------------------------------------------


class BaseStream(abc.ABC):
    """The base of streams.

    Args:
        backend: one model, or several.
    """

    def __init__(self, backend: StreamBackend) -> None:
        self._backend = backend

    @property
    def classes(self) -> tuple[Any, ...]:
        """The class names, in the order of the probabilities."""
        return self._backend.classes

    @property
    def steps(self) -> int:
        """The number of steps since the beginning or the last `reset`."""
        return self._backend.steps

    def reset(self, static: PerSequence = None) -> None:
        """Forget what came: the next step is the first of another sequence.

        Args:
            static: `[feature]` of that one, where the model has static features; `None`: as before.

        Raises:
            DataError: of another number than in training.
        """
        self._backend.reset(static)

    def push(self, step: npt.ArrayLike | str) -> Probabilities:
        """Take the next step and return the probability of each class, `[class]`.

        Args:
            step: `[channel]` values, a number for one channel, or a token; of a model of texts one
                word or character. NaN is a missing value, in the channels that had such in
                training.

        Raises:
            DataError: another number of channels, or a value that cannot be used. The step does
                not count then, and another can be pushed in its place.
        """
        return self._backend.update([self._backend.read(step)])

    @abc.abstractmethod
    def extend(self, steps: npt.ArrayLike) -> Probabilities:
        """Take several steps."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(steps={self.steps}, classes={len(self.classes)})"


class Stream(BaseStream):
    """A classifier that gets one sequence step by step; made by `classifier.stream()`.

    After each step it returns what `predict_proba` returns for the steps so far. It keeps the state
    of the layers, which grows with time in attention only, and the samples of a frame that is not
    full. That of a language model (`model.stream()`) has probabilities of the next token, before
    the first one too; that of an ensemble, the mean of its members'.

    Args:
        backend: one model, or several.

    Raises:
        NotCausalError: a layer or a preparation step needs the whole sequence; it is named.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]] * 10, ["up", "down"] * 10
    >>> classifier = SequenceClassifier("gru(8)", options=TrainingOptions(progress="none"))
    >>> stream = classifier.fit(x, y).stream()
    >>> for value in (1.0, 2.0, 3.0):
    ...     probabilities = stream.push(value)
    >>> stream.steps, stream.classes[probabilities.argmax()]
    (3, 'up')
    """

    @property
    def probabilities(self) -> Probabilities | None:
        """`[class]`, those after the steps so far; `None` before the first step that gives some."""
        return self._backend.probabilities

    @property
    def belief(self) -> Probabilities | None:
        """The former name of `probabilities`, for one release."""
        warnings.warn("Stream.belief is called Stream.probabilities.", DeprecationWarning, 2)
        return self.probabilities

    def extend(self, steps: npt.ArrayLike) -> Probabilities:
        """Take several steps and return the probability of each class after them, `[class]`.

        Args:
            steps: `[time, channel]` values, or `[time]` for one channel; of a model of texts a list
                of words or characters; at least one step.

        Raises:
            DataError: as in `push`; none of the steps counts then.
        """
        return self._backend.update(_read(self._backend, steps))


class LabelStream(BaseStream):
    """A labeler that gets one sequence step by step; made by `labeler.stream()`.

    It returns for each step what `predict_proba` of the whole sequence has there: a causal network
    labels a step by what came before, so nothing that comes later changes it. That of an ensemble
    returns the mean of its members'.

    Args:
        backend: one model, or several.

    Raises:
        NotCausalError: a layer or a preparation step needs the whole sequence; it is named.

    >>> from segue import SequenceLabeler, TrainingOptions
    >>> x = [[0.0, 1.0, 3.0, 2.0], [2.0, 0.0, 3.0], [0.0, 3.0, 1.0]] * 5
    >>> y = [["low", "low", "high", "high"], ["high", "low", "high"], ["low", "high", "low"]] * 5
    >>> options = TrainingOptions(progress="none")
    >>> stream = SequenceLabeler("gru(8)", epochs=30, options=options).fit(x, y).stream()
    >>> stream.classes[stream.push(3.0).argmax()], stream.extend([0.0, 2.0, 3.0]).shape
    ('high', (3, 2))
    """

    def extend(self, steps: npt.ArrayLike) -> Probabilities:
        """Take several steps and return the probability of each class at each, `[time, class]`.

        Args:
            steps: `[time, channel]` values, or `[time]` for one channel; at least one step.

        Raises:
            DataError: as in `push`; none of the steps counts then.
        """
        read = _read(self._backend, steps)
        return np.stack([self._backend.update([step]) for step in read])


def _read(backend: StreamBackend, steps: npt.ArrayLike) -> list[Any]:
    """All steps, checked before any of them counts."""
    given = np.asarray(steps)
    if given.ndim not in (1, 2) or len(given) == 0:
        raise DataError(f"Steps have shape {given.shape}; expected [time, channel], one or more.")
    return [backend.read(step) for step in given]
