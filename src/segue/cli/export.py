"""`segue export`: a model as a file of another program."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from segue.atomic import write_text
from segue.cli.shared import Columns, check_output, in_flags, print_result, read_source
from segue.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable


class Target(NamedTuple):
    """A kind of file that a model can leave as.

    Attributes:
        endings: of its files.
        write: called with the estimator, the file and the options given, it writes the file and
            returns a report with `to_json` and a text.
        options: those of `segue export` that it takes.
        beside: endings of the files that it writes beside the one that is named.
    """

    endings: tuple[str, ...]
    write: Callable[..., Any]
    options: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def _to_onnx(estimator: Any, file: Path, **options: Any) -> Any:
    from segue.weights import to_onnx

    return to_onnx(estimator, file, **options)


def _kept(report: Any, file: Path) -> Any:
    """Write what was compared beside the file, as `to_onnx` does."""
    write_text(f"{file}.json", dumps(report.to_json(), indent=2) + "\n")
    return report


def _to_keras(estimator: Any, file: Path, **options: Any) -> Any:
    from segue.weights import to_keras
    from segue.weights.keras_run import has_keras

    return _kept(to_keras(estimator, file, with_keras=has_keras(), **options), file)


def _to_torch(estimator: Any, file: Path, **options: Any) -> Any:
    from segue.weights import to_torch

    return _kept(to_torch(estimator, file, **options), file)


def _to_python(estimator: Any, file: Path, **options: Any) -> Any:
    from segue.weights import to_python

    return _kept(to_python(estimator, file, **options), file)


TARGETS = {
    "onnx": Target((".onnx",), _to_onnx, ("data", "step"), (".onnx.json", ".vocabulary.json")),
    "keras": Target((".keras",), _to_keras, ("data", "mask_value"), (".keras.json",)),
    "torch": Target((".safetensors",), _to_torch, ("data",), (".py", ".safetensors.json")),
    "python": Target((".py",), _to_python, ("data",), (".safetensors", ".py.json")),
}


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
    print_result(report.to_json(), f"{in_flags(str(report))}\n\nwritten  {file}", json=json)


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
