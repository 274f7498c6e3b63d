"""Finding sources below a path: the files to read, their formats, and their parts."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from segue.data.dataset import Dataset
from segue.errors import DataError, DataNotFoundError, FileError, did_you_mean, refuse_pointer
from segue.readers.blocks import errors_of, join_names, join_parts, limited
from segue.readers.registry import READERS, Reader, part_named, reader_named

_SUBMISSION = re.compile(r".*submission.*\.csv.*", re.IGNORECASE)
_ORDER = (None, "train", "validation", "test")


@dataclass(frozen=True)
class Source:
    """One file or folder that a reader can take, and the part it is.

    Attributes:
        reader: the format.
        path: a file; or a folder, for a format that is a folder of files.
        name: the name of the data set, as far as that of the file holds it.
        part: "train", "validation", "test", or None.
    """

    reader: Reader
    path: Path
    name: str
    part: str | None


class Inside(NamedTuple):
    """The names of what is in a folder."""

    files: list[str]
    folders: list[str]


GROUPS = "groups.csv"  # beside folders: what the files in them come from


def list_folder(folder: Path) -> Inside:
    """Return the names in a folder, sorted, without the hidden ones.

    Raises:
        FileError: it cannot be read.
    """
    with errors_of(folder), os.scandir(folder) as entries:
        seen = sorted((e.name, e.is_dir()) for e in entries if not e.name.startswith("."))
    files = [name for name, is_folder in seen if not is_folder]
    return Inside(files, [name for name, is_folder in seen if is_folder])


def how_to_give(source: str | Path) -> str:
    """What to do about a source that is an address or a pattern; "" for any other.

    >>> how_to_give("https://example.org/a.csv")
    ' An address is not read: download it, and give the file.'
    """
    if re.match(r"[A-Za-z][\w+.-]+:/", str(source)):  # of two slashes a path keeps one
        return " An address is not read: download it, and give the file."
    if re.search(r"[*?\[]", str(source)):
        return " A pattern is not filled in: give the folder, or what the files' names begin with."
    return ""


def find_sources(path: Path, *, format: str | None = None) -> list[Source]:  # noqa: A002 (its usual name)
    """Find what there is to read: the sources of one data set, each another part.

    Args:
        path: a file, a folder, or what the names of several files begin with (`data/GunPoint` for
            `data/GunPoint_TRAIN.tsv` and `data/GunPoint_TEST.tsv`).
        format: take only files of this format.

    Raises:
        DataNotFoundError: nothing is there.
        FileError: nothing that segue can read, or several data sets to choose from.
    """
    readers = READERS if format is None else (reader_named(format),)
    if path.is_file():
        return [_source_from_file(path, readers)]
    if path.is_dir():
        sources = _below_tables(path, readers, _sources_in_folder(path, readers))
        return _one_data_set(sources, path) if sources else _refuse(path)
    sources = _whose_names_begin(path, readers)
    if not sources:
        raise DataNotFoundError(f"there is no such file or folder.{how_to_give(path)}", path=path)
    return _one_data_set(sources, path)


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder, or files whose names begin so."""
    return path.exists() or bool(_whose_names_begin(path, READERS))


def _whose_names_begin(path: Path, readers: tuple[Reader, ...]) -> list[Source]:
    """The files of a data set, such as `data/GunPoint`."""
    sources = _sources_in_folder(path.parent, readers, path.name) if path.parent.is_dir() else []
    return [source for source in sources if source.name == path.name]


def read_sources(
    sources: list[Source], *, part: str | None = None, limit: int | None = None, **options: Any
) -> Dataset:
    """Read the sources and join them as the parts of one data set.

    Args:
        sources: as `find_sources` gives them.
        part: read this part only.
        limit: take so many sequences of each part, from its beginning.
        options: for the reader.
    """
    sources = select_part(sources, part)
    sets = {
        source.part: source.reader.read(source.path, limit=limit, **options) for source in sources
    }
    if None not in sets:
        return limited(join_parts({str(name): data for name, data in sets.items()}), limit)
    # A file may hold parts of its own; then the first few of each are only known afterwards.
    return limited(sets[None] if part is None else sets[None].part(part), limit)


