"""`segue import`: a model of another framework as one of segue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from segue.cli.shared import check_output, in_flags, print_result
from segue.errors import OptionError
from segue.text_table import text_table

if TYPE_CHECKING:
    from collections.abc import Callable


class Source(NamedTuple):
    """A kind of file that a model can come from.

    Attributes:
        endings: of its files.
        read: called with the file and the options given, it returns the estimator.
        compare: called with the estimator, the file and the network given, it returns a comparison
            with the framework itself; `None`: it cannot be had.
    """

    endings: tuple[str, ...]
    read: Callable[..., Any]
    compare: Callable[[Any, Path, str | None], Any]


def _from_keras(file: Path, network: str | None, names: str | None, **options: Any) -> Any:
    from segue.weights import from_keras

    if names is not None:
        raise OptionError("--names is for weights of PyTorch; those of Keras have their order.")
    return from_keras(file, network=_description(network) or network, **options)


def _description(network: str | None) -> Path | None:
    """The file that describes the layers, if that is what is given."""
    path = Path(network or "")
    return path if path.suffix in (".json", ".keras") else None


def _from_torch(file: Path, network: str | None, names: str | None, **options: Any) -> Any:
    from segue.weights import from_torch

    if network is None:
        raise OptionError(
            f"{file} has weights and no layers: name these with --network, the head too, such as "
            "--network 'lstm(8) dense(3, softmax)'."
        )
    pairs = [pair.strip().partition("=") for pair in (names or "").split(",") if pair.strip()]
    given = {ours: theirs for ours, _, theirs in pairs}
    return from_torch(file, network, names=given, **options)


def _keras(estimator: Any, file: Path, network: str | None) -> Any:
    from segue.weights.keras_run import compare_with_keras, has_keras

    described = _description(network)
    is_whole = file.suffix == ".keras" or (described and described.suffix == ".json")
    if not is_whole or not has_keras():
        return None
    return compare_with_keras(estimator, file, None if file.suffix == ".keras" else described)


def _from_matlab(file: Path, network: str | None, names: str | None, **options: Any) -> Any:
    from segue.weights import from_matlab

    if network is not None or names is not None:
        raise OptionError("the file of MATLAB has its layers: leave --network and --names out.")
    return from_matlab(file, **options)


def _never(*_: Any) -> None:
    """Weights alone do not answer."""


SOURCES = {
    "keras": Source((".keras", ".h5"), _from_keras, _keras),
    "matlab": Source((".mat",), _from_matlab, _never),
    "torch": Source((".safetensors", ".pt", ".pth"), _from_torch, _never),
}


def import_(
    file: Path,
    *,
    out: Path | None = None,
    network: str | None = None,
    classes: str | None = None,
    task: str | None = None,
    names: str | None = None,
    overwrite: bool = False,
    json: bool = False,
) -> None:
    """Make a model of one that another framework has trained.

    Nothing in the file is run. What became of each layer is printed; where the framework is
    installed, its answers are compared.

    Example: segue import theirs.keras --out model.safetensors --overwrite

    Options:
        file (FILE): a .keras or .weights.h5 file, a .mat file with the layers of a network, or a
            state dict of PyTorch, .safetensors.
        out (MODEL): the model file to write, *.safetensors.
        network (SPEC): the layers, the head too, of weights that come without them; of Keras also a
            file with model.to_json().
        classes (NAMES): the names of the classes in the order of the outputs, with commas between;
            whole numbers are numbers, as in a table (default: 0, 1, ...).
        task (classify|multilabel|label|regress): what the outputs are, where the last activation
            does not say it.
        names (NAMES): of PyTorch, which layer there is which one here where more than one would
            fit: lstm_1=encoder.l0, with commas between.
    """
    if out is None:
        raise OptionError("--out is missing: the model file to write, such as model.safetensors.")
    check_output(out, overwrite=overwrite, endings=(".safetensors",))
    source = next((one for one in SOURCES.values() if file.suffix.lower() in one.endings), None)
    if source is None:
        known = ", ".join(ending for one in SOURCES.values() for ending in one.endings)
        raise OptionError(f"{file} is of no kind that is read; expected a file ending in {known}.")
    labels = None if classes is None else _as_labels(classes)
    estimator = source.read(file, network=network, names=names, classes=labels, task=task)
    lines = [(heading, in_flags(text)) for heading, text in estimator.training_summary_]
    found = source.compare(estimator, file, network)
    compared = "not with its own framework"
    if found is not None:
        compared = f"{found}; each alone, without padding"
    lines.append(("compared", compared))
    estimator.save(out)
    kind = type(estimator).__name__
    facts = {
        "model": out,
        "estimator": kind,
        "layers": dict(lines),
        "classes": getattr(estimator, "classes_", None),
        "largest_difference": None if found is None else found.largest,
    }
    print_result(facts, f"{text_table(lines, '<')}\n\nwritten  {out} ({kind})", json=json)


def _as_labels(names: str) -> Any:
    """The names of classes as a column of labels in a table is read: `[class]`."""
    from segue.readers.table.labels import labels_as_written

    return labels_as_written([name.strip() for name in names.split(",")])
