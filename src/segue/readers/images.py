"""Images as sequences: each row of an image is a step, and each pixel in it a channel; or columns.

    digits/train/zero/001.png
    digits/train/one/001.png

A folder holds a folder for each class, or images side by side with a table of labels. PNG, JPEG,
BMP, TIFF, GIF and WebP are read by Pillow. Images of unequal height give sequences of unequal
length; their width (by rows) must be the same, or `size` makes it so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segue.dataset import Dataset
from segue.errors import FileError, OptionError
from segue.readers.blocks import Blocks, runs
from segue.readers.problems import Problems
from segue.readers.samples import Examples, find_examples
from segue.sequences import Array, Sequences

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp")
By = Literal["rows", "columns"]
Colour = Literal["auto", "grey", "colour"]

_LARGEST = 50_000_000  # pixels of one image
_GREY = ("1", "L", "LA", "I", "F", "I;16", "I;16B", "I;16L")


def blocks(
    path: Path,
    *,
    values: int | None = None,
    limit: int | None = None,
    by: By = "rows",
    colour: Colour = "auto",
    size: Sequence[int] | None = None,
    labels: str | None = None,
) -> Blocks:
    """Read one image, or the images of one folder.

    Args:
        path: a file or a folder.
        values: about so many values at a time; `None`: everything at once.
        limit: so many images, the first of each class in turn.
        by: "rows": a row is a step; "columns": a column is.
        colour: "grey" or "colour" for all images; "auto": grey if all are.
        size: (height, width) that every image is brought to.
        labels: the table with the labels, in or relative to the folder; see
            `segue.readers.table.listing`.

    Yields:
        Values between 0 and 1, `[row, column]` of an image, or `[row, column * 3]` with red, green
        and blue of each pixel side by side. What is transparent is seen on white.

    Raises:
        FileError: files that are no images, damaged, or of several widths; the first twenty are
            named. Beginnings are looked at first, the rest of a file when it is its turn.
        OptionError: `by`, `colour` or `size` that means nothing.
    """
    _check(by, colour, size)
    found = find_examples(path, ENDINGS, limit=limit, labels=labels, what="image")
    problems = Problems(path, "image", total=len(found.files))
    shapes = list(problems.collect(partial(_shape, colour=colour, size=size), found.files))
    if not problems:
        _check_widths(shapes, by, names=found.ids, path=path)
        if any(len(shape) == 3 for shape in shapes):
            colour = "colour"
    for block in runs(np.array([np.prod(shape) for shape in shapes], np.int64), values):
        load = partial(_load, colour=colour, size=size)
        images = list(problems.collect(load, found.files[block]))
        if not problems:  # else the rest is looked through for more of them
            data = _data_set(images_to_sequences(images, by, path=path), found[block])
            grey = data.x.channels == (shapes[0][1] if by == "rows" else shapes[0][0])
            reading = {"by": by, "colour": "grey" if grey else "colour"}
            yield replace(data, reading=reading), block.stop / len(shapes)
    problems.raise_any()


def images_to_sequences(
    images: Sequence[Array],
    by: By = "rows",
    *,
    names: Sequence[str] = (),
    path: Path | None = None,
) -> Sequences:
    """Make sequences of images, `(height, width)` or `(height, width, colour)` each.

    Args:
        images: arrays; bytes are divided by 255. Where some have colours, grey ones get three.
        by: "rows" or "columns".
        names: of the images, for messages.
        path: where they come from, for messages.

    Raises:
        FileError: images of several widths (by rows), or of other shapes.

    >>> images_to_sequences(np.zeros((5, 28, 20, 3), np.uint8), "columns")
    Sequences(n=5, time=20, channels=84)
    """
    flat = all(np.ndim(image) == 2 for image in images)
    steps = [_as_steps(np.asarray(image), by, flat=flat, path=path) for image in images]
    _check_widths([np.shape(image) for image in images], by, names=names, path=path)
    return Sequences.from_list(steps)


def _as_steps(image: Array, by: By, *, flat: bool, path: Path | None) -> Array:
    """`[time, channel]` of one image."""
    if image.ndim not in (2, 3):
        raise FileError(
            f"an image has shape {image.shape}; expected (height, width) or (height, width, "
            "colour).",
            path=path,
        )
    if image.dtype == np.uint8:
        image = np.divide(image, 255, dtype=np.float32)
    if image.ndim == 2 and not flat:
        image = np.repeat(image[:, :, None], 3, axis=2)
    if by == "columns":
        image = image.swapaxes(0, 1)
    return image.reshape(len(image), -1).astype(np.float32, copy=False)


def _check(by: str, colour: str, size: Any) -> None:
    if by not in ("rows", "columns"):
        raise OptionError(f"by={by!r}; expected 'rows' or 'columns'.")
    if colour not in ("auto", "grey", "colour"):
        raise OptionError(f"colour={colour!r}; expected 'auto', 'grey' or 'colour'.")
    if size is None:
        return
    whole = isinstance(size, Sequence) and not isinstance(size, str) and len(size) == 2
    if not whole or not all(type(n) is int and 0 < n <= 10_000 for n in size):
        raise OptionError(f"size={size!r}; expected (height, width), such as (28, 28).")


def _shape(file: Path, *, colour: Colour, size: Sequence[int] | None) -> tuple[int, ...]:
    """`(height, width)` or `(height, width, 3)`, as the beginning of a file says."""

    def shape(image: Any) -> tuple[int, ...]:
        width, height = image.size
        plain = (height, width) if size is None else tuple(size)
        return plain if _is_grey(image, colour) else (*plain, 3)

    return tuple(_opened(file, shape))


def _load(file: Path, *, colour: Colour, size: Sequence[int] | None) -> Array:
    """`(height, width)` or `(height, width, 3)`, float32 between 0 and 1."""
    pixels: Array = _opened(file, lambda image: _pixels(image, colour, size))
    return pixels


def _opened(file: Path, use: Callable[[Any], Any]) -> Any:
    """What becomes of an image, with one kind of error for all that may be wrong."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata; what cannot be read raises
            with Image.open(file) as image:
                _check_image(image, file)
                return use(image)
    except UnidentifiedImageError:
        raise FileError(_what_it_is(file), path=file) from None
    except Image.DecompressionBombError as error:
        raise FileError(f"is too large: {error}", path=file) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(f"is damaged or cannot be read ({reason}).", path=file) from error
    except (SyntaxError, ValueError, EOFError, OverflowError) as error:
        raise FileError(f"is damaged ({error}).", path=file) from error


