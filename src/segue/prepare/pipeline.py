"""A fitted chain of preparation steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from segue.errors import DataError, SpecError
from segue.precision import float32_loses
from segue.prepare.augmentation import Augmentation, Crop, Jitter, TimeMask, TimeWarp
from segue.prepare.frames import Frame
from segue.prepare.missing import Interpolate, Mask, gaps_of
from segue.prepare.numeric import Scale, Standardize
from segue.prepare.spectra import Cepstrum, LogFrequency, LogMel, Spectrogram
from segue.prepare.steps import Array, Ragged, StepSpec
from segue.prepare.streaming import PreparationStream, as_float32
from segue.prepare.text import Characters, Token, VocabularyStep, Words
from segue.sequences import Sequences
from segue.spec import from_json, parse, to_text

STEPS: dict[str, type[StepSpec]] = {
    spec.kind: spec
    for spec in (
        *(Standardize, Interpolate, Mask),
        *(Frame, Spectrogram, LogMel, Cepstrum, LogFrequency),
        *(Words, Characters),
        *(Jitter, Scale, TimeMask, TimeWarp, Crop),
    )
}

PrepareLike = str | StepSpec | Iterable[StepSpec] | None


def as_steps(prepare: PrepareLike) -> tuple[StepSpec, ...]:
    """Take a text ("none" for nothing), one step or several, and return the steps.

    >>> as_steps("interpolate standardize")
    (Interpolate(), Standardize())
    """
    if prepare is None or (isinstance(prepare, str) and prepare.strip() in ("none", "")):
        return ()
    if isinstance(prepare, str):
        found: Iterable[Any] = parse(prepare, STEPS, what="preparation step")
    else:
        found = prepare if isinstance(prepare, Iterable) else (prepare,)
    steps = tuple(found)
    for step in steps:
        if not isinstance(step, StepSpec):
            raise SpecError(
                f"a preparation is a text such as 'standardize', or a list of steps; got {step!r}."
            )
    return steps


@dataclass(frozen=True)
class Preparation:
    """Fitted steps, ready for any sequences of the same channels.

    Attributes:
        steps: the steps, `mask` at the end.
        fitted: for each step what it remembers of the training data.
        channels_in: channels of the data.
        channels_out: channels that the network sees.
        exact: whether float32 is too coarse for the values as they come: then they are float64
            until they are prepared.
    """

    steps: tuple[StepSpec, ...]
    fitted: tuple[dict[str, Array], ...]
    channels_in: int
    channels_out: int
    exact: bool = False

    @classmethod
    def fit(
        cls,
        prepare: PrepareLike,
        x: Sequences,
        *,
        rate_hz: float | None = None,
        tokens: bool = False,
    ) -> Preparation:
        """Fit each step on what the steps before it make of `x`, block by block.

        Tokens are left as they are. Texts become words where nothing else is said.

        Args:
            prepare: a text, or steps.
            x: the training sequences.
            rate_hz: their steps per second, where known.
            tokens: whether whole numbers are tokens, to a network that begins with an embedding.

        Raises:
            SpecError: a step for texts with other sequences, or the other way round.
            DataError: a step for another rate than that of the data.
        """
        find = _for_text if x.is_text else _for_tokens if x.is_whole and tokens else _for_numbers
        steps = find(as_steps(prepare))
        exact = not x.is_text and bool(steps) and bool(float32_loses(x).any())
        done = cls((), (), x.channels, x.channels, exact)
        for step in steps:
            step = step.at_rate(rate_hz)
            rate_hz = step.rate_after(rate_hz)
            fitted = step.fit(partial(done.exact_blocks, x))
            done = replace(
                done,
                steps=(*done.steps, step),
                fitted=(*done.fitted, fitted),
                channels_out=step.channels(done.channels_out, fitted),
            )
        return done

    def exact_blocks(self, x: Sequences) -> Iterator[Ragged]:
        """Sequences block by block, prepared; float64 where they are so until then."""
        for block in x.blocks():
            values = block.values if x.is_text else self._as_floats(block.values)
            yield self._through((values, block.lengths))

    def _as_floats(self, values: Array) -> Array:
        return values.astype(np.float64 if self.exact else np.float32, copy=False)

    def _through(self, x: Ragged) -> Ragged:
        for step, fitted in zip(self.steps, self.fitted, strict=True):
            x = step.apply(x, fitted)
        return x

    @property
    def takes_tokens(self) -> bool:
        """Whether it leaves whole numbers as they are; one of numbers has at least `mask`."""
        return not self.steps

    @property
    def augments(self) -> bool:
        """Whether any step changes the sequences in training only."""
        return any(isinstance(step, Augmentation) for step in self.steps)

    @property
    def vocabulary(self) -> tuple[VocabularyStep, dict[str, Array]] | None:
        """The step that makes tokens of texts, with what it has learnt; `None`: not for texts."""
        first = self.steps[0] if self.steps else None
        return (first, self.fitted[0]) if isinstance(first, VocabularyStep) else None

    @property
    def token_count(self) -> int | None:
        """How many different tokens texts become; `None`: not for texts."""
        return None if self.vocabulary is None else self.vocabulary[0].count(self.vocabulary[1])

    def tokens(self, text: str) -> list[Token]:
        """The steps of a text: words or characters as they stand there, with their numbers.

        Raises:
            DataError: the preparation is not for texts.

        >>> x = Sequences.from_texts(["To be, or not to be", "that is the question"])
        >>> [token.text for token in Preparation.fit("words", x).tokens("To see, or")]
        ['To', 'see', ',', 'or']
        """
        if self.vocabulary is None:
            raise DataError("The model was not trained on texts, so it has no words or characters.")
        step, fitted = self.vocabulary
        return step.tokens(text, fitted)

    def tokenized(self, x: Sequences) -> Sequences:
        """Texts as the tokens of the fitted vocabulary; anything else as it is.

        All that takes texts takes such tokens too.
        """
        if self.vocabulary is None or not x.is_text:
            return x
        step, fitted = self.vocabulary
        done = [step.apply((block.values, block.lengths), fitted) for block in x.blocks()]
        parts = [Sequences(v, np.concatenate([[0], np.cumsum(lengths)])) for v, lengths in done]
        return Sequences.concatenate(parts) if len(parts) != 1 else parts[0]

    def apply_ragged(self, x: Ragged) -> Ragged:
        """Prepare values `[total_steps, channel]` with lengths `[n]`: float32, or int32 tokens."""
        values, lengths = x
        values, lengths = self._through((self.entering(values), lengths))
        return as_float32(values), lengths

    def entering(self, values: Array) -> Array:
        """Values as they come, in the type in which they are prepared."""
        return values if self.takes_tokens or self.vocabulary else self._as_floats(values)

    def apply(self, x: Sequences) -> Sequences:
        """Prepare sequences.

        Raises:
            DataError: another number of channels than in training.
        """
        self.check(x)
        values, lengths = self.apply_ragged((x.values, x.lengths))
        return Sequences(values, np.concatenate([[0], np.cumsum(lengths)]))

    def check(self, x: Sequences) -> None:
        """Raise unless `x` is of the kind and has the channels that the preparation is for."""
        if x.is_text and self.vocabulary is None:
            raise DataError("The model was not trained on texts, and these sequences are texts.")
        if x.kind == "numbers" and (self.takes_tokens or self.vocabulary):
            kind = "texts" if self.vocabulary else "tokens (whole numbers)"
            raise DataError(
                f"The model was trained on {kind}; these sequences are numbers, {x.dtype}."
                + ("" if self.vocabulary else " If all of them are whole, pass x.astype(int).")
            )
        if x.channels == self.channels_in:
            return
        message = f"The model was trained on {self.channels_in} channels; these sequences have "
        message += f"{x.channels}."
        if set(x.lengths.tolist()) == {self.channels_in}:
            message += (
                f" All of them have {self.channels_in} time steps, so time and channel look "
                "swapped: pass layout='nct' (arrays) or 'ct' (lists)."
            )
        raise DataError(message)

    def check_causal(self) -> None:
        """Raise unless every step can go along with a stream; the message names the step."""
        for step in self.steps:
            step.check_causal()

    def stream(self) -> PreparationStream:
        """The preparation of one sequence that comes bit by bit.

        Raises:
            NotCausalError: a step looks ahead; it is named.
        """
        self.check_causal()
        return PreparationStream(self)

    # -- time -----------------------------------------------------------------------------------

    def lengths(self, lengths: Array) -> Array:
        """`[n]`, how many steps the network sees of sequences of these lengths."""
        for step in self.steps:
            lengths = step.steps(lengths)
        return lengths

    def heard(self, steps: Array) -> Array:
        """`[n]`, how many steps of the data have been heard when the network sees so many.

        A sequence may end before that: then it is all of it.
        """
        for step in reversed(self.steps):
            steps = step.heard(steps)
        return steps

    def belief_ends(self, length: int, every: int = 1) -> Array:
        """`[belief]`, how many of a sequence's steps have been heard at each belief about it.

        Args:
            length: the steps of the sequence.
            every: as in `SequenceClassifier.anytime`: of the steps that the network sees, or of the
                data's own where those that it sees are no times.

        >>> x = Sequences.from_list([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
        >>> Preparation.fit("frame(2)", x).belief_ends(6).tolist()
        [2, 4, 6]
        """
        if any(step.along != "time" for step in self.steps):
            return every_th(length, every)
        seen = int(self.lengths(np.array([length]))[0])
        heard = np.minimum(self.heard(every_th(seen, every)), length)
        heard[-1] = length
        return heard

    def rate_after(self, rate_hz: float | None) -> float | None:
        """Steps per second that the network sees, of data with so many."""
        for step in self.steps:
            rate_hz = step.rate_after(rate_hz)
        return rate_hz

    def check_rate(self, rate_hz: float | None) -> None:
        """Raise where a step is for another rate than that of the data."""
        for step in self.steps if rate_hz is not None else ():
            step.at_rate(rate_hz)
            rate_hz = step.rate_after(rate_hz)

    def as_seen(self, x: Sequences) -> Sequences:
        """The sequences as they are, or prepared where that makes other steps of them."""
        return x if self.what_changes_steps() is None else self.apply(x)

    def what_changes_steps(self) -> StepSpec | None:
        """The first step that makes another number of steps; `None` where there is none."""
        trial = np.arange(1, 1000)
        return next((s for s in self.steps if not np.array_equal(s.steps(trial), trial)), None)

    def __str__(self) -> str:
        written = [s for s, f in zip(self.steps, self.fitted, strict=True) if not _is_idle(s, f)]
        return to_text(written) or "none"

    def to_json(self) -> dict[str, Any]:
        """Steps and fitted numbers, small enough for the metadata of a model file."""
        return {
            "steps": [step.to_json() for step in self.steps],
            "fitted": [{k: v.tolist() for k, v in fitted.items()} for fitted in self.fitted],
            "channels_in": self.channels_in,
            "channels_out": self.channels_out,
            **({"exact": True} if self.exact else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preparation:
        """The reverse of `to_json`.

        Raises:
            SpecError: steps that do not exist, or numbers that cannot have been fitted.
        """
        found = from_json(data["steps"], STEPS, what="preparation step")
        steps = tuple(step for step in found if isinstance(step, StepSpec))
        entries, channels = data["fitted"], int(data["channels_in"])
        if len(steps) != len(entries):
            raise SpecError(f"{len(steps)} preparation steps with {len(entries)} fitted ones.")
        fitted: list[dict[str, Array]] = []
        for step, entry in zip(steps, entries, strict=True):
            fitted.append(step.restore(entry, channels))
            channels = step.channels(channels, fitted[-1])
        if channels != data["channels_out"]:
            raise SpecError(f"the steps give {channels} channels, not {data['channels_out']!r}.")
        exact = data.get("exact", False)
        if not isinstance(exact, bool):
            raise SpecError(f"`exact` is {exact!r}; expected true or false.")
        return cls(steps, tuple(fitted), int(data["channels_in"]), channels, exact)


def every_th(length: int, every: int) -> Array:
    """The number of each `every`-th step, from 1 on, and of the last.

    >>> every_th(10, 4).tolist()
    [4, 8, 10]
    """
    return np.minimum(every * np.arange(1, -(-length // every) + 1), length)


def _for_numbers(steps: tuple[StepSpec, ...]) -> tuple[StepSpec, ...]:
    _refuse([step for step in steps if step.takes == "text"], "texts", "numbers")
    return steps if any(isinstance(step, Mask) for step in steps) else (*steps, Mask())


def _for_tokens(steps: tuple[StepSpec, ...]) -> tuple[StepSpec, ...]:
    _refuse([step for step in steps if step.takes == "text"], "texts", "tokens")
    return ()


def _for_text(steps: tuple[StepSpec, ...]) -> tuple[StepSpec, ...]:
    """Standardizing, which is the default, says nothing of texts and is left out."""
    steps = tuple(step for step in steps if not isinstance(step, Standardize | Mask))
    _refuse([step for step in steps if step.takes != "text"], "numbers", "texts")
    if len(steps) > 1:
        raise SpecError(
            f"a preparation of texts has one step that makes tokens of them; got {to_text(steps)}."
        )
    return steps or (Words(),)


def _refuse(steps: list[StepSpec], wanted: str, came: str) -> None:
    if steps:
        raise SpecError(
            f"the preparation step `{steps[0]}` is for {wanted}, and these sequences are {came}."
        )


def _is_idle(step: StepSpec, fitted: dict[str, Array]) -> bool:
    return isinstance(step, Mask) and len(fitted["expected"]) == 0


def unexpected_gaps(preparation: Preparation, values: Array, lengths: Array) -> Array:
    """The channels with gaps (NaN) that training did not have, as the preparation's mask sees them.

    They are interpolated, which looks ahead: a stream cannot wait for that.

    Args:
        preparation: fitted.
        values: `[total_steps, channel]`.
        lengths: `[n]`.
    """
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return np.empty(0, np.int64)
    x = (values, lengths)
    for step, fitted in zip(preparation.steps, preparation.fitted, strict=True):
        if isinstance(step, Mask):
            return np.setdiff1d(gaps_of(x[0]), fitted["expected"])
        x = step.apply(x, fitted)
    return gaps_of(x[0])
