"""Named data sets: found where they lie, fetched once, checked ever after. Without a network."""

from __future__ import annotations

import json
import os
import shutil
import threading
import zipfile
from datetime import date
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.cli import main
from segue.errors import DataNotFoundError, FileError, OptionError, WriteError
from segue.readers import catalog, describe, names, read
from segue.readers.fetching import SUMS, Remote, fetch_all, sha256_of

TS = "@classLabel true a b\n@data\n1,2:a\n3,4,5:b\n"


class Server:
    """Stands for the network: gives files of a folder, and counts how often it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []

    def __call__(self, url: str, path: Path) -> None:
        self.asked.append(url)
        shutil.copyfile(self.folder / url.rpartition("/")[2], path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no folder of data sets."""
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEGUE_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A server with one archive, whose members lie in places where they must not be written."""
    folder = tmp_path / "server"
    folder.mkdir()
    with zipfile.ZipFile(folder / "GunPoint.zip", "w") as archive:
        archive.writestr("../../GunPoint_TRAIN.ts", TS)
        archive.writestr("/deep/inside/GunPoint_TEST.ts", TS)
        archive.writestr("../evil.py", "raise SystemExit")
        archive.writestr("GunPoint_eq_TRAIN.ts", "other data")
    return Server(folder)


def test_shipped(cache: Path) -> None:
    """Japanese Vowels comes with the package: no data folder, no network."""
    data = read("japanese-vowels")
    assert [len(data.part(part)) for part in data.part_names] == [270, 370]
    assert data.x.channels == 12
    assert data.x.length_range == (7, 29)
    assert data.classes == tuple(range(1, 10))
    assert data.name == "japanese-vowels"
    assert not cache.exists()


def test_an_archive_is_fetched_once(cache: Path, server: Server) -> None:
    """Only the two files asked for are taken out of an archive, wherever they say they belong."""
    for _ in range(2):
        data = catalog.read_named("ucr/GunPoint", fetch=server)
        assert (len(data), data.part_names, data.name) == (4, ("train", "test"), "ucr/GunPoint")
    assert server.asked == ["https://www.timeseriesclassification.com/aeon-toolkit/GunPoint.zip"]
    files = sorted(
        path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()
    )
    names = ("GunPoint_TEST.ts", "GunPoint_TRAIN.ts", SUMS)
    assert files == [f"ucr/GunPoint.{SUMS}", *(f"ucr/GunPoint/{name}" for name in names)]
    assert not list(cache.parent.rglob("evil.py"))


def test_changed_files_are_noticed(cache: Path, server: Server) -> None:
    """What the first download brought is held against the files at every later reading."""
    catalog.read_named("ucr/GunPoint", fetch=server)
    path = cache / "ucr" / "GunPoint" / "GunPoint_TRAIN.ts"
    path.write_text(TS.replace("3,4,5", "3,4,6"))
    with pytest.raises(FileError, match="is not what it was when it was downloaded"):
        catalog.read_named("ucr/GunPoint", fetch=server)
    shutil.rmtree(cache / "ucr" / "GunPoint")
    assert len(catalog.read_named("ucr/GunPoint", fetch=server)) == 4


def test_the_first_download_is_trusted_and_no_other(cache: Path, server: Server) -> None:
    """The checksums stay where the folder is deleted; another file under the same address is said.

    Over HTTP, from a server of this machine.
    """
    folder = server.folder
    (folder / "numbers.csv").write_text("1;2;3")

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as local:
        threading.Thread(target=local.serve_forever, daemon=True).start()
        remotes = (Remote(f"http://127.0.0.1:{local.server_port}/numbers.csv"),)
        fetch_all(remotes, cache / "numbers")
        (folder / "numbers.csv").write_text("1;2;4")
        fetch_all(remotes, cache / "numbers")  # that of the cache
        shutil.rmtree(cache / "numbers")
        with pytest.raises(
            FileError, match=r"numbers.SHA256SUMS: numbers.csv is not what was down"
        ):
            fetch_all(remotes, cache / "numbers")
        assert not (cache / "numbers").exists()
        (cache / "numbers.SHA256SUMS").unlink()
        assert (fetch_all(remotes, cache / "numbers") / "numbers.csv").read_text() == "1;2;4"
        local.shutdown()


def test_checksums_are_shown_with_their_day(
    cache: Path, server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a download that was trusted, and of one that is known; none of what is not downloaded."""
    catalog.read_named("ucr/GunPoint", fetch=server)
    train = sha256_of(cache / "ucr" / "GunPoint" / "GunPoint_TRAIN.ts")
    today = date.today().isoformat()
    assert main(["data", "show", "ucr/GunPoint"]) == 0
    shown = capsys.readouterr().out.splitlines()
    line = shown.index(f"SHA-256, trusted on first use ({today}):")
    assert shown[line + 1] == f"  {train}  GunPoint_TRAIN.ts"
    assert main(["data", "show", "ucr/GunPoint", "--json"]) == 0
    sums = json.loads(capsys.readouterr().out)["checksums"]
    assert sums[0] == {"file": "GunPoint_TRAIN.ts", "sha256": train, "since": today}
    mnist = catalog.checksums_of(describe("mnist-rows"))
    assert len(mnist) == 4
    assert not any(one.since for one in mnist)
    assert catalog.checksums_of(describe("japanese-vowels")) == []
    monkeypatch.setenv("SEGUE_DATA", str(cache))
    assert catalog.checksums_of(describe("ucr/GunPoint")) == []


