"""The studio as a process of its own, and Debian's Chromium that opens it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).with_name("axe") / "axe.min.js"
LIMIT = 60_000  # milliseconds that anything may take on a busy machine


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a screen; skipped where it is not installed (`make browser` does that).

    For a module alone: as long as Playwright runs, no other event loop can run in this thread.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    pytest.importorskip("nicegui", reason="the extra `studio` is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium; `make browser` installs it where it may")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the studio is started with."""
    made = tmp_path / "mine"
    made.mkdir()
    return made


@pytest.fixture
def studio(folder: Path) -> Iterator[Callable[..., str]]:
    """Start the studio, perhaps after killing those before; give its address.

    All that was started is ended with the test.
    """
    started: list[subprocess.Popen[str]] = []
    plain = {name: v for name, v in os.environ.items() if "PYTEST" not in name}  # NiceGUI asks

    def start(*, kills: bool = False) -> str:
        while kills and started:
            started[-1].kill()
            started.pop().communicate()
        process = subprocess.Popen(
            [sys.executable, "-m", "segue", "studio", str(folder), "--no-browser"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
            env={**plain, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), process.communicate()
        return address

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=30)
    for lock in folder.glob("runs/*/.lock"):  # trainings go on, unless they are ended
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(lock.read_text()), signal.SIGKILL)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a new browser, which allows no error in its console and no request to elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(LIMIT)
    found, problems = context.new_page(), []
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)

    def local(request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            problems.append(f"a request to {request.url}")

    found.on("request", local)
    yield found
    context.close()
    assert problems == []


@pytest.fixture
def accessible(page: Any) -> Callable[[], None]:
    """Check that axe-core finds nothing serious on the page that is shown, light and dark."""

    def check() -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            dark = "true" if scheme == "dark" else "false"
            page.wait_for_function(f"document.body.classList.contains('body--dark') === {dark}")
            page.evaluate(f"() => {{ if (!window.axe) {{ {AXE.read_text()} }} }}")
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            serious = [
                (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
                for one in found["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], f"{scheme}, {page.url}"
        page.emulate_media(color_scheme="light")

    return check
