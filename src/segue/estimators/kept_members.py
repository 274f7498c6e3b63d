"""Members of an automatic choice in the folder of a run: kept as they are finished, for a resume.

    members/1.safetensors             the first one, as an estimator of its own
    members/1.held-out.safetensors    what it says of sequences that were held out, in float64
    members/members.json              what they are, in the order in which they were fitted

Each file appears whole or not at all, the last one behind the others.
"""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import pydantic

from segue import tensorfile
from segue.atomic import make_folder, remove_unfinished, write_text
from segue.errors import ModelFileError, fields_refused
from segue.estimators.files import Description, read, save
from segue.estimators.fingerprint import fingerprint
from segue.estimators.restoring import restore_result
from segue.estimators.splitting import EstimatorArguments, TrainValidationSplit
from segue.networks import specs_from_json
from segue.search.candidates import Candidate
from segue.search.search import Member
from segue.training import checkpoint
from segue.training.checkpoint import TrainingFolder
from segue.training.closed_form import HeldOut

FOLDER, INDEX = "members", "members.json"


class _Closed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Entry(_Closed):
    name: str
    network: str
    trained: bool
    soon: bool = False
    seconds: float = pydantic.Field(ge=0)
    milliseconds: float = pydantic.Field(0.0, ge=0)


class _Index(_Closed):
    format: Literal[1]
    fingerprint: dict[str, Any]
    members: list[_Entry]


@dataclass
class KeptMembers:
    """The members of a search that are finished, on disk where there is a folder.

    Attributes:
        estimator: of the search.
        folder: where they are kept; `None`: nowhere.
        fingerprint: what a search must have in common with this one to go on from it.
        members: in the order in which they were fitted; here only those that were there before.
        entries: of all that are on disk.
        milliseconds: that an answer of each takes, by its name.
    """

    estimator: Any
    folder: Path | None = None
    fingerprint: dict[str, Any] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    entries: list[_Entry] = field(default_factory=list)
    milliseconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        run_folder: TrainingFolder | None,
        estimator: EstimatorArguments,
        split: TrainValidationSplit,
    ) -> Self:
        """Those in a folder to go on from; in one that is begun anew they are removed.

        Raises:
            ModelFileError: they are damaged, or of a search with other data or options.
        """
        if run_folder is None:
            return cls(estimator)
        folder = run_folder.path / FOLDER
        own = fingerprint(estimator, (), split, split.train.x.digests())
        found = cls(estimator, folder, own)
        if not run_folder.resume:
            shutil.rmtree(folder, ignore_errors=True)
        elif (folder / INDEX).is_file():
            remove_unfinished(folder)
            found.entries += found._read_index().members
            found.milliseconds |= {one.name: one.milliseconds for one in found.entries}
            numbered = enumerate(found.entries, start=1)
            found.members += [found._read(number, entry, split) for number, entry in numbered]
        return found

    @property
    def seconds(self) -> float:
        """How long they took."""
        return sum(entry.seconds for entry in self.entries)

    def keep(self, member: Member, milliseconds: float = 0.0) -> None:
        """Write a member.

        Args:
            member: that is finished.
            milliseconds: that an answer of it takes.

        Raises:
            WriteError: the disk is full or read-only.
        """
        one = member.candidate
        entry = _Entry(
            name=one.name, network=one.network, trained=one.trained, soon=one.soon,
            seconds=member.seconds, milliseconds=milliseconds,
        )  # fmt: skip
        self.milliseconds[one.name] = milliseconds
        if self.folder is None:
            return
        make_folder(self.folder)
        model, held_out = self._paths(len(self.entries) + 1)
        tensors = {"logits": member.logits}
        if member.result.held_out is not None:
            tensors |= vars(member.result.held_out)
        tensorfile.write(held_out, tensorfile.to_bytes('{"format": 1}', tensors))
        fitted = copy.copy(self.estimator)
        fitted.network = one.network
        save(fitted._take(member.result), model)
        self.entries.append(entry)
        index = _Index(format=1, fingerprint=self.fingerprint, members=self.entries)
        write_text(self.folder / INDEX, index.model_dump_json(indent=1) + "\n")

    def _paths(self, number: int) -> tuple[Path, Path]:
        assert self.folder is not None
        name = self.folder / f"{number}.safetensors"
        return name, name.with_suffix(".held-out.safetensors")

    def _read_index(self) -> _Index:
        assert self.folder is not None
        path = self.folder / INDEX
        index = _index(path)
        before, now = index.fingerprint, self.fingerprint
        names = before.keys() | now.keys()
        changed = sorted(name for name in names if before.get(name) != now.get(name))
        if changed:
            raise ModelFileError(
                f"belongs to a search with another {', '.join(changed)}. Resume with what it began "
                "with, or begin anew in another folder.",
                path=path,
            )
        return index

    def _read(self, number: int, entry: _Entry, split: TrainValidationSplit) -> Member:
        model, held_out = self._paths(number)
        try:
            description, weights = read(model)
            assert isinstance(description, Description)
            specs = specs_from_json(description.network)
            result = restore_result(description, weights, self.estimator, specs)
            tensors = dict(tensorfile.read(held_out).tensors)
            logits = tensors.pop("logits")
            kept = HeldOut(**tensors) if tensors else None
        except (OSError, ValueError, LookupError, TypeError, AssertionError) as error:
            raise ModelFileError(
                f"is damaged: {error}. Remove the folder to begin the search anew.",
                path=self.folder,
            ) from error
        result = replace(result, channels=split.channels, reading=split.reading, held_out=kept)
        candidate = Candidate(entry.name, entry.network, trained=entry.trained, soon=entry.soon)
        return Member(candidate, result, logits, entry.seconds)


def tidy(folder: Path, stopped: str) -> None:
    """Remove what a training in a folder has kept to go on from, where there is nothing left to do.

    Args:
        folder: of the training, whose result is safe.
        stopped: how it ended.
    """
    if stopped != "interrupted":
        checkpoint.remove(folder)
    path = folder / FOLDER
    if stopped not in ("interrupted", "time") and (path / INDEX).is_file():
        shutil.rmtree(path, ignore_errors=True)


def seconds_of_members(folder: Path) -> float:
    """How long the members took that are kept in the folder of a run.

    Raises:
        ModelFileError: what is there is damaged.
    """
    path = folder / FOLDER / INDEX
    return sum(entry.seconds for entry in _index(path).members) if path.is_file() else 0.0


def _index(path: Path) -> _Index:
    try:
        return _Index.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelFileError(f"is damaged: {fields_refused(error)}.", path=path) from error