def test_checksums_of_older_versions_are_of_the_day_of_their_file(
    cache: Path, server: Server
) -> None:
    """Their file had no line with the day; before that there was one in the folder only."""
    catalog.read_named("ucr/GunPoint", fetch=server)
    first = cache / "ucr" / f"GunPoint.{SUMS}"
    first.write_text("".join(first.read_text().splitlines(keepends=True)[1:]))
    os.utime(first, (86_400 * 365.25 * 40,) * 2)
    assert {one.since for one in catalog.checksums_of(describe("ucr/GunPoint"))} == {"2010-01-01"}
    first.unlink()
    os.utime(cache / "ucr" / "GunPoint" / SUMS, (86_400 * 365.25 * 41,) * 2)
    assert {one.since for one in catalog.checksums_of(describe("ucr/GunPoint"))} == {"2011-01-01"}
    assert catalog.checksums_of(describe("ucr/Coffee")) == []


@pytest.mark.parametrize("text", ["", "0000  other.csv\n", "\xff\xfe"])
def test_checksums_that_lack_a_file_are_noticed(cache: Path, server: Server, text: str) -> None:
    (server.folder / "numbers.csv").write_text("1;2;3")
    remotes = (Remote("https://example.org/numbers.csv"),)
    fetch_all(remotes, cache / "numbers", fetch=server)
    (cache / "numbers" / SUMS).write_text(text, encoding="latin-1")
    with pytest.raises(FileError, match="is not what it was when it was downloaded"):
        fetch_all(remotes, cache / "numbers", fetch=server)


def test_a_known_checksum(cache: Path, server: Server) -> None:
    """A download that differs from a checksum known beforehand is refused and not kept."""
    (server.folder / "numbers.csv").write_text("1;2;3")
    right = sha256_of(server.folder / "numbers.csv")
    url = "https://example.org/numbers.csv"
    with pytest.raises(FileError, match=r"is not the file it should be: its SHA-256 is"):
        fetch_all((Remote(url, "0" * 64),), cache / "numbers", fetch=server)
    assert not any(cache.iterdir())
    folder = fetch_all((Remote(url, right),), cache / "numbers", fetch=server)
    assert (folder / SUMS).read_text() == f"{right}  numbers.csv\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"<html>", "is not a whole .zip file"), (None, "does not contain GunPoint_TEST.ts")],
)
def test_archives_that_are_broken(
    cache: Path, server: Server, content: bytes | None, message: str
) -> None:
    """An error page instead of an archive, or an archive without the file, leaves nothing."""
    path = server.folder / "GunPoint.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("GunPoint_TRAIN.ts", TS)
    else:
        path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        catalog.read_named("ucr/GunPoint", fetch=server)
    assert not any((cache / "ucr").iterdir())


def test_without_a_network(cache: Path) -> None:
    """The message says what to put where."""

    def offline(url: str, path: Path) -> None:
        raise ConnectionError("no route to host")

    with pytest.raises(DataNotFoundError) as caught:
        catalog.read_named("mnist-rows", fetch=offline)
    message = str(caught.value)
    assert "'mnist-rows' is not on this machine" in message
    assert "train-images-idx3-ubyte.gz could not be fetched (ConnectionError: no route" in message
    assert "put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images" in message
    assert "into mnist/ below a folder of your own, and set the environment variable" in message
    assert not any(cache.iterdir())


