"""Options are made from the arguments that they fill: type, choices, default, help, each once."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Any, Literal

import pytest
import typer

from segue.cli import app
from segue.cli.options import Form, described, options_of
from segue.training import TrainingOptions


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
    assert described(Settings)["rate"] == (
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

    assert described(Derived)["units"] == "more than the base has."
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
