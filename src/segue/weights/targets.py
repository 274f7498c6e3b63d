"""The kinds of files that a model can leave as."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import Any, NamedTuple

from segue.atomic import write_text


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
    from segue.weights.onnx import to_onnx

    return to_onnx(estimator, file, **options)


def _kept(report: Any, file: Path) -> Any:
    """Write what was compared beside the file, as `to_onnx` does."""
    write_text(f"{file}.json", dumps(report.to_json(), indent=2) + "\n")
    return report


def _to_keras(estimator: Any, file: Path, **options: Any) -> Any:
    from segue.weights.keras_export import to_keras
    from segue.weights.keras_run import has_keras

    return _kept(to_keras(estimator, file, with_keras=has_keras(), **options), file)


def _to_torch(estimator: Any, file: Path, **options: Any) -> Any:
    from segue.weights.torch_export import to_torch

    return _kept(to_torch(estimator, file, **options), file)


def _to_python(estimator: Any, file: Path, **options: Any) -> Any:
    from segue.weights.python import to_python

    return _kept(to_python(estimator, file, **options), file)


TARGETS = {
    "onnx": Target((".onnx",), _to_onnx, ("data", "step"), (".onnx.json", ".vocabulary.json")),
    "keras": Target((".keras",), _to_keras, ("data", "mask_value"), (".keras.json",)),
    "torch": Target((".safetensors",), _to_torch, ("data",), (".py", ".safetensors.json")),
    "python": Target((".py",), _to_python, ("data",), (".safetensors", ".py.json")),
}
