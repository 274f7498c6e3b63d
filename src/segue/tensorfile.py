"""Tensors with a JSON text in one safetensors file, with a checksum over both.

Model files and checkpoints are such files. Nothing in them can run: tensors are numbers, and the
text is checked field by field by who reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import safetensors
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from segue.atomic import replacing
from segue.limits import VARIABLE, memory_limit

_CHECKED = re.compile(r'(.*),"checksum":"(\w+)"\}', re.DOTALL)

MOST_HEADER = 100_000_000  # bytes, as of the format
MOST_FIELDS = 1000  # of one object of a description

# Bytes that a value of a description may take when it is read and checked, and how many all of
# them may take beside the size of the file.
_VALUE, _MARGIN = 320, 50_000_000

Tensors = dict[str, npt.NDArray[Any]]


class Content(NamedTuple):
    """The content of a file.

    Attributes:
        text: JSON.
        tensors: by name.
        is_checked: whether the file has a checksum; those of an older segue have none.
    """

    text: str
    tensors: Tensors
    is_checked: bool


def to_bytes(text: str, tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The content of a file.

    The checksum stands in the text, as its last field: safetensors writes several texts in any
    order, and equal content is to give equal bytes.
    """
    tensors = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    if text.endswith("}"):
        text = f'{text[:-1]},"checksum":"{checksum(text, tensors)}"}}'
    return save_tensors(tensors, {"segue": text})


def write(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        WriteError: the disk is full or read-only.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read(path: str | Path) -> Content:
    """Read a file.

    Raises:
        ValueError: it is not whole, not of segue, or its content is not what was written.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:  # not mapped: cut later, it would kill the process
        header = int.from_bytes(start := file.read(8), "little")
        if header > MOST_HEADER:
            raise ValueError("is not a whole safetensors file")
        content = start + file.read()
    _refuse_costly(content, content[8 : 8 + header])
    try:
        # Copies: what lies in the bytes of a file cannot be written to.
        tensors = {k: v.copy() for k, v in load_tensors(content).items()}
        found = json.loads(content[8 : 8 + header]).get("__metadata__") or {}
    except (safetensors.SafetensorError, RecursionError, KeyError, TypeError) as error:
        raise ValueError(f"is not a whole safetensors file ({error})") from error
    if "segue" not in found:
        raise ValueError(
            "is a safetensors file, but not one that segue wrote: it has no description"
        )
    parts = _CHECKED.fullmatch(found["segue"])
    if parts is None:
        return Content(found["segue"], tensors, is_checked=False)
    text, known = parts[1] + "}", parts[2]
    if known != checksum(text, tensors):
        raise ValueError("was damaged, or changed, after it was written: its checksum is another")
    return Content(text, tensors, is_checked=True)


def _refuse_costly(content: bytes, header: bytes) -> None:
    """Raise `ValueError` where a small file would become large things: before it is taken apart."""
    values = header.count(b",") + 2 * header.count(b"[") + 3 * header.count(b"{")
    limit = max(_MARGIN + len(content), memory_limit(0) or 0)
    if _VALUE * values > limit:
        raise ValueError(
            f"describes about {values:,} values in {len(content) / 1e6:.1f} MB, far more than its "
            f"tensors call for. {VARIABLE}=8 in the environment allows 8 GB for them"
        )


def from_json(text: str) -> Any:
    """The values of a description.

    Raises:
        ValueError: no JSON, or an object of more than a thousand fields.
    """

    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) > MOST_FIELDS:
            raise ValueError(f"an object has {len(pairs):,} fields, from {pairs[0][0]!r} on")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=checked)


def checksum(text: str, tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """BLAKE2b of the text, and of name, type, shape and bytes of each tensor, by name."""
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        kind = f"torch.{tensor.dtype}"  # as PyTorch names it
        digest.update(f"\0{name}\0{kind}\0{tensor.shape}\0".encode())
        if tensor.size:
            digest.update(tensor.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
