"""Options are made from the arguments that they fill: type, choices, default, help, each once."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from segue.arguments import ESTIMATORS, STUDIED, declaration, described
from segue.cli import app
from segue.cli.fit import ESTIMATOR, FORECASTER
from segue.cli.options import Form, add_command, options_of
from segue.estimators.loading import BY_TASK
from segue.training import TrainingOptions


def defaults(target: Any) -> dict[str, Any]:
    return {name: p.default for name, p in inspect.signature(target).parameters.items()}


@dataclass(frozen=True)
class Settings:
    """Of a made-up estimator.

    Args:
        units: how many.
        rate: of the updates;
            over two lines. In Python also a function.
        kind: `None`: neither.
        names: of layers.
        deep: whether to add another layer.
        share: a part, or all.

    Attributes:
        other: no argument.
    """

    units: int = 8
    rate: float | None = None
    kind: Literal["one", "two"] | None = None
    names: tuple[str, ...] = ()
    deep: bool = False
    share: Literal["auto"] | float = "auto"
    seed: int = 0


@dataclass(frozen=True)
class Other:
    """Args:
    units: not these.
    """

    units: int = 9


def declared(option: Parameter) -> Any:
    return option.annotation.__metadata__[0]


def test_types_and_choices_come_from_the_annotation() -> None:
    names = "units rate kind names deep share"
    found = {option.name: option for option in options_of(Settings, names)}
    hints = {name: option.annotation.__origin__ for name, option in found.items()}
    assert hints == {
        "units": int | None, "rate": float | None, "kind": str | None,
        "names": list[str] | None, "deep": bool, "share": str | None,
    }  # fmt: skip
    assert [declared(found[n]).metavar for n in ("units", "rate", "kind")] == ["N", "X", "one|two"]
    assert declared(found["units"]).min == 1
    assert {option.default for option in found.values()} == {None, False}


def test_help_comes_from_the_docstring_and_the_defaults() -> None:
    assert described(Settings)["rate"].text == (
        "of the updates; over two lines. In Python also a function."
    )
    assert "other" not in described(Settings)
    texts = [declared(one).help for one in options_of(Settings, "units rate kind names deep")]
    assert texts == [
        "How many (default: 8).",
        "Of the updates; over two lines.",
        "None: neither.",
        "Of layers; several times for more.",
        "Add another layer.",
    ]


def test_the_first_of_several_describes_and_other_defaults_are_listed() -> None:
    (option,) = options_of({"a": Settings, "b": Other}, ["units"])
    assert declared(option).help == "How many (default: 8, 9 for b)."
    (option,) = options_of(Settings, "seed", seed=Form(help="A seed", flag="--draw", kind=Path))
    assert declared(option).help == "A seed (default: 0)."
    assert "--draw" in (declared(option).default, *declared(option).param_decls)
    assert declared(option).min is None


def test_arguments_of_a_base_are_described_there() -> None:
    @dataclass(frozen=True)
    class Derived(Settings):
        """One more.

        Args:
            units: more than the base has.
            more: of them.
        """

        more: int = 3

    assert described(Derived)["units"].text == "more than the base has."
    texts = [declared(one).help for one in options_of(Derived, "kind more")]
    assert texts == ["None: neither.", "Of them (default: 3)."]


@pytest.mark.parametrize("name", ["optimizer", "schedule", "monitor"])
def test_the_choices_of_fit_are_those_of_training(name: str) -> None:
    fit = typer.main.get_command(app).commands["fit"]  # type: ignore[attr-defined]
    (option,) = [one for one in fit.complete.params if one.name == name]
    choices = option.metavar.split("|")
    for choice in choices:
        others = {"schedule": "constant"} if name == "monitor" else {}
        assert getattr(TrainingOptions(**{**others, name: choice}), name) == choice
    assert getattr(TrainingOptions(), name) in choices


def test_a_command_gets_what_was_given_and_nothing_else() -> None:
    """Defaults stay those of the function; a metavar stands behind the name of the option."""
    calls: list[dict[str, Any]] = []

    def command(
        source: str, *, rate: float = 3, out: Path | None = None, all_: bool = False
    ) -> None:
        """Do it.

        Options:
            out (FILE): where to.
            rate: how much.
            all_: everything.
        """
        calls.append({"source": source, "rate": rate, "out": out, "all": all_})

    alone = typer.Typer()
    add_command(alone, command)
    add_command(alone, command, name="again")
    runner = CliRunner()
    assert runner.invoke(alone, ["command", "a", "--rate", "0"]).exit_code == 0
    assert runner.invoke(alone, ["again", "b", "--all", "--out", "f", "--debug"]).exit_code == 0
    assert calls == [
        {"source": "a", "rate": 0, "out": None, "all": False},
        {"source": "b", "rate": 3, "out": Path("f"), "all": True},
    ]
    text = runner.invoke(alone, ["command", "--help"]).output
    assert "Do it." in text
    assert "Options:\n" in text
    assert "--out FILE" in text
    assert "everything" not in text.partition("Options:")[0]


POSITIONAL = {"source", "estimator", "data", "space", "settings"}
FUNCTIONS = {
    "segue.runs:fit_run": "runs/__init__.py",
    "segue.studies:learning_curve": "studies/curve.py",
    "segue.studies:grid": "studies/grids.py",
}


@pytest.mark.parametrize("task", ESTIMATORS)
def test_what_is_read_from_the_source_is_what_the_estimator_has(task: str) -> None:
    """Names, defaults, types and descriptions."""
    kind = BY_TASK[task]
    assert kind.__name__ == ESTIMATORS[task][1]
    assert kind._task_type.targets_inside == (task not in STUDIED)
    read = declaration(*ESTIMATORS[task])
    assert defaults(read) == defaults(kind)
    assert described(read) == described(kind)
    names = [name for name in [*ESTIMATOR.split(), *FORECASTER] if name in defaults(kind)]
    for ours, theirs in zip(options_of(read, names), options_of(kind, names), strict=True):
        assert ours.annotation.__origin__ == theirs.annotation.__origin__
        assert vars(declared(ours)) == vars(declared(theirs))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_read_from_the_source_is_what_the_function_has(function: str) -> None:
    module, name = function.split(":")
    real, read = (
        getattr(importlib.import_module(module), name),
        declaration(FUNCTIONS[function], name),
    )
    theirs = defaults(real)
    assert defaults(read) == {name: theirs[name] for name in defaults(read)}
    assert inspect.signature(real).parameters.keys() - defaults(read).keys() <= POSITIONAL
    assert described(read) == described(real)


def test_help_imports_neither_torch_nor_scikit_learn() -> None:
    """Of every command, in one process."""
    code = """
import sys, typer
from segue.cli import app, main
for name, command in typer.main.get_command(app).commands.items():
    for word in getattr(command, "commands", [""]):
        assert main([name, word, "--help"] if word else [name, "--help"]) == 0
        heavy = {"torch", "sklearn", "matplotlib", "pandas"} & set(sys.modules)
        assert not heavy, (name, word, heavy)
        print("helped", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: ") == done.stderr.count("helped") > 10
