"""The imports of src/segue, for types too, go one way: from a room to those above it in the plan.

The plan is the table of rooms in docs/explanation/architecture.md.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "segue"
PLAN = ROOT / "docs" / "explanation" / "architecture.md"

# From the first to the last; a room imports only rooms that stand before it.
ROOMS = re.findall(r"^\| `(\w+)(?:\.py|/)` \|", PLAN.read_text(encoding="utf-8"), re.MULTILINE)

# Files over 500 lines, each with the reason why it is one file.
LONG_FILES: dict[str, str] = {}

FILES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The first part of the path below src/segue, without the ending."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(text: str, package: str = "segue") -> Iterator[tuple[int, str]]:
    """Line and full name of every import, also inside functions, and those for types only."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -node.level + 1 or None] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


@functools.cache
def segue_imports(path: Path) -> list[tuple[int, str]]:
    package = ".".join(["segue", *path.relative_to(SOURCE).parts[:-1]])
    found = imports_of(path.read_text(encoding="utf-8"), package)
    return [(line, name) for line, name in found if name.split(".")[0] == "segue"]


def named(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_the_plan_has_the_rooms_that_there_are() -> None:
    assert sorted(ROOMS) == sorted({room_of(path) for path in FILES} - {"__init__"})


@pytest.mark.parametrize("path", FILES, ids=named)
def test_imports_point_up(path: Path) -> None:
    room = room_of(path)
    wrong = []
    for line, name in segue_imports(path):
        other = name.split(".")[1] if "." in name else "segue"
        if room == "__init__":
            continue  # the door names all rooms, for types; what it loads, test_public.py looks at
        if other not in ROOMS:
            wrong.append(f"{path}:{line} imports {name} from the root of the package")
        elif ROOMS.index(other) > ROOMS.index(room):
            wrong.append(f"{path}:{line} ({room}) imports {name}, which stands below it")
    assert not wrong, "\n".join(wrong)


def test_no_cycles_inside_the_rooms() -> None:
    names = {module_name(path): path for path in FILES}
    graph = {
        name: {module for _, target in segue_imports(path) if (module := nearest(target, names))}
        - {name}
        for name, path in names.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name in done:
            return
        for target in sorted(graph[name]):
            visit(target, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def nearest(target: str, names: dict[str, Path]) -> str | None:
    """`segue.errors.DataError` -> `segue.errors`."""
    while target and target not in names:
        target = target.rpartition(".")[0]
    return target or None


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_star_imports(path: Path) -> None:
    stars = [line for line, name in segue_imports(path) if name.endswith(".*")]
    assert not stars, f"{path} imports * on lines {stars}"


def test_files_stay_short() -> None:
    long = {
        named(path): count
        for path in FILES
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 500
        and named(path) not in LONG_FILES
    }
    assert not long, f"over 500 lines; cut them, or give the reason in LONG_FILES: {long}"


def test_the_estimators_say_what_is_where() -> None:
    """The many files of that room are listed where one begins to read it."""
    folder = SOURCE / "estimators"
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    listed = [line[:35] for line in (said or "").splitlines()[1:]]
    modules = [*folder.glob("*.py"), *(path.parent for path in folder.glob("*/__init__.py"))]
    names = {path.stem for path in modules if path.name != "__init__.py"}
    assert set(re.findall(r"\w+", " ".join(listed))) == names


def test_the_reader_of_imports_sees_what_it_should() -> None:
    text = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from segue import typed
import segue.one
def f():
    from segue import two
    from ..three import *
    from . import four
"""
    names = {name for _, name in imports_of(text, "segue.room")}
    assert names == {
        "typing.TYPE_CHECKING",
        "segue.typed",
        "segue.one",
        "segue.two",
        "segue.three.*",
        "segue.room.four",
    }


# -- nothing that is read can run -----------------------------------------------------------------

CAN_RUN = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle"}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_nothing_that_is_read_can_run(path: Path) -> None:
    """No module imports a format that can hold code, nor evaluates text; NumPy may not unpickle."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {name.split(".")[0] for _, name in imports_of(path.read_text(encoding="utf-8"))}
    assert not imported & CAN_RUN
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        assert name not in {"eval", "exec", "compile", "__import__", "torch.load", "joblib.load"}, (
            f"line {call.lineno}: {name}"
        )
        if name.endswith(("np.load", "numpy.load", "read_array", "np.lib.format.read_array")):
            allowed = [k.value for k in call.keywords if k.arg == "allow_pickle"]
            refused = [isinstance(v, ast.Constant) and v.value is False for v in allowed]
            assert refused == [True], f"line {call.lineno}: allow_pickle=False is to be written"
