"""Files of Keras 3 as plain values: `.keras` (zip with JSON and HDF5) and `.weights.h5` (HDF5).

They are read with zipfile, json and h5py: Keras is not needed, and nothing in a file is run. What a
file declares is held against its size before it is read.

    config.json         the layers and their arguments
    metadata.json       the version of Keras
    model.weights.h5    layers/<class>[_<number>]/vars/<number>, and attributes with layers' names

Source: `keras/src/saving/saving_lib.py` of Keras 3.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.errors import DataNotFoundError, ModelFileError, first_few, refuse_pointer
from segue.extras import require
from segue.readers.packed import check_unpacked

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
LAYERS = "layers"
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_CONFIG = 16_000_000  # bytes
_PIECE = 1 << 20  # bytes
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass
class StoredWeights:
    """The arrays of a file by their paths, such as `layers/lstm/cell/vars/0`.

    Attributes:
        arrays: those that no layer has taken yet.
        names: of layers, by the paths of their groups.
        source: the file.
    """

    arrays: dict[str, Array]
    names: dict[str, str]
    source: str
    taken: set[str] = field(default_factory=set)

    def take(self, path: str, parts: list[str]) -> dict[str, Array]:
        """The arrays `<path>/vars/0`, ... by the names of the parts that they are.

        Raises:
            ModelFileError: some are missing.
        """
        found = {}
        for number, part in enumerate(parts):
            name = f"{path}/vars/{number}"
            if name not in self.arrays:
                raise ModelFileError(
                    f"weights are missing: there is no {name}, the {part} of {path}.",
                    path=self.source,
                )
            found[part] = self.arrays[name]
            self.taken.add(name)
        return found

    def refuse_rest(self) -> None:
        """Raise where arrays of layers are left that no layer has taken."""
        draws = {name for name in self.arrays if "/seed_generator/" in name}
        if left := sorted(self.arrays.keys() - draws - self.taken):
            raise ModelFileError(
                f"has weights of no layer: {first_few(left)}. Its parts are not of one model.",
                path=self.source,
            )


@dataclass(frozen=True)
class KerasFile:
    """What is in a file.

    Attributes:
        config: of the model; `None`: the file has weights only.
        weights: its arrays.
    """

    config: Any
    weights: StoredWeights


def read_keras(path: str | Path) -> KerasFile:
    """Read a `.keras` or `.weights.h5` file.

    Raises:
        DataNotFoundError: there is no such file.
        ModelFileError: it is none of these, damaged, or hostile.
        MissingPackageError: h5py is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError("there is no such file of Keras.", path=path)
    refuse_pointer(path, ModelFileError)
    with path.open("rb") as file:
        head = file.read(len(_HDF5))
    if head == _HDF5:
        return KerasFile(None, _read_hdf5(path.read_bytes(), path))
    if not head.startswith(b"PK"):
        raise ModelFileError(
            "is no file of Keras 3: expected a .keras or .weights.h5 file, as model.save and "
            "model.save_weights write it.",
            path=path,
        )
    return _read_zip(path)


def _read_zip(path: Path) -> KerasFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = _checked_members(archive, path)
            config = _from_json(_unpacked(archive, members[CONFIG]), path)
            content = _unpacked(archive, members[WEIGHTS])
    except ModelFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError) as error:
        raise ModelFileError(f"is not a whole .keras file ({error}).", path=path) from error
    return KerasFile(config, _read_hdf5(content, path))


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member, in pieces: at once, it is unpacked beyond the size that it declares."""
    with archive.open(member) as stream:
        return b"".join(iter(lambda: stream.read(_PIECE), b""))


def _checked_members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The members by name, none of them elsewhere, twice, or larger than a file of that size has.

    Raises:
        ModelFileError: or they are.
    """
    entries = archive.infolist()
    names = [entry.orig_filename for entry in entries]
    astray = [n for n in names if n.startswith(("/", "\\")) or ".." in n or "\\" in n or ":" in n]
    if astray:
        raise ModelFileError(
            f"has members that would lie outside of it, {first_few(astray, show=repr)}: it is "
            "hostile, and nothing of it was read.",
            path=path,
        )
    if others := [e.filename for e in entries if e.compress_type not in _PACKINGS]:
        raise ModelFileError(
            f"packs {first_few(others)} in a way that Keras does not; save the model anew.",
            path=path,
        )
    if len(set(names)) < len(names):
        raise ModelFileError("has a member twice, so that two readers see two models.", path=path)
    _check_size(sum(entry.file_size for entry in entries), path)
    members = {entry.filename: entry for entry in entries}
    if "model.weights.json" in members:
        raise ModelFileError(
            "has its weights in several files: save the model without max_shard_size.", path=path
        )
    if missing := [name for name in (CONFIG, WEIGHTS) if name not in members]:
        raise ModelFileError(
            f"is a zip file without {' and '.join(missing)}, and no .keras file.", path=path
        )
    if members[CONFIG].file_size > _MOST_CONFIG:
        size = members[CONFIG].file_size / 1e6
        raise ModelFileError(f"has a {CONFIG} of {size:,.0f} MB, which no model needs.", path=path)
    return members


