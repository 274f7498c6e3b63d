"""Networks with holes: the text of a network in which a name in braces stands for a value."""

from __future__ import annotations

import re
from typing import Any

from segue.errors import OptionError, did_you_mean
from segue.estimators.base import BaseSequenceEstimator
from segue.studies.trials import Row

_HOLE = re.compile(r"\{(\w+)\}")


def fill(text: str, values: Row) -> str:
    """Put values into the holes of a network's text.

    Raises:
        OptionError: a hole without a value.

    >>> fill("repeat({layers}, lstm({units}))", {"layers": 2, "units": 8})
    'repeat(2, lstm(8))'
    """
    missing = [name for name in _HOLE.findall(text) if name not in values]
    if missing:
        raise OptionError(
            f"The network {text!r} has {{{missing[0]}}}, and the space has no values for it."
            f"{did_you_mean(missing[0], values)}"
        )
    return _HOLE.sub(lambda hole: _word(values[hole[1]]), text)


def _word(value: Any) -> str:
    """As the language of networks has it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def filled(estimator: Any, values: Row) -> Row:
    """The arguments of an estimator that a combination sets, with the network's holes filled.

    Args:
        estimator: what is to be trained.
        values: by the names of the space, which may be those of holes.

    Raises:
        OptionError: a hole without a value.
    """
    network = values.get("network", getattr(estimator, "network", None))
    if not isinstance(estimator, BaseSequenceEstimator) or not isinstance(network, str):
        return values
    holes = set(_HOLE.findall(network))
    if not holes:
        return values
    rest = {name: value for name, value in values.items() if name not in holes}
    return {**rest, "network": fill(network, values)}
