"""Weights of PyTorch as estimators: a state dict, or a module in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import load as load_tensors

from segue.data.arrays import Array
from segue.errors import (
    DataError,
    DataNotFoundError,
    ModelFileError,
    OptionError,
    first_few,
    refuse_pointer,
)
from segue.estimators.base import BaseSequenceEstimator
from segue.layers.base import (
    BuildContext,
    LayerSpec,
    PlannedLayer,
    Shape,
    chain_shape,
    input_kind_of,
    plan_layers,
)
from segue.layers.custom import is_torch_module
from segue.networks import NetworkLike, as_specs
from segue.weights.foreign import (
    ForeignNetwork,
    TaskName,
    estimator_of,
    preparation_for,
    problems_found,
)
from segue.weights.parity import Comparison, answers, compare, trial_sequences
from segue.weights.torch_groups import Matching, groups_of


def from_torch(
    weights: Any,
    network: NetworkLike,
    *,
    classes: Sequence[Any] | None = None,
    task: TaskName | None = None,
    names: Mapping[str, str] | None = None,
    call: Callable[[Any], Any] | None = None,
) -> BaseSequenceEstimator:
    """Make an estimator of weights that PyTorch has trained.

    A state dict does not say how its layers are connected: `network` does. LSTM, GRU and RNN (each
    of their layers is one here, as in "bilstm(8) bilstm(8)"), Linear, Conv1d, BatchNorm1d,
    LayerNorm, PReLU and Embedding. PyTorch's two biases are summed, but for the GRU, which has
    both. Of a module in memory the arguments of its layers are checked too, and its answers are
    compared. A `.pt` file is a pickle, which can run code: it is not opened.

    `training_summary_` has what became of each layer.

    Args:
        weights: a safetensors file, a state dict, or a `torch.nn.Module`.
        network: the layers, the head too, as in "bilstm(8) bilstm(8) dense(3, softmax)".
        classes: the names of the classes, in the order of the outputs; 0, 1, ... if left out.
        task: as in `from_keras`: "classify" or "label" where the head is written as linear.
        names: which layer there is which one here, where more than one would fit, such as
            {"lstm_1": "encoder.l0"}.
        call: calls the module, with `[1, time, channel]` (or `[1, time]` tokens), for the
            comparison; if left out, the module itself is called so. What it gives are logits or
            probabilities.

    Returns:
        A `SequenceClassifier`, `SequenceLabeler` or `SequenceRegressor`.

    Raises:
        DataNotFoundError: there is no such file.
        ModelFileError: a file of another kind; weights that do not fit; a module whose layers
            compute something else, or that answers otherwise.

    >>> import torch
    >>> estimator = from_torch({"weight": torch.ones(3, 4)}, "pool(mean) dense(3, softmax)")
    >>> estimator.predict_proba([[[1.0, 2.0, 3.0, 4.0]]]).round(3).tolist()
    [[0.333, 0.333, 0.333]]
    """
    is_module = is_torch_module(weights)
    state, source = _state(weights)
    specs = as_specs(network)
    ordered = not isinstance(weights, str | Path)
    given = _known_names(names or {}, specs)
    matching = Matching(groups_of(state, source), given, ordered, source)
    shape = matching.input_shape(specs)
    every = chain_shape(specs, BuildContext("", shape)).sequence
    planned = list(plan_layers(specs, BuildContext("", shape, every)))
    layers = [matching.take(one) for one in planned]
    matching.refuse_rest()
    if is_module:
        _check_module(weights, planned, [layer.name for layer in layers])
    found = ForeignNetwork(tuple(layers), shape, preparation_for(shape), source)
    estimator = estimator_of(found, classes, task)
    if is_module:
        lines = _compared(estimator, weights, call)
        estimator.training_summary_ = [*estimator.training_summary_, lines]
    return estimator


def _known_names(names: Mapping[str, str], specs: tuple[LayerSpec, ...]) -> dict[str, str]:
    """Names by the layers of a plan, in which the head is the last dense layer.

    Raises:
        OptionError: a layer that there is not.
    """
    start = Shape(1, tokens=1) if input_kind_of(specs) == "tokens" else Shape(2)
    planned = list(plan_layers(specs, BuildContext("", start)))
    ours = [one.context.name for one in planned]
    last = max((i for i, one in enumerate(planned) if one.spec.kind == "dense"), default=None)
    shown = [name if i != last else "head" for i, name in enumerate(ours)]
    known = dict(zip([*shown, *ours], [*ours, *ours], strict=True))
    if wrong := [name for name in names if name not in known]:
        raise OptionError(f"`names` names {wrong[0]!r}; the layers are {first_few(shown, 20)}.")
    return {known[name]: there for name, there in names.items()}


def _state(weights: Any) -> tuple[dict[str, Array], str]:
    """The arrays by name, as float32, and what they come from."""
    if is_torch_module(weights):
        source = f"a module {type(weights).__name__}"
        return {
            n: t.detach().cpu().float().numpy() for n, t in weights.state_dict().items()
        }, source
    if isinstance(weights, Mapping):
        found = {}
        for name, value in weights.items():
            tensor = value.detach().cpu().float() if hasattr(value, "detach") else value
            found[str(name)] = np.asarray(tensor, np.float32)
        return found, "a state dict"
    if not isinstance(weights, str | Path):
        raise DataError(
            f"`weights` is {type(weights).__name__}; expected a safetensors file, a state dict or "
            "a torch.nn.Module."
        )
    return _from_file(Path(weights)), str(weights)


def _from_file(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise DataNotFoundError("there is no such file of weights.", path=path)
    refuse_pointer(path, ModelFileError)
    if path.suffix in (".pt", ".pth", ".bin", ".ckpt"):
        raise ModelFileError(
            "is a pickle, which can run code when it is opened. Where you trust it, write it anew: "
            "safetensors.torch.save_file(model.state_dict(), 'model.safetensors').",
            path=path,
        )
    try:
        tensors = load_tensors(path.read_bytes())
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"is not a whole safetensors file ({error}).", path=path) from error
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def _compared(
    estimator: BaseSequenceEstimator, module: Any, call: Callable[[Any], Any] | None
) -> tuple[str, str]:
    """The answers of the module beside those of the estimator, as a heading and a text."""
    import torch

    tokens = estimator.network_.input_shape.tokens is not None
    was_training = module.training
    module.eval()

    def answer(sequence: Array) -> Array:
        given = torch.as_tensor(sequence.copy())
        given = given[None, :, 0].long() if tokens else given[None]
        with torch.no_grad():
            found: Array = (call or module)(given)[0].numpy()
        return found

    x = trial_sequences(estimator)
    try:
        if call is None and not _is_callable(answer, x[0], estimator):
            return "compared", "not with the module, which is called otherwise: pass `call`"
        return "compared", str(_nearest(estimator, x, answer))
    finally:
        module.train(was_training)


def _is_callable(answer: Callable[[Array], Array], first: Array, estimator: Any) -> bool:
    """Whether the module takes one sequence, and gives so many numbers."""
    try:
        found = answer(first)
    except Exception:  # a module of the user's may raise anything
        return False
    return found.shape[-1:] == (_outputs(estimator),) or found.shape[-1:] == (2,)


def _outputs(estimator: Any) -> int:
    count: int = estimator.network_.outputs
    return count


def _nearest(estimator: Any, x: Any, answer: Callable[[Array], Array]) -> Comparison:
    """The comparison with logits or with probabilities, whichever the module gives."""
    wanted = answers(estimator, x)
    kind = estimator.task_.objective.kind
    try:
        return compare("answered by the module", x, wanted, answer)
    except ModelFileError:
        if kind == "squared":
            raise
        return compare(
            "answered by the module", x, wanted, lambda one: _probabilities(kind, answer(one))
        )


def _probabilities(kind: str, logits: Array) -> Array:
    from segue.training.inference import probabilities

    if kind == "binary" and logits.shape[-1] == 2:
        kind = "softmax"
    found: Array = probabilities(logits, "multilabel" if kind == "sigmoid" else kind)
    return found


# -- the arguments of modules ---------------------------------------------------------------------


def _check_module(module: Any, planned: list[PlannedLayer], names: list[str]) -> None:
    """Raise where a module of PyTorch computes something else than the layer that takes its place.

    Raises:
        ModelFileError: all such modules are named.
    """
    modules, problems = dict(module.named_modules()), []
    for one, name in zip(planned, names, strict=True):
        part, _, layer = name.rpartition(".")
        theirs = modules.get(name, modules.get(part if layer.startswith("l") else ""))
        if theirs is None or not one.spec.weight_shapes(one.context):
            continue
        for attribute, value, wanted in _arguments(one.spec, theirs):
            if value != wanted:
                problems.append(
                    f"{name} ({type(theirs).__name__}) has {attribute}={value!r}, and "
                    f"{one.context.name} ({one.spec}) {wanted!r}"
                )
    if problems:
        raise problems_found(problems, f"a module {type(module).__name__}")


def _arguments(spec: Any, theirs: Any) -> list[tuple[str, Any, Any]]:
    """Arguments of a module, each with its value and that which the layer here has."""
    kind = spec.kind.removeprefix("bi")
    if kind in ("lstm", "gru", "rnn"):
        checks = [("bidirectional", theirs.bidirectional, spec.kind.startswith("bi"))]
        checks += [("mode", theirs.mode.split("_")[0].lower(), kind)]
        if kind == "rnn":
            checks.append(("nonlinearity", theirs.nonlinearity, spec.activation))
        if kind == "gru":
            checks.append(("reset", "after", spec.reset))
        return checks
    if kind in ("batchnorm", "layernorm"):
        return [("eps", theirs.eps, spec.epsilon)]
    if kind == "embedding":
        return [("max_norm", theirs.max_norm, None)]
    return _windows(spec, theirs) if kind == "conv" else []


def _windows(spec: Any, theirs: Any) -> list[tuple[str, Any, Any]]:
    windows, padding = spec.windows, theirs.padding
    padding = padding if isinstance(padding, str) else padding[0]
    around = {"same", windows.before} if windows.before == windows.after else {"same"}
    if windows.stride > 1:
        around -= {"same"}
    expected = {0, windows.span - 1} if spec.causal else around
    if windows.only_inside:
        expected = {0, "valid"}
    if windows.span == 1:
        expected = {0, "same", "valid"}
    fits = padding if padding in expected else sorted(map(str, expected))
    return [
        ("stride", theirs.stride[0], spec.stride),
        ("dilation", theirs.dilation[0], spec.dilation),
        ("groups", theirs.groups, 1),
        ("padding", padding, fits),
        ("padding_mode", theirs.padding_mode, "zeros"),
    ]
