"""Arguments of dataclasses and functions, read from their source.

Importing an estimator takes seconds, because of torch. Its options need only names, annotations,
defaults and descriptions of its arguments, all of which are in the source as literals.
"""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Callable
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
    >>> forecaster.__kwdefaults__["network"]
    'gru(32)'
    """
    body = ast.parse(files("segue").joinpath(path).read_text(encoding="utf-8")).body
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
    signature = ast.arguments([], [], kwonlyargs=arguments, kw_defaults=defaults, defaults=[])
    docstring = ast.Expr(ast.Constant(ast.get_docstring(node)))
    stand_in = ast.FunctionDef(name, signature, [docstring], decorator_list=[])
    choices = [n for n in body if isinstance(n, ast.Assign) and "Literal[" in ast.unparse(n.value)]
    module = ast.fix_missing_locations(ast.Module([*choices, stand_in], []))
    names = _Names()
    exec(compile(module, path, "exec", dont_inherit=True), {}, names)  # noqa: S102 - segue's own source
    result: Callable[..., Any] = names[name]
    return result


class _Names(dict[str, Any]):
    """Python's names and those of `typing`; every other type is an object."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, getattr(typing, name, object))
