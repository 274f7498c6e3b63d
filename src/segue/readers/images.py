"""Images as sequences: each row of an image is a step, and each pixel in it a channel; or columns.

    digits/train/zero/001.png
    digits/train/one/001.png

A folder holds a folder for each class, or images side by side with a table of labels. PNG, JPEG,
BMP, TIFF, GIF and WebP are read by Pillow. Images of unequal height give sequences of unequal
length; their width (by rows) must be the same, or `size` makes it so.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError
from segue.readers.blocks import Blocks, Problems
from segue.readers.labelled_files import find_labelled_files, read_files, read_headers

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp")
By = Literal["rows", "columns"]
Colour = Literal["auto", "grey", "colour"]

_OF_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, OverflowError)  # that Pillow raises
_LARGEST = 50_000_000  # pixels of one image
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L")  # 16 bit, or floats from 0 to 1
_GREY = ("1", "L", "LA", *_DEEP)


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
            `segue.readers.table.beside`.

    Yields:
        Values between 0 and 1, `[row, column]` of an image, or `[row, column * 3]` with red, green
        and blue of each pixel side by side. What is transparent is seen on white.

    Raises:
        FileError: files that are no images, damaged, or of several widths; the first twenty are
            named. Beginnings are looked at first, the rest of a file when it is its turn.
        OptionError: `by`, `colour` or `size` that means nothing.
    """
    whole = size is None or (isinstance(size, Sequence) and len(size) == 2)
    if not whole or not all(type(n) is int and 0 < n <= 10_000 for n in size or ()):
        raise OptionError(f"size={size!r}; expected (height, width), such as (28, 28).")
    found = find_labelled_files(path, ENDINGS, limit=limit, labels=labels, what="image")
    problems = Problems(path, "image", total=len(found.files))

    def look(file: Path) -> tuple[int, ...]:
        with _opened(file) as image:
            shape = image.size[::-1] if size is None else tuple(size)
            return shape if _is_grey(image, colour) else (*shape, 3)

    def read(file: Path) -> Array:
        with _opened(file) as image:
            return _as_steps(_pixels(image, colour, size), by)

    shapes = read_headers(found, problems, look, read)
    colour = "colour" if any(len(shape) == 3 for shape in shapes) else "grey"
    channels = _common_side(shapes, by, found.ids) * (3 if colour == "colour" else 1)
    lengths = [shape[by == "columns"] for shape in shapes]
    how = {"by": by, "colour": colour}
    yield from read_files(
        found, problems, read, lengths, channels=channels, values=values, reading=how
    )


def images_to_sequences(images: Sequence[Array], by: By = "rows") -> Sequences:
    """Make sequences of images, `(height, width)` or `(height, width, colour)` each.

    Args:
        images: arrays; bytes are divided by 255. Where some have colours, grey ones get three.
        by: "rows" or "columns".

    Raises:
        DataError: images of several widths (by rows), or of other shapes.

    >>> images_to_sequences(np.zeros((5, 28, 20, 3), np.uint8), "columns")
    Sequences(n=5, time=20, channels=84)
    """
    arrays = [np.asarray(image) for image in images]
    for shape in (image.shape for image in arrays):
        if len(shape) not in (2, 3):
            expected = "(height, width) or (height, width, colour)"
            raise DataError(f"an image has shape {shape}; expected {expected}.")
    _common_side([image.shape for image in arrays], by, [f"image {i}" for i in range(len(arrays))])
    flat = all(image.ndim == 2 for image in arrays)
    arrays = [image if flat or image.ndim == 3 else _in_colours(image) for image in arrays]
    return Sequences.from_list([_as_steps(image, by) for image in arrays])


def _in_colours(image: Array) -> Array:
    return np.repeat(image[:, :, None], 3, axis=2)


def _as_steps(image: Array, by: By) -> Array:
    """`[time, channel]` of one image; bytes become 0 to 1."""
    if image.dtype == np.uint8:
        image = np.divide(image, 255, dtype=np.float32)
    if by == "columns":
        image = image.swapaxes(0, 1)
    return image.reshape(len(image), -1).astype(np.float32, copy=False)


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Open an image, with one kind of error for all that may be wrong until it is closed."""
    from PIL import Image, UnidentifiedImageError

    try:
        # Warnings are about metadata; what cannot be read raises.
        with warnings.catch_warnings(action="ignore"), Image.open(file) as image:
            width, height = image.size
            if width * height > _LARGEST:
                raise DataError(
                    f"has {width:,} x {height:,} pixels; at most {_LARGEST:,} are read. Make it "
                    "smaller."
                )
            frames = getattr(image, "n_frames", 1)
            if frames > 1:
                raise DataError(f"holds {frames} images; expected one.")
            yield image
    except DataError:
        raise
    except UnidentifiedImageError:
        with file.open("rb") as stream:
            begin = stream.read(8).hex(" ")
        told = f"no image that Pillow reads: it begins with {begin}" if begin else "empty"
        raise DataError(f"is {told}.") from None
    except (Image.DecompressionBombError, *_OF_DAMAGE) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"is damaged or cannot be read ({reason}).") from error


def _is_grey(image: Any, colour: Colour) -> bool:
    return colour == "grey" or (colour == "auto" and image.mode in _GREY)


def _pixels(image: Any, colour: Colour, size: Sequence[int] | None) -> Array:
    """`(height, width)` or `(height, width, 3)`, bytes or float32 between 0 and 1."""
    from PIL import Image

    grey = _is_grey(image, colour)
    deep = image.mode in _DEEP
    if deep:
        values = np.array(image, np.float32)
        image = Image.fromarray(values if image.mode == "F" else values / np.float32(65_535))
    else:
        if "A" in image.getbands() or "transparency" in image.info:
            seen = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(seen, image.convert("RGBA"))
        image = image.convert("L" if grey else "RGB")
    if size is not None:
        image = image.resize((size[1], size[0]))
    pixels = np.asarray(image)
    return _in_colours(pixels) if deep and not grey else pixels


def _common_side(shapes: Sequence[tuple[int, ...]], by: By, names: Sequence[str]) -> int:
    """The number of pixels in a step, of all images.

    Raises:
        DataError: there are several, with what makes them one.
    """
    turned, of_steps = ("columns", "widths") if by == "rows" else ("rows", "heights")
    sides = [shape[by == "rows"] for shape in shapes]
    other = next((i for i, side in enumerate(sides) if side != sides[0]), None)
    if other is None:
        return sides[0] if sides else 0
    if len({shape[by == "columns"] for shape in shapes}) == 1:
        hint = f"Their other side is the same: by={turned!r}."
    else:
        height, width = np.median([shape[:2] for shape in shapes], axis=0).round().astype(int)
        hint = f"Bring them to one size: size=({height}, {width})."
    raise DataError(
        f"holds images of several {of_steps}, {sides[0]} ({names[0]}) and {sides[other]} "
        f"({names[other]}): by {by} that is the number of channels, which must be the same. {hint}"
    )
