"""Who hears one sequence step by step: a fitted model, or several of which the mean counts.

What a user holds is a stream (`segue.estimators.stream`); this is the part behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from segue.errors import DataError
from segue.estimators.fitting import FittedParts
from segue.prepare.pipeline import unexpected_missing
from segue.sequences import Array
from segue.training.objectives import probabilities
from segue.values import as_exact

Shares = npt.NDArray[np.float64]


class StreamBackend(Protocol):
    """What a stream needs.

    Attributes:
        classes: the class names, in the order of the probabilities.
        steps: how many steps came since the beginning or the last `reset`.
        belief: `[class]`, the probabilities after the steps so far; `None` before any can be said.
    """

    classes: tuple[Any, ...]

    @property
    def steps(self) -> int: ...

    @property
    def belief(self) -> Shares | None: ...

    def reset(self, static: Any = None) -> None:
        """Forget what came; `static` are the features of the next sequence, if it has others."""

    def read(self, step: Any) -> Any:
        """Check a step, which does not count yet; what is returned can be heard.

        Raises:
            DataError: a step that cannot be used.
        """

    def hear(self, read: Sequence[Any]) -> Shares:
        """Take steps that were read, one or more, and return the belief after them, `[class]`."""


class ModelStream:
    """A fitted model that hears one sequence.

    It keeps the state of the layers and the samples of a frame that is not full.

    Args:
        model: fitted, with a causal network and preparation.
        begin: a token that the network hears before the first step; `None`: none.
        static: `[feature]` of the sequence, where the model has static features.

    Raises:
        NotCausalError: a layer or a preparation step needs the whole sequence; it is named.
        DataError: static features that are missing, or of another number.
    """

    def __init__(
        self,
        model: FittedParts,
        begin: int | None = None,
        static: Any = None,
    ) -> None:
        self._begin = begin
        self._model = model
        self._network = model.network
        self._preparation = model.preparation
        self._head = model.task.objective.kind
        self._device = next(self._network.parameters()).device
        self._tokens = self._network.input_shape.tokens is not None
        self.classes: tuple[Any, ...] = tuple(getattr(model.task, "classes", ()))
        self._preparation.check_causal()
        self._static: torch.Tensor | None = None
        self._take(static)
        self.reset()

    def reset(self, static: Any = None) -> None:
        """Forget what came: the next step is the first of another sequence."""
        if static is not None:
            self._take(static)
        self.steps = 0
        self._prepared = self._preparation.stream()
        self._belief: Shares | None = None
        with torch.no_grad():
            self._state = self._network.initial_state(1, self._static)
            if self._begin is not None:
                first = np.full((1, 1), self._begin, np.int32)
                self._belief, self._state = self._after(first)

    def _take(self, static: Any) -> None:
        """Static features, scaled as in training."""
        rows = None if static is None else np.atleast_2d(np.asarray(static))
        scaled = self._model.scaled_static(1, rows)
        self._static = None if scaled is None else torch.from_numpy(scaled).to(self._device)

    @property
    def belief(self) -> Shares | None:
        """`[class]`, a copy."""
        return None if self._belief is None else self._belief.copy()

    def read(self, step: Any) -> Array:
        """`[1, channel]` of a step as it comes."""
        return self._checked(self._number(str(step)) if isinstance(step, str) else step)

    @torch.no_grad()
    def hear(self, read: Sequence[Array]) -> Shares:
        """Take steps `[1, channel]` each and return the belief after them, `[class]`."""
        prepared = self._prepared.push(np.concatenate(read))
        if len(prepared):
            self._belief, self._state = self._after(prepared)
        self.steps += len(read)
        tail = self._prepared.tail()
        if tail is not None and len(tail):  # as long as there is no full frame
            return self._after(tail)[0]
        assert self._belief is not None
        return self._belief.copy()

    def _after(self, prepared: Array) -> tuple[Shares, Any]:
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
        values = self._preparation.entering(as_exact(given.reshape(1, -1)))
        if np.isinf(values).any():
            raise DataError(f"Step {self.steps} has an infinite value: {given!r}.")
        self._refuse_gaps(values)
        return values

    def _refuse_gaps(self, values: Array) -> None:
        if values.dtype.kind != "f" or not np.isnan(values).any():
            return
        gaps = self._unexpected_missing(values)
        if len(gaps):
            raise DataError(
                f"Step {self.steps} has no value (NaN) in channel {', '.join(map(str, gaps))}, "
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
    """Several that hear the same sequence; the mean of their beliefs counts.

    Args:
        listeners: of the same classes.
    """

    def __init__(self, listeners: Sequence[StreamBackend]) -> None:
        self._listeners = tuple(listeners)
        self.classes = self._listeners[0].classes

    @property
    def steps(self) -> int:
        """How many steps came."""
        return self._listeners[0].steps

    @property
    def belief(self) -> Shares | None:
        """The mean; `None` as long as one of them cannot say anything."""
        found = [listener.belief for listener in self._listeners]
        known = [shares for shares in found if shares is not None]
        return np.asarray(np.mean(known, axis=0)) if len(known) == len(found) else None

    def reset(self, static: Any = None) -> None:
        """All of them forget what came."""
        for listener in self._listeners:
            listener.reset(static)

    def read(self, step: Any) -> tuple[Any, ...]:
        """The step as each of them reads it: none hears what another refuses."""
        return tuple(listener.read(step) for listener in self._listeners)

    def hear(self, read: Sequence[tuple[Any, ...]]) -> Shares:
        """Take steps as each has read them, and return the mean belief after them, `[class]`."""
        each = zip(self._listeners, zip(*read, strict=True), strict=True)
        return np.asarray(np.mean([listener.hear(own) for listener, own in each], axis=0))
