"""The one public door: what it offers is documented, and opening it is quick."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import segue

ROOT = Path(__file__).resolve().parents[1]


def test_the_documented_names_are_the_exported_ones() -> None:
    text = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(documented) == sorted(segue.__all__)


@pytest.mark.parametrize("name", segue.__all__)
def test_every_name_is_there_and_explains_itself(name: str) -> None:
    value = getattr(segue, name)
    assert name == "__version__" or value.__doc__.strip()
    assert name in dir(segue)


def undocumented(module: Any) -> Iterator[str]:
    """Public functions, classes and methods of a module without a docstring, own or inherited."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if not inspect.getdoc(thing):
            yield f"{module.__name__}.{name}"
        for part, member in vars(thing).items() if inspect.isclass(thing) else ():
            is_method = inspect.isroutine(member) or isinstance(member, property | cached_property)
            protocol = getattr(thing, "_is_protocol", False)  # its attributes stand above
            if not part.startswith("_") and is_method and not protocol:
                found = member if isinstance(member, cached_property) else getattr(thing, part)
                if not inspect.getdoc(found):
                    yield f"{module.__name__}.{name}.{part}"


def test_everything_public_explains_itself() -> None:
    names = [found.name for found in pkgutil.walk_packages(segue.__path__, "segue.")]
    modules = [importlib.import_module(name) for name in names]
    assert len(modules) > 100
    assert not [name for module in modules for name in undocumented(module)]


def test_a_name_that_is_none_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'segue' has no attribute 'Classifier'"):
        segue.Classifier  # noqa: B018


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert version("segue") == segue.__version__


def test_import_brings_nothing_heavy() -> None:
    code = (
        "import sys, segue\n"
        "heavy = {'torch', 'sklearn', 'matplotlib', 'pandas', 'scipy', 'pyarrow', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert _run([sys.executable, "-c", code]) == "[]\n"


def test_import_is_quick() -> None:
    """0.15 s in a fresh process, one of five, without what Python itself takes to start."""
    code = (
        "import time; began = time.perf_counter(); import segue; print(time.perf_counter() - began)"
    )
    assert any(float(_run([sys.executable, "-c", code])) <= 0.15 for _ in range(5))


def test_help_is_quick() -> None:
    """0.3 s of processor time for the whole process: on a quiet machine, of time that passes."""
    command = [str(Path(sys.executable).with_name("segue")), "--help"]
    assert any(_seconds(command) <= 0.3 for _ in range(7))


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _seconds(command: list[str]) -> float:
    began = os.times()
    _run(command)
    ended = os.times()
    user, system = (ended.children_user, ended.children_system)
    return user - began.children_user + system - began.children_system


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trainNetwork", "SequenceClassifier(network).fit(x, y)"),
        ("load_model", "segue.load(path)"),
        ("EarlyStopping", "TrainingOptions(patience="),
        ("Sequential", "a network is a text"),
        ("StandardScaler", 'prepare="standardize"'),
        ("train_test_split", "data.split(0.2)"),
    ],
)
def test_names_of_other_libraries_are_answered(name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(message)):
        getattr(segue, name)
