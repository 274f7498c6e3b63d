"""Estimators as plain PyTorch: a state dict in safetensors, and the source of its module."""

from __future__ import annotations

import json
import runpy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as save_tensors

from segue._version import __version__
from segue.atomic import replacing
from segue.data.arrays import Array
from segue.data.sequences import Sequences
from segue.errors import OptionError, SpecError
from segue.extras import require
from segue.kernels.ragged import Ragged
from segue.spec import to_text
from segue.weights.parity import TransferReport, check_one_network, compare, trial_sequences


def to_torch(estimator: Any, path: str | Path, *, data: Any = None) -> TransferReport:
    """Write a fitted estimator as a state dict of PyTorch, with the source of its module beside it.

    `model.safetensors` has the weights, and `model.py` the class `Network` that takes them. It
    needs PyTorch only: `Network()(x, lengths)` of prepared, padded sequences gives logits. Before
    the files get their names, that module answers all of `data` in one padded batch as the
    estimator's network does each sequence alone.

    Args:
        estimator: fitted.
        path: the file, `*.safetensors`; the source has the same name with `.py`.
        data: what is compared on; drawn sequences of 1 to 34 steps if left out.

    Returns:
        A report of what was written and compared; print it.

    Raises:
        NotFittedError: before `fit`.
        SpecError: layers that are not written in plain PyTorch; all are named.
        ModelFileError: what was written answers otherwise.
        WriteError: the disk is full or read-only. No half-written file is left.
    """
    check_one_network(estimator)
    path = Path(path)
    if path.suffix != ".safetensors":
        raise OptionError(f"{path}: weights of PyTorch are written as *.safetensors; name it so.")
    if estimator.network_.static:
        raise SpecError(
            "This model has static features, which such weights do not take along; a model of ONNX "
            "and one of Python do: write *.onnx or *.py."
        )
    network, source = estimator.network_, estimator.network_.to_python("torch")
    x = trial_sequences(estimator) if data is None else estimator.check_input(data)
    prepared = estimator.preparation_.apply(x)
    module, state = _module_of(source, network.get_weights())
    notes = {"written_by": f"segue {__version__}", "network": to_text(network.specs)}
    notes |= {"targets": json.dumps(estimator.task_.to_json(), default=str)}
    with replacing(path) as weights, replacing(path.with_suffix(".py")) as text:
        weights.write_bytes(save_tensors(state, notes))
        text.write_text(source, encoding="utf-8")
        comparison = _compared(network, module, prepared)
    lines = [(name, str(list(values.shape))) for name, values in state.items()]
    if str(estimator.preparation_) != "none":
        lines.append(("preparation", f"not in it ({estimator.preparation_}): give what it makes"))
    lines.append(("source", str(path.with_suffix(".py"))))
    return TransferReport(str(path), tuple(lines), (comparison,))


def _module_of(source: str, weights: dict[str, Array]) -> tuple[Any, dict[str, Array]]:
    """The module of a source that segue has just written, with these weights; its state dict."""
    require("torch", purpose="to compare with")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.py"
        file.write_text(source, encoding="utf-8")
        written = runpy.run_path(str(file))
    module = written["Network"]().eval()
    written["copy_weights"](module, weights)
    state = {name: np.array(tensor.numpy()) for name, tensor in module.state_dict().items()}
    return module, state


def _compared(network: Any, module: Any, x: Sequences) -> Any:
    """One padded batch through the module, and each sequence alone through the network."""
    import torch

    batch = Ragged(np.asarray(x.values), np.asarray(x.offsets))
    values, lengths = batch.to_padded()
    with torch.no_grad():
        found = module(torch.as_tensor(values), torch.as_tensor(lengths)).numpy()
    answers = [network(Ragged(np.asarray(one), np.array([0, len(one)]))) for one in x]
    ours = [a.values if isinstance(a, Ragged) else a[0] for a in answers]
    per_step = network.every
    theirs = iter([row[:n] if per_step else row for row, n in zip(found, lengths, strict=True)])
    return compare("answered by PyTorch", x, ours, lambda _: next(theirs))
