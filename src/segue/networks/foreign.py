"""Specs as others have written them: files, older names, and words of other libraries."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from segue.layers import LAYERS, CustomCell, CustomModule
from segue.layers.base import LayerSpec
from segue.spec import from_json
from segue.spec.base import resolve_alias


def specs_from_json(items: Iterable[Mapping[str, Any]]) -> tuple[LayerSpec, ...]:
    """Read layer specs from the JSON of a model file.

    Raises:
        SpecError: an unknown kind or field, or a layer of the user.
    """
    # The last two raise an error with the reason.
    kinds: dict[str, type[LayerSpec]] = {**LAYERS, "own": CustomModule, "cell": CustomCell}
    return tuple(s for s in from_json(items, kinds, what="layer") if isinstance(s, LayerSpec))


def current_json(items: Any) -> Any:
    """The JSON of specs with the present names of fields in place of older ones.

    >>> current_json([{"kind": "conv", "filters": 8, "width": 3}])
    [{'kind': 'conv', 'filters': 8, 'kernel_size': 3}]
    """
    if isinstance(items, list):
        return [current_json(item) for item in items]
    kind = LAYERS.get(items.get("kind", "")) if isinstance(items, dict) else None
    if kind is None:
        return items
    fields = (resolve_alias(kind, name, value) for name, value in items.items())
    return {name: current_json(value) for name, value in fields}


def translation_hint(word: str) -> str | None:
    """Advice for a layer or argument of another library; `None` for an unknown word.

    >>> translation_hint("SimpleRNN"), translation_hint("return_sequences")[:18]
    ('write rnn(units)', 'write output=every')
    >>> translation_hint("foo")
    """
    text = Path(__file__).with_name("foreign.toml").read_text(encoding="utf-8")
    advice: dict[str, str] = tomllib.loads(text)
    for name in (word, word.rpartition(".")[2]):  # such as model.add and keras.layers.Add
        plain = name.lower().replace("_", "").removesuffix("layer").removesuffix("1d")
        for known in (plain, plain.rstrip("0123456789")):  # such as resnet18
            if known in advice:
                return advice[known]
    return None
