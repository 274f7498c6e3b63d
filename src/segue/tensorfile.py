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
from typing import NamedTuple

import safetensors
import safetensors.torch
import torch

from segue.atomic import replacing

_CHECKED = re.compile(r'(.*),"checksum":"(\w+)"\}', re.DOTALL)

MOST_HEADER = 100_000_000  # bytes, as of the format

Tensors = dict[str, torch.Tensor]


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


def to_bytes(text: str, tensors: Tensors) -> bytes:
    """The content of a file; the tensors must be contiguous and on the CPU.

    The checksum stands in the text, as its last field: safetensors writes several texts in any
    order, and equal content is to give equal bytes.
    """
    if text.endswith("}"):
        text = f'{text[:-1]},"checksum":"{checksum(text, tensors)}"}}'
    return safetensors.torch.save(tensors, {"segue": text})


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
    try:
        tensors = safetensors.torch.load(content)
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


def checksum(text: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """BLAKE2b of the text, and of name, type, shape and bytes of each tensor, by name."""
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
