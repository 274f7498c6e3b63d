"""`segue network`: a network on some data, before it is trained: its layers, shapes and weights."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from segue.cli.shared import (
    Columns,
    check_output,
    picture_endings,
    print_result,
    read_source,
    save_figure,
)
from segue.errors import OptionError


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
    if on is None:
        raise OptionError("A network is built for some data: add --on SOURCE.")
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
