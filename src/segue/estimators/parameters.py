"""scikit-learn's contract for parameters, by duck typing.

Importing scikit-learn takes longer than a whole prediction may, so nothing is inherited from it;
`clone`, `cross_val_score`, `GridSearchCV` and `Pipeline` work all the same.
"""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from typing import Any

from segue.errors import OptionError, did_you_mean


def names(kind: type) -> list[str]:
    """The constructor's arguments in order."""
    return [name for name in inspect.signature(kind).parameters if name != "self"]


def get(estimator: Any, *, deep: bool) -> dict[str, Any]:
    """The arguments by name; `deep` adds the fields of dataclasses as `options__patience`."""
    values = {name: getattr(estimator, name) for name in names(type(estimator))}
    if deep:
        options = estimator.training_options
        values |= {f"options__{f.name}": getattr(options, f.name) for f in fields(options)}
    return values


def set_(estimator: Any, values: dict[str, Any]) -> None:
    """Set arguments, nested ones too.

    Raises:
        OptionError: a name that is not there; near misses are suggested.
    """
    known = get(estimator, deep=True)
    for name in values:
        if name not in known:
            raise OptionError(
                f"{type(estimator).__name__} has no parameter {name!r}.{did_you_mean(name, known)}"
            )
    for name, value in values.items():
        if "__" not in name:
            setattr(estimator, name, value)
    nested = {n.partition("__")[2]: value for n, value in values.items() if "__" in n}
    if nested:
        estimator.options = replace(estimator.training_options, **nested)


def text(estimator: Any) -> str:
    """The call that makes the estimator; arguments with their default value are left out."""
    signature = inspect.signature(type(estimator)).parameters
    changed = {
        name: value
        for name, value in get(estimator, deep=False).items()
        if signature[name].default is inspect.Parameter.empty
        or repr(value) != repr(signature[name].default)
    }
    inside = ", ".join(f"{name}={value!r}" for name, value in changed.items())
    return f"{type(estimator).__name__}({inside})"
