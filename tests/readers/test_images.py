"""Images as sequences: rows or columns, grey or in colours, and what cannot be read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segue.errors import DataError, FileError, OptionError
from segue.readers import read
from segue.readers.images import images_to_sequences

GREY = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)
COLOUR = np.stack([GREY, GREY // 3, 255 - GREY], axis=2)


def put(path: Path, pixels: Any, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels))
    image.save(path, **how)
    return path


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
@pytest.mark.parametrize("by", ["rows", "columns"])
def test_grey(tmp_path: Path, ending: str, by: str) -> None:
    """Bytes become 0 to 1; a row, or a column, is a step."""
    (found,) = read(put(tmp_path / f"a.{ending}", GREY), by=by).x
    np.testing.assert_allclose(found, (GREY if by == "rows" else GREY.T) / 255, rtol=1e-6)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp"])
def test_colours(tmp_path: Path, ending: str) -> None:
    """Red, green and blue of each pixel stand side by side."""
    how = {"lossless": True} if ending == "webp" else {}
    path = put(tmp_path / f"a.{ending}", COLOUR, **how)
    np.testing.assert_allclose(read(path).x[0], COLOUR.reshape(2, 9) / 255, rtol=1e-6)
    columns = COLOUR.swapaxes(0, 1).reshape(3, 6)
    np.testing.assert_allclose(read(path, by="columns").x[0], columns / 255, rtol=1e-6)
    assert read(path, colour="grey").x[0].shape == (2, 3)


def test_jpeg_is_near(tmp_path: Path) -> None:
    flat = np.full((8, 8), 128, np.uint8)
    found = read(put(tmp_path / "a.jpg", flat)).x[0]
    np.testing.assert_allclose(found, flat / 255, atol=0.02)


@pytest.mark.parametrize(
    ("mode", "values", "wanted"),
    [
        ("16 bit", np.array([[0, 65_535]], np.uint16), [[0, 1]]),
        ("float", np.array([[0.25, 0.5]], np.float32), [[0.25, 0.5]]),
        ("1 bit", Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1"), [[0, 1]]),
        ("palette", Image.fromarray(COLOUR[:1]).convert("P"), None),
    ],
)
def test_other_kinds_of_pixels(tmp_path: Path, mode: str, values: Any, wanted: Any) -> None:
    found = read(put(tmp_path / "a.tif", values)).x[0]
    assert found.shape == ((1, 2) if wanted else (1, 9)), mode
    if wanted:
        np.testing.assert_allclose(found, wanted)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    rgba = np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    assert read(put(tmp_path / "a.png", rgba)).x[0].tolist() == [[1, 1, 1, 0, 0, 0]]


def test_folders_are_classes_and_heights_are_lengths(tmp_path: Path) -> None:
    """With grey and coloured images, all are taken in colours."""
    for part, label, image in (
        ("train", "a", GREY),
        ("train", "b", GREY[:1]),
        ("test", "a", GREY),
    ):
        put(tmp_path / part / label / "1.png", image)
    data = read(tmp_path)
    assert data.x.lengths.tolist() == [2, 1, 2]
    assert data.y.tolist() == ["a", "b", "a"]
    assert data.part_names == ("train", "test")
    put(tmp_path / "train" / "b" / "2.png", COLOUR)
    assert read(tmp_path, part="train").x.channels == 9


def test_one_size_for_all(tmp_path: Path) -> None:
    """`size` is (height, width), for grey, colours and 16 bit alike."""
    put(tmp_path / "a" / "1.png", GREY)
    put(tmp_path / "a" / "2.png", np.zeros((5, 7), np.uint8))
    put(tmp_path / "b" / "1.png", np.zeros((5, 4), np.uint16))
    data = read(tmp_path, size=(4, 6))
    assert (data.x.lengths.tolist(), data.x.channels) == ([4, 4, 4], 6)
    assert read(tmp_path, size=(4, 6), by="columns").x.lengths.tolist() == [6, 6, 6]
    with pytest.raises(FileError, match=r"several widths, 3 \(a/1.png\) and 7 .*size=\(5, 4\)"):
        read(tmp_path)


def test_arrays() -> None:
    """(n, height, width[, colour]) arrays, and lists of unequal height."""
    many = np.stack([GREY, GREY])
    assert images_to_sequences(many)[0].shape == (2, 3)
    assert images_to_sequences([GREY, GREY[:1]]).lengths.tolist() == [2, 1]
    assert images_to_sequences([GREY, COLOUR]).channels == 9
    assert images_to_sequences(many.astype(float), "columns")[0].max() == 255
    with pytest.raises(DataError, match=r"an image has shape \(3,\)"):
        images_to_sequences([np.zeros(3)])
    with pytest.raises(DataError, match=r"Their other side is the same: by='columns'"):
        images_to_sequences([GREY, GREY[:, :2]])


def test_how_images_were_read_is_remembered_and_drawn(tmp_path: Path) -> None:
    """Colours too, so that a model asks for them again; rows are drawn as an image."""
    from segue.plots.display import image_kind

    for image, colour, by in ((GREY, "grey", "rows"), (COLOUR, "colour", "columns")):
        put(tmp_path / colour / "a" / "1.png", image)
        data = read(tmp_path / colour, by=by)
        assert data.reading == {"format": "images", "by": by, "colour": colour}
        assert image_kind(data) == ("image" if colour == "grey" else None)
    put(tmp_path / "more" / "1.png", GREY)
    assert read(tmp_path / "more", like=data).x.channels == data.x.channels


def test_pictures_beside_data_are_no_data(tmp_path: Path) -> None:
    put(tmp_path / "plot.png", GREY)
    (tmp_path / "X_TRAIN.tsv").write_text("1\t0.5\n")
    assert read(tmp_path).x.channels == 1


def _bytes(pixels: Any, kind: str, **how: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **how)
    return stream.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
PNG = _bytes(NOISE, "PNG")
FRAMES = _bytes(GREY, "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"just a text", "is no image that Pillow reads: it begins with 6a 75 73 74"),
        (PNG[:8], "is no image|is damaged"),
        (PNG[:200], "is damaged"),
        (PNG[:-40], "is damaged"),
        (PNG[:60] + b"\xff" * 40 + PNG[100:], "is damaged"),
        (_bytes(NOISE, "JPEG")[:300], "is damaged"),
        (_bytes(NOISE, "BMP")[:2000], "is damaged"),
        (_bytes(NOISE, "TIFF")[:2000], "is damaged|is no image"),
        (FRAMES, "holds 2 images; expected one"),
        (_bytes(np.zeros((8000, 8000), np.uint8), "PNG"), "has 8,000 x 8,000 pixels; at most"),
    ],
    ids="empty text head cut tail bytes jpeg bmp tiff frames large".split(),
)
def test_one_message_says_what_is_wrong(tmp_path: Path, content: bytes, said: str) -> None:
    """With the file, and never anything but a FileError."""
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(FileError, match=f"a.png: .*(?:{said})"):
        read(tmp_path / "a.png")


def test_all_files_of_a_folder_are_told_together(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", GREY)
    (tmp_path / "a" / "2.png").write_bytes(b"")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(FileError) as caught:
        read(tmp_path)
    assert "2 of 3 images cannot be used:\n  a/2.png: is empty." in str(caught.value)
    assert "b/1.jpg: is damaged or cannot be read (No such file or directory)" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "pixels"}, "by='pixels'; expected 'rows' or 'columns'"),
        ({"colour": "red"}, "colour='red'; expected 'auto', 'grey' or 'colour'"),
        ({"size": 28}, r"size=28; expected \(height, width\), such as \(28, 28\)"),
        ({"size": (0, 5)}, r"size=\(0, 5\); expected"),
    ],
)
def test_options_that_mean_nothing(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        read(put(tmp_path / "a.png", GREY), **options)
