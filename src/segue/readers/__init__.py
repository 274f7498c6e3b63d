"""Files, folders and named data sets into a `Dataset`: one module a format.

    >>> data = read("japanese-vowels", part="train", limit=3)
    >>> data
    Dataset(n=3, time=20 to 26, channels=12, classes=9, parts=train)

`registry.READERS` are the formats; a new one is a module beside this file and an entry in
`data/formats.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from segue.atomic import replacing_folder
from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.data.splits import split
from segue.errors import DataError, FileError, OptionError, counted
from segue.readers import catalog, objects, read_options
from segue.readers.blocks import errors_of, limited
from segue.readers.catalog import Entry, describe, names
from segue.readers.forms import as_frame, with_times
from segue.readers.registry import READERS, Reader, part_named, reader_named
from segue.readers.sources import find_sources, is_there, left_aside, read_sources
from segue.readers.streams import sequences_from_mapped
from segue.readers.untrusted import read_apart
from segue.windowing import cut_recordings

__all__ = ["READERS", "Entry", "Reader", "describe", "names", "read", "write"]


def read(
    source: Any,
    *,
    part: str | None = None,
    limit: int | None = None,
    format: str | None = None,  # noqa: A002 (its usual name)
    like: Any = None,
    window: int | None = None,
    stride: int | None = None,
    window_label: str | None = None,
    drop_missing: bool = False,
    untrusted: bool = False,
    **options: Any,
) -> Dataset:
    """Read a data set: a name of the catalog, a file, or a folder.

    Args:
        source: a file; a folder; what the names of several files begin with (`data/GunPoint` for
            `data/GunPoint_TRAIN.tsv` and `data/GunPoint_TEST.tsv`); or a name that
            `segue data list` shows. A file or folder of that name comes first. Or an object:
            a data frame, which is read as a file with a table is; an iterable of pairs (sequence,
            label); a data set of PyTorch or Hugging Face.
        part: "train", "validation" or "test": read this part only.
        limit: the first so many sequences of each part, without reading all where the format
            allows it.
        format: which files to take from a folder that holds several formats.
        like: a fitted estimator, or a data set: read the source as theirs was read, the same
            columns, the same unit of texts, the same rate of sounds, the same windows. What
            `options` give comes first, and a source of another format is read by the usual rules.
        window: cut the sequences (recordings) into windows of so many steps, as `segue.windows`
            does.
        stride: steps from the beginning of one window to that of the next; as many as a window has
            if left out.
        window_label: where each step has a label, that of a window: "all", "majority", "last", or
            "none" (windows without labels, none left out).
        drop_missing: leave out sequences that have no label or target, which are refused else.
        untrusted: read files and folders in a process of its own, with limits of time (a minute)
            and memory (4 GB, or `SEGUE_MEMORY_GB`): a file that crashes the library that reads it,
            or never ends, is an error. It takes about half a second longer.
        options: of the format, such as `channels=2` for .dat files, `label="kind"` for tables.

    Returns:
        A data set, with `parts` where files or folders are named so (`_TRAIN`, `Test/`, ...), and
        with `notes` where something had to be guessed.

    Raises:
        DataNotFoundError: no such file, folder or name; a near name is suggested.
        FileError: what is there cannot be read; the message has the file and the line.
        OptionError: an option that the format does not have.

    >>> read("japanese-vowels").part("test")
    Dataset(n=370, time=7 to 29, channels=12, classes=9, parts=test)
    """
    if limit is not None and (isinstance(limit, bool) or limit < 1):
        raise OptionError(f"limit={limit}; expected a number of sequences from 1 on.")
    given: dict[str, Any] = {"window": window, "stride": stride, "window_label": window_label}
    before = None if like is None else read_options.reading_of(like)
    options = {**options, "drop_missing": True} if drop_missing else options
    options = options if like is None else {**options, "like": before}
    if untrusted and isinstance(source, str | Path):
        data = read_apart(source, {"part": part, "limit": limit, "format": format, **options})
    else:
        data = read_plainly(source, part=part, limit=limit, format=format, **options)
    if drop_missing:
        data = _without_missing(data)
    elif data.missing != "refuse":
        with errors_of(Path(source)) if isinstance(source, str | Path) else nullcontext():
            data = replace(data, missing="refuse")
    if like is None:
        return cut_recordings(data, **given)
    data = read_options.with_channels_of(like, data, given=options.get("channels") is not None)
    return read_options.with_windows_of(before, data, **given)


def read_spread(source: Any, *, limit: int | None = None, **options: Any) -> Dataset:
    """`read`; where the first `limit` sequences are sorted by class, so many are drawn from all.

    Each class then has its share of them. The same source gives the same sequences again.

    >>> first, drawn = (take("japanese-vowels", limit=40) for take in (read, read_spread))
    >>> len(set(first.part("train").y)), len(set(drawn.part("train").y)), len(drawn)
    (2, 9, 80)
    """
    data = read(source, limit=limit, **options)
    parts = [data.part(name) for name in data.part_names] or [data]
    if limit is None or not any(len(part) == limit and _is_sorted(part) for part in parts):
        return data
    whole = read(source, **options)
    names = np.zeros(len(whole)) if whole.parts is None else whole.parts
    chosen = []
    for name in np.unique(names):
        members = np.flatnonzero(names == name)
        if len(members) > limit:
            labels = whole[members].labels
            _, drawn = split(len(members), limit / len(members), labels=labels)
            members = members[drawn]
        chosen.append(members)
    note = f"{limit} of each part, drawn from all of it: the first {limit} are sorted by class"
    return replace(whole[np.sort(np.concatenate(chosen))], notes=(*whole.notes, note))


def _is_sorted(data: Dataset) -> bool:
    """Whether each class of several sequences comes in one run."""
    if data.labels is None or len(data) < 3:
        return False
    _, codes = np.unique(data.labels, return_inverse=True)
    return bool(np.count_nonzero(np.diff(codes)) == codes.max())


def _without_missing(data: Dataset) -> Dataset:
    """The sequences that have a target, and a note on how many have none."""
    count = int(data.missing_targets.sum())
    notes = (*data.notes, f"{counted(count, 'sequence')} without a target left out")
    return replace(data.drop_missing(), notes=notes if count else data.notes)


def read_plainly(source: Any, *, part: str | None, limit: int | None, **options: Any) -> Dataset:
    """A data set as its reader gives it, or its catalog entry; `options` with the format."""
    if not isinstance(source, str | Path):
        return _read_object(source, part=part, limit=limit, **options)
    path = Path(source).expanduser()
    is_path = str(source).startswith((".", "/", "~")) or bool(path.suffix)
    if isinstance(source, str) and not is_path and not is_there(path):
        return catalog.read_named(source, part=part, limit=limit, **options)
    sources = find_sources(path, format=options.pop("format"))
    data = read_sources(sources, part=part, limit=limit, **options)
    aside = left_aside(path, sources)
    notes = (*data.notes, f"left aside: {', '.join(aside)}") if aside else data.notes
    return replace(data, name=data.name or sources[0].name or path.resolve().name, notes=notes)


def write(
    data: Dataset,
    folder: str | Path,
    *,
    format: str = "npz",  # noqa: A002 (its usual name)
    overwrite: bool = False,
) -> Path:
    """Write a data set as a folder that `read` gives back; it appears whole or not at all.

    Args:
        data: the data set; its parts become files or folders where the format has no other way.
        folder: a new or empty folder.
        format: "dat" (numbers as classes, one channel or several), "ts" (one label a sequence),
            "npz" or "arrow" (everything that a data set can hold).
        overwrite: replace a folder that holds a data set and nothing else.

    Returns:
        The folder.

    Raises:
        FileError: the folder is not empty.
        DataError: the format cannot hold this data set.
        OptionError: no such format, or one that segue only reads.
        WriteError: the disk is full or read-only; nothing is left behind.

    >>> import tempfile
    >>> data = Dataset([[0.5, 1.0], [2.0]], ["slow", "fast"])
    >>> read(write(data, tempfile.mkdtemp(), format="ts")).y
    array(['slow', 'fast'], dtype='<U4')
    """
    reader, target = reader_named(format), Path(folder)
    check_free(target, overwrite=overwrite)
    cure = "Free some space, or choose another folder."
    with replacing_folder(target, cure=cure) as temporary:
        reader.write(temporary, data)
    return target


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is in use.

    Args:
        folder: the folder to be made; an empty one may be there already.
        overwrite: let a folder be replaced that holds a data set, and nothing but a data set.

    Raises:
        FileError: the folder is not empty and `overwrite` is not set, or it holds other things.
    """
    if folder.exists() and not folder.is_dir():
        raise FileError("is a file; expected the folder to be written.", path=folder)
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise FileError(
            "is not empty. Choose another folder, or replace it with --overwrite (in Python "
            "overwrite=True).",
            path=folder,
        )
    strange = [path for path in sorted(folder.rglob("*")) if not _is_data(path)]
    if strange:
        raise FileError(
            f"holds more than a data set ({strange[0].relative_to(folder)}), so it is not "
            "replaced. Choose another folder.",
            path=folder,
        )


