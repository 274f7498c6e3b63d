"""Output in limited encodings: segue's own symbols as ASCII, characters of data as escapes.

Standard output may be ASCII or cp1252. `main` puts one error handler behind both streams, so that
no command needs to know. Files are always UTF-8.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator

_HANDLER = "segue.ascii"
# The symbols of sparklines, shades, bars, plots and reports.
_ASCII: dict[str, str] = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True)),
    **dict(zip("░▒▓", ".=%", strict=True)),
    **dict(zip("▏▎▍▌▋▊▉▐", "|||||###", strict=True)),
    **dict(zip("▀▖▗▘▝▚▞▙▛▜▟", "\".,`'\\/####", strict=True)),
    **dict(zip("─│┌┐└┘├┤┬┴┼", "-|+++++++++", strict=True)),
    **dict(zip("…–²·↵", ("...", "--", "^2", ".", "\\n"), strict=True)),
}


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """The handler of an encoding's errors."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_ASCII.get(c) or _escaped(c) for c in text), error.end


def _escaped(text: str, encoding: str = "ascii") -> str:
    return text.encode(encoding, "backslashreplace").decode(encoding)


codecs.register_error(_HANDLER, _replaced)


@contextlib.contextmanager
def encodable_output() -> Iterator[None]:
    """Let standard output and standard error take every character, for as long as it lasts."""
    before = [(s, s.errors) for s in (sys.stdout, sys.stderr) if isinstance(s, io.TextIOWrapper)]
    for stream, _ in before:
        stream.reconfigure(errors=_HANDLER)
    try:
        yield
    finally:
        for stream, errors in before:
            with contextlib.suppress(OSError, ValueError):  # a reader that went away, or closed
                stream.reconfigure(errors=errors)


def print_data(text: str) -> None:
    """Print values for another program: what cannot be encoded is escaped, and that is said."""
    encoding = sys.stdout.encoding or "utf-8"
    written = _escaped(text, encoding)
    print(written, end="", flush=True)
    if written != text:
        print(
            f"warning: standard output is {encoding}; characters that it does not have are written "
            "as escapes, such as \\u03b1. --out FILE.csv writes them as they are.",
            file=sys.stderr,
        )


def is_read() -> bool:
    """Write what is still waiting for standard output; False if its reader went away."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Nothing more can be written, also not at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
