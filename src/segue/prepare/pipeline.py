"""`Preparation`: a fitted chain of preparation steps, for whole sequences and for streams."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from segue.data.arrays import KEPT, distinct, float32_loses
from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, SpecError, counted, warn_user
from segue.prepare.augmentation import Crop, Jitter, Scale, TimeMask, TimeWarp
from segue.prepare.frames import Frame
from segue.prepare.spectra import Cepstrum, LogFrequency, LogMel, Spectrogram
from segue.prepare.steps import (
    FormerNames,
    Interpolate,
    MissingIndicator,
    Ragged,
    Standardize,
    StepSpec,
    missing_channels,
)
from segue.prepare.text import Characters, NGrams, Token, VocabularyStep, Words
from segue.spec import from_json, parse, to_text

STEPS: dict[str, type[StepSpec]] = {
    spec.kind: spec
    for spec in (
        *(Standardize, Interpolate, MissingIndicator),
        *(Frame, Spectrogram, LogMel, Cepstrum, LogFrequency),
        *(Words, Characters, NGrams),
        *(Jitter, Scale, TimeMask, TimeWarp, Crop),
    )
}

_ROWS = 1000  # in which `refuse_coarse` looks for values that float32 merges

PrepareLike = str | StepSpec | Iterable[StepSpec] | None
Kind = Literal["numbers", "tokens", "texts"]


def as_steps(prepare: PrepareLike) -> tuple[StepSpec, ...]:
    """Take a text ("none" for nothing), one step or several, and return the steps.

    >>> as_steps("interpolate standardize")
    (Interpolate(), Standardize())
    """
    if prepare is None or (isinstance(prepare, str) and prepare.strip() in ("none", "")):
        return ()
    given: Any = prepare if isinstance(prepare, Iterable) else (prepare,)
    if isinstance(prepare, str):
        given = parse(prepare, STEPS, what="preparation step")
    steps = tuple(given)
    for step in steps:
        if not isinstance(step, StepSpec):
            raise SpecError(
                f"a preparation is a text such as 'standardize', or a list of steps; got {step!r}."
            )
    return steps


def _applicable(steps: tuple[StepSpec, ...], kind: Kind) -> tuple[StepSpec, ...]:
    """The steps for sequences of a kind, with those that are not written down.

    Args:
        steps: as written.
        kind: of the sequences.
    """
    is_text = kind == "texts"
    if is_text:  # the default, to standardize, has no meaning for them
        steps = tuple(s for s in steps if not isinstance(s, Standardize | MissingIndicator))
    for step in steps:
        if (step.takes == "text") != is_text:
            wanted = "numbers" if is_text else "texts"
            raise SpecError(
                f"the preparation step `{step}` is for {wanted}, and these sequences are {kind}."
            )
    if is_text and len(steps) > 1:
        raise SpecError(
            f"a preparation of texts has one step that makes tokens of them; got {to_text(steps)}."
        )
    if kind != "numbers":
        return steps or (Words(),) if is_text else ()
    is_marked = any(isinstance(step, MissingIndicator) for step in steps)
    return steps if is_marked else (*steps, MissingIndicator())


@dataclass(frozen=True)
class Preparation(FormerNames):
    """Fitted steps, ready for any sequences of the same channels.

    Attributes:
        steps: the steps, `mask` at the end.
        fitted: for each step what was fitted on the training data.
        channels_in: channels of the data.
        channels_out: channels that the network sees.
        kind: of the sequences.
        exact: whether float32 is too coarse for the values as they come: then they are float64
            until they are prepared.
        names: of the channels of the data, for messages; `None` where they have none.
    """

    steps: tuple[StepSpec, ...]
    fitted: tuple[dict[str, Array], ...]
    channels_in: int
    channels_out: int
    kind: Kind
    exact: bool = False
    names: tuple[str, ...] | None = None

    @classmethod
    def fit(
        cls,
        prepare: PrepareLike,
        x: Sequences,
        *,
        rate_hz: float | None = None,
        tokens: bool = False,
        names: tuple[str, ...] | None = None,
    ) -> Preparation:
        """Fit each step on what the steps before it make of `x`, block by block.

        Tokens are left as they are. Texts become words by default.

        Args:
            prepare: a text, or steps.
            x: the training sequences.
            rate_hz: their steps per second, where known.
            tokens: whether whole numbers are tokens, to a network that begins with an embedding.
            names: of the channels, for messages.

        Raises:
            SpecError: a step for texts with other sequences, or the other way round.
            DataError: a step for another rate than that of the data.
        """
        kind: Kind = "texts" if x.is_text else "tokens" if tokens and x.is_whole else "numbers"
        steps = _applicable(as_steps(prepare), kind)
        may_lose = kind != "texts" and bool(steps) and x.dtype != np.float32
        exact = may_lose and bool(float32_loses(x).any())
        done = cls((), (), x.channels, x.channels, kind, exact, names)
        for step in steps:
            step = step.at_rate(rate_hz)
            rate_hz = None if rate_hz is None else step.rate_after(rate_hz)
            fitted = step.fit(partial(done.exact_blocks, x))
            channels = step.channels(done.channels_out, fitted)
            steps_so_far, fitted_so_far = (*done.steps, step), (*done.fitted, fitted)
            done = cls(steps_so_far, fitted_so_far, x.channels, channels, kind, exact, names)
        return done

    def exact_blocks(self, x: Sequences) -> Iterator[Ragged]:
        """Sequences block by block, prepared; float64 where they are so until then."""
        for block in x.blocks():
            yield self.apply_ragged((block.values, block.lengths), exact=True)

    @property
    def vocabulary(self) -> tuple[VocabularyStep, dict[str, Array]] | None:
        """The step that makes tokens of texts, with its vocabulary; `None`: not for texts."""
        first = self.steps[0] if self.steps else None
        return (first, self.fitted[0]) if isinstance(first, VocabularyStep) else None

    @property
    def token_count(self) -> int | None:
        """The size of the vocabulary of texts; `None`: not for texts."""
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
        return Sequences.concatenate(Sequences(values, lengths=n) for values, n in done)

    def entering(self, values: Array) -> Array:
        """Values as they come, in the type in which they are prepared."""
        if self.kind != "numbers":
            return values
        return values.astype(np.float64 if self.exact else np.float32, copy=False)

    def apply_ragged(self, x: Ragged, *, exact: bool = False) -> Ragged:
        """Prepare values `[total_steps, channel]` with lengths `[n]`: float32, or int32 tokens.

        With `exact`, values that are prepared in float64 stay so.
        """
        values, lengths = self.entering(x[0]), x[1]
        for step, fitted in zip(self.steps, self.fitted, strict=True):
            if isinstance(step, MissingIndicator) and np.isnan(values).any():
                self._warn_of_gaps(np.setdiff1d(missing_channels(values), fitted["expected"]))
            values, lengths = step.apply((values, lengths), fitted)
        if values.dtype == np.float64 and not exact:
            values = values.astype(np.float32)
        return values, lengths

    def _warn_of_gaps(self, channels: Array) -> None:
        """Warn of channels with missing values that had none in training."""
        if len(channels):
            warn_user(
                f"Values are missing in channel {self.named(channels)}, which had none in "
                "training: they are interpolated."
            )

    def named(self, channels: Array) -> str:
        """Channels that the steps have left in their places, by name where there are names."""
        known = self.names is not None and self.what_changes_steps() is None
        known = known and self.channels_in == len(self.names or ()) > max(channels, default=0)
        return ", ".join(self.names[c] if known and self.names else str(c) for c in channels)

    def apply_by_blocks(self, x: Sequences) -> Ragged:
        """Prepare checked sequences into one array of their own; returns values and lengths.

        Steps make arrays several times as large as what they are given, which must not be all of
        the data.
        """
        x = self.tokenized(x) if x.is_text else x
        lengths, done, first = self.lengths(x.lengths), np.empty((0, 0), np.float32), 0
        for block in x.blocks():
            values, _ = self.apply_ragged((block.values, block.lengths))
            if first == 0:
                done = np.empty((int(lengths.sum()), values.shape[1]), values.dtype)
            done[first : first + len(values)] = values
            first += len(values)
        return done, lengths

    def apply(self, x: Sequences) -> Sequences:
        """Prepare sequences.

        Raises:
            DataError: another number of channels than in training.
        """
        self.check(x)
        values, lengths = self.apply_by_blocks(x)
        return Sequences(values, lengths=lengths)

    def check(self, x: Sequences) -> None:
        """Raise unless `x` is of the kind and has the channels that the preparation is for."""
        if x.is_text and self.kind != "texts":
            raise DataError("The model was not trained on texts, and these sequences are texts.")
        if x.kind == "numbers" and self.kind != "numbers":
            whole = " (whole numbers)", " If all of them are whole, pass x.astype(int)."
            kind, hint = whole if self.kind == "tokens" else ("", "")
            raise DataError(
                f"The model was trained on {self.kind}{kind}; these sequences are numbers, "
                f"{x.dtype}.{hint}"
            )
        if x.channels != self.channels_in:
            hint = (
                f" All of them have {self.channels_in} time steps, so time and channel look "
                "swapped: pass layout='nct' (arrays) or 'ct' (lists)."
            )
            swapped = set(x.lengths.tolist()) == {self.channels_in}
            raise DataError(
                f"The model was trained on {counted(self.channels_in, 'channel')}; these sequences "
                f"have {x.channels}.{hint if swapped else ''}"
            )

    def check_causal(self) -> None:
        """Raise unless every step can go along with a stream; the message names the step."""
        for step in self.steps:
            step.check_causal()

    def stream(self) -> PreparationStream:
        """The preparation of one sequence that comes bit by bit.

        Raises:
            NotCausalError: a step looks ahead; it is named.
        """
        return PreparationStream(self)

    # -- time -----------------------------------------------------------------------------------

    def lengths(self, lengths: Array) -> Array:
        """`[n]`, how many steps the network sees of sequences of these lengths."""
        for step in self.steps:
            lengths = step.steps(lengths)
        return lengths

    def input_steps(self, steps: Array) -> Array:
        """`[n]`, how many steps of the data decide so many steps that the network sees.

        A sequence may end before that: then it is all of it.
        """
        for step in reversed(self.steps):
            steps = step.input_steps(steps)
        return steps

    def prefix_lengths(self, length: int, every: int = 1) -> Array:
        """`[point]`, the lengths of the prefixes after which `anytime` gives probabilities.

        Args:
            length: the steps of the sequence.
            every: as in `SequenceClassifier.anytime`: of the steps that the network sees, or of the
                data's own where those that it sees are no times.

        >>> x = Sequences.from_list([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
        >>> Preparation.fit("frame(2)", x).prefix_lengths(6).tolist()
        [2, 4, 6]
        """
        if any(step.along != "time" for step in self.steps):
            return every_th(length, every)
        seen = int(self.lengths(np.array([length]))[0])
        prefixes = np.minimum(self.input_steps(every_th(seen, every)), length)
        prefixes[-1] = length
        return prefixes

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
        pairs = zip(self.steps, self.fitted, strict=True)
        written = [
            step
            for step, fitted in pairs
            if not isinstance(step, MissingIndicator) or len(fitted["expected"])
        ]
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
        entries, channels = data["fitted"], int(data["channels_in"])
        given: Any = from_json(data["steps"], STEPS, what="preparation step")
        steps = as_steps(given)
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
        is_text = bool(steps) and steps[0].takes == "text"
        kind: Kind = "texts" if is_text else "numbers" if steps else "tokens"
        return cls(steps, tuple(fitted), int(data["channels_in"]), channels, kind, exact)


def every_th(length: int, every: int) -> Array:
    """The number of each `every`-th step, from 1 on, and of the last.

    >>> every_th(10, 4).tolist()
    [4, 8, 10]
    """
    return np.minimum(every * np.arange(1, -(-length // every) + 1), length)


def unexpected_missing(preparation: Preparation, values: Array, lengths: Array) -> Array:
    """The channels with missing values (NaN) that training did not have.

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
        if isinstance(step, MissingIndicator):
            return np.setdiff1d(missing_channels(x[0]), fitted["expected"])
        x = step.apply(x, fitted)
    return missing_channels(x[0])


def refuse_coarse(preparation: Preparation, data: Dataset) -> None:
    """Raise where the network could not tell the values of a channel apart.

    Args:
        preparation: fitted on `data`, for values that float32 is too coarse for.
        data: the training sequences; their channels' names stand in the message.

    Raises:
        DataError: a channel of which float32 merges more than a quarter of the different values.
    """
    stride = 1 + data.x.total_steps // _ROWS
    blocks = preparation.exact_blocks(data.x)
    exact = np.concatenate([values[::stride] for values, _ in blocks])
    before, after = distinct(exact), distinct(exact.astype(np.float32))
    merged = np.flatnonzero((before > 1) & (after <= KEPT * before))
    if len(merged) == 0:
        return
    channel = int(merged[0])
    what = f"Feature {channel} of those that are made of the channels"
    if preparation.channels_out == data.x.channels or preparation.what_changes_steps() is None:
        what = f"Channel {data.channels[channel] if data.channels else channel}"
    raise DataError(
        f"{what} has {before[channel]:,} different values among "
        f"{len(exact):,} that were looked at, and {after[channel]:,} once it is prepared "
        f"({preparation}): float32, in which networks compute, holds 7 digits, and these lie "
        "too far from 0, or too close together for how far they reach. Take off what they "
        "have in common (x - x[0]; prepare='standardize' takes off the mean), mark what "
        "stands for a missing value as NaN, or leave the channel out."
    )


class PreparationStream:
    """A whole preparation applied to one sequence bit by bit; made by `Preparation.stream`."""

    def __init__(self, preparation: Preparation) -> None:
        pairs = zip(preparation.steps, preparation.fitted, strict=True)
        self._streams = [step.stream(fitted) for step, fitted in pairs]

    def push(self, values: Array) -> Array:
        """Take `[time, channel]` that came, and return the prepared steps that are final now."""
        for stream in self._streams:
            values = stream.push(values)
        return values.astype(np.float32) if values.dtype == np.float64 else values

    def tail(self) -> Array | None:
        """The prepared steps that would follow if the sequence ended here; `None` for none."""
        tail: Array | None = None
        for stream in self._streams:
            if tail is None:
                tail = stream.tail()
                continue
            ended = copy.deepcopy(stream)  # it goes on as if the sequence had not ended
            ends = [ended.push(tail), ended.tail()]
            tail = np.concatenate([values for values in ends if values is not None])
        return tail if tail is None or tail.dtype != np.float64 else tail.astype(np.float32)

    def state(self) -> tuple[tuple[Array, ...], ...]:
        """What is kept of the steps so far, of each preparation step."""
        return tuple(stream.state() for stream in self._streams)

    def restore(self, state: tuple[tuple[Array, ...], ...]) -> None:
        """Go on where another stream of the same preparation was."""
        for stream, own in zip(self._streams, state, strict=True):
            stream.restore(own)
