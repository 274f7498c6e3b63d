"""`split.json`: which sequences of its source a run trains on, validates with and tests on.

The file is JSON of a closed schema, by sequence of the source as the run has read it:

    format       1
    sequences    how many there are
    parts        for each part ("train", "validation", "test" or the source's own)
        positions    where its sequences stand in the source, from 0 on
        ids          what the source calls them, or null
        steps        where series are cut in time: for each the first step and the one behind the
                     last, as the training saw them; else null: whole sequences
    refit        whether the validation part was trained on as well, in the end
    hashes       8 bytes for each sequence, of its values, target and features, in base64; keyed
                 with the hash of the whole that stands in run.json
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pydantic

from segue.atomic import write_text
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.errors import FileError, fields_refused

if TYPE_CHECKING:
    from segue.estimators.splitting import TrainValidationSplit
    from segue.evaluation.trained_on import LeftOut

FORMAT = 1

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parted:
    """A source with the parts of a run.

    Attributes:
        whole: as it was read.
        data: with the parts that the run has given it, where it had none.
        positions: `[n]` of `data`: where each sequence stands in `whole`.
        starts: `[n]`, its first step there, where series are cut in time; else `None`.
    """

    whole: Dataset
    data: Dataset
    positions: Index
    starts: Index | None = None

    @cached_property
    def digests(self) -> npt.NDArray[np.uint8]:
        """`[n, 16]`, a hash of each sequence of the whole with its target and features."""
        from segue.estimators.fingerprint import example_digests

        return example_digests(self.whole)

    @property
    def hash(self) -> str:
        """A hash of the whole, in its order."""
        from segue.estimators.fingerprint import combined_digest

        return combined_digest([self.digests])

    def hashes(self, key: str) -> npt.NDArray[np.int64]:
        """`[n]`, 8 bytes of each hash, keyed with that of a whole."""
        from segue.estimators.fingerprint import salted_hashes

        return salted_hashes(self.digests, bytes.fromhex(key))


class _Closed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)


class Part(_Closed):
    """The sequences of one part."""

    positions: list[int]
    ids: list[str] | list[int] | list[float] | None = None
    steps: list[list[int]] | None = None

    @property
    def size(self) -> int:
        """The number of sequences; of steps where series are cut in time."""
        if self.steps is None:
            return len(self.positions)
        return sum(behind - first for first, behind in self.steps)

    def reach(self, lengths: Index) -> Index:
        """`[n, 2]`, the first step of each and the one behind its last; all of it without steps."""
        if self.steps is not None:
            return np.asarray(self.steps, np.int64).reshape(-1, 2)
        length = lengths[np.asarray(self.positions, int)]
        return np.column_stack([np.zeros_like(length), length])


class RunSplit(_Closed):
    """The contents of `split.json`."""

    format: int = FORMAT
    sequences: int
    parts: dict[str, Part]
    refit: bool = False
    hashes: str

    @pydantic.model_validator(mode="after")
    def _holds_together(self) -> Self:
        if len(base64.b64decode(self.hashes, validate=True)) != 8 * self.sequences:
            raise ValueError(f"hashes: they are not those of {self.sequences} sequences")
        for name, part in self.parts.items():
            count = len(part.positions)
            if not all(0 <= position < self.sequences for position in part.positions):
                raise ValueError(f"parts.{name}.positions: some are not of the source")
            if any(one is not None and len(one) != count for one in (part.ids, part.steps)):
                raise ValueError(
                    f"parts.{name}: ids or steps are not {count}, as the positions are"
                )
            if any(len(step) != 2 or not 0 <= step[0] <= step[1] for step in part.steps or ()):
                raise ValueError(
                    f"parts.{name}.steps: expected pairs, the first and behind the last"
                )
        return self

    @classmethod
    def of(cls, parted: Parted, split: TrainValidationSplit, hashes: npt.NDArray[np.int64]) -> Self:
        """Note what is trained on, validated with and tested on.

        Args:
            parted: the source with its parts.
            split: what the estimator makes of the part "train".
            hashes: `[n]` of the whole source.
        """
        names = np.asarray(parted.data.parts)
        places = {name: _places(parted, names == name) for name in parted.data.part_names}
        places |= _sides(parted, split)
        ids = parted.whole.ids
        return cls(
            sequences=len(parted.whole),
            parts={name: _part(ids, *place) for name, place in places.items()},
            hashes=base64.b64encode(hashes.astype("<i8").tobytes()).decode("ascii"),
        )

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the file; `None`: there is none.

        Raises:
            FileError: something else than such a file.
        """
        if not path.is_file():
            return None
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            said = fields_refused(error)
            raise FileError(f"is not the split of a run: {said}.", path=path) from error

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_text(path, self.model_dump_json() + "\n")

    @property
    def sizes(self) -> dict[str, int]:
        """The number of sequences, or pieces of series, in each part."""
        return {name: len(part.positions) for name, part in self.parts.items()}

    def changed(self, hashes: npt.NDArray[np.int64]) -> Index:
        """The positions of the sequences that are not what they were."""
        kept = np.frombuffer(base64.b64decode(self.hashes), "<i8")
        return np.flatnonzero(kept != hashes)

    def apply(self, data: Dataset) -> Dataset:
        """The source, as the run has read it, with the parts of the run."""
        positions = np.concatenate([np.asarray(p.positions, int) for p in self.parts.values()])
        names = [np.full(len(part.positions), name) for name, part in self.parts.items()]
        parted = replace(data[positions], parts=np.concatenate(names))
        if all(part.steps is None for part in self.parts.values()):
            return parted[np.argsort(positions, kind="stable")]
        first, behind = np.concatenate([p.reach(data.x.lengths) for p in self.parts.values()]).T
        pieces = data.x.pieces(positions, first, behind - first)
        y = parted.y
        if isinstance(data.y, Sequences):  # a label for each step
            y = data.y.pieces(positions, first, behind - first)
        return replace(parted, x=pieces, y=y)

    def left_out(self) -> LeftOut:
        """The sequences of the source that are left out when only the part "test" is scored."""
        from segue.evaluation.trained_on import LeftOut

        count = {name: part.size for name, part in self.parts.items()}
        every = {name: n for name, n in count.items() if name not in ("test", "validation")}
        train, validation = sum(every.values()), count.get("validation", 0)
        if self.refit:
            train, validation = train + validation, 0
        unit = "sequence" if self.parts["test"].steps is None else "step"
        return LeftOut(count["test"], train, validation, unit, set_aside=True)


