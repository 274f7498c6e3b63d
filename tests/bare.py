"""What training gave is answered to the bit where only the core of segue is installed.

    python tests/bare.py save FOLDER     with the extra `train`: fits what the contract tests fit
    python tests/bare.py check FOLDER    without it: loads, predicts, evaluates, streams, compares

`make wheel` runs both, the second in an environment with nothing but the wheel and what it needs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import segue
from segue.errors import SegueError
from segue.kernels import forward

EXTRA = "torch sklearn scipy loky matplotlib jinja2 pooch".split()
STREAMED = 3  # sequences of each data set
LINE = "pip install 'segue[train]'"


# -- what a model answers -------------------------------------------------------------------------


def answers(model: Any, data: segue.Dataset) -> dict[str, Any]:
    """All that can be had of a fitted model: arrays by name, and its scores as text."""
    found = {"predict": as_array(model.predict(data.x))}
    for name in ("predict_proba", "anytime"):
        if hasattr(model, name):
            found[name] = attempt(getattr(model, name), data.x)
    if hasattr(model, "embed"):
        for layer in model.network_.names[:-1]:
            found[f"embed {layer}"] = attempt(model.embed, data.x, layer)
    if hasattr(model, "stream"):
        found["stream"] = attempt(lambda: list(streamed(model, data)))
    scores = segue.evaluate(model, data, everything=True).metrics()
    found["evaluate"] = np.array(json.dumps(scores, default=str))
    return found


def attempt(call: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or the error of a model that has none."""
    try:
        return as_array(call(*arguments))
    except SegueError as error:
        return np.array(f"{type(error).__name__}: {error}")


def streamed(model: Any, data: segue.Dataset) -> Iterator[Any]:
    """The probabilities after each step of some sequences; of texts after each token."""
    steps_of = list(data.x[:STREAMED])
    if data.x.is_text:
        first = getattr(model, "members", [model])[0]
        by_word = "characters" not in str(first.prepare)
        steps_of = [text.split() if by_word else list(text) for text in data.x[:STREAMED].texts()]
    for steps in steps_of:
        stream = model.stream()
        yield from (np.array(stream.push(step)) for step in steps)


def as_array(values: Any) -> Any:
    """One array, also of sequences of several lengths."""
    if isinstance(values, list):
        return np.concatenate([np.ravel(each) for each in values])
    return np.asarray(getattr(values, "values", values))


# -- with the extra -------------------------------------------------------------------------------


def fitted() -> Iterator[tuple[Any, segue.Dataset]]:
    """Each estimator and each network of the contract tests, and an ensemble of each task."""
    sys.path.insert(0, str(Path(__file__).parent / "contract"))
    import test_estimators as estimators
    import test_networks as networks

    from segue.testing import tiny_dataset

    for name, row in estimators.ROWS.items():
        data = estimators.data_of(row)
        yield row.estimator.fit(data), data
        if name in estimators.TOGETHER:
            yield segue.fit_seeds(row.estimator, data, seeds=2).ensemble(), data
    for text, shape, every in networks.NETWORKS:
        lengths = (1, 9) if shape.length is None else (shape.length, shape.length)
        task, kind = (
            ("label", segue.SequenceLabeler) if every else ("classify", segue.SequenceClassifier)
        )
        data = tiny_dataset(
            24, channels=shape.features, lengths=lengths, tokens=shape.tokens, task=task
        )
        yield kind(text, epochs=1, options=estimators.SILENT).fit(data), data


def save(folder: Path) -> None:
    """Write a folder for each model: the model, its data, and what it answers."""
    for number, (model, data) in enumerate(fitted()):
        path = folder / f"{number:03d}"
        path.mkdir(parents=True)
        data.write(path / "data.arrow")
        model.save(path / "model.safetensors")
        np.savez(path / "answers.npz", **answers(model, data))
    print(f"{number + 1} models in {folder}")


# -- without it -----------------------------------------------------------------------------------


def check(folder: Path) -> None:
    """Compare what each model answers here; try the command line."""
    there = [name for name in EXTRA if find_spec(name) is not None]
    assert not there, f"expected an environment without the extra; there are {', '.join(there)}"
    paths = sorted(folder.iterdir())
    count = sum(compare(path) for path in paths)
    assert count, f"no models in {folder}"
    try_commands(paths[0])
    assert not set(EXTRA) & sys.modules.keys()
    print(f"{len(paths)} models give {count} answers to the bit, without {', '.join(EXTRA)}")


def compare(path: Path) -> int:
    """The number of answers of a model, all of which are what they were."""
    model = segue.load(path / "model.safetensors")
    found = answers(model, segue.Dataset.open(path / "data.arrow"))
    with np.load(path / "answers.npz") as expected:
        assert expected.keys() == found.keys(), (path, found.keys())
        for name, value in expected.items():
            same = found[name].dtype == value.dtype and found[name].tobytes() == value.tobytes()
            assert same, f"{path}, {name}: {found[name]} instead of {value}"
    return len(found)


def try_commands(path: Path) -> None:
    """Predictions and scores come; what needs the extra gives one line, without a traceback."""
    model, data = str(path / "model.safetensors"), str(path / "data.arrow")
    commands = [(["info"], 0), (["predict", model, data], 0), (["evaluate", model, data], 0)]
    commands += [(["evaluate", model, data, "--report", str(path / "report.html")], 1)]
    commands += [(["fit", data], 1), (["view", data, "--out", str(path / "view.png")], 1)]
    for words, code in commands:
        done = subprocess.run(
            [sys.executable, "-m", "segue", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, (words, done)
        assert bool(done.stdout) == (words[0] not in ("fit", "view")), (words, done)
        assert (LINE in done.stderr) == bool(code), (words, done)
        assert "Traceback" not in done.stderr, done.stderr
    if forward.path()[0] not in forward.NATIVE:  # then it is PyTorch that trains
        return
    words = ["fit", data, "--network", "lstm(4)", "--epochs", "1", "--out", str(path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", "segue", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done  # the native library trains it; only the report is missing
    assert "There is no report" in done.stderr, done
    assert LINE in done.stderr, done
    assert (path / "run" / "model.safetensors").exists()


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # networks of an epoch are no better than a baseline
    {"save": save, "check": check}[sys.argv[1]](Path(sys.argv[2]))
