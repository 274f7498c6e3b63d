"""`Dataset`: sequences with their targets, names, groups and parts; immutable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segue.data import encoding, splits
from segue.data.arrays import as_features, cells_as_steps, narrowed
from segue.data.checks import Finding, run_checks
from segue.data.encoding import NO_LABEL, Task, as_step_labels, encoded, missing_mask
from segue.data.labels import aligned, as_labels, check_known
from segue.data.sequences import Array, Sequences
from segue.data.summary import Summary, summarize
from segue.errors import DataError, FileError, counted, did_you_mean, first_few, warn_user
from segue.text_table import Picture, html_card

SplitBy = Literal["auto", "group", "time", "sequence"]

# The fields with one entry for each sequence, beside `x`.
_DRAWN = 7  # channels at most, in a small picture
_COLUMNS = ("y", "groups", "parts", "ids", "static", "spans")
_OLD_TASKS: dict[Any, Any] = {"tag": "multilabel"}  # what files of older versions say
_FROM_Y: Any = None  # the task is found from the targets


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled sequences, with what is known about them.

    Args:
        x: the sequences.
        y: one of
            `[n]` labels (text, whole numbers, truth values, dates): a class for each sequence;
            `[n, label]` of 0 and 1: several labels at once, or classes where it is one-hot;
            `[n]` or `[n, value]` of numbers with fractions: numbers to be predicted;
            `Sequences` of int32, one channel: a class number for each step (-1: none);
            `None`: nothing is known.
            A Series or frame of pandas whose index is the `ids`, and a mapping by id, are laid on
            by id.
        classes: the class names in order; found from `y` if left out. `None` for numbers.
        channels: a name for each channel.
        rate_hz: steps per second.
        groups: `[n]`, who or what each sequence comes from; a split never parts a group.
        parts: `[n]`, "train", "validation" or "test", where the source has them.
        ids: `[n]`, what the source calls each sequence.
        static: `[n, feature]` numbers, what is known of each sequence as a whole.
        spans: `[n, 3]`, where windows come from: their series, their first step in it, and the step
            behind their last one, that of the target included. `segue.windows` sets them.
        task: what `y` asks for: "classify", "multilabel" (several labels at once), "label" (each
            step; `y` may be a list of `[time]` labels then), "regress" or "none". Found from `y` if
            left out, with a note: whole numbers are classes, unless they have more than 100
            different values and more than a quarter of n.
        missing: "refuse" sequences without a target, or "keep" them for `drop_missing`.
        name: what the source is called.
        notes: what its reader guessed, and what is unusual; lines for people.
        reading: how its source was read, so that another one can be read in the same way: the
            format and its options, with what was guessed; `segue.read(..., like=data)` takes it.

    Raises:
        DataError: counts that do not agree (all of them are reported together), a label that is
            missing or not among the classes, or what is no label.

    >>> data = Dataset([[1.0, 2.0], [3.0, 4.0, 5.0]], ["up", "down"])
    >>> data
    Dataset(n=2, time=2 to 3, channels=1, classes=2)
    >>> data.classes
    ('down', 'up')
    """

    x: Sequences
    y: Any = None
    classes: tuple[Any, ...] | None = None
    channels: tuple[str, ...] | None = None
    rate_hz: float | None = None
    groups: Array | None = None
    parts: Array | None = None
    ids: Array | None = None
    static: Array | None = field(default=None, kw_only=True)
    spans: Array | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    reading: Mapping[str, Any] | None = field(default=None, kw_only=True)
    task: Task = field(default=_FROM_Y, kw_only=True)
    missing: Literal["refuse", "keep"] = field(default="refuse", kw_only=True)

    def __post_init__(self) -> None:
        own = vars(self)  # through which a frozen one can still be set
        if isinstance(self.x, Mapping) and self.ids is None:
            own["ids"] = np.asarray(list(self.x))
            own["x"] = list(self.x.values())
        if not isinstance(self.x, Sequences):
            own["x"] = Sequences.from_list(cells_as_steps(self.x))
        for name, taken in _TAKEN.items():
            value = getattr(self, name)
            if value is not None:
                by_id = name in ("groups", "parts", "static")
                own[name] = taken(aligned(value, self.ids, name) if by_id else value)
        self._fix_targets()
        self._check()

    def _fix_targets(self) -> None:
        """Bring `y` into its one form, and find the task and the classes from it."""
        if self.y is None or isinstance(self.y, Sequences):
            vars(self)["task"] = "none" if self.y is None else "label"
            return
        y, given = aligned(self.y, self.ids, "y"), None if self.task == "none" else self.task
        if given == "label":
            codes, classes, _ = as_step_labels(y)
            vars(self).update(y=codes, classes=classes)
            return
        is_open = given is None and self.classes is None
        if is_open:
            encoding.refuse_two_readings(y, self.x.length_range)
        found = encoded(y, task=given, rows=given, classes=self.classes)
        vars(self).update(y=found.values, task=found.task, classes=found.classes)
        if found.note and (is_open or (given is None and found.is_one_hot)):
            vars(self)["notes"] = (*self.notes, found.note)

    def _check(self) -> None:
        count, known = len(self.x), {name: getattr(self, name) for name in _COLUMNS}
        counts = {name: len(value) for name, value in known.items() if value is not None}
        problems = [f"{n} in `{name}`" for name, n in counts.items() if n != count]
        if self.channels is not None and len(self.channels) != self.x.channels:
            problems.append(f"{len(self.channels)} channel names for {self.x.channels} channels")
        if problems:
            raise DataError(
                f"There {'is' if count == 1 else 'are'} {counted(count, 'sequence')}, but "
                f"{', and '.join(problems)}. "
                "Each must have one entry for each sequence."
            )
        if isinstance(self.y, Sequences) and not np.array_equal(self.y.lengths, self.x.lengths):
            row = int(np.argmax(self.y.lengths != self.x.lengths))
            raise DataError(
                f"Sequence {row} has {self.x.lengths[row]} steps and {self.y.lengths[row]} labels: "
                "labels per step must be as many as the steps."
            )
        # A step without a label is no mistake.
        labels = self.y
        if self.task not in ("label", "none") and labels.dtype.kind in "fO":  # which can be missing
            missing = missing_mask(labels)
            if self.missing == "refuse" and missing.any():
                self._refuse_missing(missing)
            labels = labels[~missing]
        if self.task == "classify":
            found = labels.tolist() if labels.dtype == object else np.unique(labels).tolist()
            hint = ". Leave out `classes` to find them from the labels."
            check_known(found, self.classes or (), hint)
        if self.task == "multilabel" and self.y.shape[1] != len(self.classes or ()):
            raise DataError(
                f"`y` has {self.y.shape[1]} labels for each sequence and there are "
                f"{len(self.classes or ())} names."
            )

    @property
    def missing_targets(self) -> npt.NDArray[np.bool_]:
        """`[n]`, True where the target is missing; of step labels, where every step's label is."""
        if self.y is None:
            return np.zeros(len(self), bool)
        if isinstance(self.y, Sequences):
            return np.array([bool((codes == NO_LABEL).all()) for codes in self.y], bool)
        return missing_mask(self.y)

    @property
    def labels(self) -> Array | None:
        """`[n]`, the class of each sequence; `None` where they do not have one each."""
        return self.y if self.task == "classify" else None

    def drop_missing(self) -> Dataset:
        """Return the data set without the sequences that have no target.

        >>> data = Dataset([[1.0], [2.0], [3.0]], ["a", None, "b"], missing="keep")
        >>> data.drop_missing().y.tolist()
        ['a', 'b']
        """
        return replace(self[~self.missing_targets], missing="refuse")

    def _refuse_missing(self, missing: npt.NDArray[np.bool_]) -> None:
        """Raise for the sequences that have no target."""
        first, count = int(missing.argmax()), int(missing.sum())
        name = "" if self.ids is None else f" ({self.ids[first]})"
        what = "target" if self.task == "regress" else "label"
        raise DataError(
            f"Sequence {first}{name} has no {what}; {count:,} of {len(self):,} sequences have "
            "none. Leave them out: drop_missing=True (in Python of segue.read, or "
            "segue.Dataset(x, y, missing='keep').drop_missing())."
        )

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: slice | npt.ArrayLike) -> Dataset:
        """A slice, mask or index array gives the data set of those sequences."""
        if isinstance(index, int | np.integer):
            raise TypeError("an int gives no data set: take `data.x[i]` and `data.y[i]`")
        index = index if isinstance(index, slice) else np.asarray(index)
        known = {name: getattr(self, name) for name in _COLUMNS}
        columns = {name: value[index] for name, value in known.items() if value is not None}
        return replace(self, x=self.x[index], **columns)

    def __repr__(self) -> str:
        inside = repr(self.x)[len("Sequences(") : -1]
        if self.classes is not None:
            inside += f", classes={len(self.classes)}"
        if self.parts is not None:
            inside += f", parts={'/'.join(self.part_names)}"
        return f"Dataset({inside})"

    def _repr_html_(self) -> str:
        """For notebooks: sizes, and the first sequence of some classes."""
        lengths = self.x.length_range if len(self) else (0, 0)
        rows: list[tuple[str, object]] = [
            ("sequences", f"{len(self):,}"),
            ("steps", " to ".join(f"{steps:,}" for steps in dict.fromkeys(lengths))),
            ("channels", self.x.channels if self.channels is None else ", ".join(self.channels)),
        ]
        if self.labels is not None and self.classes is not None:
            named = [f"{c} ({int((self.labels == c).sum()):,})" for c in self.classes]
            rows.append(("classes", first_few(named, 9)))
        if self.part_names:
            rows.append(("parts", ", ".join(self.part_names)))
        legend = self.channels if 1 < self.x.channels <= _DRAWN else None
        return html_card(self.name or "Dataset", rows, self._small_pictures(), legend or ())

    def _small_pictures(self) -> list[Picture]:
        """Some sequences; none of texts."""
        if self.x.kind == "text":
            return []
        first: dict[object, int] = {}
        for number in range(len(self)):
            label = "" if self.labels is None else self.labels[number]
            first.setdefault(label, number)
            if len(first) == 3 or number == 1000:
                break
        return [(str(label), list(self.x[i][:, :_DRAWN].T)) for label, i in first.items()]

    @property
    def part_names(self) -> tuple[str, ...]:
        """The parts there are, in the order train, validation, test."""
        if self.parts is None:
            return ()
        there = {str(name) for name in np.unique(self.parts)}
        usual = [name for name in ("train", "validation", "test") if name in there]
        return (*usual, *sorted(there - set(usual)))

    def part(self, name: str) -> Dataset:
        """Return one part.

        Raises:
            DataError: there is no such part; the message names those that there are.
        """
        if self.parts is None:
            raise DataError(
                f"This data set has no parts, so there is no part {name!r}. Without `part` all of "
                "it is taken (in Python `train, test = data.split(0.2, seed=0)` makes two). Parts "
                "are folders and files named train and test, or what a column names, parts='name'."
            )
        if name not in self.part_names:
            raise DataError(f"There is no part {name!r}.{did_you_mean(name, self.part_names)}")
        return self[self.parts == name]

    def split(
        self, share: float = 0.2, *, seed: int = 0, by: SplitBy = "auto"
    ) -> tuple[Dataset, Dataset]:
        """Split in two: stratified by class, and by group where there are groups.

        Args:
            share: the size of the second part, between 0 and 1.
            seed: another seed draws another split.
            by: "group": groups stay together; "time": of each series the last windows, and those
                that reach across the cut are left out; "sequence": each sequence for itself.
                "auto" is the first of these that the data allow.

        Warns:
            UserWarning: `by="sequence"` where windows then overlap, or groups are on both sides.
        """
        first, second = self._split(share, seed, by)
        return self[first], self[second]

    def with_parts(self, share: float = 0.2, *, seed: int = 0, by: SplitBy = "auto") -> Dataset:
        """Return the same data set with parts "train" and "test" drawn as in `split`."""
        train, test = self._split(share, seed, by)
        parts = np.full(len(self), "train", dtype="<U10")
        parts[test] = "test"
        kept = np.union1d(train, test)
        notes = self.notes
        if across := len(self) - len(kept):
            notes += (f"{counted(across, 'window')} across the cut in time left out",)
        return replace(self, parts=parts, notes=notes)[kept]

    def _split(self, share: float, seed: int, by: SplitBy) -> tuple[Array, Array]:
        by = self.splits_by if by == "auto" else by
        needed = {"group": "groups", "time": "windows of series", "sequence": ""}
        if by not in needed:
            raise DataError(f"`by` is {by!r}; expected auto, group, time or sequence.")
        if {"group": self.groups, "time": self.spans, "sequence": ()}[by] is None:
            raise DataError(f"by={by!r} needs {needed[by]}, and this data set has none.")
        if self.task == "label" and len(self) == 1:
            raise DataError(
                "This is one recording with a label at each step, and one sequence cannot be split "
                f"in two. {splits.offer_windows(self.x.total_steps)}. To label each step, and test "
                "on its end: task='label' (in Python a SequenceLabeler)."
            )
        if by == "time" and self.spans is not None:
            return splits.split_in_time(self.spans, share)
        if self.task != "label" and (missing := self.missing_targets).any():
            self._refuse_missing(missing)
        groups = self.groups if by == "group" else None
        first, second = splits.split(len(self), share, labels=self.labels, groups=groups, seed=seed)
        if leaks := splits.leaks(first, second, groups=self.groups, spans=self.spans):
            warn_user(f"{leaks} Scores on the second part will flatter.")
        return first, second

    @property
    def splits_by(self) -> SplitBy:
        """The default of `split`: by "group", in "time", or by "sequence"."""
        if self.groups is not None and (self.spans is None or len(np.unique(self.groups)) > 1):
            return "group"
        return "sequence" if self.spans is None else "time"

    @classmethod
    def concatenate(cls, parts: dict[str, Dataset]) -> Dataset:
        """Join data sets as the parts of one; classes are joined, channels must agree.

        Raises:
            DataError: other channels; or other classes, where targets are positions among them.
        """
        sets = list(parts.values())
        first = sets[0]
        classes = first.classes
        if any(data.classes != classes for data in sets):
            if first.task in ("label", "multilabel"):  # whose targets are positions in the classes
                raise DataError(
                    "The parts have different classes, or in another order: "
                    + "; ".join(f"{name}: {data.classes}" for name, data in parts.items())
                    + ". Give each the same `classes`."
                )
            known = [data.classes for data in sets if data.classes is not None]
            joined = sorted({name for names in known for name in names})
            classes = tuple(joined) if len(known) == len(sets) else None
        columns: dict[str, Any] = {}
        for name in _COLUMNS:
            values = [getattr(data, name) for data in sets]
            if all(value is not None for value in values):
                join = Sequences.concatenate if isinstance(values[0], Sequences) else np.concatenate
                columns[name] = join(values)
        columns["parts"] = np.repeat(list(parts), [len(data) for data in sets])
        tasks = {data.task for data in sets}
        return cls(
            Sequences.concatenate([data.x for data in sets]),
            classes=classes,
            channels=first.channels,
            rate_hz=first.rate_hz,
            name=first.name,
            notes=tuple(dict.fromkeys(note for data in sets for note in data.notes)),
            reading=first.reading,
            task=tasks.pop() if len(tasks) == 1 else _FROM_Y,
            missing="keep" if any(data.missing == "keep" for data in sets) else "refuse",
            **columns,
        )

    def summary(self) -> Summary:
        """Count what there is: lengths, class balance, missing values, duplicates.

        Returns:
            A `segue.data.summary.Summary`; printing it shows a table.
        """
        return summarize(self)

    def check(self) -> list[Finding]:
        """Run checks: what should be looked at before a score is believed.

        Returns:
            A finding for each, with a line and its numbers; `docs/reference/command-line.md` lists
            them at `segue data show`.

        >>> lengths = [3] * 20 + [5] * 20
        >>> data = Dataset([np.arange(n) for n in lengths], ["a"] * 20 + ["b"] * 20)
        >>> print(data.check()[-1])
        lengths alone predict the class with 100% (always the most frequent class: 50%)
        """
        return run_checks(self)

    def suspicions(self) -> list[Finding]:
        """The former name of `check`."""
        warn_user("Dataset.suspicions is now Dataset.check.", DeprecationWarning)
        return self.check()

    def write(
        self,
        path: str | Path,
        *,
        batch_steps: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Write everything to one Arrow IPC file, batch by batch; return the number of sequences.

        Args:
            path: the file; `.arrow` is its usual ending.
            batch_steps: steps in one record batch; `None`: as many as make four million values.
            progress: called with the number of sequences before each that is written.

        Raises:
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        from segue.data import storage as arrow

        def rows() -> Iterator[tuple[Array, dict[str, Any]]]:
            for number, row in enumerate(self.rows()):
                if progress is not None:
                    progress(number)
                yield row

        return arrow.write(path, rows(), metadata=self.metadata(), batch_steps=batch_steps)

    def metadata(self) -> dict[str, Any]:
        """Metadata of the data set as a whole, for a file; JSON."""
        names = ("classes", "channels", "rate_hz", "task", "missing", "name", "notes")
        reading = None if self.reading is None else dict(self.reading)
        return {**{name: getattr(self, name) for name in names}, "reading": reading}

    def rows(self) -> Iterator[tuple[Array, dict[str, Any]]]:
        """Each sequence, with what there is one of for each."""
        names = [name for name in _COLUMNS if getattr(self, name) is not None]
        for number in range(len(self)):
            yield self.x[number], {name: getattr(self, name)[number] for name in names}

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """Map a file that `write` made; the sequences stay on disk until they are used.

        Raises:
            FileError: not an Arrow file, or not one of a data set.
        """
        from segue.data import storage as arrow

        rows = arrow.read(path)
        unknown = sorted(set(rows.columns) - set(_COLUMNS))
        if unknown:
            raise FileError(f"has columns that no data set has: {', '.join(unknown)}.", path=path)
        columns: dict[str, Any] = dict(rows.columns)
        y: Any = columns.pop("y", None)
        task: Any = rows.metadata.get("task")
        if task == "label" and y is not None:
            y = Sequences.from_list([np.asarray(entry, np.int32) for entry in y])
        elif y is not None and y.dtype == object:
            y = np.stack(list(y))
        for name in {"static", "spans"} & columns.keys():
            columns[name] = np.stack(list(columns[name]))
        names = ("classes", "channels", "rate_hz", "reading")
        described: dict[str, Any] = {name: rows.metadata.get(name) for name in names}
        return cls(
            Sequences.from_chunks(rows.chunks),
            y,
            name=rows.metadata.get("name", ""),
            missing=rows.metadata.get("missing", "refuse"),
            notes=tuple(rows.metadata.get("notes", ())),
            task=_OLD_TASKS.get(task, task),
            **described,
            **columns,
        )


def _as_spans(spans: npt.ArrayLike) -> Array:
    table = np.asarray(spans, np.int64)
    if table.ndim != 2 or table.shape[1] != 3:
        raise DataError(f"`spans` has shape {table.shape}; expected [n, 3]: series, start, stop.")
    return table


# How the fields are taken in that are not as they come.
_TAKEN: dict[str, Callable[[Any], Any]] = {
    "ids": np.asarray,
    "groups": np.asarray,
    "parts": np.asarray,
    "static": lambda table: narrowed(as_features(table)),
    "spans": _as_spans,
    "channels": lambda names: tuple(str(name) for name in names),
    "classes": lambda names: tuple(as_labels(list(names), what="classes")[0].tolist()),
}


def named(label: Any) -> str:
    """Return a label as it stands in a sentence: text as it is, numbers as classes.

    >>> named("walk"), named(3)
    ('walk', 'class 3')
    """
    return label if isinstance(label, str) else f"class {label}"
