"""Weights of PyTorch's layers in segue's layout, and the layers of a network that they fit.

A state dict has names and arrays, and no order of layers; the network names the layers. A group is
what one layer has: `encoder.weight_ih_l0`, `encoder.weight_hh_l0`, ... is the group `encoder.l0`.

Source of the layouts: `torch.nn.LSTM`, `GRU`, `RNN`, `Linear`, `Conv1d`, `LayerNorm`, `BatchNorm1d`
and `Embedding` in the documentation of PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.errors import ModelFileError, SpecError, first_few
from segue.layers import LayerSpec, Shape
from segue.layers.base import BuildContext, PlannedLayer, input_kind_of, plan_layers
from segue.layers.inference import WeightShapes
from segue.weights.foreign import ForeignLayer

_RECURRENT = re.compile(r"(weight_ih|weight_hh|bias_ih|bias_hh)_l(\d+)(_reverse)?")
Weights = dict[str, Array]


@dataclass(frozen=True)
class Group:
    """The arrays of one layer of PyTorch.

    Attributes:
        name: what their names have in common, such as "encoder.l0".
        module: the name of the module that has them.
        arrays: by the rest of their names.
    """

    name: str
    module: str
    arrays: Mapping[str, Array]


def groups_of(state: Mapping[str, Array], source: str) -> list[Group]:
    """The groups of a state dict, in the order in which their first arrays come.

    Raises:
        ModelFileError: an array that is of no layer.
    """
    found: dict[tuple[str, str], dict[str, Array]] = {}
    for name, values in state.items():
        module, _, part = name.rpartition(".")
        if part == "num_batches_tracked":
            continue
        match = _RECURRENT.fullmatch(part)
        if part.startswith("weight_hr_l"):
            raise ModelFileError(f"{name} is of an LSTM with proj_size, which segue does not have.",
                                 path=source)  # fmt: skip
        layer, key = ("", part) if match is None else (f"l{match[2]}", match[1] + (match[3] or ""))
        found.setdefault((module, layer), {})[key] = values
    _join_directions(found)
    return [
        Group(".".join(filter(None, key)) or "(top)", key[0], arrays)
        for key, arrays in found.items()
    ]


def _join_directions(found: dict[tuple[str, str], dict[str, Array]]) -> None:
    """Two modules, `lstm_forward` and `lstm_backward`, as the one of two directions that they are.

    The source that segue writes has them so: each direction is run on its own.
    """
    for module, layer in list(found):
        other = (f"{module.removesuffix('_forward')}_backward", layer)
        if layer and module.endswith("_forward") and other in found:
            ahead, back = found.pop((module, layer)), found.pop(other)
            both = {**ahead, **{f"{part}_reverse": values for part, values in back.items()}}
            found[module.removesuffix("_forward"), layer] = both


# -- one layer ------------------------------------------------------------------------------------


def _cell(kind: str, group: Mapping[str, Array], suffix: str = "") -> Weights:
    """The weights of one direction; of a GRU with the update gate first, as segue has it."""
    order = _update_first if kind == "gru" else np.asarray
    kernel, recurrent = (order(group[f"weight_{part}{suffix}"]).T for part in ("ih", "hh"))
    zeros = np.zeros(kernel.shape[1], np.float32)
    both = [order(group.get(f"bias_{part}{suffix}", zeros)) for part in ("ih", "hh")]
    bias = np.stack(both) if kind == "gru" else both[0] + both[1]
    return {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias}


def _update_first(gates: Array) -> Array:
    reset, update, candidate = np.split(np.asarray(gates), 3)
    return np.concatenate([update, reset, candidate])


def _recurrent(spec: Any, group: Mapping[str, Array]) -> Weights:
    return _cell(spec.cell, group)


def _bidirectional(spec: Any, group: Mapping[str, Array]) -> Weights:
    ways = {"forward": "", "backward": "_reverse"}
    return {
        f"{way}/{part}": values
        for way, suffix in ways.items()
        for part, values in _cell(spec.cell, group, suffix).items()
    }


def _dense(spec: Any, group: Mapping[str, Array]) -> Weights:
    bias = {"bias": group["bias"]} if "bias" in group else {}
    if spec.bias and not bias:
        bias = {"bias": np.zeros(len(group["weight"]), np.float32)}
    return {"kernel": np.transpose(group["weight"], range(group["weight"].ndim)[::-1]), **bias}


def _embedding(_: Any, group: Mapping[str, Array]) -> Weights:
    return {"embeddings": group["weight"]}


def _norm(_: Any, group: Mapping[str, Array]) -> Weights:
    names = {"running_mean": "moving_mean", "running_var": "moving_variance"}
    size = len(next(iter(group.values())))
    usual = {"gamma": np.ones(size, np.float32), "beta": np.zeros(size, np.float32)}
    own = {"weight": "gamma", "bias": "beta", **names}
    return {**usual, **{own[part]: values for part, values in group.items()}}


def _prelu(_: Any, group: Mapping[str, Array]) -> Weights:
    return {"alpha": group["weight"]}


_CONVERT: dict[str, Callable[[Any, Mapping[str, Array]], Weights]] = {
    **dict.fromkeys(("lstm", "gru", "rnn"), _recurrent),
    **dict.fromkeys(("bilstm", "bigru", "birnn"), _bidirectional),
    "dense": _dense, "conv": _dense, "embedding": _embedding, "batchnorm": _norm,
    "layernorm": _norm, "prelu": _prelu,
}  # fmt: skip
_PARTS = {
    "lstm": 4, "gru": 4, "rnn": 4, "bilstm": 8, "bigru": 8, "birnn": 8, "dense": 2, "conv": 2,
    "embedding": 1, "batchnorm": 4, "layernorm": 2, "prelu": 1,
}  # fmt: skip


def converted(spec: LayerSpec, group: Group) -> Weights | None:
    """The weights of a group as those of a layer of that kind; `None`: they are of another."""
    convert = _CONVERT.get(spec.kind)
    if convert is None or len(group.arrays) > _PARTS[spec.kind]:
        return None
    try:
        return convert(spec, group.arrays)
    except (KeyError, ValueError, IndexError):  # other parts, or other numbers of axes
        return None


# -- the layers of a network ----------------------------------------------------------------------


@dataclass
class Matching:
    """Finds the group of each layer of a network.

    Attributes:
        groups: those that no layer has yet.
        names: of groups by names of layers, where the user gives them.
        ordered: whether the groups come in the order of the layers.
        source: for messages.
    """

    groups: list[Group]
    names: Mapping[str, str]
    ordered: bool
    source: str

    def __post_init__(self) -> None:
        if not self.ordered:  # of a file, whose order means nothing
            self.groups = sorted(self.groups, key=lambda group: _natural(group.name))

    def input_shape(self, specs: Sequence[LayerSpec]) -> Shape:
        """Channels, or tokens, of the first layer that has weights.

        Raises:
            ModelFileError: no group can be of that layer, or several and nothing says which.
            SpecError: no layer has weights.
        """
        start = Shape(1, tokens=1) if input_kind_of(specs) == "tokens" else Shape(2)
        for planned in plan_layers(specs, BuildContext("", start)):
            spec, wanted = planned.spec, planned.spec.weight_shapes(planned.context)
            if wanted:
                shapes: list[tuple[Group, Shape]] = []
                for group in self._groups_for(planned):
                    if (weights := converted(spec, group)) is not None:
                        shape = _entering(spec, weights)
                        context = BuildContext(planned.context.name, shape, every=True)
                        shapes += [(group, shape)] if _fits(spec, context, weights) else []
                if not shapes:
                    raise self._without(planned, wanted)
                if len({shape for _, shape in shapes}) > 1:
                    self._check_order(planned, [group for group, _ in shapes])
                return shapes[0][1]
        raise SpecError("`network` has no layer with weights.")

    def take(self, planned: PlannedLayer) -> ForeignLayer:
        """The layer with its weights.

        Raises:
            ModelFileError: no group fits it, or several do and nothing says which.
        """
        spec, context = planned.spec, planned.context
        wanted = spec.weight_shapes(context)
        if not wanted:
            return ForeignLayer(context.name, spec.kind, spec, {})
        fitting = [
            (group, weights)
            for group in self._groups_for(planned)
            if (weights := converted(spec, group)) is not None and _fits(spec, context, weights)
        ]
        if not fitting:
            raise self._without(planned, wanted)
        self._check_order(planned, [group for group, _ in fitting])
        group, weights = fitting[0]
        self.groups.remove(group)
        return ForeignLayer(group.name, spec.kind, spec, weights)

    def _groups_for(self, planned: PlannedLayer) -> list[Group]:
        name = self.names.get(planned.context.name)
        return self.groups if name is None else [self._named(name)]

    def _check_order(self, planned: PlannedLayer, groups: list[Group]) -> None:
        """Raise where several groups fit a layer, and nothing says which it is."""
        if len(groups) > 1 and not self.ordered and not _numbered(groups):
            name, could = planned.context.name, " or ".join(group.name for group in groups)
            raise ModelFileError(
                f"{name} ({planned.spec}) could be {could}: name it, such as "
                f"names={{{name!r}: {groups[0].name!r}}}.",
                path=self.source,
            )

    def refuse_rest(self) -> None:
        """Raise where groups are left that no layer has taken."""
        if self.groups:
            left = first_few(f"{group.name} ({_sizes(group)})" for group in self.groups)
            raise ModelFileError(
                f"has weights of no layer of the network: {left}.", path=self.source
            )

    def _named(self, name: str) -> Group:
        for group in self.groups:
            if group.name == name:
                return group
        known = first_few(group.name for group in self.groups)
        raise ModelFileError(
            f"`names` has {name!r}, and there is {known or 'nothing'}.", path=self.source
        )

    def _without(self, planned: PlannedLayer, wanted: WeightShapes) -> ModelFileError:
        shapes = ", ".join(f"{part} {list(shape)}" for part, shape in wanted.items())
        left = first_few(f"{group.name} ({_sizes(group)})" for group in self.groups)
        return ModelFileError(
            f"no weights fit {planned.context.name} ({planned.spec}: {shapes}); left are "
            f"{left or 'none'}.",
            path=self.source,
        )


def _entering(spec: LayerSpec, weights: Weights) -> Shape:
    """The input of a layer with these weights."""
    if spec.kind == "embedding":
        return Shape(1, tokens=len(weights["embeddings"]))
    part = next(iter(weights.values()))
    return Shape(part.shape[-1] if part.ndim == 1 else part.shape[-2])


def _sizes(group: Group) -> str:
    return ", ".join(f"{part} {list(values.shape)}" for part, values in group.arrays.items())


def _fits(spec: LayerSpec, context: BuildContext, weights: Weights) -> bool:
    wanted: WeightShapes = spec.weight_shapes(context)
    return {part: values.shape for part, values in weights.items()} == dict(wanted)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts `layers.2` before `layers.10`."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", name)]


def _numbered(groups: list[Group]) -> bool:
    """Whether the names differ in numbers only, as `layers.0` and `layers.1` do."""
    return len({re.sub(r"\d+", "#", group.name) for group in groups}) == 1
