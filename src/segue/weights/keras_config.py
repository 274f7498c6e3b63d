"""The layers of a Keras model in the order in which they act, from its `config.json`.

Sequential models, functional ones that are a chain, and such models inside each other. A class that
is not one of Keras's own is refused by its name wherever it stands, as an initializer too: it would
be code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from segue.errors import ModelFileError
from segue.weights.foreign import problems_found

_MODELS = ("Sequential", "Functional", "Model")
_DEEPEST = 10  # models in models
_CODE = ("Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
_WITHIN = ("config", "layers")  # where the parts of an object stand


@dataclass(frozen=True)
class KerasLayer:
    """A layer as its file describes it.

    Attributes:
        kind: its class.
        config: its arguments.
        path: of its group in the file of weights.
    """

    kind: str
    config: Mapping[str, Any]
    path: str

    @property
    def name(self) -> str:
        """Its own name."""
        return str(self.config.get("name", self.path))

    @property
    def title(self) -> str:
        """Its name and class, for messages."""
        return f"layer {self.name} ({self.kind})"

    def inner(self, field: str, path: str) -> KerasLayer:
        """A layer that is an argument of this one.

        Raises:
            ModelFileError: there is none.
        """
        return described(self.config.get(field), f"{self.path}/{path}")


def described(entry: Any, path: str) -> KerasLayer:
    """A layer of its JSON.

    Raises:
        ModelFileError: not a layer of Keras: a class of the user's own, or Python code.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
        raise ModelFileError(f"its description of {path} is no layer.")
    named = {**entry, "module": entry.get("module") or "nowhere"}
    _refuse_code(named, f"layer {entry['config'].get('name', path)}")
    return KerasLayer(str(entry.get("class_name")), entry["config"], path)


def _refuse_code(entry: Mapping[str, Any], where: str) -> None:
    """Raise where an object of a description is code, or is of a class that Keras does not have."""
    kind, module = str(entry.get("class_name")), entry.get("module") or "keras"
    if kind in _CODE:
        raise ModelFileError(
            f"{where} is a {kind}, which holds Python code; code in a file is never run. "
            "Replace it with layers, such as Rescaling or Activation."
        )
    known = re.fullmatch(r"keras(\.[\w.]+)?", str(module))
    if known is None or entry.get("registered_name") not in (None, kind):
        raise ModelFileError(
            f"{where} is of the class {kind} of {module}, which is none of "
            "Keras's own: its code is not in the file, and would not be run."
        )


def _refuse_code_within(config: Any) -> None:
    """Look at every object of a description: an initializer can name code as a layer can.

    How a model was compiled is left out: nobody loads it.
    """
    waiting = [(config, "the model")]
    if isinstance(config, dict):
        waiting = [({**config, "compile_config": None}, "the model")]
    while waiting:
        value, where = waiting.pop()
        if isinstance(value, list):
            waiting += [(one, where) for one in value]
        elif isinstance(value, dict):
            inside = value.get("config")
            if isinstance(inside, dict) and isinstance(inside.get("name"), str):
                where = f"layer {inside['name']}"
            _refuse_code(value, where)
            waiting += [
                (one, where if name in _WITHIN else f"{name} of {where}")
                for name, one in value.items()
            ]


def layers_of(config: Any, source: str) -> list[KerasLayer]:
    """The layers of a model, from its input to its output; those of models inside it too.

    Raises:
        ModelFileError: no chain of layers, or a layer that is none of Keras's own.
    """
    try:
        _refuse_code_within(config)
        model = described(config, "")
        if model.kind not in _MODELS:
            raise ModelFileError(
                f"is a model of the class {model.kind}; expected Sequential or functional."
            )
        return list(_inside(model, 0))
    except ModelFileError as error:
        raise problems_found([str(error).rstrip(".")], source) from error
    except (TypeError, KeyError, AttributeError, IndexError, ValueError) as error:
        raise ModelFileError(
            f"its description does not hold together: {error!r}.", path=source
        ) from error


