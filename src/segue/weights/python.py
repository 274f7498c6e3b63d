"""A model as source of plain PyTorch, with its weights in a file beside it."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from segue._version import __version__
from segue.atomic import replacing
from segue.data.arrays import Array
from segue.data.sequences import Sequences
from segue.errors import DataError, OptionError, SpecError
from segue.extras import require
from segue.layers.base import TorchSource
from segue.networks.source import rendered, torch_facts, torch_source
from segue.spec import to_text
from segue.weights.onnx_check import answers, batches, padded
from segue.weights.parity import TOLERANCE, Comparison, TransferReport, check_one_network

_GARBAGE = 1e6  # what stands behind the ends


def to_python(estimator: Any, path: str | Path, *, data: Any = None) -> TransferReport:
    """Write a fitted estimator as Python source that needs PyTorch alone.

    The source has a module `Model`, whose `forward(x, lengths)` takes raw values
    `[batch, time, channel]`, with anything behind each sequence's end, and gives what the estimator
    gives: probabilities `[batch, class]`, of a labeler `[batch, time, class]`, of a regressor its
    numbers `[batch, value]`. Where the model has static features it takes them as a third argument,
    `[batch, feature]`. The preparation is in it; only texts are cut into tokens outside. `load()`
    reads the weights from `<name>.safetensors` beside the source, and `torch.onnx.export` takes the
    module with `dynamo=False` and both axes left open.

    The source is run beside the estimator on ragged batches before it gets its name.

    Args:
        estimator: a fitted classifier, labeler or regressor.
        path: the file, ending in .py.
        data: sequences to check it with, as for `predict`; drawn at random if left out.

    Returns:
        The report of the check; printed, it is a table.

    Raises:
        SpecError: a layer, preparation step or task that has no such form; it is named.
        OptionError: a file that does not end in .py.
        DataError: the source answers otherwise than the estimator; nothing is written.
        MissingPackageError: PyTorch or jinja2 is not installed.

    >>> import segue, tempfile
    >>> options = segue.TrainingOptions(progress="none")
    >>> x = [[0.0, 1.0, 0.5], [3.0, 2.5], [0.5, 0.0], [2.0, 3.0, 2.0]] * 5
    >>> model = segue.SequenceClassifier("gru(4)", epochs=2, options=options)
    >>> report = to_python(model.fit(x, ["low", "high"] * 10), f"{tempfile.mkdtemp()}/model.py")
    >>> report.comparisons[0].largest < 1e-5
    True
    """
    path = Path(path)
    if path.suffix != ".py":
        raise OptionError(f"{path.name} does not end in .py, by which Python knows the file.")
    require("torch")
    check_one_network(estimator)
    source = _source_of(estimator)
    content = _weights(estimator, source)
    text = _text(estimator, source, path.stem)
    sequences = None if data is None else estimator.check_input(data)
    beside = path.with_suffix(".safetensors")
    with replacing(path) as module, replacing(beside) as weights:  # the named file comes last
        weights.write_bytes(content)
        module.write_text(text, encoding="utf-8")
        compared = _compared(estimator, module, weights, sequences)
    return TransferReport(str(path), (("weights", str(beside)),), (compared,))


def _source_of(estimator: Any) -> TorchSource:
    """The lines from raw values to answers.

    Raises:
        SpecError: what has no such form; all of it is named.
    """
    network, preparation = estimator.network_, estimator.preparation_
    source = TorchSource()
    if preparation.kind == "numbers" and preparation.steps:
        source.steps.append("x = x.double()")
    if preparation.kind != "texts":  # those come as tokens
        for step, fitted in zip(preparation.steps, preparation.fitted, strict=True):
            step.write_torch(source, fitted)
    if preparation.kind == "numbers":
        source.steps.append("x = x.float()")
    if estimator.static_ is not None:
        scale = estimator.static_
        mean, deviation = (
            source.constant(f"static_{name}", getattr(scale, name)) for name in ("mean", "scale")
        )
        source.steps.append(f"static = ((static.double() - {mean}) / {deviation}).float()")
    output = network.chain[-1].shape
    torch_source(network.specs, network.input_shape, output, source, network.static)
    estimator.task_.write_torch(source)
    if source.problems:
        raise SpecError(
            f"This model is not written in plain PyTorch: {'; '.join(source.problems)}."
        )
    return source


def _weights(estimator: Any, source: TorchSource) -> bytes:
    from safetensors.numpy import save

    constants = {name: np.ascontiguousarray(array) for name, array in source.constants.items()}
    found: bytes = save({**estimator.network_.get_weights(), **constants})
    return found


def _text(estimator: Any, source: TorchSource, name: str) -> str:
    preparation, task = estimator.preparation_, estimator.task_
    texts = preparation.kind == "texts"
    facts = {
        "name": name,
        "version": __version__,
        "network": to_text(estimator.network_.specs),
        "prepare": str(preparation),
        "channels": ", ".join(estimator.channels_ or ()) or str(preparation.channels_in),
        "is_tokens": preparation.kind != "numbers",
        "is_text": texts,
        "static": estimator.static_ is not None,
        "classes": [_plain(one) for one in getattr(task, "classes", ())],
        "tokens": preparation.vocabulary[0].names(preparation.vocabulary[1]).tolist()
        if preparation.vocabulary is not None
        else [],
        "constants": {n: (tuple(a.shape), str(a.dtype)) for n, a in source.constants.items()},
        "gives": "[batch, time, class]" if task.per_step else "[batch, class]",
    }
    facts["classes"] = json.dumps(facts["classes"], ensure_ascii=False)
    facts["tokens"] = json.dumps(facts["tokens"], ensure_ascii=False) if texts else ""
    if not getattr(task, "classes", ()):
        facts["gives"] = "[batch, value]"
    return rendered("torch_model.txt", facts | torch_facts(source))


def _plain(name: Any) -> Any:
    return name if isinstance(name, str | int | float) else str(name)


def _compared(estimator: Any, module: Path, weights: Path, x: Sequences | None) -> Comparison:
    """Run the source beside the estimator.

    Raises:
        DataError: they differ by more than rounding.
    """
    import torch

    written = runpy.run_path(
        str(module)
    )  # without bytecode, which a file of the same second shares
    model, lengths, largest = written["load"](weights), list[int](), 0.0
    for part, static in batches(estimator, x):
        steps = part.values.dtype
        values, ends = padded(part, 0 if steps.kind in "iu" else _GARBAGE, steps)
        given: list[Array] = [values, ends, *([] if static is None else [np.asarray(static)])]
        with torch.no_grad():
            found = model(*(torch.from_numpy(np.asarray(one)) for one in given)).numpy()
        wanted = answers(estimator, part, static, list(found))
        own = [row[: len(one)] for row, one in zip(found, wanted, strict=True)]
        largest = max(largest, _difference(own, wanted))
        lengths += part.lengths.tolist()
    if not largest <= TOLERANCE:
        raise DataError(
            f"The source answers otherwise than the model, by {largest:.1e}, so nothing is written."
        )
    return Comparison("run by PyTorch", len(lengths), min(lengths), max(lengths), largest)


def _difference(found: Iterable[Array], wanted: Iterable[Array]) -> float:
    """The largest difference, in units of the largest answer or of 1."""
    worst = 0.0
    for one, other in zip(found, wanted, strict=True):
        if one.shape != other.shape:
            return float("inf")
        off = float(np.abs(np.asarray(one, np.float64) - other).max(initial=0.0))
        worst = max(worst, off / max(1.0, float(np.abs(other).max(initial=0.0))))
        if not np.isfinite(off):
            return float("inf")
    return worst
