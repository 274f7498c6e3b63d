"""Data sets that segue knows by name: where they come from, and where they are kept.

A name is looked for in the package, then below the folder that the environment variable
`SEGUE_DATA` names, then in the cache (`SEGUE_CACHE`, or this system's usual place), and then it is
downloaded from its public source.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from segue.dataset import Dataset
from segue.errors import DataNotFoundError, OptionError, did_you_mean
from segue.readers.fetching import Fetch, Remote, cache_folder, fetch_all
from segue.readers.pieces import find_pieces, limited, read_pieces

_ARCHIVE = "https://www.timeseriesclassification.com/aeon-toolkit/"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"


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
        rate_hz: steps per second, where the files do not say.
        class_names: what the numbers of the classes stand for, from 1 on.
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
    options: tuple[tuple[str, Any], ...] = ()
    rate_hz: float | None = None
    class_names: tuple[str, ...] = ()


_ENTRIES = (
    Entry(
        "japanese-vowels",
        "9 speakers from 2 vowels: 270 + 370 sequences, 12 channels, 7 to 29 steps",
        "Kudo, Toyama, Shimbo (1999), UCI Machine Learning Repository, doi 10.24432/C5NS47",
        "CC BY 4.0",
        "japanese_vowels",
        shipped=True,
    ),
    Entry(
        "mnist-rows",
        "handwritten digits row by row: 55,000 + 5,000 + 10,000 sequences, 28 channels, 28 steps",
        "LeCun, Cortes, Burges, The MNIST database of handwritten digits",
        "not stated",
        "mnist",
        remotes=(
            Remote(
                f"{_MNIST}train-images-idx3-ubyte.gz",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            Remote(
                f"{_MNIST}train-labels-idx1-ubyte.gz",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            Remote(
                f"{_MNIST}t10k-images-idx3-ubyte.gz",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            Remote(
                f"{_MNIST}t10k-labels-idx1-ubyte.gz",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        validation=5_000,
    ),
    Entry(
        "sunspots",
        "one sequence: the daily sunspot number since 1818; the file grows every month",
        "WDC-SILSO, Royal Observatory of Belgium, Brussels, doi 10.24414/qnza-ac80",
        "CC BY-NC 4.0",
        "sunspots",
        remotes=(Remote("https://www.sidc.be/SILSO/DATA/SN_d_tot_V2.0.csv"),),
    ),
    Entry(
        "instruments",
        "notes of flute, piano and trumpet: 441 + 189 sounds of 3,528 samples, 8 kHz",
        "rendered from banks of sampled instruments; it has no public source",
        "not stated",
        "instruments",
    ),
    Entry(
        "authors",
        "who wrote this sentence? 10,580 + 2,422 sentences of four presidents",
        "annual messages to the Congress of the United States, 1885 to 1912; it has no public "
        "source in this form",
        "public domain",
        "authors",
        options=(("unit", "sentence"),),
    ),
    Entry(
        "activity",
        "12 activities of 30 people, a label each step: 61 recordings, 6 channels, 10 Hz",
        "every fifth step of HAPT, Reyes-Ortiz et al. (2016), Neurocomputing 171, 754-767, doi "
        "10.24432/C54G7M; it has no public source in this form",
        "not stated",
        "activity",
        rate_hz=10.0,
        class_names=(
            *("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "lying"),
            *("stand to sit", "sit to stand", "sit to lie", "lie to sit"),
            *("stand to lie", "lie to stand"),
        ),
    ),
)
_SAME = {"basic-motions": "uea/BasicMotions", "uea/JapaneseVowels": "japanese-vowels"}
_ARCHIVES = {
    "ucr": (
        "one channel, of the UCR archive of 2018",
        "Dau et al. (2019), The UCR time series archive, IEEE/CAA J. Autom. Sinica 6(6)",
    ),
    "uea": (
        "several channels, of the UEA archive of 2018",
        "Bagnall et al. (2018), The UEA multivariate time series classification archive, "
        "arXiv:1811.00075",
    ),
}


def names() -> list[str]:
    """Return the name of every data set, those of the archives last.

    >>> names()[:4]
    ['activity', 'authors', 'basic-motions', 'instruments']
    """
    own = sorted([*(entry.name for entry in _ENTRIES), "basic-motions"])
    return own + [f"{archive}/{name}" for archive in _ARCHIVES for name in _members(archive)]


def describe(name: str) -> Entry:
    """Return what is known of a named data set.

    Raises:
        DataNotFoundError: no such name; a near one is suggested.

    >>> describe("ucr/GunPoint").about
    'GunPoint: one channel, of the UCR archive of 2018'
    """
    wanted = _SAME.get(name, name)
    for entry in _ENTRIES:
        if entry.name == wanted:
            return entry
    archive, _, member = wanted.partition("/")
    if archive in _ARCHIVES and (member in _members(archive) or _given(wanted)):
        return _archive_entry(name, archive, member)
    raise DataNotFoundError(
        f"There is no file, folder or named data set {name!r}.{_hint(name)} "
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
        return Path(str(resources.files("segue.readers") / "data" / entry.folder))
    folder = _given(entry.folder) or _fetched(entry, fetch)
    return folder / entry.stem if entry.stem else folder


def _fetched(entry: Entry, fetch: Fetch | None) -> Path:
    if not entry.remotes:
        raise DataNotFoundError(
            f"The data set {entry.name!r} is not on this machine, and cannot be downloaded: "
            f"{entry.source}. Put it into {entry.folder}/ below a folder of your own, and set the "
            "environment variable SEGUE_DATA to that folder; or read another folder by its path."
        )
    try:
        return fetch_all(entry.remotes, cache_folder() / entry.folder, fetch=fetch)
    except DataNotFoundError as error:
        files = [name for remote in entry.remotes for name in remote.files]
        raise DataNotFoundError(
            f"The data set {entry.name!r} is not on this machine. {error} Try again with a "
            f"network; or put {', '.join(files)} into {entry.folder}/ below a folder of your "
            "own, and set the environment variable SEGUE_DATA to that folder."
        ) from error


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
    notes = tuple(f"{name}={value}, if nothing else is said" for name, value in usual.items())
    options = {**usual, **options}
    pieces = find_pieces(locate(entry, fetch=fetch), format=format)
    if not validation:
        data = read_pieces(pieces, part=part, limit=limit, **options)
    else:
        whole = "train" if part in ("train", "validation") else part
        # The validation part lies at the end of the file, so the file is read to its end.
        data = _set_aside(read_pieces(pieces, part=whole, **options), entry.validation)
        data = limited(data if part is None else data.part(part), limit)
    return replace(
        data,
        name=name,
        rate_hz=data.rate_hz or entry.rate_hz,
        classes=_class_names(data.classes, entry.class_names),
        notes=(*data.notes, *notes),
    )


def _usual(entry: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a data set that are not given, nor known from a model."""
    given = {*options, *(options.get("like") or ())}
    if "chunk" in given:  # says what the unit is, too
        given.add("unit")
    return {name: value for name, value in entry.options if name not in given}


