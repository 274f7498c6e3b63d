"""The digest of an ONNX file in its own metadata: damage to its bytes is noticed.

It is taken of the whole file with zeros in its place, so nothing but the bytes is needed to check
it: neither the package `onnx` nor what the file means.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from segue.errors import ModelFileError

KEY = "segue_digest"
EMPTY = "0" * 64  # in place of the digest, SHA-256 in hexadecimal
# Key and value of the entry, each with its number and its length, as protocol buffers write them.
_BEFORE = b"\x0a" + bytes([len(KEY)]) + KEY.encode() + b"\x12" + bytes([len(EMPTY)])


def with_digest(content: bytes) -> bytes:
    """The bytes of an ONNX file whose metadata have `EMPTY` for `KEY`, with the digest instead."""
    first = content.rindex(_BEFORE + EMPTY.encode()) + len(_BEFORE)
    return _replaced(content, first, _digest(content))


def check_digest(content: bytes, path: Path) -> None:
    """Compare the bytes of an ONNX file with the digest among them; one without it is let pass.

    Args:
        content: of the file.
        path: for the message.

    Raises:
        ModelFileError: they differ.
    """
    first = content.rfind(_BEFORE) + len(_BEFORE)
    if first < len(_BEFORE):  # of a version before the digest
        return
    found = content[first : first + len(EMPTY)]
    if found != _digest(_replaced(content, first, EMPTY)).encode():
        raise ModelFileError(
            "is damaged, or was changed after its export: its bytes are not those that its digest "
            "was taken of. Copy it again, or export the model again. Who has changed it on purpose "
            f"removes {KEY!r} from its metadata.",
            path=path,
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _replaced(content: bytes, first: int, text: str) -> bytes:
    return content[:first] + text.encode() + content[first + len(text) :]