def _check_size(unpacked: int, path: Path) -> None:
    try:
        check_unpacked(unpacked, path.stat().st_size)
    except ModelFileError:
        raise
    except ValueError as error:
        raise ModelFileError(str(error), path=path) from error


def read_config(path: Path) -> Any:
    """The description of a model, of a file with `model.to_json()` or a `.keras` file.

    Raises:
        DataNotFoundError: there is no such file.
        ModelFileError: it has none.
    """
    if not path.is_file():
        raise DataNotFoundError("there is no such description of a model.", path=path)
    if path.suffix == ".keras":
        return read_keras(path).config
    if path.stat().st_size > _MOST_CONFIG:
        raise ModelFileError("is larger than the description of any model.", path=path)
    return _from_json(path.read_bytes(), path)


def _from_json(content: bytes, path: Path) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"its description is no JSON ({error}).", path=path) from error


def _read_hdf5(content: bytes, path: Path) -> StoredWeights:
    h5py = require("h5py", "keras", "to read files of Keras")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            if LAYERS not in file:
                raise ModelFileError(_without_layers(file), path=path)
            return _Reader(h5py, len(content), path).stored(file)
    except ModelFileError:
        raise
    except Exception as error:  # h5py raises whatever the bytes lead it to
        raise ModelFileError(f"its weights are no whole HDF5 file ({error}).", path=path) from error


def _without_layers(file: Any) -> str:
    if "model_weights" in file or "model_config" in file.attrs or "layer_names" in file.attrs:
        return (
            "is an HDF5 file of Keras 2. Open it with Keras and save it anew: "
            "keras.models.load_model(path).save('model.keras')."
        )
    if "_layer_checkpoint_dependencies" in file:
        return "is a file of Keras 2. Open it with Keras 3 and save it anew: model.save(path)."
    return "is an HDF5 file without weights of layers, so none of Keras 3."


class _Reader:
    """Reads every array of an open file, of which it may have no more bytes than the file is."""

    def __init__(self, h5py: Any, size: int, path: Path) -> None:
        self._h5py, self._left, self._path = h5py, size, path
        self._stored, self._groups = StoredWeights({}, {}, str(path)), set[int]()

    def stored(self, file: Any) -> StoredWeights:
        """All that is below `layers`."""
        self._group(file[LAYERS], LAYERS, 0)
        return self._stored

    def _group(self, group: Any, path: str, depth: int) -> None:
        address = self._h5py.h5o.get_info(group.id).addr
        if depth > 40 or address in self._groups:  # or there are twice as many ways at every level
            raise ModelFileError(
                f"holds a group twice, or groups in groups without end: {path}.", path=self._path
            )
        self._groups.add(address)
        name = group.attrs.get("name")
        if name is not None:
            self._stored.names[path.removesuffix("/vars")] = _text(name)
        for key in group:
            below = f"{path}/{key}"
            if not isinstance(group.get(key, getlink=True), self._h5py.HardLink):
                raise ModelFileError(
                    f"its {below} is a link to elsewhere, which is not followed.", path=self._path
                )
            item = group[key]
            if isinstance(item, self._h5py.Dataset):
                self._stored.arrays[below] = self._array(item, below)
            else:
                self._group(item, below, depth + 1)

    def _array(self, item: Any, path: str) -> Array:
        if item.is_virtual or item.external:
            raise ModelFileError(
                f"its {path} lies in another file, which is not opened.", path=self._path
            )
        chunk = math.prod(item.chunks or (0,)) * item.dtype.itemsize  # is unpacked as a whole
        self._left -= max(item.nbytes, chunk)
        if self._left < 0 or item.size == 0:
            lies = "more than the file holds" if item.size else "which has no values"
            pieces = f" in pieces of {list(item.chunks)}" if chunk > item.nbytes else ""
            raise ModelFileError(
                f"its {path} declares the shape {list(item.shape)}{pieces}, {lies}.",
                path=self._path,
            )
        if item.id.get_create_plist().get_nfilters():  # which unpack beyond a piece, too
            raise ModelFileError(
                f"its {path} is packed, as Keras does not write it: save the model anew.",
                path=self._path,
            )
        if item.dtype.kind not in "fiub":
            raise ModelFileError(
                f"its {path} has type {item.dtype}; expected numbers, such as float32. Save the "
                "model in float32.",
                path=self._path,
            )
        return np.asarray(item[()])


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
