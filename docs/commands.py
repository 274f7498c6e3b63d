"""Write the tables of docs/reference/command-line.md from the commands: python docs/commands.py

Between `<!-- segue fit -->` and `<!-- -->` stands what `segue fit --help` says: how the command is
called, what it does, its options. Everything else on that page is written by hand. A test compares
the page with the commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parent / "reference" / "command-line.md"
OF_ALL, OF_SOURCES = "options of every command", "options of a SOURCE"
_SHARED = {
    OF_ALL: ("--json", "--debug"),
    OF_SOURCES: ("--column-", "--unit", "--chunk", "--encoding", "--by", "--read"),
}
# What typer calls a number or a text, by its versions.
_KINDS = {
    r"<int( range)?>|INTEGER( RANGE)?": "N",
    r"<float( range)?>|FLOAT( RANGE)?": "X",
    r"<str>|TEXT": "NAME",
    r"<path>|PATH": "PATH",
}


class Help(NamedTuple):
    """What `--help` of a command says."""

    usage: str
    about: list[str]
    options: list[tuple[str, str]]  # its call, its meaning
    commands: list[str]


def main() -> None:
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def updated(text: str) -> str:
    """The page, with every table as the commands are now."""

    def block(match: re.Match[str]) -> str:
        name = match[1]
        made = _table(shared()[name]) if name in _SHARED else "".join(_section(name))
        return f"<!-- {name} -->\n\n{made}\n<!-- -->"

    marks = "|".join(["segue[ \\w-]*", *_SHARED])
    return re.sub(rf"<!-- ({marks}) -->\n.*?<!-- -->", block, text, flags=re.DOTALL)


def commands(name: str = "segue") -> list[str]:
    """Every command by its words, such as `segue data show`, in the order of the help."""
    below = asked(name).commands
    return [name] if not below else [c for word in below for c in commands(f"{name} {word}")]


@cache
def asked(name: str) -> Help:
    """Ask a command for its help, in lines as long as they are."""
    from typer.testing import CliRunner

    from segue.cli import app

    words = [*name.split()[1:], "--help"]
    done = CliRunner().invoke(app, words, prog_name="segue", terminal_width=10_000)
    head, *rest = re.split(r"^([A-Z][\w ]+):\n", done.output, flags=re.MULTILINE)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    usage, *about = re.split(r"\n\s*\n", head.strip())
    listed = "".join(part for name, part in parts.items() if name not in ("Arguments", "Commands"))
    options = [(_call(call), meaning) for call, meaning in _rows(listed)]
    return Help(
        usage.removeprefix("Usage: "),
        [re.sub(r"\s+", " ", paragraph).strip() for paragraph in about],
        [(call, meaning) for call, meaning in options if call != "--help"],
        [word for word, _ in _rows(parts.get("Commands", ""))],
    )


def shared() -> dict[str, list[tuple[str, str]]]:
    """The options that several commands have: one table for those of sources, one for the rest."""
    found = {option: None for name in commands() for option in asked(name).options}
    return {group: [o for o in found if o[0].startswith(_SHARED[group])] for group in _SHARED}


def _rows(text: str) -> list[tuple[str, str]]:
    """Two columns, or the second one in a line of its own."""
    return re.findall(r"^  (\S.*?)(?:\n? {2,})(\S.*)$", text, re.MULTILINE)


def _call(call: str) -> str:
    for kind, word in _KINDS.items():
        call = re.sub(kind, word, call)
    return call


def _section(name: str) -> Iterator[str]:
    found = asked(name)
    yield f"```\n{found.usage}\n```\n\n"
    for paragraph in found.about:
        begin, example, rest = paragraph.partition("Example: ")
        yield f"Example: `{rest}`\n\n" if example else f"{begin}\n\n"
    own = [o for o in found.options if not o[0].startswith(_SHARED[OF_ALL] + _SHARED[OF_SOURCES])]
    yield _table(own) if own else ""
    if any(call.startswith(_SHARED[OF_SOURCES]) for call, _ in found.options):
        yield "\nBeside these, [the options of a SOURCE](#options-of-a-source).\n"


def _table(options: list[tuple[str, str]]) -> str:
    """A bar would end a cell: choices are shown as `rows/columns`."""
    rows = [f"`{call.replace('|', '/')}` | {_text(meaning)}" for call, meaning in options]
    return "| option | meaning |\n|---|---|\n" + "".join(f"| {row} |\n" for row in rows)


def _text(meaning: str) -> str:
    return re.sub(r"  +", " ", meaning).replace("|", "\\|")


if __name__ == "__main__":
    main()
