"""The catalog of named data sets: where they are downloaded from, and where they are cached.

Each has an entry in `data/catalog.toml`; those of an archive are listed by name beside it.

A name is looked for in the package, then below the folder that the environment variable
`SEGUE_DATA` names, then in the cache (`SEGUE_CACHE`, or this system's usual place), and then it is
downloaded from its public source.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from segue.data.dataset import Dataset
from segue.errors import DataNotFoundError, OptionError, did_you_mean
from segue.readers.blocks import limited
from segue.readers.fetching import (
    Checksum,
    Fetch,
    Remote,
    cache_folder,
    checksums,
    fetch_all,
)
from segue.readers.sources import find_sources, how_to_give, read_sources

_ARCHIVE = "https://www.timeseriesclassification.com/aeon-toolkit/"


@dataclass(frozen=True)
class Entry:
    """One named data set.

    Attributes:
        name: what `segue.read` takes.
        about: one line for lists.
        source: where it comes from, and whom to cite.
        licence: what is known of it.
        folder: below `SEGUE_DATA` and the cache; for a shipped one below the package's data.
        stem: what the names of its files begin with, where the folder may hold others.
        remotes: what a download brings; nothing for a shipped one, and for one without a public
            source.
        validation: so many training sequences, the last ones, are the part "validation", unless
            `validation=False` is given.
        shipped: it is part of the package.
        options: of the reader, where the user gives none.
        rate_hz: steps per second, where the files do not hold it.
        class_names: the names of the classes 1, 2, ...
    """

    name: str
    about: str
    source: str
    licence: str
    folder: str
    stem: str = ""
    remotes: tuple[Remote, ...] = ()
    validation: int = 0
    shipped: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    rate_hz: float | None = None
    class_names: Sequence[str] = ()


_SAME = {"basic-motions": "uea/BasicMotions", "uea/JapaneseVowels": "japanese-vowels"}
_DATA = Path(__file__).with_name("data")


@cache
def _catalog() -> tuple[dict[str, Entry], dict[str, dict[str, str]]]:
    """The data sets that have an entry of their own, and the archives, which have many."""
    found = tomllib.loads((_DATA / "catalog.toml").read_text(encoding="utf-8"))
    for row in found["entry"]:
        row["remotes"] = tuple(Remote(**remote) for remote in row.pop("remotes", ()))
    return {row["name"]: Entry(**row) for row in found["entry"]}, found["archives"]


def names() -> list[str]:
    """Return the name of every data set, those of the archives last.

    >>> names()[:4]
    ['activity', 'authors', 'basic-motions', 'instruments']
    """
    entries, archives = _catalog()
    own = sorted([*entries, "basic-motions"])
    return own + [f"{archive}/{name}" for archive in archives for name in _members(archive)]


def describe(name: str) -> Entry:
    """Return what is known of a named data set.

    Raises:
        DataNotFoundError: no such name; a near one is suggested.

    >>> describe("ucr/GunPoint").about
    'GunPoint: one channel, of the UCR archive of 2018'
    """
    wanted, (entries, archives) = _SAME.get(name, name), _catalog()
    if wanted in entries:
        return entries[wanted]
    archive, _, member = wanted.partition("/")
    if archive in archives and (member in _members(archive) or _given(wanted)):
        files = (f"{member}_TRAIN.ts", f"{member}_TEST.ts")
        return Entry(
            name,
            f"{member}: {archives[archive]['about']}",
            archives[archive]["source"],
            "not stated",
            wanted,
            stem=member,
            remotes=(Remote(f"{_ARCHIVE}{member}.zip", members=files),),
        )
    hint = did_you_mean(name, names())
    hint = how_to_give(name) or (hint if "Did you mean" in hint else "")
    raise DataNotFoundError(
        f"There is no file, folder or named data set {name!r}.{hint} "
        "`segue data list` shows all names."
    )


def locate(entry: Entry, *, fetch: Fetch | None = None) -> Path:
    """Return the folder (or the beginning of its files' names) where a data set lies.

    Args:
        entry: as `describe` gives it.
        fetch: how to get a URL into a file, if it is neither in `SEGUE_DATA` nor in the cache.

    Raises:
        DataNotFoundError: it is nowhere, and cannot be downloaded.
    """
    if entry.shipped:
        return _DATA / entry.folder
    folder = _given(entry.folder)
    if folder is None and not entry.remotes:
        raise DataNotFoundError(
            f"The data set {entry.name!r} is not on this machine, and cannot be downloaded: "
            f"{entry.source}. Put it into {_place(entry)}; or read another folder by its path."
        )
    try:
        folder = folder or fetch_all(entry.remotes, cache_folder() / entry.folder, fetch=fetch)
    except DataNotFoundError as error:
        files = ", ".join(name for remote in entry.remotes for name in remote.files)
        raise DataNotFoundError(
            f"The data set {entry.name!r} is not on this machine. {error} Try again with a "
            f"network; or put {files} into {_place(entry)}."
        ) from error
    return folder / entry.stem if entry.stem else folder


def checksums_of(entry: Entry) -> list[Checksum]:
    """What the files of a data set are held against; nothing for those that are not downloaded."""
    if entry.shipped or _given(entry.folder) is not None:
        return []
    return checksums(entry.remotes, cache_folder() / entry.folder)


def _place(entry: Entry) -> str:
    return (
        f"{entry.folder}/ below a folder of your own, and set the environment variable SEGUE_DATA "
        "to that folder"
    )


def read_named(
    name: str,
    *,
    part: str | None = None,
    limit: int | None = None,
    format: str | None = None,  # noqa: A002 (its usual name)
    fetch: Fetch | None = None,
    **options: Any,
) -> Dataset:
    """Read a named data set; see `segue.read`."""
    entry = describe(name)
    validation = options.pop("validation", True) if entry.validation else False
    if not isinstance(validation, bool):
        raise OptionError(f"validation={validation!r}; expected True or False.")
    usual = _usual(entry, options)
    options = {**usual, **options}
    sources = find_sources(locate(entry, fetch=fetch), format=format)
    if not validation:
        data = read_sources(sources, part=part, limit=limit, **options)
    else:
        whole = "train" if part in ("train", "validation") else part
        # The validation part lies at the end of the file, so the file is read to its end.
        data = _set_aside(read_sources(sources, part=whole, **options), entry.validation)
        data = limited(data if part is None else data.part(part), limit)
    classes, names = data.classes, entry.class_names
    if names and classes is not None and set(classes) <= set(range(1, len(names) + 1)):
        classes = tuple(names[number - 1] for number in classes)
    notes = (f"{option}={value}, if nothing else is said" for option, value in usual.items())
    return replace(
        data,
        name=name,
        rate_hz=data.rate_hz or entry.rate_hz,
        classes=classes,
        notes=(*data.notes, *notes),
    )


def _usual(entry: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a data set that are not given, nor known from a model."""
    given = {*options, *(options.get("like") or ())}
    if "chunk" in given:  # says what the unit is, too
        given.add("unit")
    return {name: value for name, value in entry.options.items() if name not in given}


def _set_aside(data: Dataset, count: int) -> Dataset:
    """Make the last `count` training sequences the part "validation"."""
    if data.parts is None:
        return data
    parts = data.parts.astype("<U10")
    training = (parts == "train").nonzero()[0]
    parts[training[len(training) - count :]] = "validation"
    return replace(data, parts=parts)


def _members(archive: str) -> list[str]:
    return (_DATA / f"{archive}.txt").read_text(encoding="ascii").split()


def _given(folder: str) -> Path | None:
    """The folder below `SEGUE_DATA`, if it is there."""
    root = os.environ.get("SEGUE_DATA")
    path = Path(root or "") / folder
    return path if root and path.is_dir() else None
