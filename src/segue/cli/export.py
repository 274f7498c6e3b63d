"""`segue export`: a model as a file of another program."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from segue.atomic import write_text
from segue.cli.shared import Columns, check_output, print_result, read_source
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
    "keras": Target((".keras",), _to_keras, ("data",), (".keras.json",)),
    "torch": Target((".safetensors",), _to_torch, ("data",), (".py", ".safetensors.json")),
    "python": Target((".py",), _to_python, ("data",), (".safetensors", ".py.json")),
}


def export(
    model: Path,
    file: Path,
    *,
    to: str = "onnx",
    data: str | None = None,
    step: bool = False,
    overwrite: bool = False,
    reading: Columns = None,
    json: bool = False,
) -> None:
    """Write a model as a file of another program.

    It is run there beside the model, on batches of many sizes and lengths, before it gets its name;
    the largest difference is printed, and kept beside it.

    Example: segue export run model.onnx --to onnx --overwrite

    Options:
        file (FILE): the file to write.
        to (onnx|keras|torch|python): the kind of file; torch is a state dict, with the source of
            its module beside it; python a module of PyTorch with the preparation in it.
        data (SOURCE): sequences to check it with; random ones if left out.
        step: also write FILE.step.onnx, one step of a causal network, with its states.
    """
    target = TARGETS.get(to)
    if target is None:
        hint = did_you_mean(to, TARGETS) or f" Expected one of {', '.join(TARGETS)}."
        raise OptionError(f"--to is {to!r}.{hint}")
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
    given: dict[str, Any] = {"data": data, "step": step}
    wrong = [name for name, value in given.items() if value and name not in target.options]
    if wrong:
        raise OptionError(f"--{wrong[0]} is not for --to {to}.")
    if data is not None:
        given["data"] = read_source(data, reading, like=estimator)
    options = {name: given[name] for name in target.options}
    report = target.write(estimator, file, **options)
    print_result(report.to_json(), f"{report}\n\nwritten  {file}", json=json)
