"""The addresses of files that are taken away: a diagram of the network, what was written of a run.

Whatever stands in an address is checked by what answers it: no path is made of it.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Response
from fastapi.responses import FileResponse
from nicegui import app

from segue.errors import SegueError
from segue.studio.project import Project

_PICTURES = {"svg": "image/svg+xml", "png": "image/png"}
_FRESH = {"cache-control": "no-store"}


def downloads(project: Project) -> None:
    """Answer the addresses `/diagram.svg`, `/diagram.png` and `/file`."""

    @app.get("/diagram.{kind}")
    def diagram(kind: str) -> Response:
        kinds = {"media_type": _PICTURES.get(kind, "application/octet-stream"), "headers": _FRESH}
        return _answer(lambda: Response(project.diagram(kind), **kinds))  # type: ignore[arg-type]

    @app.get("/file")
    def file(run: str, file: str) -> Response:
        def body() -> Response:
            path = project.file_of(run, file)
            return FileResponse(
                path, filename=path.name, headers=_FRESH, media_type="application/octet-stream"
            )

        return _answer(body)


def _answer(body: Callable[[], Response]) -> Response:
    """What is asked for; or, where it cannot be, why."""
    try:
        return body()
    except SegueError as error:
        return Response(str(error), 404, media_type="text/plain")