def _inside(model: KerasLayer, depth: int) -> Iterator[KerasLayer]:
    if depth > _DEEPEST:
        raise ModelFileError("it has models in models without end")
    entries = model.config["layers"]
    paths = _paths(model, entries)
    if model.kind != "Sequential":
        order = _chain(model, entries)
        entries, paths = [entries[i] for i in order], [paths[i] for i in order]
    elif not any(entry["class_name"] == "InputLayer" for entry in entries) and depth == 0:
        shape = model.config.get("build_input_shape")
        yield KerasLayer("InputLayer", {"name": "input", "batch_shape": shape}, "")
    for entry, path in zip(entries, paths, strict=True):
        layer = described(entry, path)
        if layer.kind in _MODELS:
            yield from _inside(layer, depth + 1)
        elif layer.kind != "InputLayer" or depth == 0:
            yield layer


def _paths(model: KerasLayer, entries: Any) -> list[str]:
    """The group of each layer: its class in small letters, counted from the second on."""
    counts: Counter[str] = Counter()
    begin = f"{model.path}/layers".lstrip("/")
    found = []
    for entry in entries:
        name = snake_case(str(entry["class_name"]))
        found.append(f"{begin}/{name}_{counts[name]}" if counts[name] else f"{begin}/{name}")
        counts[name] += 1
    return found


def snake_case(name: str) -> str:
    """A class as Keras names it in files.

    >>> snake_case("MaxPooling1D"), snake_case("SimpleRNN"), snake_case("PReLU")
    ('max_pooling1d', 'simple_rnn', 'p_re_lu')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _chain(model: KerasLayer, entries: Any) -> list[int]:
    """The numbers of the layers of a functional model, in the order of its only path."""
    number = {entry["name"]: i for i, entry in enumerate(entries)}
    ends = list(_names(model.config["output_layers"]))
    if len(ends) != 1:
        raise ModelFileError(f"it is no chain: it has {len(ends)} outputs")
    order, before = [number[ends[0]]], [ends[0]]
    while before := _before(entries[order[-1]]):
        if number[before[0]] in order:
            raise ModelFileError("it is no chain: its layers go in a circle")
        order.append(number[before[0]])
    beside = [entry for i, entry in enumerate(entries) if i not in order]
    for entry in beside:  # a functional model writes down how its mask is made, too
        if entry["class_name"] not in _MASKS:
            raise ModelFileError(
                f"it is no chain: layer {entry['name']} ({entry['class_name']}) is on no way from "
                "the input to the output, or makes a mask of its own"
            )
    return order[::-1]


_MASKS = ("NotEqual", "Any")  # what Embedding and Masking make their masks with


def _before(entry: Any) -> list[str]:
    """The layer whose output this one takes; none of an input."""
    nodes = entry.get("inbound_nodes") or []
    calls = [
        [node["args"], {k: v for k, v in node["kwargs"].items() if k != "mask"}] for node in nodes
    ]
    before = list(_inputs(calls))
    if len(nodes) > 1 or len(before) > 1:
        raise ModelFileError(
            f"it is no chain: layer {entry['name']} ({entry['class_name']}) has "
            f"{max(len(before), len(nodes))} inputs; only models of one layer after the other "
            "are read"
        )
    if not before and entry["class_name"] != "InputLayer":
        raise ModelFileError(f"it is no chain: layer {entry['name']} has no input")
    return before


def _names(layers: Any) -> Iterator[str]:
    """The names in `["lstm", 0, 0]`, or in a list of such."""
    if isinstance(layers, list) and layers and isinstance(layers[0], str):
        yield layers[0]
    elif not isinstance(layers, list | dict):
        raise ValueError(f"the name of a layer is {layers!r}")
    else:
        for one in layers.values() if isinstance(layers, dict) else layers:
            yield from _names(one)


def _inputs(value: Any) -> Iterator[str]:
    """The layers whose outputs a call takes."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            yield value["config"]["keras_history"][0]
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
