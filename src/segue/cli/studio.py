"""`segue studio`: data, networks, trainings and results of a folder, in the browser."""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path

from segue.extras import require


def studio(
    folder: Path | None = None,
    *,
    port: int | None = None,
    no_browser: bool = False,
    json: bool = False,
) -> None:
    """Look at data, train networks, see what they do, in a browser.

    It answers to this machine alone, and to the browser that opens the address that it prints.
    Trainings are processes of their own: they go on when the studio ends.

    Example: segue studio recordings

    Options:
        folder (DIR): with the data and the runs; nothing outside is read (default: this one).
        port: of this machine, that is listened on (default: one that is free).
        no_browser: only print the address.
    """
    require("nicegui", "studio", "for the studio")
    from segue.studio import Project
    from segue.studio.pages.serving import serve

    def tell(address: str) -> None:
        print(dumps({"address": address}) if json else address, flush=True)
        print("Ctrl-C ends the studio; what is trained goes on.", file=sys.stderr, flush=True)

    serve(Project(folder or "."), port=port, opens=not no_browser, tell=tell)
