"""Make notebooks of the pages that can be followed line by line: python docs/notebooks.py FOLDER

Python becomes cells, and what is marked `sh` becomes cells of `!` commands. Pictures are inside the
notebook; of links to other pages only the text stays, since a notebook is downloaded without them.
"""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

DOCS = Path(__file__).resolve().parent
PAGES = [DOCS / "start.md", *sorted(DOCS.glob("tutorials/[!R]*.md"))]  # README.md has no code

HEADER = """---
jupyter:
  kernelspec: {name: python3, language: python, display_name: Python 3}
---

"""


def notebook(text: str, folder: Path) -> NotebookNode:
    """The notebook of a page.

    Args:
        text: of the page.
        folder: where the page lies, for its pictures.
    """
    made = jupytext.reads(HEADER + text, fmt="md")
    del made.metadata["jupytext"]
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"  # the same each time
        if cell.cell_type == "markdown":
            _embed_pictures(cell, folder)
        else:
            cell.source = re.sub(r"^%%sh\n(.*)", _with_marks, cell.source, flags=re.DOTALL)
    nbformat.validate(made)
    return made


def _embed_pictures(cell: NotebookNode, folder: Path) -> None:
    def replaced(link: re.Match[str]) -> str:
        mark, shown, target = link.groups()
        if not mark:
            return shown
        picture = folder / target
        data = base64.b64encode(picture.read_bytes()).decode()
        cell.setdefault("attachments", {})[picture.name] = {"image/png": data}
        return f"![{shown}](attachment:{picture.name})"

    cell.source = re.sub(r"(!?)\[([^]]+)\]\((?!https?:)([^)]+)\)", replaced, cell.source)


def _with_marks(commands: re.Match[str]) -> str:
    """A mark before each command, which may go on in further lines."""
    return re.sub(r"^(?=\S)", "!", commands[1], flags=re.MULTILINE)


def write(page: Path, path: Path) -> None:
    """Write the notebook of a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(page.read_text(encoding="utf-8"), page.parent), path)


def main() -> None:
    for page in PAGES:
        path = Path(sys.argv[1], page.relative_to(DOCS)).with_suffix(".ipynb")
        write(page, path)


if __name__ == "__main__":
    main()
