"""The server of the studio: on this machine alone, for the browser that has its address."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
import warnings
import webbrowser
from collections.abc import Callable

from segue.errors import OptionError
from segue.extras import require
from segue.studio.project import Project

HOST = "127.0.0.1"


def serve(
    project: Project,
    *,
    port: int | None = None,
    opens: bool = True,
    first: str = "/",
    tell: Callable[[str], None] = print,
) -> None:
    """Serve the pages of a project, until the process is interrupted.

    Args:
        project: whose pages these are.
        port: that is listened on; `None`: one that is free.
        opens: whether to open the browser.
        first: the page that is opened.
        tell: called with the address.

    Raises:
        OptionError: the port is taken.
        MissingPackageError: the extra `studio` is not installed.
    """
    require("nicegui", "studio", "for the studio")
    port = free_port(port)
    token = secrets.token_urlsafe(24)
    address = f"http://{HOST}:{port}{first}?token={token}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _pages(project, token=token, port=port)
        from nicegui import app, ui

    def listening() -> None:
        _wait_for(port)
        tell(address)
        if opens:
            webbrowser.open(address)

    app.on_startup(threading.Thread(target=listening, daemon=True).start)
    logging.getLogger("uvicorn.error").addFilter(_is_worth_a_line)
    ui.run(
        host=HOST, port=port, title="segue studio", show=False, reload=False, dark=None,
        tailwind=False, show_welcome_message=False, reconnect_timeout=30,
    )  # fmt: skip


def _wait_for(port: int) -> None:
    """Wait until somebody listens on a port: the server does so when all else has started."""
    while True:
        try:
            with socket.create_connection((HOST, port), timeout=1):
                return
        except OSError:
            time.sleep(0.01)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether a line of the server is about more than a browser that went away meanwhile."""
    error = record.exc_info[1] if record.exc_info else None
    return str(error) != "No response returned."


def free_port(port: int | None) -> int:
    """A port of this machine that can be listened on.

    Raises:
        OptionError: it is taken.
    """
    with socket.socket() as found:
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, port or 0))
        except (OSError, OverflowError) as error:
            raise OptionError(
                f"`port` is {port}, and cannot be listened on ({error}). Choose another, or leave "
                "it out: then one that is free is taken."
            ) from error
        return int(found.getsockname()[1])


def _pages(project: Project, *, token: str, port: int) -> None:
    """Say which addresses there are, and what answers them."""
    from nicegui import app, ui

    from segue.studio.pages.addresses import addresses
    from segue.studio.pages.data_page import DataPage
    from segue.studio.pages.designer_page import DesignerPage
    from segue.studio.pages.downloads import downloads
    from segue.studio.pages.elements import STATIC
    from segue.studio.pages.experiments_page import ExperimentsPage
    from segue.studio.pages.guard import Guard
    from segue.studio.pages.results_page import ResultsPage
    from segue.studio.pages.training_page import TrainingPage
    from segue.studio.pages.use_page import UsePage

    app.add_middleware(Guard, token=token, port=port)
    app.add_static_files("/static", STATIC, max_cache_age=0)
    styles = '<link rel="stylesheet" href="/static/{}">'
    for name in ("uplot/uPlot.min.css", "studio.css"):
        ui.add_head_html(styles.format(name), shared=True)

    @ui.page("/")
    def data() -> None:
        DataPage(project)

    @ui.page("/designer")
    def designer() -> None:
        DesignerPage(project)

    @ui.page("/training")
    def training(run: str | None = None) -> None:
        TrainingPage(project, run)

    @ui.page("/results")
    def results(run: str | None = None) -> None:
        ResultsPage(project, run)

    @ui.page("/experiments")
    def experiments() -> None:
        ExperimentsPage(project)

    @ui.page("/use")
    def use(run: str | None = None) -> None:
        UsePage(project, run)

    addresses(project)
    downloads(project)