def _is_data(path: Path) -> bool:
    if path.is_dir():
        return part_named(path.name) is not None
    # Sounds, tables and the like are never written by segue, so they are somebody's own.
    own = [reader for reader in READERS if not (reader.single_files or reader.folders)]
    return any(reader.knows(path.name) for reader in own)


def _read_object(source: Any, *, part: str | None, limit: int | None, **options: Any) -> Dataset:
    """A data frame with the options of a table, or another object that holds sequences."""
    if options.pop("format") is not None:
        raise OptionError("An object of Python has no format: leave out `format`.")
    if (options.get("like") or {}).get("format") != "table":
        options.pop("like", None)
    if limit is not None and isinstance(source, Iterator):
        source = islice(source, limit)
    is_said = bool(options.keys() - {"drop_missing"})
    source = as_frame(with_times(source), is_table=is_said)
    is_table = is_said or objects.is_table(source)
    data: Any = None if is_table or isinstance(source, np.memmap) else objects.adapted(source)
    if is_table or (data is source and objects.is_frame(source)):  # texts alone may be lists
        data = objects.read_table(source, **options)
    elif isinstance(source, np.memmap):
        mapped = sequences_from_mapped(source, None, joined=False)
        data = Dataset(Sequences.from_array(source) if mapped is None else mapped)
    elif data is source:
        raise DataError(
            f"{type(source).__name__} is no source; expected a name, a path, or one of"
            f"{objects.KINDS}"
        )
    return limited(data if part is None else data.part(part), limit)
