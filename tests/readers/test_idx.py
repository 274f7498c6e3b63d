"""IDX files: every type of the format, with and without gzip, and what can be wrong with them."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from segue.errors import FileError
from segue.readers import read
from segue.readers.idx import read_idx

CODES = {"B": 0x08, "b": 0x09, "h": 0x0B, "i": 0x0C, "f": 0x0D, "d": 0x0E}


def idx(code: str, shape: tuple[int, ...], numbers: list[float]) -> bytes:
    head = struct.pack(f">4B{len(shape)}I", 0, 0, CODES[code], len(shape), *shape)
    return head + struct.pack(f">{len(numbers)}{code}", *numbers)


def images(folder: Path, content: bytes, labels: bytes | None = None) -> Path:
    path = folder / "images-idx3-ubyte"
    path.write_bytes(content)
    if labels is not None:
        (folder / "labels-idx1-ubyte").write_bytes(labels)
    return path


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_type(tmp_path: Path, code: str, packed: bool) -> None:
    """Each type is read in its size, sign and big-endian order, whatever the file's ending."""
    numbers = [0, 1, 100, 7, 2, 3] if code == "B" else [0, -1, 100, 7, -2, 3]
    content = idx(code, (2, 3), numbers)
    path = tmp_path / "array"
    path.write_bytes(gzip.compress(content) if packed else content)
    array = read_idx(path)
    assert array.tolist() == [numbers[:3], numbers[3:]]
    assert array.dtype.isnative
    assert read_idx(path, limit=1).tolist() == [numbers[:3]]


def test_only_bytes_are_scaled(tmp_path: Path) -> None:
    """Numbers that are not unsigned bytes have no known range, so they stay as they are."""
    path = images(tmp_path, idx("h", (1, 1, 2), [255, 510]))
    assert read(path, labels=False).x[0].tolist() == [[255, 510]]


GOOD = idx("B", (2, 1, 2), [1, 2, 3, 4])
LABELS = idx("B", (2,), [0, 1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing; an IDX file begins with two zero bytes"),
        (b"\x89PNG....", "begins with 89 50 4e 47; an IDX file"),
        (b"\0\0\x0a\x03" + GOOD[4:], "begins with 00 00 0a 03"),
        (GOOD[:10], "is cut off inside its header"),
        (GOOD[:-1], r"is cut off: its header says \(2, 1, 2\) values of 1 bytes, but only 3 of 4"),
        (GOOD + b"\0", r"is longer than the \(2, 1, 2\) values of its header"),
        # Without the time of day, which would be part of the test's name: two processes that
        # collect the tests in different seconds must come to the same names.
        (gzip.compress(GOOD, mtime=0)[:-4], "is damaged or cut off"),
        (idx("B", (2,), [1, 2]), r"has an array of shape \(2,\); expected \(n, time\)"),
    ],
)
def test_files_that_are_not_what_they_should_be(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """Foreign, cut off, too long or damaged: each is told apart."""
    with pytest.raises(FileError, match=message):
        read(images(tmp_path, content, LABELS))


def test_images_without_labels(tmp_path: Path) -> None:
    """Missing labels are an error with the way out, not silently no labels."""
    path = images(tmp_path, GOOD)
    with pytest.raises(FileError, match="has no labels-idx1-ubyte beside it.*labels=False"):
        read(path)
    assert read(path, labels=False).y is None


def test_other_numbers_of_labels(tmp_path: Path) -> None:
    """Two images and three labels do not go together."""
    with pytest.raises(FileError, match=r"has 2 images, but there are labels of shape \(3,\)"):
        read(images(tmp_path, GOOD, idx("B", (3,), [0, 1, 0])))


def test_unpacked_beside_packed(tmp_path: Path) -> None:
    """A folder with `x.gz` and `x` holds one set of images, not two."""
    for part in ("train", "t10k"):
        for name, content in [("images-idx3", GOOD), ("labels-idx1", LABELS)]:
            (tmp_path / f"{part}-{name}-ubyte").write_bytes(content)
            (tmp_path / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(content))
    assert repr(read(tmp_path)) == ("Dataset(n=4, time=1, channels=2, classes=2, parts=train/test)")


@pytest.mark.parametrize(("labels", "expected"), [([1.0, 2.0], [1, 2]), ([1.5, 1.25], [1.5, 1.25])])
def test_labels_as_real_numbers(tmp_path: Path, labels: list[float], expected: list[float]) -> None:
    """Whole numbers are classes; others are never cut to whole ones."""
    path = images(tmp_path, idx("B", (2, 1, 2), [0] * 4), idx("d", (2,), labels))
    assert read(path).y.tolist() == expected