def _check_image(image: Any, file: Path) -> None:
    width, height = image.size
    if width * height > _LARGEST:
        raise FileError(
            f"has {width:,} x {height:,} pixels; at most {_LARGEST:,} are read. Make it smaller.",
            path=file,
        )
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise FileError(f"holds {frames} images; expected one.", path=file)


def _is_grey(image: Any, colour: Colour) -> bool:
    return colour == "grey" or (colour == "auto" and image.mode in _GREY)


def _pixels(image: Any, colour: Colour, size: Sequence[int] | None) -> Array:
    from PIL import Image

    grey = _is_grey(image, colour)
    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L"):  # 16 bit, or floats from 0 to 1
        values: Array = np.array(image, np.float32)
        if image.mode != "F":
            values /= np.float32(65_535)
        deep = Image.fromarray(values)
        resized = deep if size is None else deep.resize((size[1], size[0]))
        values = np.asarray(resized, np.float32)
        return values if grey else np.repeat(values[:, :, None], 3, axis=2)
    if "A" in image.getbands() or "transparency" in image.info:
        seen = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(seen, image.convert("RGBA"))
    image = image.convert("L" if grey else "RGB")
    if size is not None:
        image = image.resize((size[1], size[0]))
    pixels: Array = np.divide(np.asarray(image), 255, dtype=np.float32)
    return pixels


def _what_it_is(file: Path) -> str:
    with file.open("rb") as stream:
        begin = stream.read(8)
    if not begin:
        return "is empty."
    return f"is no image that Pillow reads: it begins with {begin.hex(' ')}."


def _check_widths(
    shapes: Sequence[tuple[int, ...]], by: By, *, names: Sequence[str], path: Path | None
) -> None:
    sizes = [shape[1] if by == "rows" else shape[0] for shape in shapes]
    if len(set(sizes)) > 1:
        raise FileError(_several_widths(shapes, sizes, by, names), path=path)


def _several_widths(
    shapes: Sequence[tuple[int, ...]], sizes: list[int], by: By, names: Sequence[str]
) -> str:
    side = "widths" if by == "rows" else "heights"
    lengths = [shape[0] if by == "rows" else shape[1] for shape in shapes]
    other = next(i for i, found in enumerate(sizes) if found != sizes[0])
    first, second = (names[i] if names else f"image {i}" for i in (0, other))
    message = (
        f"holds images of several {side}, {sizes[0]} ({first}) and {sizes[other]} ({second}): "
        f"by {by} that is the number of channels, which must be the same. "
    )
    if len(set(lengths)) == 1:
        turned = "columns" if by == "rows" else "rows"
        return message + f"Their other side is the same: by={turned!r}."
    common = (round(float(np.median(lengths))), round(float(np.median(sizes))))
    size = common if by == "rows" else common[::-1]
    return message + f"Bring them to one size: size={size}."


def _data_set(x: Sequences, found: Examples) -> Dataset:
    return Dataset(
        x,
        found.labels,
        groups=found.groups,
        parts=found.parts,
        ids=np.array(found.ids),
        notes=found.notes,
        task="classify",
    )
