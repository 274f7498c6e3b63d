"""What the documents say is so: links lead somewhere, tables match the disk, examples run."""

from __future__ import annotations

import functools
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
_FOLDERS = ("docs", "bench", "recipes")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(p for f in _FOLDERS for p in ROOT.glob(f"{f}/**/*.md"))])
SITE = runpy.run_path(str(ROOT / "docs" / "build.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


@functools.cache
def of_commands() -> dict[str, Any]:
    """The functions of docs/commands.py, which remember the help of each command."""
    return runpy.run_path(str(ROOT / "docs" / "commands.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_lead_to_files_that_are_there(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    inside = [target.split("#")[0] for target in targets if not re.match(r"https?:|#", target)]
    assert [target for target in inside if not (path.parent / target).exists()] == []


def test_the_index_leads_to_every_document() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    documents = [path for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")]
    missing = [
        named(path) for path in documents if f"({path.relative_to(ROOT / 'docs')})" not in index
    ]
    assert missing in ([], ["docs/README.md"])


def test_the_folders_of_the_readme_are_those_on_the_disk() -> None:
    listed = re.findall(r"^\| `(\w+)/(?:\w+/)*` \|", README, re.MULTILINE)
    there = subprocess.run(
        ["git", "ls-files", "--", "*/*"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {name.split("/")[0] for name in there if not name.startswith(".")}
    assert sorted(listed) == sorted(folders)


def test_every_document_is_in_the_navigation_of_the_site() -> None:
    entries = SITE["navigation"]((ROOT / "docs" / "README.md").read_text(encoding="utf-8"))
    listed = re.findall(r"'([\w/.-]+\.md)'", str(entries))
    assert sorted(listed) == sorted(named(path) for path in DOCUMENTS)


def test_every_public_name_is_in_the_reference() -> None:
    pages = list((ROOT / "docs" / "reference" / "api").glob("*.md"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    explained = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert all(SITE["resolved"](name) is not None for name in explained)
    rooms = {f"segue.{path.stem}" for path in pages}
    missing = [
        name
        for name in SITE["public_names"]()
        if name not in rooms.union(explained) and SITE["short"](name) not in explained
    ]
    assert missing == []


def test_examples_of_docstrings_become_code_and_nothing_else_does() -> None:
    fenced = runpy.run_path(str(ROOT / "docs" / "docstrings.py"))["fenced"]
    text = "Says.\n\nRaises:\n    E: when.\n\n>>> f(1)\n2\n\n    >>> g()\n    3\n\nMore."
    assert fenced(text) == (
        "Says.\n\nRaises:\n    E: when.\n\n```pycon\n>>> f(1)\n2\n```\n\n"
        "```pycon\n>>> g()\n3\n```\n\nMore."
    )


def test_a_layer_is_shown_with_the_arguments_that_its_base_explains() -> None:
    tools = runpy.run_path(str(ROOT / "docs" / "docstrings.py"))
    base = "A base.\n\nArgs:\n    units: how many.\n    name: of a base."
    text = "`x(units)`: it.\n\nArgs:\n    name: its own,\n        or none.\n\nMore."
    assert tools["with_arguments"](text, [base]) == (
        "`x(units)`: it.\n\nArgs:\n    units: how many.\n    name: its own,\n        or none."
        "\n\nMore."
    )
    assert tools["with_arguments"]("It.\n\n>>> f()\n1", [base]) == (
        "It.\n\nArgs:\n    units: how many.\n    name: of a base.\n\n>>> f()\n1"
    )
    assert tools["without_types"]("Returns:\n    A pair: `a: b`.\n\nNot: here.") == (
        "Returns:\n    A pair&#58; `a: b`.\n\nNot: here."
    )


def test_links_of_the_built_site_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<h1 id="top"></h1><a href="other.html#there"></a><a href="other.html#gone"></a>'
        '<a href="none.html"></a><img src="https://elsewhere.org/a.png"><a href="https://a.b">'
    )
    (tmp_path / "other.html").write_text('<p id="there"><a href="index.html#top"></a></p>')
    assert sorted(SITE["problems"](tmp_path)) == [
        "index.html: none.html leads nowhere",
        "index.html: other.html#gone has no such anchor",
        "index.html: would fetch https://elsewhere.org/a.png",
    ]


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout
    assert (tmp_path / "vowels.safetensors").is_file()


def test_the_page_of_the_command_line_says_what_the_help_says() -> None:
    """If this fails: python docs/commands.py, and a section for a new command."""
    tools = of_commands()
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert tools["updated"](text) == text
    sections = re.findall(r"^<!-- (segue .+) -->$", text, re.MULTILINE)
    assert sorted(sections) == sorted(tools["commands"]())


def test_the_page_of_the_command_line_has_every_option() -> None:
    """Asked of the commands themselves, and not of what is read out of their help."""
    import typer

    from segue.cli import app

    text = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    general, *sections = re.split(r"^<!-- segue ", text, flags=re.MULTILINE)
    by_command = {section.split(" -->")[0]: section for section in sections}
    for name, command in typer.main.get_command(app).commands.items():
        for word, inner in getattr(command, "commands", {"": command}).items():
            documented = by_command[f"{name} {word}".strip()] + general
            params = getattr(inner, "complete", inner).params
            for option in (o for parameter in params for o in parameter.opts if o[0] == "-"):
                assert option in documented, f"segue {name} {word} {option}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_the_commands_of_the_documents_have_the_options_that_they_use(path: Path) -> None:
    tools = of_commands()
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    code = "".join(blocks).replace("\\\n", " ")
    for line in re.findall(r"^ *(segue .*)$", code, re.MULTILINE):
        words = line.split()
        name = next((n for n in tools["commands"]() if words[: n.count(" ") + 1] == n.split()), "")
        known = {call.split()[0] for call, _ in tools["asked"](name or "segue").options}
        assert {word for word in words if re.match(r"--[a-z]", word)} <= known, line


def test_the_overview_of_the_readme_has_every_command() -> None:
    import typer

    from segue.cli import app

    _, overview = README.split("## On the command line")
    shown = set(re.findall(r"^segue (\w+)", overview, re.MULTILINE))
    assert shown == set(typer.main.get_command(app).commands)


def test_every_layer_and_preparation_is_documented() -> None:
    from segue.layers import LAYERS
    from segue.prepare import STEPS

    text = (ROOT / "docs" / "reference" / "networks.md").read_text(encoding="utf-8")
    layers, steps = text.split("## Layers")[1].split("## Preparations")
    assert set(re.findall(r"`(\w+)(?:\(.*?\))?`", _first_cells(layers))) == set(LAYERS)
    assert set(re.findall(r"`(\w+)(?:\(\w+\))?`", _first_cells(steps))) == set(STEPS)


def test_every_format_is_documented() -> None:
    from segue.readers import READERS

    text = (ROOT / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes)? ?\|$", text, re.MULTILINE)
    assert {name: bool(yes) for name, yes in rows} == {r.name: r.is_writable for r in READERS}


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_the_networks_of_the_documents_can_be_built(path: Path) -> None:
    from segue.networks import as_specs
    from segue.studies.grids import fill_template

    values = {"layers": 2, "units": 8, "activation": "relu"}  # of networks for a grid
    text = path.read_text(encoding="utf-8")
    for network in re.findall(r'--network "(.*?)"|SequenceClassifier\("(.*?)"', text):
        if (given := "".join(network)) != "auto":  # several are chosen among
            assert as_specs(fill_template(given, values))


def test_the_texts_and_the_lists_of_layers_are_the_same() -> None:
    from segue import layers
    from segue.networks import as_specs

    text = (ROOT / "docs" / "reference" / "networks.md").read_text(encoding="utf-8")
    pairs = re.findall(r"^(\w+\(.*?)  +(\[?[A-Z].*)$", text, re.MULTILINE)
    assert len(pairs) == 6
    for line, code in pairs:
        assert as_specs(line) == as_specs(eval(code, dict(vars(layers))))


def _first_cells(text: str) -> str:
    return "\n".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))
