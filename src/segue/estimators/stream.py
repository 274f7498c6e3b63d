"""One sequence as it comes: push a step, get the belief so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from segue.errors import DataError
from segue.estimators.anytime import unexpected_gaps
from segue.sequences import Array
from segue.training.objectives import probabilities

if TYPE_CHECKING:
    from segue.estimators.classifier import SequenceClassifier
    from segue.estimators.language import LanguageModel


class Stream:
    """A classifier that hears one sequence step by step; made by `classifier.stream()`.

    After each step it says what `predict_proba` says of the steps so far. What it keeps is the
    state of the layers and the samples of a frame that is not full, which do not grow with time.
    That of a language model (`model.stream()`) says which token comes next, before the first too.

    Args:
        classifier: fitted, with a causal network and preparation.
        begin: a token that the network hears before the first step; `None`: none.

    Attributes:
        classes: the class names, in the order of the probabilities.
        steps: how many steps came since the beginning or the last `reset`.

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

    def __init__(
        self, classifier: SequenceClassifier | LanguageModel, begin: int | None = None
    ) -> None:
        self._begin = begin
        self._network = classifier.network_
        self._preparation = classifier.preparation_
        self._head = classifier.head_kind
        self._device = next(self._network.parameters()).device
        self._tokens = self._network.input_shape.tokens is not None
        self.classes: tuple[Any, ...] = tuple(classifier.classes_.tolist())
        self._preparation.check_causal()
        self.reset()

    def reset(self) -> None:
        """Forget what came: the next step is the first of another sequence."""
        self.steps = 0
        self._prepared = self._preparation.stream()
        self._belief: npt.NDArray[np.float64] | None = None
        with torch.no_grad():
            self._state = self._network.initial_state(1)
            if self._begin is not None:
                first = np.full((1, 1), self._begin, np.int32)
                self._belief, self._state = self._after(first)

    @property
    def belief(self) -> npt.NDArray[np.float64] | None:
        """`[class]`, the probabilities after the steps so far; `None` before any can be said."""
        return None if self._belief is None else self._belief.copy()

    def push(self, step: npt.ArrayLike | str) -> npt.NDArray[np.float64]:
        """Take the next step and return the probability of each class so far, `[class]`.

        Args:
            step: `[channel]` values, a number for one channel, or a token; of a model of texts one
                word or character. NaN is a missing value, in the channels that had such in
                training.

        Raises:
            DataError: another number of channels, or a value that cannot be used. The step does
                not count then, and another can be pushed in its place.
        """
        return self._hear(self._checked(self._number(step) if isinstance(step, str) else step))

    def extend(self, steps: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Take several steps and return the probability of each class after them, `[class]`.

        Args:
            steps: `[time, channel]` values, or `[time]` for one channel; of a model of texts a list
                of words or characters; at least one step.

        Raises:
            DataError: as in `push`; none of the steps counts then.
        """
        given = np.asarray(steps)
        if given.ndim not in (1, 2) or len(given) == 0:
            raise DataError(
                f"Steps have shape {given.shape}; expected [time, channel], one or more."
            )
        each = [self._number(str(s)) for s in given] if given.dtype.kind == "U" else given
        return self._hear(np.concatenate([self._checked(step) for step in each]))

    @torch.no_grad()
    def _hear(self, values: Array) -> npt.NDArray[np.float64]:
        """Take `[time, channel]`."""
        prepared = self._prepared.push(values)
        if len(prepared):
            self._belief, self._state = self._after(prepared)
        self.steps += len(values)
        tail = self._prepared.tail()
        if tail is not None and len(tail):  # as long as there is no full frame
            return self._after(tail)[0]
        assert self._belief is not None
        return self._belief.copy()

    def _after(self, prepared: Array) -> tuple[npt.NDArray[np.float64], Any]:
        """The belief after `[time, channel]` prepared steps, and the state."""
        state, logits = self._state, None
        for x_t in torch.from_numpy(np.array(prepared)).to(self._device):
            logits, state = self._network.step(x_t[None], state)
        assert logits is not None
        return np.asarray(probabilities(logits[0].double().cpu(), self._head)), state

    def _number(self, text: str) -> int:
        """The token of one word or character."""
        found = self._preparation.tokens(text)
        if len(found) != 1 or not found[0].text:
            unit = self._preparation.steps[0].kind
            raise DataError(
                f"A step is {text!r}, {len(found) if found[0].text else 0} {unit}; one is pushed "
                "at a time: for token in model.preparation_.tokens(text): "
                "stream.push(token.text)."
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
        values = given.reshape(1, -1).astype(np.int32 if self._tokens else np.float32)
        if np.isinf(values).any():
            raise DataError(f"Step {self.steps} has an infinite value: {given!r}.")
        self._refuse_gaps(values)
        return values

    def _refuse_gaps(self, values: Array) -> None:
        if values.dtype.kind != "f" or not np.isnan(values).any():
            return
        gaps = self._unexpected_gaps(values)
        if len(gaps):
            raise DataError(
                f"Step {self.steps} has no value (NaN) in channel {', '.join(map(str, gaps))}, "
                "which had none missing in training. A stream cannot wait for the next value to "
                "interpolate: push a value such as the last one, or train with gaps."
            )

    def _unexpected_gaps(self, values: Array) -> Array:
        if self._preparation.what_changes_steps() is None:
            return unexpected_gaps(self._preparation, values, np.ones(1, np.int64))
        # A gap comes to lie in any channel of a frame: there must have been some in training.
        expects = any(len(fitted.get("expected", ())) for fitted in self._preparation.fitted)
        gaps = np.flatnonzero(np.isnan(values[0]))
        return gaps[:0] if expects else gaps

    def __repr__(self) -> str:
        return f"Stream(steps={self.steps}, classes={len(self.classes)})"
