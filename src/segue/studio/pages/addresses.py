"""The addresses that steps, pictures and sounds come from and files go to, past the pages.

Whatever stands in an address is checked by what answers it: a number of a sequence that there is,
the name of a run of this folder.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from nicegui import app

from segue.errors import OptionError, SegueError
from segue.studio.opened import OpenData
from segue.studio.pictures import picture
from segue.studio.project import Project
from segue.studio.sounds import sound
from segue.studio.tryout import TRIED

_FRESH = {"cache-control": "no-store"}
_POINTS = 20_000  # columns of a screen at most, and as many on either side


def addresses(project: Project) -> None:
    """Answer the addresses `/stretch`, `/picture` and `/sound`, and take files in at `/upload`."""

    @app.get("/stretch")
    def stretch(of: str, index: int, start: int, stop: int, width: int) -> Response:
        def body() -> Response:
            found = packed(opened_of(project, of), index, start, stop, min(width, 3 * _POINTS))
            thinned = {"x-thinned": str(int(found.is_thinned))}
            return _bytes(found.bytes, "application/octet-stream", **thinned)

        return _answer(body)

    @app.get("/picture")
    def show(*, of: str, index: int, kind: str, start: int, stop: int, width: int) -> Response:
        def body() -> Response:
            data = opened_of(project, of)
            return _bytes(
                picture(data, index, kind, start=start, stop=stop, width=width), "image/png"
            )

        return _answer(body)

    @app.get("/sound")
    def play(request: Request, of: str, index: str, mix: bool = False) -> Response:
        def body() -> Response:
            clip = sound(opened_of(project, of), numbers(index), mix=mix)
            return _part(clip.to_bytes(), request.headers.get("range", ""))

        return _answer(body)

    @app.post("/upload")
    async def upload(request: Request, name: str) -> Response:
        content = await request.body()  # of a length that the guard has looked at
        return await run_in_threadpool(
            _answer, lambda: _bytes(project.keep(name, content).encode(), "text/plain")
        )


def _answer(body: Callable[[], Response]) -> Response:
    """What is asked for; or, where it cannot be, why."""
    try:
        return body()
    except SegueError as error:
        return Response(str(error), 404, media_type="text/plain")


def _bytes(content: bytes, media_type: str, **headers: str) -> Response:
    return Response(content, media_type=media_type, headers={**_FRESH, **headers})


def _part(content: bytes, asked: str) -> Response:
    """A sound, or the part of it that a player asks for: without this it cannot go to a time."""
    size, chosen = len(content), asked_bytes(asked, len(content))
    if chosen is None:
        return _bytes(content, "audio/wav", **{"accept-ranges": "bytes"})
    first, last = chosen
    found = _bytes(content[first:last], "audio/wav")
    found.status_code = 206
    found.headers["content-range"] = f"bytes {first}-{last - 1}/{size}"
    return found


def numbers(text: str) -> list[int]:
    """Positions of sequences between commas.

    Raises:
        OptionError: something else.

    >>> numbers("3,1")
    [3, 1]
    """
    words = text.split(",")
    if not all(word.isdecimal() and len(word) < 16 for word in words):
        raise OptionError(f"`index` is {text[:40]!r}; expected whole numbers such as 0,1,2.")
    return [int(word) for word in words]


def asked_bytes(header: str, size: int) -> tuple[int, int] | None:
    """Which bytes a header `Range` asks for: the first, and the one behind the last.

    `None`: all of them; also of a header that cannot be read, or that asks for several ranges or
    for none that there is, as RFC 9110 allows.

    >>> asked_bytes("bytes=2-3", 10), asked_bytes("bytes=-4", 10), asked_bytes("", 10)
    ((2, 4), (6, 10), None)
    """
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", header, re.ASCII)
    if found is None or found.groups() == ("", ""):
        return None
    begin, end = found.groups()
    first = int(begin) if begin else max(0, size - int(end))
    last = min(size, int(end) + 1) if begin and end else size
    return (first, last) if first < last else None


def opened_of(project: Project, of: str) -> OpenData:
    """The data set that sequences are asked of: the open one, or that of a run's results.

    Raises:
        SegueError: there is none.
    """
    if of == TRIED and project.tries.last is not None:
        return project.tries.last.data
    if of != "open":
        return project.results(of).data
    if project.opened is None:
        raise OptionError("No data are open.")
    return project.opened


class Packed:
    """Points of a curve as bytes.

    Two numbers come first (uint32): how many points, and how many channels. The steps of the points
    follow (float64), and the values (float32) of the channels, one after the other.

    Args:
        steps: `[point]`.
        values: `[point, channel]`.
        is_thinned: whether a point stands for several steps.
    """

    def __init__(self, steps: Any, values: Any, *, is_thinned: bool) -> None:
        count, channels = values.shape
        rows = np.ascontiguousarray(values.T, dtype="<f4")
        self.bytes = b"".join(
            [struct.pack("<II", count, channels), steps.astype("<f8").tobytes(), rows.tobytes()]
        )
        self.is_thinned = is_thinned


def packed(data: OpenData, index: int, start: int, stop: int, width: int) -> Packed:
    """Some steps of a sequence for a chart.

    Raises:
        OptionError: no such sequence, a text, or no columns.
    """
    found = data.view(index, start=start, stop=stop, width=width).stretch
    if found is None:
        raise OptionError("A text has no curve.")
    return Packed(found.steps, found.values, is_thinned=found.is_thinned)