def _class_names(classes: tuple[Any, ...] | None, names: tuple[str, ...]) -> tuple[Any, ...] | None:
    """The names of classes that are numbers from 1 on, where they are known."""
    if not names or classes is None or not set(classes) <= set(range(1, len(names) + 1)):
        return classes
    return tuple(names[number - 1] for number in classes)


def _set_aside(data: Dataset, count: int) -> Dataset:
    """Make the last `count` training sequences the part "validation"."""
    if data.parts is None:
        return data
    parts = data.parts.astype("<U10")
    training = (parts == "train").nonzero()[0]
    parts[training[len(training) - count :]] = "validation"
    return replace(data, parts=parts)


def _archive_entry(name: str, archive: str, member: str) -> Entry:
    about, source = _ARCHIVES[archive]
    files = (f"{member}_TRAIN.ts", f"{member}_TEST.ts")
    return Entry(
        name,
        f"{member}: {about}",
        source,
        "not stated",
        f"{archive}/{member}",
        stem=member,
        remotes=(Remote(f"{_ARCHIVE}{member}.zip", members=files),),
    )


def _members(archive: str) -> list[str]:
    listed = resources.files("segue.readers") / "data" / f"{archive}.txt"
    return listed.read_text(encoding="ascii").split()


def _given(folder: str) -> Path | None:
    """The folder below `SEGUE_DATA`, if it is there."""
    root = os.environ.get("SEGUE_DATA")
    path = Path(root or "") / folder
    return path if root and path.is_dir() else None


def _hint(name: str) -> str:
    """Near names, whatever their case; without any, those that stand at the top of the list."""
    known = {known.lower(): known for known in names()}
    hint = did_you_mean(name, known)
    for lower, right in known.items():
        hint = hint.replace(f'"{lower}"', f'"{right}"')
    return hint if "Did you mean" in hint else ""
