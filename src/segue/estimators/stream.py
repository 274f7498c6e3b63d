"""One sequence as it comes: push a step, get the belief so far, or the label of the step."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.errors import DataError
from segue.estimators.streaming import Shares, StreamBackend


class Pushed(abc.ABC):
    """What every stream has.

    Args:
        listener: who hears.
    """

    def __init__(self, listener: StreamBackend) -> None:
        self._listener = listener

    @property
    def classes(self) -> tuple[Any, ...]:
        """The class names, in the order of the probabilities."""
        return self._listener.classes

    @property
    def steps(self) -> int:
        """How many steps came since the beginning or the last `reset`."""
        return self._listener.steps

    def reset(self, static: npt.ArrayLike | None = None) -> None:
        """Forget what came: the next step is the first of another sequence.

        Args:
            static: `[feature]` of that one, where the model has static features; `None`: as before.

        Raises:
            DataError: of another number than in training.
        """
        self._listener.reset(static)

    def push(self, step: npt.ArrayLike | str) -> Shares:
        """Take the next step and return the probability of each class, `[class]`.

        Args:
            step: `[channel]` values, a number for one channel, or a token; of a model of texts one
                word or character. NaN is a missing value, in the channels that had such in
                training.

        Raises:
            DataError: another number of channels, or a value that cannot be used. The step does
                not count then, and another can be pushed in its place.
        """
        return self._listener.hear([self._listener.read(step)])

    @abc.abstractmethod
    def extend(self, steps: npt.ArrayLike) -> Shares:
        """Take several steps."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(steps={self.steps}, classes={len(self.classes)})"


class Stream(Pushed):
    """A classifier that hears one sequence step by step; made by `classifier.stream()`.

    After each step it says what `predict_proba` says of the steps so far. What it keeps is the
    state of the layers and the samples of a frame that is not full, which do not grow with time.
    That of a language model (`model.stream()`) says which token comes next, before the first too.
    That of an ensemble says the mean of its members.

    Args:
        listener: who hears.

    Raises:
        NotCausalError: a layer or a preparation step needs the whole sequence; it is named.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]] * 10, ["up", "down"] * 10
    >>> classifier = SequenceClassifier("gru(8)", options=TrainingOptions(progress="none"))
    >>> stream = classifier.fit(x, y).stream()
    >>> for value in (1.0, 2.0, 3.0):
    ...     shares = stream.push(value)
    >>> stream.steps, stream.classes[shares.argmax()]
    (3, 'up')
    """

    @property
    def belief(self) -> Shares | None:
        """`[class]`, the probabilities after the steps so far; `None` before any can be said."""
        return self._listener.belief

    def extend(self, steps: npt.ArrayLike) -> Shares:
        """Take several steps and return the probability of each class after them, `[class]`.

        Args:
            steps: `[time, channel]` values, or `[time]` for one channel; of a model of texts a list
                of words or characters; at least one step.

        Raises:
            DataError: as in `push`; none of the steps counts then.
        """
        return self._listener.hear(_read(self._listener, steps))


class LabelStream(Pushed):
    """A labeler that hears one sequence step by step; made by `labeler.stream()`.

    It says of each step what `predict_proba` of the whole sequence says there: a causal network
    labels a step by what came before, so nothing that comes later changes it. That of an ensemble
    says the mean of its members.

    Args:
        listener: who hears.

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

    def extend(self, steps: npt.ArrayLike) -> Shares:
        """Take several steps and return the probability of each class at each, `[time, class]`.

        Args:
            steps: `[time, channel]` values, or `[time]` for one channel; at least one step.

        Raises:
            DataError: as in `push`; none of the steps counts then.
        """
        read = _read(self._listener, steps)
        return np.stack([self._listener.hear([step]) for step in read])


def _read(listener: StreamBackend, steps: npt.ArrayLike) -> list[Any]:
    """All steps, checked before any of them counts."""
    given = np.asarray(steps)
    if given.ndim not in (1, 2) or len(given) == 0:
        raise DataError(f"Steps have shape {given.shape}; expected [time, channel], one or more.")
    return [listener.read(step) for step in given]
