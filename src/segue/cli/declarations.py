"""Arguments of dataclasses and functions, read from their source.

Importing an estimator takes seconds, because of torch. Its options need only names, annotations,
defaults and descriptions of its arguments, all of which are in the source as literals.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import typing
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

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
    body = ast.parse(files("segue").joinpath(path).read_text(encoding="utf-8")).body
    names = _Names()
    for one in body:
        if isinstance(one, ast.Assign) and ast.unparse(one.value).startswith("Literal["):
            names[ast.unparse(one.targets[0])] = _evaluated(one.value, names)
    kinds = ast.ClassDef | ast.FunctionDef
    node = next(one for one in body if isinstance(one, kinds) and one.name == name)
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(
            argument,
            keyword,
            annotation=_evaluated(annotation, names),
            default=inspect.Parameter.empty if default is None else ast.literal_eval(default),
        )
        for argument, annotation, default in _arguments(node)
    ]

    def stand_in(**_: Any) -> None:
        """Replaced below."""

    stand_in.__doc__ = ast.get_docstring(node)
    stand_in.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    stand_in.__annotations__ = {one.name: one.annotation for one in parameters}
    return stand_in


class _Names(dict[str, Any]):
    """Python's names and those of `typing`; every other type is an object."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, getattr(typing, name, object))


def _evaluated(annotation: ast.expr, names: _Names) -> Any:
    return eval(ast.unparse(annotation), {}, names)  # noqa: S307 - an annotation in segue's source


def _arguments(node: ast.ClassDef | ast.FunctionDef) -> Iterator[tuple[str, Any, Any]]:
    """Name, annotation and default of each argument."""
    if isinstance(node, ast.FunctionDef):
        names = [argument.arg for argument in node.args.kwonlyargs]
        annotations = [argument.annotation for argument in node.args.kwonlyargs]
        yield from zip(names, annotations, node.args.kw_defaults, strict=True)
        return
    for field in node.body:
        if not isinstance(field, ast.AnnAssign) or "ClassVar" in ast.unparse(field.annotation):
            continue
        if field.value is not None and not isinstance(field.value, ast.Call):
            yield ast.unparse(field.target), field.annotation, field.value
