"""Values of expressions in segue's own source: names, operators, calls, and nothing else.

For the table of activations, whose expressions are computed and exported alike, and for the
declarations of arguments, which the command line reads without importing their modules.
"""

from __future__ import annotations

import ast
import operator
import threading
from collections.abc import Callable, Mapping
from typing import Any

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.BitOr: operator.or_,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}

Function = Callable[[Any], Any]
_PARSING = threading.Lock()


def parsed(text: str, mode: str = "exec") -> Any:
    """The tree of some source, parsed by one thread at a time.

    CPython 3.11 miscounts its depth where two threads parse at once, and raises (gh-106905).

    Args:
        text: Python.
        mode: "exec", or "eval" for an expression.

    >>> ast.unparse(parsed("x  +  1", "eval"))
    'x + 1'
    """
    with _PARSING:
        return ast.parse(text, mode=mode)


def function_of_x(node: ast.expr, names: Mapping[str, Any]) -> Function:
    """An expression as a function of `x`.

    Args:
        node: the expression.
        names: the values of its other names.

    Raises:
        ValueError: something else than names, operators, calls and constants.

    >>> half = function_of_x(ast.parse("(x + 1) / 2", mode="eval").body, {})
    >>> half(5)
    3.0
    """

    def of(inner: ast.expr) -> Function:
        return function_of_x(inner, names)

    match node:
        case ast.Constant(value):
            return lambda _: value
        case ast.Name("x"):
            return lambda x: x
        case ast.Name(name):
            known = names[name]
            return lambda _: known
        case ast.Attribute(of_what, attribute):
            thing = of(of_what)
            return lambda x: getattr(thing(x), attribute)
        case ast.UnaryOp(sign, operand) if type(sign) in _OPERATORS:
            apply, one = _OPERATORS[type(sign)], of(operand)
            return lambda x: apply(one(x))
        case ast.BinOp(left, sign, right) | ast.Compare(left, [sign], [right]):
            apply, first, second = _OPERATORS[type(sign)], of(left), of(right)
            return lambda x: apply(first(x), second(x))
        case ast.Subscript(of_what, index):
            thing, place = of(of_what), of(index)
            return lambda x: thing(x)[place(x)]
        case ast.Tuple(entries) | ast.List(entries):
            kind, parts = tuple if isinstance(node, ast.Tuple) else list, [of(e) for e in entries]
            return lambda x: kind(part(x) for part in parts)
        case ast.Call(called, given, named):
            call, arguments = of(called), [of(one) for one in given]
            keywords = {str(one.arg): of(one.value) for one in named}
            return lambda x: call(x)(
                *(one(x) for one in arguments), **{name: one(x) for name, one in keywords.items()}
            )
    raise ValueError(f"{ast.unparse(node)}: no such expression is read.")


def value_of(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of an expression without `x`.

    >>> value_of(ast.parse("int | None", mode="eval").body, {"int": int})
    int | None
    """
    return function_of_x(node, names)(None)