def how_drawn(parted: Parted, test: float | None, seed: int) -> str:
    """A description of how the test part was drawn."""
    whole, share = parted.whole, f"{test or 0:.0%}"
    if "test" in whole.part_names:
        return "the source's own parts"
    if test is None:
        return "no test part: everything is trained on"
    if parted.starts is not None:
        return f"the last {share} of each series"
    how = {"group": "whole groups", "time": "the last windows of each series"}
    drawn = "at random" if whole.labels is None else "stratified by class"
    return f"{share} of the sequences, {how.get(whole.splits_by, drawn)}, seed {seed}"


def _places(parted: Parted, chosen: npt.NDArray[Any]) -> tuple[Index, Index | None]:
    """Positions, and steps where series are cut in time, of what a mask or an index chooses."""
    positions = parted.positions[chosen]
    if parted.starts is None:
        return positions, None
    starts = parted.starts[chosen]
    return positions, np.column_stack([starts, starts + parted.data.x.lengths[chosen]])


def _sides(parted: Parted, split: TrainValidationSplit) -> dict[str, tuple[Index, Index | None]]:
    """The parts train and validation, where the estimator takes the second from the first."""
    validation = split.validation
    if validation is None or len(split.train) == len(split.part):
        return {}
    both = (("train", split.train), ("validation", validation))
    if split.part.spans is not None and parted.data.spans is None:  # a forecaster's windows
        return {name: _reach(parted, one.spans) for name, one in both}
    rows = np.flatnonzero(parted.data.parts == "train")
    return {name: _places(parted, rows[np.asarray(one.ids, int)]) for name, one in both}


def _reach(parted: Parted, spans: Any) -> tuple[Index, Index]:
    """From where to where windows reach in each series, their targets included."""
    series, member = np.unique(spans[:, 0], return_inverse=True)
    first, behind = np.full(len(series), np.iinfo(int).max), np.zeros(len(series), int)
    np.minimum.at(first, member, spans[:, 1])
    np.maximum.at(behind, member, spans[:, 2])
    begin = 0 if parted.starts is None else parted.starts[series]
    return parted.positions[series], np.column_stack([first + begin, behind + begin])


def _part(ids: Any, positions: Index, steps: Index | None) -> Part:
    return Part(
        positions=positions.tolist(),
        ids=None if ids is None else ids[positions].tolist(),
        steps=None if steps is None else steps.tolist(),
    )
