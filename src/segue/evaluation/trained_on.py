"""Leakage: how many of the scored sequences the model was trained on, in numbers and words.

The model keeps hashes of the sequences of its training (`seen_`); those of the scored ones are
looked up among them. Of the source that the model was trained on, what it has seen is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from segue.data.dataset import Dataset
from segue.data.splits import overlapping
from segue.errors import counted

UNSEEN = "unseen"  # the part that is left of a model's own source


@dataclass(frozen=True)
class LeftOut:
    """Sequences of a model's own source that are not scored.

    Attributes:
        scored: how much is.
        train: how much is not, because the weights were fitted on it.
        validation: how much is not, because the best epoch was chosen by it.
        unit: what is counted: "sequence", "window", or "step".
        set_aside: whether what is scored was set aside as test before the training.
    """

    scored: int
    train: int
    validation: int
    unit: str = "sequence"
    set_aside: bool = False

    @property
    def count(self) -> int:
        """The number of sequences that are not scored."""
        return self.train + self.validation

    def __str__(self) -> str:
        every = self.scored + self.count
        what = "were set aside as test" if self.set_aside else "the model has not seen"
        used = "".join(f"; {count:,} were {how}" for count, how in _used(self))
        return f"scored on the {self.scored:,} of {counted(every, self.unit)} that {what}{used}"


@dataclass(frozen=True)
class TrainedOn:
    """How many of the scored sequences a model was trained on, and what was left out.

    Attributes:
        scored: sequences, or windows of series, that are scored.
        train: of these, those whose values the weights were fitted on.
        validation: of these, those that only the best epoch was chosen by.
        known: whether the model has a record of what it was trained on.
        unit: what is counted: "sequence" or "window".
        left_out: what is not scored; `None`: nothing.
    """

    scored: int = 0
    train: int = 0
    validation: int = 0
    known: bool = False
    unit: str = "sequence"
    left_out: LeftOut | None = None

    @property
    def nothing_unseen(self) -> bool:
        """Whether all that is scored was trained on, or used for validation."""
        return 0 < self.scored == self.train + self.validation

    def part(self, name: str) -> str:
        """A description of the scored data: the part of that name, or the rest of it."""
        return UNSEEN if self.left_out is not None else name

    @property
    def note(self) -> str:
        """A note for every line with a score; empty where all sequences are new to the model.

        >>> TrainedOn(scored=40, train=40, known=True).note
        'trained on'
        >>> TrainedOn(scored=370, train=12, known=True).note
        '12 of 370 trained on (3.2 %)'
        """
        return ", ".join(
            how
            if count == self.scored
            else f"{count:,} of {self.scored:,} {how} ({100 * count / self.scored:.2g} %)"
            for count, how in _used(self)
        )

    def marked(self, text: str) -> str:
        """A text about a score, with the note behind it."""
        return f"{text}; {self.note}" if text and self.note else text or self.note

    def titled(self, title: str) -> str:
        """The title of a table or picture of scores, with the note behind it."""
        return f"{title}: {self.note}" if self.note else title

    def commented(self, line: str, begin: str) -> str:
        """A line that scores the model again, with a comment on what it then scores.

        >>> TrainedOn(scored=40, train=40, known=True).commented("segue evaluate RUN x", "scores")
        'segue evaluate RUN x  # scores what was trained on'
        """
        if self.left_out is not None and self.left_out.set_aside:
            return self.marked(f"{line}  # {begin} what was set aside as test")
        if self.nothing_unseen:
            return f"{line}  # {begin} what was {self.note}"
        if not self.known:
            return f"{line}  # {begin} a model that does not know what it was trained on"
        return f"{line}  # {begin} what is new to the model, where there are targets"

    def verdict(self, text: str) -> str:
        """A warning about the scores, which do not generalise where no sequence is new."""
        if self.nothing_unseen:
            seen = f"{self._use().capitalize()} these {self.unit}s"
            return f"{seen}: how good it is on new ones is not known."
        return f"{self.marked(text.removesuffix('.'))}." if self.note else text

    def sentence(self) -> str:
        """The scored and the left-out sequences; empty where all are new to the model.

        >>> left = LeftOut(scored=40, train=160, validation=0, set_aside=True)
        >>> print(TrainedOn(scored=40, known=True, left_out=left).sentence())
        scored on the 40 of 200 sequences that were set aside as test; 160 were trained on
        """
        found = [] if self.left_out is None else [str(self.left_out)]
        if not self.known:
            found.append(
                "nothing is known about what this model was trained on: it has no record of it"
            )
        elif self.nothing_unseen and self.left_out is None:
            found.append(f"{self._use()} all of these {self.unit}s: none is left that is new to it")
        elif self.train or self.validation:
            same = f"{self.train + self.validation:,} of {self.scored:,} {self.unit}s"
            found.append(f"{same} equal ones that {self._use()}")
        return "; ".join(found)

    def _use(self) -> str:
        return f"the model was {' or '.join(how for _, how in _used(self))}"

    def metrics(self) -> dict[str, Any]:
        """Plain numbers and text, for `metrics.json`."""
        if not self.known:
            return {"known": False, "note": ""}
        return {
            "known": True,
            "train": self.train,
            "validation": self.validation,
            "left_out": 0 if self.left_out is None else self.left_out.count,
            "note": self.note,
        }


def _used(counts: LeftOut | TrainedOn) -> list[tuple[int, str]]:
    """How many were trained on, and validated on, where there are any."""
    pairs = ((counts.train, "trained on"), (counts.validation, "validated on"))
    return [(count, how) for count, how in pairs if count]


def look_up(
    estimator: Any,
    data: Dataset,
    *,
    leave_out: bool,
    own: bool | None = None,
    unit: str = "sequence",
) -> tuple[Dataset, TrainedOn]:
    """Find what a model was trained on among sequences, and leave it out of its own source.

    Args:
        estimator: fitted; what it was trained on is in its `seen_`, if anywhere.
        data: the sequences that are to be scored, or windows.
        leave_out: whether what was seen is left out where this is the model's own source, as long
            as something is left.
        own: whether this is the source that the model was trained on; `None`: where more than half
            of what it has seen is there.
        unit: what is counted.
    """
    records = getattr(estimator, "seen_", None)
    if records is None:
        return data, TrainedOn(len(data), unit=unit)

    train, validation, share = np.zeros(len(data), bool), np.zeros(len(data), bool), 0.0
    hashes = data.x.digests()
    for record in records:
        fitted, chosen, found = record.find(hashes)
        train, validation, share = train | fitted, validation | chosen, max(share, found)
    own = share > 0.5 if own is None else own
    if own and data.spans is not None:  # a window shares its steps with its neighbours
        train |= overlapping(data.spans[train], data.spans)
        validation |= overlapping(data.spans[validation], data.spans)
    validation &= ~train
    seen, counts = train | validation, (int(train.sum()), int(validation.sum()))
    if leave_out and own and seen.any() and not seen.all():
        new = data[~seen]
        left = LeftOut(len(new), *counts, unit)
        return new, TrainedOn(len(new), known=True, unit=unit, left_out=left)
    return data, TrainedOn(len(data), *counts, known=True, unit=unit)