def test_a_full_disk_is_not_a_missing_network(cache: Path) -> None:
    """When the cache's disk is full, the message is about the disk."""

    def full(url: str, path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(WriteError, match="No space left on device"):
        catalog.read_named("sunspots", fetch=full)


def test_download_goes_through_pooch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """Off a terminal one line says what is fetched; on one a bar is given to pooch."""
    import pooch

    from segue.readers import fetching

    bars = []

    def fetch(self: pooch.HTTPDownloader, url: str, path: str, _: None) -> None:
        bars.append(self.progressbar)
        Path(path).write_text("content")
        if self.progressbar:
            self.progressbar.total = 7
            self.progressbar.update(7)
            self.progressbar.reset()
            self.progressbar.update(self.progressbar.total)
            self.progressbar.close()

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", fetch)
    fetching.download("https://example.org/a.csv", tmp_path / "a.csv")
    assert capsys.readouterr().err == "Downloading https://example.org/a.csv\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetching.download("https://example.org/a.csv", tmp_path / "a.csv")
    assert bars[0] is False
    assert bars[1] is not False


def test_the_users_folder_comes_first(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SEGUE_DATA` is looked into before the cache, and may hold sets that segue does not list."""
    folder = tmp_path / "mine" / "ucr" / "MyOwnSet"
    folder.mkdir(parents=True)
    (folder / "MyOwnSet_TRAIN.tsv").write_text("1\t2\t3\n")
    monkeypatch.setenv("SEGUE_DATA", str(tmp_path / "mine"))
    assert read("ucr/MyOwnSet").y.tolist() == [1]
    (folder / "MyOwnSet_TRAIN.ts").write_text(TS)
    assert read("ucr/MyOwnSet", format="ts").y.tolist() == ["a", "b"]


def test_a_folder_of_that_name_comes_first(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that also is a folder means the folder, since it lies before the user's eyes."""
    monkeypatch.chdir(tmp_path)
    Path("japanese-vowels").mkdir()
    Path("japanese-vowels", "Mine_TRAIN.tsv").write_text("1\t2\t3\n")
    assert len(read("japanese-vowels")) == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("japanese-vowls", 'Did you mean "japanese-vowels"'),
        ("ucr/gunpoint", 'Did you mean "ucr/GunPoint"'),
        ("JapaneseVowels", 'Did you mean "japanese-vowels"'),
        ("MNIST-rows", 'Did you mean "mnist-rows"'),
    ],
)
def test_near_names(cache: Path, name: str, hint: str) -> None:
    """A misspelt name is answered with the right one, whatever its case."""
    with pytest.raises(DataNotFoundError, match="There is no file, folder or named") as caught:
        read(name)
    assert hint in str(caught.value)


def test_every_name_is_described() -> None:
    """Each name of the list has a description, a source and a place."""
    assert len(names()) == len(set(names())) == 7 + 128 + 30
    for name in names():
        entry = describe(name)
        assert entry.about
        assert entry.source
        assert entry.licence
        assert entry.remotes or entry.shipped or "no public source" in entry.source


def test_a_data_set_without_a_public_source(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Where it is not there, the message says where to put it."""
    monkeypatch.delenv("SEGUE_DATA", raising=False)
    with pytest.raises(DataNotFoundError, match=r"cannot be downloaded.* Put it into instruments/"):
        read("instruments")


def test_validation_of_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last 5,000 training images are for validation, unless it is refused; a limit counts."""
    import struct

    count = 5_003
    for part, size in [("train", count), ("t10k", 3)]:
        images = struct.pack(">4B3I", 0, 0, 8, 3, size, 1, 1) + bytes(n % 251 for n in range(size))
        labels = struct.pack(">4BI", 0, 0, 8, 1, size) + bytes(n % 10 for n in range(size))
        (tmp_path / "mnist").mkdir(exist_ok=True)
        (tmp_path / "mnist" / f"{part}-images-idx3-ubyte").write_bytes(images)
        (tmp_path / "mnist" / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    monkeypatch.setenv("SEGUE_DATA", str(tmp_path))
    data = read("mnist-rows", scale=False)
    assert {p: len(data.part(p)) for p in data.part_names} == {
        "train": 3,
        "validation": 5_000,
        "test": 3,
    }
    validation = read("mnist-rows", part="validation", limit=2, scale=False)
    assert validation.x.values.ravel().tolist() == [3, 4]
    assert len(read("mnist-rows", part="train")) == 3
    assert len(read("mnist-rows", part="train", validation=False)) == count
    assert (
        read("mnist-rows", limit=2).parts.tolist()
        == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    )
    with pytest.raises(OptionError, match="validation='no'; expected True or False"):
        read("mnist-rows", validation="no")
    np.testing.assert_array_equal(data.part("test").y, [0, 1, 2])
