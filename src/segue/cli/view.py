"""`segue view` and `segue network`: data, and a network on them, before it is trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segue.cli.shared import (
    Columns,
    check_output,
    picture_endings,
    print_result,
    read_source,
    save_figure,
)
from segue.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from segue.data.dataset import Dataset

_LINES_AT_MOST = 7  # channels; more are drawn as shades
_CLASSES_AT_MOST = 30  # bars
_FRAMEWORKS = ("segue", "torch")  # of a network's Python source


def view(
    source: str,
    *,
    samples: int = 3,
    as_: str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    reading: Columns = None,
    json: bool = False,
) -> None:
    """Look at data before training on them.

    Prints counts, lengths, class balance, missing values and duplicates, and draws some sequences.

    Example: segue view japanese-vowels --out vowels.png --overwrite

    Options:
        samples: sequences of each class.
        as_ (lines|heat-map|spectrogram|image): how sequences are drawn (default: by the number of
            channels).
        out (FILE.png): draw a picture (or .pdf, .svg).
    """
    kind: Any = None if as_ is None else as_.lower().replace("-", " ")
    if kind is not None:
        from segue.plots import DRAWINGS

        if kind not in DRAWINGS:
            known = ", ".join(name.replace(" ", "-") for name in DRAWINGS)
            raise OptionError(f"--as is {as_}; expected one of {known}.")
    if out is not None:
        check_output(out, overwrite=overwrite, endings=picture_endings())
    dataset = read_source(source, reading)
    drawn = [f"picture  {out}"]
    if out is not None:
        from segue import plots

        save_figure(plots.overview(dataset, samples=samples, kind=kind), out)
    elif not json:
        drawn = _drawn(dataset, samples, kind)
    summary = dataset.summary()
    print_result(asdict(summary), "\n".join([f"{summary}\n", *drawn]), json=json)


def network(
    spec: str,
    *,
    on: str | None = None,
    task: str | None = None,
    prepare: str | None = None,
    framework: str = "segue",
    out: Path | None = None,
    overwrite: bool = False,
    reading: Columns = None,
    json: bool = False,
) -> None:
    """Look at a network before training it.

    Prints its layers with their output shapes and weights, as they would be for a source, and
    writes its diagram or its Python source.

    Example: segue network "bilstm(100)" --on japanese-vowels --out network.svg --overwrite

    Options:
        spec (SPEC): layers, such as "gru(64) dense(32, relu)".
        on (SOURCE): the data: a named data set (`segue data list`), a file, or a folder.
        task (classify|label|regress|forecast|language): default: that of the targets.
        prepare (SPEC): preparation, such as "interpolate standardize".
        framework (segue|torch): of a Python file: segue's layers, or plain PyTorch.
        out (FILE): a picture (.png, .svg, .pdf), or Python source (.py).
    """
    if spec.endswith(".safetensors") or Path(spec).is_dir():
        raise OptionError(
            f'{spec} is no layers; expected such as "gru(64)". Of a trained model '
            "`segue.load(path).network_` is the network."
        )
    if on is None:
        raise OptionError("A network is built for some data: add --on SOURCE.")
    if framework not in _FRAMEWORKS:
        raise OptionError(f"--framework is {framework!r}.{did_you_mean(framework, _FRAMEWORKS)}")
    from segue.atomic import write_text
    from segue.estimators.loading import estimator_for
    from segue.tasks import TASKS, Task
    from segue.training import TrainingOptions

    if out is not None:
        check_output(out, overwrite=overwrite, endings=[".py", *picture_endings()])
    data = read_source(on, reading)
    settings = dict(TASKS.get(data.task, Task).arguments)
    settings |= {} if prepare is None else {"prepare": prepare}
    quiet = TrainingOptions(progress="none")
    kind: Any = estimator_for(task, data.task)
    estimator = kind(network=spec, options=quiet, **settings)
    built = estimator._training_job(data).network
    if out is not None and out.suffix == ".py":
        write_text(out, built.to_python(framework))
    elif out is not None:
        save_figure(built.diagram(), out)
    summary = built.summary()
    text = str(summary) if out is None else f"{summary}\n\nfile  {out}"
    layers = [asdict(row) for row in summary.rows]
    print_result({"layers": layers, "parameters": summary.total, "file": out}, text, json=json)


def _drawn(dataset: Dataset, samples: int, kind: str | None) -> list[str]:
    """As the terminal can; where there is none, or without the extra, in a line of text each."""
    from segue.cli import terminal
    from segue.data.sequences import Sequences

    chosen = _first_of_each_class(dataset, samples)
    if dataset.x.is_text:
        return _texts(dataset, chosen)
    width = terminal.terminal_width()
    kind = kind or ("heat map" if dataset.x.channels > _LINES_AT_MOST else "lines")
    can_draw = kind in terminal.DRAWINGS and (kind != "lines" or terminal.has_plots())
    if width is None or not can_draw:
        return terminal.sparklines(dataset, chosen)
    drawn = terminal.draw(dataset, chosen, kind, width)
    lengths = terminal.histogram(dataset.x.lengths, width)
    if len(lengths) > 1:
        drawn += ["lengths, in steps", *lengths, ""]
    balance = {str(name): count for name, count in dataset.summary().classes.items()}
    if 0 < len(balance) <= _CLASSES_AT_MOST:
        what = "steps" if isinstance(dataset.y, Sequences) else "sequences"
        drawn += [f"{what} of each class", *terminal.bars(balance, width)]
    return drawn


def _texts(
    dataset: Dataset, chosen: list[tuple[str, int]], *, width: int = 88, rows: int = 4
) -> list[str]:
    """The beginnings of texts, wrapped, each below its label and its length."""
    import textwrap

    from segue.data.arrays import decode

    lines = []
    for name, number in chosen:
        text = decode(dataset.x[number])
        id_ = "" if dataset.ids is None else f", {dataset.ids[number]}"
        lines.append(f"{name}  ({len(text.split()):,} words{id_})")
        begin = " ".join(text[: 2 * width * rows].split())
        shown = textwrap.wrap(begin, width, initial_indent="  ", subsequent_indent="  ")
        lines += [*shown[: rows - 1], shown[rows - 1] + " …"] if len(shown) > rows else shown
    return lines


def _first_of_each_class(dataset: Dataset, samples: int) -> list[tuple[str, int]]:
    if dataset.classes is None or getattr(dataset.y, "ndim", 0) != 1:
        return [(str(number), number) for number in range(min(samples, len(dataset)))]
    return [
        (str(name), int(number))
        for name in dataset.classes
        for number in (dataset.y == name).nonzero()[0][:samples]
    ]