def select_part(sources: list[Source], part: str | None) -> list[Source]:
    """Select the sources of one part, where the sources are parts.

    Raises:
        DataError: there is no such part.
    """
    if part is None or sources[0].part is None:
        return sources
    names = [str(source.part) for source in sources]
    if part not in names:
        raise DataError(f"There is no part {part!r}.{did_you_mean(part, names)}")
    return [source for source in sources if source.part == part]


def _source_from_file(path: Path, readers: tuple[Reader, ...]) -> Source:
    """The source of one file, by the first reader that matches and accepts it."""
    for reader in readers:
        match = reader.matches(path.name)
        if match is None or (len(readers) > 1 and not reader.accepts(path)):
            continue
        if reader.whole_folder:
            raise FileError(f"is one file of many: give its folder, {path.parent}.", path=path)
        groups = match.groupdict()
        return Source(reader, path, groups.get("name") or "", part_named(groups.get("part")))
    refuse_pointer(path)
    raise FileError(f"is of no format that segue reads. {_formats()}", path=path)


def _sources_in_folder(folder: Path, readers: tuple[Reader, ...], begin: str = "") -> list[Source]:
    files = defaultdict(list)
    for file in _own_files(folder):  # there may be a hundred thousand
        for reader in readers if file.startswith(begin) else ():
            if reader.matches(file) and (len(readers) == 1 or reader.accepts(folder / file)):
                files[reader].append(file)
                break
    sources = []
    for reader, own in _chosen(files).items():
        if reader.whole_folder or reader.single_files or reader.takes_folder(folder):
            sources.append(Source(reader, folder, "", part_named(folder.name)))
        else:
            # Of `images.gz` and `images`, unpacked beside it, the latter counts.
            once = [file for file in own if not file.endswith(".gz") or file[:-3] not in own]
            sources += [_source_from_file(folder / file, (reader,)) for file in once]
    return sources


def _own_files(folder: Path) -> list[str]:
    """The files of a folder that may hold data."""
    files, folders = list_folder(folder)
    files = without_submissions(files)
    tables = [name for name in files if name.lower().endswith((".csv", ".tsv"))]
    if folders and tables == [GROUPS]:  # of the files in these folders
        files.remove(GROUPS)
    return files


def _below_tables(folder: Path, readers: tuple[Reader, ...], own: list[Source]) -> list[Source]:
    """Sources in subfolders, where the folder itself has none, or only tables.

    A table may hold the labels of sounds or texts below it.
    """
    if own and not all(source.reader.folders for source in own):
        return own
    deeper = _sources_in_subfolders(folder, readers)
    if own and deeper and all(source.part for source in deeper) and not any(p.part for p in own):
        return deeper  # a table beside the folders of the parts describes them
    if own:
        return [
            source
            for source in deeper
            if source.reader.single_files and all(source.reader.knows(p.path.name) for p in own)
        ] or own
    if any(source.reader.single_files for source in deeper):
        return deeper
    part = part_named(folder.name)
    return [Source(r, folder, "", part) for r in readers if r.takes_folder(folder)] or deeper


def _sources_in_subfolders(folder: Path, readers: tuple[Reader, ...]) -> list[Source]:
    """The folders inside are classes, or parts; those, in turn, may hold a folder for each class.

    A class may be called `train`, too: folders of single files are parts only if all that have
    files are called so.
    """
    names = list_folder(folder).folders
    inside = {name: _sources_in_folder(folder / name, readers) for name in names}
    if any(not p.reader.last for sources in inside.values() for p in sources):
        inside = {name: [p for p in own if not p.reader.last] for name, own in inside.items()}
    singles = {p.reader for name in names for p in inside[name] if p.reader.single_files}
    classes = [
        Source(reader, folder, "", part_named(folder.name))
        for reader in READERS
        if reader in singles
        and any(p.reader is reader for name in names if not part_named(name) for p in inside[name])
    ]
    if classes:
        return classes
    return [
        replace(source, part=part_named(name))
        for name in names
        if part_named(name)
        for source in _below_tables(folder / name, readers, inside[name])
    ]


