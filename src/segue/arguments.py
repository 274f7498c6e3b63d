"""Arguments of segue's own functions and classes, read from their source and docstrings.

An argument is described once, in the `Args` of its docstring, and typed once, in its annotation:
from there come the options of the command line and the forms of the studio. Importing an estimator
takes seconds, because of torch, so what is asked of it is read from its source.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import re
import typing
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from segue.expressions import parsed, value_of


class Description(NamedTuple):
    """The description of an argument in a docstring."""

    metavar: str | None
    text: str


@functools.cache
def described(target: Any) -> dict[str, Description]:
    """The description of each argument, from `Args` or `Options` in the docstring.

    Of a class also those of its bases.

    >>> described(described), described(declaration)["path"]
    ({}, Description(metavar=None, text='the file, below `segue`.'))
    """
    entry = re.compile(r"^    \**(\w+)(?: \(([^)]*)\))?: (.*(?:\n     .*)*)", re.MULTILINE)
    descriptions: dict[str, Description] = {}
    for one in reversed(getattr(target, "__mro__", (target,))):
        text = inspect.cleandoc(one.__doc__ or "")
        section = re.search(r"^(?:Args|Options):\n((?:    .*\n?|\n(?=    ))*)", text, re.MULTILINE)
        for name, metavar, about in entry.findall(section[1] if section else ""):
            descriptions[name] = Description(metavar or None, re.sub(r"\s+", " ", about).strip())
    return descriptions


def kind_of(hint: Any) -> tuple[type, tuple[str, ...]]:
    """The type that a text is read as for an annotation, and the choices of a `Literal`.

    >>> kind_of(int | None), kind_of(Literal["one", "two"]), kind_of(tuple[str, ...])
    ((<class 'int'>, ()), (<class 'str'>, ('one', 'two')), (<class 'list'>, ()))
    """
    union = get_origin(hint) in (Union, UnionType)
    members = [one for one in (get_args(hint) if union else (hint,)) if one is not type(None)]
    words = tuple(w for one in members if get_origin(one) is Literal for w in get_args(one))
    others = [one for one in members if get_origin(one) is not Literal]
    for kind in (bool, int, Path):
        if kind in others:
            return kind, ()
    if others == [float] and not words:
        return float, ()
    several = [get_origin(one) for one in others] in ([tuple], [list])
    return list if several else str, words


# The estimators by their tasks, as in `segue.estimators`.
ESTIMATORS = {
    "classify": ("estimators/classifier.py", "SequenceClassifier"),
    "label": ("estimators/labeler.py", "SequenceLabeler"),
    "regress": ("estimators/regressor.py", "SequenceRegressor"),
    "forecast": ("estimators/forecaster.py", "Forecaster"),
    "language": ("estimators/language.py", "LanguageModel"),
}
STUDIED = ("classify", "label", "regress")  # those with a target for each sequence or step


def declaration(path: str, name: str) -> Callable[..., Any]:
    """A stand-in for a dataclass or a function of segue: its signature, annotations and docstring.

    Args:
        path: the file, below `segue`.
        name: of the class or the function.

    >>> forecaster = declaration(*ESTIMATORS["forecast"])
    >>> inspect.signature(forecaster).parameters["network"].default
    'gru(32)'
    """
    body = _statements(path)
    kinds = ast.ClassDef | ast.FunctionDef
    node = next(one for one in body if isinstance(one, kinds) and one.name == name)
    if isinstance(node, ast.FunctionDef):
        arguments = node.args.kwonlyargs
        defaults: list[ast.expr | None] = list(node.args.kw_defaults)
    else:
        fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and one.value]
        fields = [one for one in fields if not isinstance(one.value, ast.Call)]
        fields = [one for one in fields if "ClassVar" not in ast.unparse(one.annotation)]
        arguments = [ast.arg(ast.unparse(one.target), one.annotation) for one in fields]
        defaults = [one.value for one in fields]
    choices = [n for n in body if isinstance(n, ast.Assign) and "Literal[" in ast.unparse(n.value)]
    names = _Names()
    for choice in choices:
        names[ast.unparse(choice.targets[0])] = value_of(choice.value, names)

    def stand_in() -> None:
        """Replaced by the docstring of what it stands for."""

    parameters = [
        inspect.Parameter(
            argument.arg,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if default is None else value_of(default, names),
            annotation=value_of(argument.annotation, names) if argument.annotation else Any,
        )
        for argument, default in zip(arguments, defaults, strict=True)
    ]
    stand_in.__name__, stand_in.__doc__ = name, ast.get_docstring(node)
    stand_in.__annotations__ = {one.name: one.annotation for one in parameters}
    stand_in.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return stand_in


@functools.cache
def _statements(path: str) -> list[ast.stmt]:
    """The statements of a file."""
    text = Path(__file__).parent.joinpath(path).read_text(encoding="utf-8")
    return list(parsed(text).body)


class _Names(dict[str, Any]):
    """Python's names and those of `typing`; every other type is an object."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, getattr(typing, name, object))
