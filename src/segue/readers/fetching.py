"""Downloads into the cache: whole or not at all, with checksums verified at every read.

Beside the files of a data set the cache keeps `SHA256SUMS`, which `sha256sum -c` understands. Where
a checksum is known beforehand, a download that differs is refused. Where none is (the archives do
not publish any), the first download is trusted, and what comes later is held against it, also when
the folder was deleted meanwhile: `<folder>.SHA256SUMS` beside it stays.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from segue.atomic import replacing_folder, write_text
from segue.errors import DataNotFoundError, FileError
from segue.extras import require
from segue.progress import Progress
from segue.readers.packed import check_unpacked

SUMS = "SHA256SUMS"
_CHUNK = 1 << 16  # bytes
_FIRST = "# first downloaded, and trusted, on "  # a line that `sha256sum` leaves out
Fetch = Callable[[str, Path], None]


@dataclass(frozen=True)
class Remote:
    """One file to be fetched.

    Attributes:
        url: where it is.
        sha256: its checksum, where it is known beforehand.
        members: for a `.zip`: the files to take out of it, wherever in it they are. Only these
            names are written, so an archive cannot write a file anywhere else.
    """

    url: str
    sha256: str | None = None
    members: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The names under which it lies in the cache."""
        return self.members or (self.url.rpartition("/")[2],)


@dataclass(frozen=True)
class Checksum:
    """What a downloaded file is held against.

    Attributes:
        file: its name.
        sha256: 64 hexadecimal digits.
        since: the day of the first download, which was trusted; `None`: segue knows it beforehand.
    """

    file: str
    sha256: str
    since: str | None = None


def cache_folder() -> Path:
    """Return where downloads are kept: `SEGUE_CACHE`, or this system's usual place."""
    named = os.environ.get("SEGUE_CACHE")
    if named:
        return Path(named)
    return Path(_pooch().os_cache("segue"))


def fetch_all(remotes: tuple[Remote, ...], folder: Path, *, fetch: Fetch | None = None) -> Path:
    """Return the folder with all files, after fetching them if they are not there yet.

    Args:
        remotes: what is to be there.
        folder: where; it appears when everything has come and been checked.
        fetch: called with a URL and the path to write; `download` if left out.

    Raises:
        DataNotFoundError: a file cannot be fetched.
        FileError: a checksum that differs, or an archive that is damaged or lacks a file.
        WriteError: the disk is full or read-only.
    """
    names = [name for remote in remotes for name in remote.files]
    known = _first_sums(folder)
    if all((folder / name).is_file() for name in [*names, SUMS]):
        verify(folder, names)
        return folder
    cure = "Free some space, or name another folder in SEGUE_CACHE."
    with replacing_folder(folder, cure=cure) as temporary:
        for remote in remotes:
            _fetch_one(remote, temporary, fetch or download)
        lines = [f"{sha256_of(temporary / name)}  {name}\n" for name in names]
        (temporary / SUMS).write_text("".join(lines), encoding="ascii")
        _compare(known, lines)
    if not known.is_file():
        write_text(known, "".join([f"{_FIRST}{date.today().isoformat()}\n", *lines]))
    return folder


def _first_sums(folder: Path) -> Path:
    """The checksums of the first download, which stay where the folder is deleted."""
    return folder.with_name(f"{folder.name}.{SUMS}")


def checksums(remotes: tuple[Remote, ...], folder: Path) -> list[Checksum]:
    """The checksums that hold for a data set in the cache, as far as there are any.

    Args:
        remotes: what a download brings.
        folder: where it lies, or would lie.
    """
    path = _first_sums(folder) if _first_sums(folder).is_file() else folder / SUMS
    first = _sums(path) if path.is_file() else {}
    line = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0] if first else ""
    day = line.removeprefix(_FIRST) if line.startswith(_FIRST) else ""  # older versions: the file's
    day = day or (date.fromtimestamp(path.stat().st_mtime).isoformat() if first else "")
    found = []
    for remote in remotes:
        if remote.sha256 is not None:
            found.append(Checksum(remote.url.rpartition("/")[2], remote.sha256))
        else:
            found += [Checksum(name, first[name], day) for name in remote.files if name in first]
    return found


def _compare(known: Path, lines: list[str]) -> None:
    """Raise `FileError` where a download differs from the first one, which was trusted."""
    before = _sums(known) if known.is_file() else {}
    now = {name: sha256 for sha256, _, name in (line.rstrip().partition("  ") for line in lines)}
    changed = [name for name, sha256 in now.items() if before.get(name, sha256) != sha256]
    if changed:
        raise FileError(
            f"{', '.join(changed)} is not what was downloaded the first time (SHA-256 in {known}). "
            "If the source is known to have changed, delete that file; else do not use it.",
            path=known,
        )


def _sums(path: Path) -> dict[str, str]:
    """The checksums of a `SHA256SUMS` by name."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    parted = (line.partition("  ") for line in lines if not line.startswith("#"))
    return {name: sha256 for sha256, _, name in parted}


def verify(folder: Path, names: Iterable[str]) -> None:
    """Hold the files of a folder against its `SHA256SUMS`, which must have each of them.

    Raises:
        FileError: a file is not what it was when it was downloaded.
    """
    expected = _sums(folder / SUMS)
    for name in names:
        if sha256_of(folder / name) != expected.get(name):
            raise FileError(
                f"is not what it was when it was downloaded (SHA-256 in {SUMS}). "
                f"Delete the folder {folder} to download it again.",
                path=folder / name,
            )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pooch() -> Any:
    """Import pooch, without what its tqdm says in a notebook of widgets that are not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return require("pooch")


def download(url: str, path: Path) -> None:
    """Fetch a URL over HTTPS, with a progress bar on a terminal and one line elsewhere."""
    pooch = _pooch()
    with Progress() as progress:
        if progress.style == "lines":
            progress.write(f"Downloading {url}")
        bar = progress.style == "bar" and _Bar(progress, path.name)
        pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK)(url, str(path), None)


@dataclass
class _Bar:
    """A bar under the names that pooch knows from tqdm; pooch sets `total` first."""

    progress: Progress
    name: str
    total: int = 0
    done: int = 0

    def update(self, count: int) -> None:
        self.done += count
        self.progress.show(self.name, share=self.done / self.total if self.total else None)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        """Nothing: the bar closes with its block."""


def _fetch_one(remote: Remote, folder: Path, fetch: Fetch) -> None:
    path = folder / remote.url.rpartition("/")[2]
    try:
        fetch(remote.url, path)
    except OSError as error:  # that of requests and of urllib too
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        reason = f"{type(error).__name__}: {str(error)[:100]}"
        raise DataNotFoundError(f"{remote.url} could not be fetched ({reason}).") from error
    if remote.sha256 is not None and sha256_of(path) != remote.sha256:
        raise FileError(
            f"{remote.url} is not the file it should be: its SHA-256 is {sha256_of(path)}, "
            f"expected {remote.sha256}. Try again, or fetch it from elsewhere."
        )
    if remote.members:
        _unpack(path, remote, folder)
        path.unlink()


def _unpack(path: Path, remote: Remote, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            check_unpacked(sum(one.file_size for one in archive.infolist()), path.stat().st_size)
            inside = {name.rpartition("/")[2]: name for name in archive.namelist()}
            missing = [name for name in remote.members if name not in inside]
            if missing:
                raise FileError(f"{remote.url} does not contain {', '.join(missing)}.")
            for name in remote.members:
                with archive.open(inside[name]) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except zipfile.BadZipFile as error:
        raise FileError(f"{remote.url} is not a whole .zip file ({error}).") from error