def _chosen(files: dict[Reader, list[str]]) -> dict[Reader, list[str]]:
    """Leave out what lies beside other data.

    That is the same in another format, notes and pictures, and what belongs to single files, such
    as the labels of sounds.
    """
    names = {reader.name for reader in files}
    files = {reader: own for reader, own in files.items() if reader.instead_of not in names}
    first = {reader: own for reader, own in files.items() if not reader.last}
    last = [reader for reader in files if reader.last]
    own_names = [name for own in first.values() for name in own]
    if not all(any(r.knows(name) and not r.matches(name) for r in last) for name in own_names):
        files = first
    owners = [reader for reader in files if reader.single_files]
    kept = {
        reader: [n for n in own if reader in owners or not any(o.knows(n) for o in owners)]
        for reader, own in files.items()
    }
    return {reader: own for reader, own in kept.items() if own}


def _one_data_set(sources: list[Source], path: Path) -> list[Source]:
    formats = sorted({source.reader.name for source in sources})
    if len(formats) > 1:
        raise FileError(
            f"holds files of several formats ({', '.join(formats)}): "
            f"choose with format={formats[0]!r}.",
            path=path,
        )
    names = sorted({source.name for source in sources})
    if len(names) > 1:
        stems = [str(path / name) for name in names if name]
        raise FileError(
            f"holds {len(names)} data sets ({_first(names)}): "
            f"choose one, such as segue.read({stems[0]!r}).",
            path=path,
        )
    parts = [source.part for source in sources]
    if len(set(parts)) < len(parts) or (len(parts) > 1 and None in parts):
        files = _first([source.path.name for source in sources])
        raise FileError(
            f"holds files that cannot be told apart as train, validation and test: {files}. "
            "Give one file, or rename them to <Name>_TRAIN and <Name>_TEST.",
            path=path,
        )
    return sorted(sources, key=lambda source: _ORDER.index(source.part))


def _refuse(folder: Path) -> list[Source]:
    files, folders = list_folder(folder)
    for name in files[:100]:
        refuse_pointer(folder / name)
    if not files and not folders:
        raise FileError("is an empty folder.", path=folder)
    inside = [name for name in folders if _sources_in_folder(folder / name, READERS)]
    if inside:
        raise FileError(
            f"holds folders with data ({_first(inside)}) and no data of its own: "
            f"choose one, such as segue.read({str(folder / inside[0])!r}).",
            path=folder,
        )
    raise FileError(
        f"holds nothing that segue reads, only {_first(sorted(files + folders))}. " + _formats(),
        path=folder,
    )


def left_aside(path: Path, sources: list[Source]) -> list[str]:
    """The tables of a folder that are not read: how to hand in answers, and what is about parts."""
    table = reader_named("table")
    if not path.is_dir() or not all(source.reader is table for source in sources):
        return []
    files = [file for file in list_folder(path).files if table.matches(file)]
    if all(path in source.path.parents and source.path.is_dir() for source in sources):
        return [file for file in files if table.accepts(path / file)]
    kept = without_submissions(files)
    return [file for file in files if file not in kept]


def without_submissions(files: list[str]) -> list[str]:
    """Leave out `sample_submission.csv` and the like, which hold no data."""
    others = [name for name in files if not _SUBMISSION.fullmatch(name)]
    return others or files


def _first(names: list[str]) -> str:
    return join_names(names, 5, shown=lambda name: name or "(no name)")


def _formats() -> str:
    return "Known formats:\n" + "\n".join(f"  {r.name:<6} {r.about}" for r in READERS)
