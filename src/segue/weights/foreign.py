"""Networks of other frameworks, layer by layer, and the estimators that they become.

A reader of a format gives a `ForeignNetwork`: each layer there with the spec that computes the same
here, and its weights in segue's layout. The last dense layer is the head; its activation says what
the outputs mean, and so which estimator it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.data.labels import as_labels
from segue.errors import DataError, ModelFileError, OptionError, SpecError, counted, first_few
from segue.estimators import SequenceClassifier, SequenceLabeler, SequenceRegressor
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.result import FitResult
from segue.layers import Dense, LayerSpec, Shape
from segue.layers.base import (
    MOST_LAYERS,
    BuildContext,
    PlannedLayer,
    chain_shape,
    plan_layers,
    too_many_layers,
)
from segue.layers.recurrent import RecurrentSpec
from segue.networks import Network
from segue.prepare import Preparation
from segue.prepare.steps import MeanScale, MissingIndicator, Standardize, StepSpec
from segue.spec import to_text
from segue.tasks import Classify, Label, Multilabel, Regress, Task
from segue.tasks.classes import ClassTask
from segue.training import History

_MOST_FEATURES = 1_000_000  # numbers of one step
TaskName = Literal["classify", "multilabel", "label", "regress"]


@dataclass(frozen=True)
class ForeignLayer:
    """A layer of another framework.

    Attributes:
        name: its name there.
        kind: its class there.
        spec: the layer here; `None`: nothing is needed in its place.
        weights: by the names that the spec has.
        note: what a user should know of the translation; "": nothing.
    """

    name: str
    kind: str
    spec: LayerSpec | None
    weights: Mapping[str, Array]
    note: str = ""


@dataclass(frozen=True)
class ForeignNetwork:
    """A network of another framework.

    Attributes:
        layers: in order, the head's dense layer among them.
        shape: of the input.
        preparation: what is done to the sequences first.
        source: the file, or what else it comes from.
    """

    layers: tuple[ForeignLayer, ...]
    shape: Shape
    preparation: Preparation
    source: str


def check_features(declared: int) -> int:
    """A declared number of features, before arrays of as many are made.

    Raises:
        ModelFileError: it is more than any network has.

    >>> check_features(3)
    3
    """
    if declared > _MOST_FEATURES:
        raise ModelFileError(
            f"declares {declared:,} numbers for each step; expected {_MOST_FEATURES:,} at most."
        )
    return declared


def preparation_for(shape: Shape, moments: tuple[Array, Array] | None = None) -> Preparation:
    """The preparation of an imported network: none, or to subtract a mean and divide by a scale.

    Args:
        shape: of the input.
        moments: `[channel]` means and scales; `None`: the values go in as they are.

    >>> str(preparation_for(Shape(2)))
    'none'
    """
    if shape.tokens is not None:
        return Preparation((), (), 1, 1, "tokens")
    steps: tuple[StepSpec, ...] = (MissingIndicator(),)
    fitted: tuple[dict[str, Array], ...] = ({"expected": np.empty(0, np.int64)},)
    if moments is not None:
        mean, scale = (np.asarray(one, np.float64).reshape(-1) for one in moments)
        steps, fitted = (Standardize(), *steps), ({"mean": mean, "scale": scale}, *fitted)
    return Preparation(steps, fitted, shape.features, shape.features, "numbers")


def estimator_of(
    found: ForeignNetwork, classes: Sequence[Any] | None = None, task: TaskName | None = None
) -> BaseSequenceEstimator:
    """The estimator of a network: it predicts, and can be trained further.

    Args:
        found: the network.
        classes: the names of the classes, in the order of the outputs; 0, 1, ... if left out.
        task: what the outputs mean, where the activation of the last layer does not say it.

    Raises:
        ModelFileError: no dense layer at the end, or weights that do not fit the layers.
        OptionError: `classes` of another number, or a task that the outputs cannot have.
    """
    with _naming(found.source):
        every = _keeps_steps(found)
        head = _split_head(found)
        plan, weights = _fitting_weights(found, head, every=every)
    outputs, kind, arguments = _meaning(head, classes, task, every=every)
    weights |= {f"head/{part}": values for part, values in outputs.items()}
    network = Network(
        tuple(one.spec for one in plan), found.shape, outputs["kernel"].shape[1], every=every,
        weights={name: np.asarray(w, np.float32) for name, w in weights.items()},
    )  # fmt: skip
    with _naming(found.source):
        assert network.chain
    estimator: BaseSequenceEstimator = kind.estimator(
        to_text(network.specs), prepare=_text_of(found.preparation), **arguments
    )
    return estimator._take(
        FitResult(
            network=network,
            preparation=found.preparation,
            static=None,
            task=kind.task,
            history=History([]),
            stopped="imported",
            training_summary=[
                *lines_of(found, [*plan_names(plan), "head"]),
                _outputs_line(kind.task, is_given=classes is not None, is_named=task is not None),
            ],
            seen=None,
            channels=None,
            reading=None,
        )
    )


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """Name the source in the error of a network that does not hold together."""
    try:
        yield
    except (SpecError, DataError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(str(error), path=source) from error


def lines_of(found: ForeignNetwork, names: Iterable[str] = ()) -> list[tuple[str, str]]:
    """What became of each layer, as pairs of a heading and a text."""
    left = iter(names)
    lines = [("weights from", found.source), ("input", str(found.shape))]
    for layer in found.layers:
        there = f"{layer.name} ({layer.kind})"
        here = "nothing is needed"
        if layer.spec is not None:
            name = next(left, "head")
            shapes = ", ".join(f"{part} {list(w.shape)}" for part, w in layer.weights.items())
            here = f"{name}: {layer.spec}" + (f"; {shapes}" if shapes else "")
        lines.append((there, here + (f" ({layer.note})" if layer.note else "")))
    return lines


def plan_names(plan: Iterable[PlannedLayer]) -> list[str]:
    """The names of planned layers."""
    return [one.context.name for one in plan]


def _text_of(preparation: Preparation) -> str:
    return "standardize" if isinstance(next(iter(preparation.steps), None), Standardize) else "none"


def _keeps_steps(found: ForeignNetwork) -> bool:
    specs = [layer.spec for layer in found.layers if layer.spec is not None]
    if len(specs) > MOST_LAYERS:
        raise too_many_layers(len(specs))
    return chain_shape(specs, BuildContext("", found.shape)).sequence


class _Head(NamedTuple):
    body: tuple[ForeignLayer, ...]
    dense: ForeignLayer
    activation: str


def _split_head(found: ForeignNetwork) -> _Head:
    """The layers before the head, its dense layer, and the activation behind or in that."""
    layers = [layer for layer in found.layers if layer.spec is not None]
    activation, behind = "", 0
    if len(layers) > 1 and layers[-1].spec.kind in ("softmax", "sigmoid"):  # type: ignore[union-attr]
        activation, behind = layers[-1].spec.kind, 1  # type: ignore[union-attr]
    dense = layers[-1 - behind] if layers else None
    spec = None if dense is None else dense.spec
    if dense is None or not isinstance(spec, Dense) or (behind and spec.activation != "linear"):
        last = "nothing" if not layers else f"{layers[-1].name} ({layers[-1].kind})"
        raise ModelFileError(
            f"ends with {last}; an estimator ends with a dense layer whose outputs are classes or "
            "numbers. End the model with one, such as Dense(classes, activation='softmax').",
            path=found.source,
        )
    activation = activation or spec.activation
    if activation not in ("softmax", "sigmoid", "linear"):
        raise ModelFileError(
            f"layer {dense.name} ({dense.kind}), its last, has the activation {activation}: "
            "probabilities come from softmax or sigmoid, and numbers from linear.",
            path=found.source,
        )
    return _Head(tuple(layers[: -1 - behind]), dense, activation)


def _fitting_weights(
    found: ForeignNetwork, head: _Head, *, every: bool
) -> tuple[list[PlannedLayer], dict[str, Array]]:
    """The layers before the head as a network plans them, and their weights by its names."""
    body = head.body
    specs = [_plain(layer.spec) for layer in body if layer.spec is not None]
    context = BuildContext("", found.shape, every)
    plan = list(plan_layers(specs, context))
    asked = list(plan_layers([one.spec for one in body if one.spec is not None], context))
    if [one.shape for one in plan] != [one.shape for one in asked]:  # steps that no layer needs
        plan = asked
    weights: dict[str, Array] = {}
    for layer, planned in zip(body, plan, strict=True):
        wanted = planned.spec.weight_shapes(planned.context)
        check_shapes(layer, wanted, found.source)
        weights |= {f"{planned.context.name}/{part}": w for part, w in layer.weights.items()}
    last = BuildContext("head", plan[-1].shape if plan else found.shape)
    assert head.dense.spec is not None
    check_shapes(head.dense, head.dense.spec.weight_shapes(last), found.source)
    return plan, weights


def _plain(spec: LayerSpec) -> LayerSpec:
    """A recurrent layer that does what the next one needs, as one writes it by hand."""
    return replace(spec, output="auto") if isinstance(spec, RecurrentSpec) else spec


def check_shapes(layer: ForeignLayer, wanted: Mapping[str, Any], source: str) -> None:
    """Raise unless a layer has just the weights that it needs, all of them finite.

    Raises:
        ModelFileError: weights that are missing, too many, of another shape, or not finite.
    """
    given = {part: values.shape for part, values in layer.weights.items()}
    if given != dict(wanted):
        names = sorted(n for n in {**wanted, **given} if wanted.get(n) != given.get(n))
        text = "; ".join(
            f"{n} is {_sized(given.get(n))}, expected {_sized(wanted.get(n))}" for n in names
        )
        raise ModelFileError(
            f"the weights of layer {layer.name} ({layer.kind}) do not fit it: {text}.", path=source
        )
    for part, values in layer.weights.items():
        if not np.isfinite(values).all():
            raise ModelFileError(f"{part} of layer {layer.name} is not finite.", path=source)


def _sized(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))


class _Kind(NamedTuple):
    estimator: Any
    task: Task


def _meaning(
    head: _Head, classes: Sequence[Any] | None, task: TaskName | None, *, every: bool
) -> tuple[dict[str, Array], _Kind, dict[str, Any]]:
    """The weights of the head, what its outputs mean, and the arguments of the estimator."""
    weights = {part: np.asarray(w, np.float32) for part, w in head.dense.weights.items()}
    units = weights["kernel"].shape[-1]
    weights.setdefault("bias", np.zeros(units, np.float32))
    usual = {"softmax": "classify", "sigmoid": "classify" if units == 1 else "multilabel"}
    chosen = task or usual.get(head.activation, "regress")
    if every and task in (None, "classify"):
        chosen = "label"
    possible = _possible(head.activation, units, every=every)
    if task is None and chosen == "regress" and (classes is not None or units > 1):
        raise OptionError(
            f"the last layer is linear, which does not say what its {counted(units, 'output')} "
            f"mean{'s' if units == 1 else ''}. Say it: task='classify' (logits, one class is "
            "right), task='multilabel' (logits, each class by itself) or task='regress' (numbers)."
        )
    if chosen not in possible:
        where = "at each step" if every else "for each sequence"
        raise OptionError(
            f"the network has {counted(units, 'output')} {where} with the activation "
            f"{head.activation}; that is no {chosen}. Possible: {', '.join(possible) or 'nothing'}."
        )
    if chosen == "regress":
        shape, scale = (() if units == 1 else (units,)), MeanScale(np.zeros(units), np.ones(units))
        made: Task = Regress(shape=shape, scale_target=False, scale=scale)
        return weights, _Kind(SequenceRegressor, made), {"scale_target": False}
    names = class_names(classes, max(units, 2) if chosen != "multilabel" else units)
    given: dict[str, Any] = {} if classes is None else {"classes": list(names)}
    counts = (0,) * len(names)
    if chosen == "label":
        if units == 1:  # a sigmoid is a softmax of two outputs, of which one is 0
            weights = {part: np.concatenate([0 * w, w], axis=-1) for part, w in weights.items()}
        return weights, _Kind(SequenceLabeler, Label(names, counts=counts)), given
    if chosen == "multilabel":
        made = Multilabel(names, head="sigmoid", counts=counts)
        return weights, _Kind(SequenceClassifier, made), {**given, "head": "sigmoid"}
    if units == 2:  # two classes share one logit: the difference of the two
        weights = {part: w[..., 1:] - w[..., :1] for part, w in weights.items()}
    return weights, _Kind(SequenceClassifier, Classify(names, counts=counts)), given


def _possible(activation: str, units: int, *, every: bool) -> list[str]:
    if every:
        return ["label"] if activation != "sigmoid" or units == 1 else []
    if activation == "softmax":
        return ["classify"] if units > 1 else []
    if activation == "sigmoid":
        return ["classify", "multilabel"] if units == 1 else ["multilabel"]
    return ["regress", "classify", "multilabel"]


def class_names(classes: Any, count: int) -> tuple[Any, ...]:
    """The names of so many classes: those given, or 0, 1, ...

    Raises:
        OptionError: no list of so many different labels.

    >>> class_names(None, 3), class_names(["sit", "walk"], 2)
    ((0, 1, 2), ('sit', 'walk'))
    """
    if classes is None:
        return tuple(range(count))
    expected = f"expected {count} different names, in the order of the outputs"
    if isinstance(classes, str | bytes | Mapping) or np.ndim(classes) != 1:
        raise OptionError(f"`classes` is {classes!r}; {expected}, in a list.")
    labels, missing = as_labels(list(classes), what="classes")
    names = tuple(labels.tolist())
    if missing.any() or len(names) != count or len(set(names)) < count:
        raise OptionError(f"`classes` is {list(classes)}; {expected}.")
    return names


def _outputs_line(task: Task, *, is_given: bool, is_named: bool) -> tuple[str, str]:
    """What the outputs are, and how to say it otherwise."""
    if not isinstance(task, ClassTask):
        text = counted(task.objective.outputs, "number") + " for each sequence"
        linear = "" if is_named else ", as the last layer is linear; of a logit: task='classify'"
        return "outputs", text + linear
    shown = first_few(map(repr, task.classes), 20)
    advice = "" if is_given else "; numbered: name them in this order, classes=['sit', 'walk']"
    return "classes", shown + advice


def problems_found(problems: Sequence[str], source: str | Path) -> ModelFileError:
    """The error for layers that segue cannot represent; all of them are named."""
    return ModelFileError(f"cannot be brought to segue: {'; '.join(problems)}.", path=source)
