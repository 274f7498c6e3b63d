"""Build the site of the documentation into site/: python docs/build.py

The pages lie in build/docs as they lie in the repository, so the same links are valid on the site
and wherever the repository is looked at. Four things are added: the navigation, which is that of
docs/README.md; a page for each recipe, so that links to its source lead to code that can be read;
the notebooks of docs/notebooks.py; and what the docstrings say, in place of the lines `::: name`.

Everything is checked: Zensical runs strictly, every link and anchor of every page must lead
somewhere, nothing may be fetched from elsewhere, and every public name must be explained.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

ROOT = Path(__file__).resolve().parents[1]
BUILD, SITE = ROOT / "build", ROOT / "site"
PAGES = ("*.md", "docs/**/*.md", "recipes/*.md", "bench/*.md")
FILES = ("LICENSE", "NOTICE", "docs/images/**/*.*", "docs/assets/*")
NOTEBOOK = '\n\n*This page as a notebook: [{0}]({0}){{ download="{0}" }}*\n'  # below the title
SHIM = "https://unpkg.com/iframe-worker/shim"
BEHIND = ("segue.estimators", "segue.evaluation.explain", "segue.prepare", "segue.training")  # too

# What an estimator is made with, and what its users call all the same.
_HOOKS = {"cut", "continued", "continued_linearly", "head_kind", "predict_linearly"}
_CALLED = {"get_params", "save", "set_params"}
_FIRST = ("fit", "predict", "predict_proba", "score")


def main() -> int:
    """Build and check; the exit code is 1 if something is wrong."""
    lay_out(BUILD / "docs")
    (BUILD / "zensical.toml").write_text(configuration(), encoding="utf-8")
    shutil.rmtree(SITE, ignore_errors=True)
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--clean", "--strict"]
    done = subprocess.run(command, cwd=BUILD, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout.split("Traceback")[0], *done.stderr.splitlines()[-1:], sep="\n")
        return 1
    shutil.move(BUILD / "site", SITE)
    mend(SITE)
    wrong = [*problems(SITE), *(f"{name} is not explained" for name in unexplained(SITE))]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}/index.html")
    return 1 if wrong else 0


# -- what goes in -------------------------------------------------------------------------------


def lay_out(folder: Path) -> None:
    """Copy pages and pictures, and make the pages of the recipes and the notebooks."""
    from notebooks import PAGES as WITH_NOTEBOOKS
    from notebooks import write

    shutil.rmtree(folder, ignore_errors=True)
    for path in (p for pattern in (*PAGES, *FILES) for p in sorted(ROOT.glob(pattern))):
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            text = page(path.read_text(encoding="utf-8"))
            text = linked(text) if path.name == "python.md" else text
            if path in WITH_NOTEBOOKS:
                write(path, copy.with_suffix(".ipynb"))
                text = text.replace("\n", NOTEBOOK.format(copy.with_suffix(".ipynb").name), 1)
            copy.write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(path, copy)
    for path in sorted(ROOT.glob("recipes/*.py")):
        code = path.read_text(encoding="utf-8")
        text = f"---\nhide: [navigation, toc]\n---\n\n# {path.name}\n\n```python\n{code}```\n"
        (folder / "recipes" / f"{path.name}.md").write_text(text, encoding="utf-8")


def page(text: str) -> str:
    """What the site shows of a page: links to recipes lead to their pages; names have options."""
    text = re.sub(r"(\]\((?:[\w./-]*recipes/)?[\w-]+\.py)\)", r"\1.md)", text)
    return re.sub(r"^::: (\S+)$", lambda m: m[0] + options(m[1]), text, flags=re.MULTILINE)


def linked(text: str) -> str:
    """The table of names, each leading to what its docstring says."""
    place = {
        name: f"api/{path.name}#{name}"
        for path in ROOT.glob("docs/reference/api/*.md")
        for name in re.findall(r"^::: (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    def link(match: re.Match[str]) -> str:
        name = f"segue.{match[1]}"
        target = place.get(name, f"api/{match[1]}.md")
        there = "#" in target or (ROOT / "docs" / "reference" / target).exists()
        return f"| [`{match[1]}`]({target}) |" if there else match[0]

    return re.sub(r"^\| `(\w+)` \|", link, text, flags=re.MULTILINE)


_ARGUMENTS_ONLY = ("segue.layers.", "segue.modules.", "segue.prepare.")


def options(name: str) -> str:
    """How much is said of a name: of a layer or a step its arguments only."""
    from segue.estimators.base import BaseSequenceEstimator

    value, last = resolved(name), name.rpartition(".")[2]
    if isinstance(value, type) and issubclass(value, BaseSequenceEstimator):
        hidden = _HOOKS | (set(dir(BaseSequenceEstimator)) - {*_CALLED, *_FIRST})
        shown = {n for n in dir(value) if n not in hidden and callable(getattr(value, n))}
        rest = sorted(name for name in shown - set(_FIRST) if not name.startswith("_"))
        members = f"[{', '.join([*(name for name in _FIRST if name in shown), *rest])}]"
    elif name.startswith(_ARGUMENTS_ONLY) and not _has_an_interface(last):
        members = "false\n      inherited_members: false"
    elif isinstance(value, type(re)):
        members = "false"
    else:
        return ""
    return f"\n    options:\n      members: {members}"


def _has_an_interface(last: str) -> bool:
    return last in {"Cell", "LayerSpec", "Layer", "Padded", "StepSpec", "Preparation", "Batches"}


def resolved(name: str) -> Any:
    """What a dotted name stands for."""
    value = importlib.import_module("segue")
    for part in name.split(".")[1:]:
        try:
            value = getattr(value, part)
        except AttributeError:
            value = importlib.import_module(f"{value.__name__}.{part}")
    return value


# -- navigation ---------------------------------------------------------------------------------


def configuration() -> str:
    """docs/zensical.toml, with the navigation."""
    base = (ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8")
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    return base.replace("[project]\n", f"[project]\nnav = {_toml(navigation(index))}\n", 1)


def navigation(index: str) -> list[dict[str, Any]]:
    """Read the index: `## kind`, perhaps `### group`, and `- [title](page)`."""
    kinds: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for marks, heading, title, target in re.findall(
        r"^(?:(##+) (.+)|- \[(.+?)\]\((\S+?)\))", index, re.MULTILINE
    ):
        if target:
            path = (ROOT / "docs" / target).resolve().relative_to(ROOT)
            entries.append({title: path.as_posix()})
        else:
            kind: list[dict[str, Any]] = []
            (kinds if marks == "##" else next(iter(kinds[-1].values()))).append({heading: kind})
            entries = kind
    return kinds


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(_toml(item) for item in value) + "]"


# -- what came out ------------------------------------------------------------------------------


def mend(site: Path) -> None:
    """Make the site work when it is opened as files.

    Its search then needs a script that Zensical would fetch, and the way home a file's name.
    """
    for path in site.rglob("*.html"):
        up = "../" * (len(path.relative_to(site).parts) - 1)
        html = path.read_text(encoding="utf-8")
        html = html.replace(SHIM, f"{up}docs/assets/iframe-worker.js")
        html = re.sub(r'href="(\.\.?(?:/\.\.?)*)/?"', r'href="\1/index.html"', html)
        path.write_text(html, encoding="utf-8")


class _Page(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") != "canonical":
            self.loaded.append(given.get("href", ""))
        elif "src" in given:
            self.loaded.append(given["src"])


def problems(site: Path) -> Iterator[str]:
    """Links that lead nowhere, and what would be fetched from elsewhere."""
    pages = {p: _Page(p.read_text(encoding="utf-8")) for p in site.rglob("*.html")}
    for path, shown in sorted(pages.items()):
        place = path.relative_to(site)
        for target in {*shown.links, *shown.loaded}:
            if re.match(r"[a-z]+:|//", target):
                if target in shown.loaded and not target.startswith("data:"):
                    yield f"{place}: would fetch {target}"
                continue
            file, anchor = urldefrag(unquote(target))
            there = (path.parent / file).resolve() if file else path
            if path.name == "404.html" and file.startswith("/"):
                there = site / (file.lstrip("/") or "index.html")
            if not there.is_file():
                yield f"{place}: {target} leads nowhere"
            elif there in pages and anchor not in pages[there].anchors:
                yield f"{place}: {target} has no such anchor"
    for sheet in site.rglob("*.css"):
        for url in re.findall(r"url\(([\"']?https?:.*?)\)", sheet.read_text(encoding="utf-8")):
            yield f"{sheet.relative_to(site)}: would fetch {url}"


def public_names() -> list[str]:
    """Every name that users are meant to know, as `segue.<room>.<name>`."""
    import segue

    names = [f"segue.{name}" for name in segue.__all__ if not name.startswith("_")]
    rooms = [name for name in names if isinstance(resolved(name), type(re))]
    for room in (*rooms, *BEHIND):
        inside = resolved(room)
        errors = (name for name in vars(inside) if name.endswith("Error"))
        names += [f"{room}.{name}" for name in getattr(inside, "__all__", errors)]
    return names


def unexplained(site: Path) -> list[str]:
    """Public names that no page of the reference explains; rooms have pages of their own."""
    pages = [p.read_text(encoding="utf-8") for p in site.glob("docs/reference/api/*.html")]
    shown = {anchor for html in pages for anchor in re.findall(r'id="(segue[\w.]*)"', html)}
    rooms = {f"segue.{path.stem}" for path in site.glob("docs/reference/api/*.html")}
    return [n for n in public_names() if n not in shown | rooms and short(n) not in shown]


def short(name: str) -> str:
    """`segue.evaluation.evaluate` is explained as `segue.evaluate`.

    What `segue.layers` loads from `segue.modules`, since it needs torch, is explained there.
    """
    room, _, last = name.rpartition(".")
    in_modules = room == "segue.layers" and last in resolved("segue.modules").__all__
    return f"segue.modules.{last}" if in_modules else f"segue.{last}"


if __name__ == "__main__":
    sys.exit(main())
