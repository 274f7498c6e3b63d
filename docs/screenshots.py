"""Pictures of the studio's pages, light and dark, for three widths: python docs/screenshots.py

They go into docs/images/studio, as <page>-<width>-<light or dark>.png. Chromium is needed (`make
browser`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).resolve().parent / "images" / "studio"
WIDTHS = {1280: 800, 1920: 1080, 390: 844}
COLOURS = 128  # of a picture: a third of the bytes, and nothing that one would see


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place, "recordings")
        folder.mkdir()
        studio = subprocess.Popen(
            [sys.executable, "-u", "-m", "segue", "studio", folder, "--no-browser"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert studio.stdout is not None
            address = studio.stdout.readline().strip()
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            first = opened(browser, address, 1280, "light")
            train(first)
            for width in WIDTHS:
                for theme in ("light", "dark"):
                    page = opened(browser, address, width, theme)
                    for name in (
                        first.get_by_role("navigation").get_by_role("link").all_inner_texts()
                    ):
                        show(page, name)
                        save(page, f"{name.lower().replace(' ', '-')}-{width}-{theme}.png")
                    page.context.close()
            browser.close()
        finally:
            studio.terminate()
            studio.wait()


def opened(browser: Any, address: str, width: int, theme: str) -> Page:
    """The first page, in a window of its own."""
    size = {"width": width, "height": WIDTHS[width]}
    context = browser.new_context(viewport=size, color_scheme=theme)
    context.set_default_timeout(120_000)
    page: Page = context.new_page()
    page.goto(address)
    return page


def train(page: Page) -> None:
    """What the pictures show: a network that tells nine speakers apart."""
    page.get_by_role("button", name="japanese-vowels", exact=True).click()
    page.get_by_role("heading", name="Sequences").wait_for()
    page.get_by_role("link", name="Designer", exact=True).click()
    page.get_by_label("the network as text").fill("bilstm(100) dropout(0.2)")
    page.get_by_role("button", name="dropout(0.2)", exact=True).wait_for()
    page.get_by_role("link", name="Next: train it").click()
    page.get_by_role("button", name="Start training").click()
    page.locator(".state").get_by_text("done").wait_for()


def show(page: Page, name: str) -> None:
    """Go to a page, and to what is worth seeing there."""
    page.get_by_role("link", name=name, exact=True).first.click()
    page.wait_for_load_state("networkidle")
    if name == "Designer":
        page.locator('[data-path="network/0"]').click()
    if name == "Results":
        page.get_by_role(
            "button", name=re.compile(r"^(\d) taken for (?!\1).*: [1-9]")
        ).first.click()
        page.locator(".chart[data-points]").first.wait_for()
    page.wait_for_timeout(700)  # until curves are drawn and what moved stands still


def save(page: Page, name: str) -> None:
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(COLOURS).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
