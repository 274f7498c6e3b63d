"""Command-line options made from the arguments that they fill: names, types, defaults and help.

An argument of a dataclass or a function is described once, in its docstring's `Args` section, and
typed once, in its annotation; both become the option of a command. A sentence that begins with "In
Python" is left out. An option that is not given has the value None (False for a flag), so that a
default stands in one place too.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
import typer.core

from segue.cli.columns import flag_of, with_columns
from segue.errors import OptionError

KEYWORD = inspect.Parameter.KEYWORD_ONLY


@dataclass(frozen=True)
class Form:
    """How an option differs from the argument that it fills.

    Attributes:
        metavar: what stands for its value in the help, such as "SHARE|none".
        help: its description, where that of the argument has forms that only Python has.
        kind: its type, where the command reads a text itself.
        flag: its name, where that is not the argument's.
    """

    metavar: str | None = None
    help: str | None = None
    kind: type | None = None
    flag: str | None = None


def options_of(
    targets: Callable[..., Any] | Mapping[str, Callable[..., Any]],
    names: str | Iterable[str],
    **forms: Form,
) -> list[inspect.Parameter]:
    """Make an option for each of some arguments.

    Args:
        targets: a dataclass or a function; or several by what they are for, of which the first that
            has an argument describes it. Other defaults of the others are listed.
        names: the arguments.
        **forms: exceptions, by the name of the argument.

    Returns:
        Parameters for the signature of a command, in the order of the names.

    >>> def train(epochs: int = 10, schedule: Literal["cosine", "constant"] = "constant") -> None:
    ...     '''Train.
    ...
    ...     Args:
    ...         epochs: passes over the data. In Python also "auto".
    ...         schedule: of the learning rate.
    ...     '''
    >>> for option in options_of(train, "epochs schedule"):
    ...     declared = option.annotation.__metadata__[0]
    ...     print(option.name, declared.metavar, declared.min, declared.help)
    epochs N 1 Passes over the data (default: 10).
    schedule cosine|constant None Of the learning rate (default: constant).
    """
    named = targets if isinstance(targets, Mapping) else {"": targets}
    listed = names.split() if isinstance(names, str) else names
    return [_option(named, name, forms.get(name, Form())) for name in listed]


def declared(**annotations: Any) -> list[inspect.Parameter]:
    """Options that fill no argument, from their `Annotated` types by name."""
    return [
        inspect.Parameter(name, KEYWORD, default=None, annotation=annotation)
        for name, annotation in annotations.items()
    ]


def _option(targets: Mapping[str, Callable[..., Any]], name: str, form: Form) -> inspect.Parameter:
    having = {
        purpose: inspect.signature(target).parameters[name].default
        for purpose, target in targets.items()
        if name in inspect.signature(target).parameters
    }
    first = targets[next(iter(having))]
    default = next(iter(having.values()))
    kind, choices = _kind(get_type_hints(first)[name])
    kind = form.kind or kind
    is_count = kind is int and default != 0  # a seed may be 0, and below
    option = typer.Option(
        form.flag or _flag(name),
        metavar=form.metavar or choices or {int: "N", float: "X"}.get(kind),
        min=1 if is_count else None,
        help=_help(form.help or described(first)[name], having, is_list=kind is list),
    )
    hint: Any = kind | None
    if kind is bool:
        hint = bool
    elif kind is list:
        hint = list[str] | None
    start = False if kind is bool else None
    return inspect.Parameter(name, KEYWORD, default=start, annotation=Annotated[hint, option])


def _kind(hint: Any) -> tuple[type, str | None]:
    """The type that the command line reads for an annotation, and the choices of a `Literal`."""
    union = get_origin(hint) in (Union, UnionType)
    members = [one for one in (get_args(hint) if union else (hint,)) if one is not type(None)]
    words = [w for one in members if get_origin(one) is Literal for w in get_args(one)]
    others = [one for one in members if get_origin(one) is not Literal]
    choices = "|".join(words) or None
    for kind in (bool, int):
        if kind in others:
            return kind, None
    if others == [float] and not words:
        return float, None
    if [get_origin(one) for one in others] == [tuple]:
        return list, choices
    return str, choices


def _help(text: str, defaults: Mapping[str, Any], *, is_list: bool) -> str:
    """A description as a sentence for the command line, with the defaults."""
    text = re.sub(r"\s*In Python [^.]*\.", "", text.replace("`None`", "none").replace("`", ""))
    text = text.removeprefix("whether to ").rstrip(".")
    text = text[:1].upper() + text[1:]
    text += "; several times for more" if is_list else ""
    unsaid = (None, False, (), inspect.Parameter.empty)
    usual = next(iter(defaults.values()))
    shown = [] if any(usual is one for one in unsaid) else [str(usual)]
    shown += [f"{other} for {purpose}" for purpose, other in defaults.items() if other != usual]
    return f"{text} (default: {', '.join(shown)})." if shown else f"{text}."


@functools.cache
def described(target: Callable[..., Any]) -> dict[str, str]:
    """The description of each argument, from the `Args` section of the docstring.

    Of a class also those of its bases.

    >>> described(described), described(options_of)["names"]
    ({}, 'the arguments.')
    """
    entry = re.compile(r"^    \**(\w+): (.*(?:\n     .*)*)", re.MULTILINE)
    found: dict[str, str] = {}
    for one in reversed(getattr(target, "__mro__", (target,))):
        text = inspect.cleandoc(one.__doc__ or "")
        section = re.search(r"^Args:\n((?:    .*\n?|\n(?=    ))*)", text, re.MULTILINE)
        found |= dict(entry.findall(section[1] if section else ""))
    return {name: re.sub(r"\s+", " ", about).strip() for name, about in found.items()}


# -- commands -------------------------------------------------------------------------------------


def add_command(
    app: typer.Typer,
    command: Callable[..., None],
    options: Callable[[], list[inspect.Parameter]],
    name: str | None = None,
) -> None:
    """Give a command the options that `options` makes, when it is called or prints its help.

    Not before: the classes that they come from take seconds to import (torch), and the help of all
    commands shall not.

    Args:
        app: gets the command.
        command: a function with arguments of its own and `**given`, the options by their names.
        options: makes the options; they stand behind the first argument of the command.
        name: the command's name; the function's if left out.
    """

    class Late(typer.core.TyperCommand):
        @functools.cached_property
        def complete(self) -> typer.core.TyperCommand:
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name)(with_columns(_with_options(command, options())))
            return typer.main.get_command(alone)  # type: ignore[return-value]

        def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
            return self.complete.make_context(info_name, args, parent, **extra)

    def stub() -> None:
        """For the list of commands."""

    stub.__doc__, stub.__name__ = command.__doc__, command.__name__
    app.command(name, cls=Late)(stub)


def _with_options(
    command: Callable[..., None], options: list[inspect.Parameter]
) -> Callable[..., None]:
    signature = inspect.signature(command, eval_str=True)
    first, *own = [
        p.replace(kind=KEYWORD)
        for p in signature.parameters.values()
        if p.kind is not inspect.Parameter.VAR_KEYWORD
    ]

    @functools.wraps(command)
    def complete(**given: Any) -> None:
        command(**given)

    parameters = [first, *options, *own]
    complete.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    del complete.__wrapped__  # its signature is another one
    return complete


def refuse_beside_resume(given: Mapping[str, Any], forms: Mapping[str, Form]) -> None:
    """Refuse options that would change what is resumed.

    Args:
        given: options by the names of their arguments; None or False where not given. Those of
            readers are a mapping under "columns".
        forms: as for `options_of`.

    Raises:
        OptionError: some are given; all of them are named.

    >>> refuse_beside_resume({"epochs": None, "refit": False}, {})
    >>> refuse_beside_resume({"epochs": 3, "columns": {"label": "y"}}, {})
    Traceback (most recent call last):
    segue.errors.OptionError: --epochs and --column-label would change what --resume continues: ...
    """
    flags = [
        forms.get(name, Form()).flag or _flag(name)
        for name, value in given.items()
        if name != "columns" and value is not None and value is not False
    ]
    flags += [flag_of(option) for option in given.get("columns") or ()]
    if flags:
        raise OptionError(
            f"{' and '.join(flags)} would change what --resume continues: it goes on with the "
            f"options that it was begun with. Leave {'it' if len(flags) == 1 else 'them'} out, or "
            "start anew."
        )


def _flag(name: str) -> str:
    return f"--{name.strip('_').replace('_', '-')}"
