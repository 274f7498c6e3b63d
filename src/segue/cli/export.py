"""`segue export`: a model as a file of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segue.cli.shared import Columns, check_output, in_flags, print_result, read_source
from segue.errors import OptionError, did_you_mean
from segue.weights.targets import TARGETS, Target


def export(
    model: Path,
    file: Path,
    *,
    to: str | None = None,
    data: str | None = None,
    step: bool = False,
    mask_value: float | None = None,
    overwrite: bool = False,
    reading: Columns = None,
    json: bool = False,
) -> None:
    """Write a model as a file of another program.

    It is run there beside the model, on batches of many sizes and lengths, before it gets its name;
    the largest difference is printed, and kept beside it.

    Example: segue export run model.onnx --overwrite

    Options:
        file (FILE): the file to write.
        to (onnx|keras|torch|python): the kind of file (default: by the ending of FILE: .onnx,
            .keras, .safetensors, .py); torch is a state dict, with the source of its module beside
            it; python a module of PyTorch with the preparation in it.
        data (SOURCE): sequences to check it with; random ones if left out.
        step: also write FILE.step.onnx, one step of a causal network, with its states.
        mask_value (X): of keras: begin with a Masking layer, so that batches that are padded with
            X, which no real step consists of, are answered as each sequence alone.
    """
    to, target = _target(to, file)
    beside = [*target.beside, *([".step.onnx"] if step else [])]
    files = [file, *map(file.with_suffix, beside)]
    for path in files:
        endings = target.endings if path == file else ()
        check_output(path, overwrite=overwrite, option="FILE", endings=endings)
    from segue.estimators import load
    from segue.runs import find_model

    source = find_model(model)
    if source.resolve() in [path.resolve() for path in files]:
        raise OptionError(f"--to {to} would write {source}, the model itself. Choose another FILE.")
    estimator = load(source)
    given: dict[str, Any] = {"data": data, "step": step or None, "mask_value": mask_value}
    for name, value in given.items():
        if value is not None and name not in target.options:
            raise OptionError(f"--{name.replace('_', '-')} is not for --to {to}.")
    given["step"] = step
    if data is not None:
        given["data"] = read_source(data, reading, like=estimator)
    options = {name: given[name] for name in target.options}
    report = target.write(estimator, file, **options)
    written = [file, *([file.with_suffix(".step.onnx")] if step else [])]
    lines = "\n".join(f"written  {path}" for path in written)
    facts = {**report.to_json(), "written": [str(path) for path in written]}
    print_result(facts, f"{in_flags(str(report))}\n\n{lines}", json=json)


def _target(to: str | None, file: Path) -> tuple[str, Target]:
    """The kind of file that is named, or that the ending says.

    Raises:
        OptionError: another kind, or another ending.
    """
    if to is not None and to not in TARGETS:
        hint = did_you_mean(to, TARGETS) or f" Expected one of {', '.join(TARGETS)}."
        raise OptionError(f"--to is {to!r}.{hint}")
    endings = {ending: name for name, one in TARGETS.items() for ending in one.endings}
    name = to or endings.get(file.suffix.lower())
    if name is None:
        raise OptionError(
            f"FILE is {file}, whose ending does not say what it is to be; expected one of "
            f"{', '.join(endings)}, or --to {'|'.join(TARGETS)}."
        )
    return name, TARGETS[name]
