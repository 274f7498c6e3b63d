"""`segue data list`, `show`, `convert`: data sets; `segue generate`; `segue info`."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, Literal

import typer

from segue.cli.options import Form, Parameters, add_command, forms_of, options_of
from segue.cli.shared import Columns, check_output, plain, print_result, read_source, tell
from segue.errors import MissingPackageError, counted, first_few
from segue.extras import missing_packages, require
from segue.progress import Progress
from segue.text_table import text_table


def options() -> Parameters:
    """The options that fill arguments of the families."""
    from segue.synth import FAMILIES

    families = {name: FAMILIES[name] for name in ("waves", "random-series")}
    forms = {**forms_of("generate"), **dict.fromkeys(("count", "test"), Form(least=None))}
    return options_of(families, "count test length noise kinds phase classes seed", **forms)


def generate(
    family: str,
    folder: Path,
    *,
    format: Literal["dat", "ts", "npz", "arrow"] = "dat",  # noqa: A002 - the name of the option
    overwrite: bool = False,
    json: bool = False,
    **given: Any,
) -> None:
    """Write made-up data to learn with.

    `segue fit DIR` reads them.

    Example: segue generate waves data/waves --count 200 --phase random

    Options:
        family (FAMILY): waves, random-series or toy.
        folder (DIR): a new or empty folder.
        format: the files' format.
        overwrite: replace a data set that lies in DIR.
    """
    from segue import synth
    from segue.readers import check_free, write

    check_free(folder, overwrite=overwrite)
    if "kinds" in given:
        given["kinds"] = tuple(given["kinds"].split(","))
    data = synth.generate(family, **given)
    write(data, folder, format=format, overwrite=overwrite)
    value, rows = {"folder": folder, **asdict(data.summary())}, data.summary().rows()
    print_result(value, [*rows, ("folder", str(folder))], json=json)


def info(model: Path | None = None, *, defaults: bool = False, json: bool = False) -> None:
    """Print versions, threads, folders; or what a model file holds.

    Example: segue info run

    Options:
        model (MODEL): a run's folder, a model.safetensors, or what `segue export` wrote, .onnx.
        defaults: print the defaults of training instead.
    """
    if model is not None:
        facts, rows = _inside(model)
        print_result(facts, rows, json=json)
        return
    facts = _defaults() if defaults else _installed()
    texts = {name: "none" if value is None else str(value) for name, value in facts.items()}
    for name, said in (_of_fit() if defaults else {}).items():
        texts[name] += f"; {said}"
    print_result(facts, texts.items(), json=json)


def _of_fit() -> dict[str, str]:
    """Where the defaults of `segue fit` are others than those of the estimators."""
    from segue.estimators.automatic import SECONDS

    return {
        "network": "`segue fit SOURCE` takes auto, or the best of some where none can be joined",
        "time_limit_seconds": f"of the network auto {SECONDS:g}",
    }


def _defaults() -> dict[str, Any]:
    """Those of a classifier and of its training."""
    from segue.estimators import SequenceClassifier
    from segue.training import TrainingOptions

    facts = {**SequenceClassifier().get_params(deep=False), **dict(TrainingOptions.defaults())}
    del facts["options"]  # which follow, one by one
    return facts


def _installed() -> dict[str, Any]:
    """Versions, kernels, threads and folders; without what packages would say that are missing."""
    from segue.kernels import forward
    from segue.readers.fetching import cache_folder
    from segue.runs import versions

    missing = missing_packages()
    facts: dict[str, Any] = {
        **versions(),
        "kernels": "{}: {}".format(*forward.path()),
        "products in training": "bfloat16, where it pays" if forward.bfloat16() else "float32",
        "extras": ", ".join(name for name, packages in missing.items() if not packages) or "none",
        "processors": os.cpu_count(),
        "data folder (SEGUE_DATA)": os.environ.get("SEGUE_DATA") or "not set",
    }
    for extra, packages in missing.items():
        if packages:
            names = ", ".join(packages)
            facts[f"missing of {extra}"] = f"{names}: pip install 'segue[{extra}]'"
    with suppress(MissingPackageError):
        torch = require("torch")
        facts |= {"threads": torch.get_num_threads(), "cuda": torch.cuda.is_available()}
    with suppress(MissingPackageError):
        facts["downloads"] = str(cache_folder())
    return facts


def _inside(model: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What a model file holds, and of a run its scores and versions; the same in words."""
    if model.suffix.lower() == ".onnx":
        from segue.weights import OnnxModel

        texts = OnnxModel(model).texts
        return {"file": model, **texts}, [("model", str(model)), *texts.items()]
    from segue.cli.fit import headline
    from segue.estimators import load
    from segue.estimators.files import read
    from segue.evaluation.model_info import ModelInfo
    from segue.runs import find_model, run_of
    from segue.training.history import describe

    path = find_model(model)
    description, estimator, run = read(path)[0], load(path), run_of(path)
    about, first = ModelInfo.of(estimator), getattr(estimator, "members", [estimator])[0]
    reading, kept = dict(first.reading_ or {}), first.history_.kept
    facts: dict[str, Any] = {
        "file": path, "bytes": path.stat().st_size, "model_id": about.model_id,
        "estimator": type(estimator).__name__, "task": first.task,
        "classes": getattr(first, "class_counts_", None),
        "channels": list(first.channels_ or range(first.n_features_in_)), "reading": reading,
        "parameters": [one.summary().total for one in about.networks],
        "training": dict(about.summary), "history": kept,
        "seen": None if first.seen_ is None else sum(len(one.train) for one in first.seen_),
        "segue": description.segue, "format": description.format,
        "run": None if run is None else run.record, "metrics": None,
    }  # fmt: skip
    size = ", ".join(f"{total:,} parameters" for total in facts["parameters"])
    classes = [f"{name} {count:,}" for name, count in (facts["classes"] or {}).items()]
    seen = (
        facts["seen"] and f"hashes of {counted(facts['seen'], 'sequence')} that it has learnt from"
    )
    rows = [
        ("model", f"{path}, {facts['bytes'] / 1e3:,.1f} kB, id {about.model_id}"),
        ("estimator", f"{facts['estimator']}, to {first.task}; {size}"),
        ("classes", first_few(classes, 12)),
        ("channels", first_few(map(str, first.channels_ or [first.n_features_in_]), 12)),
        ("read as", ", ".join(f"{name} {plain(value)}" for name, value in reading.items())),
        *about.summary,
        ("scores kept", describe(kept) if kept and first is estimator else ""),
        ("remembers", seen or ""),
        ("written by", f"segue {description.segue}, format {description.format}"),
    ]
    if run is not None:
        rows += [("with", ", ".join(f"{name} {v}" for name, v in run.record["versions"].items()))]
        rows += [("run", f"{run.folder}, of {run.record['source']}")]
    if run is not None and run.scores.is_file():
        facts["metrics"] = run.metrics
        rows += headline(run.metrics)
    return facts, [row for row in rows if row[1]]


app = typer.Typer(
    name="data", help="Data sets: names, what they hold, mapped files.", no_args_is_help=True
)

_ARCHIVES = ("ucr/", "uea/")
_HEADINGS = ("column", "kind", "role", "examples")
_SHOWN = 6  # columns with one kind and role that follow one another


def list_(*, all_: bool = False, json: bool = False) -> None:
    """List the data sets that `segue.read` and SOURCE know by name.

    Example: segue data list --all

    Options:
        all_: also each set of the UCR and UEA archives.
    """
    from segue.readers import describe, names

    about = {name: describe(name).about for name in names()}
    own = {name: text for name, text in about.items() if not name.startswith(_ARCHIVES)}
    hidden = len(about) - len(own)
    text = text_table((about if all_ else own).items(), "<")
    more = "" if all_ else f"\nand {hidden} of the UCR and UEA archives: --all shows them"
    print_result(about, text + more, json=json)


def show(
    source: str, *, limit: int | None = None, columns: Columns = None, json: bool = False
) -> None:
    """Show where a data set comes from, and what it holds.

    And what to look at first. Of a table also each column, with its kind and its role; of a
    download the checksums.

    Example: segue data show japanese-vowels
    """
    from segue.readers import describe, names
    from segue.readers.catalog import checksums_of
    from segue.readers.read_options import columns_of

    origin = {"name": source}
    if source in names():
        origin |= {name: getattr(describe(source), name) for name in ("about", "source", "licence")}
    data = read_source(source, columns, limit=limit)
    summary, findings = data.summary(), data.check()
    facts = {**origin, **asdict(summary), "checks": [asdict(one) for one in findings]}
    columns_there = [dict(column) for column in columns_of(data.reading)]
    facts |= {"columns": columns_there} if columns_there else {}
    sums = checksums_of(describe(source)) if source in names() else []
    facts |= {"checksums": [asdict(one) for one in sums]} if sums else {}
    lines = [text_table([*origin.items(), *summary.rows()], "<"), *checksum_lines(sums)]
    lines += [*column_table(columns_there), *(f"look at  {one}" for one in findings)]
    print_result(facts, "\n".join(lines), json=json)


def convert(
    source: str,
    file: Path,
    *,
    overwrite: bool = False,
    reading: Columns = None,
    json: bool = False,
) -> None:
    """Write a source to a mapped file.

    It may be larger than memory when it is trained on.

    Example: segue data convert recordings.csv recordings.arrow --overwrite

    Folders of sounds, texts and images are read file by file, large tables batch by batch, and
    large NumPy arrays row by row.

    Options:
        file (FILE.arrow): what is written.
    """
    from segue.readers.arrow import convert as write

    check_output(file, overwrite=overwrite, option="FILE", endings=(".arrow",))
    with Progress() as progress:

        def report(done: int, share: float | None) -> None:
            text = "" if share is None else f"{share:.0%}"
            progress.show(f"writing {counted(done, 'sequence')}", text, share=share)

        data = write(source, file, progress=report, **(reading or {}))
    tell(data.notes)
    size = file.stat().st_size
    text = f"{counted(len(data), 'sequence')}  {file}  {size / 1e6:,.1f} MB"
    print_result({"file": file, "sequences": len(data), "bytes": size}, text, json=json)


add_command(app, list_, name="list")
add_command(app, show)
add_command(app, convert)


def checksum_lines(sums: list[Any]) -> list[str]:
    """Checksums in the form of `sha256sum`, below a line that says where they are from.

    >>> from segue.readers.fetching import Checksum
    >>> checksum_lines([Checksum("a.ts", "0a1b", "2026-11-27"), Checksum("b.ts", "2c3d")])[::2]
    ['SHA-256, trusted on first use (2026-11-27):', 'SHA-256, known beforehand:']
    """
    lines = []
    for since, those in groupby(sums, key=attrgetter("since")):
        origin = f"trusted on first use ({since})" if since else "known beforehand"
        lines += [f"SHA-256, {origin}:", *(f"  {one.sha256}  {one.file}" for one in those)]
    return lines


def column_table(columns: list[dict[str, Any]]) -> list[str]:
    """Lines with a column of a table each: name, kind, role, examples; none where none is known.

    Of many columns that follow one another with the same kind and role, the first and the last are
    shown.

    >>> x = [{"name": f"x{i}", "kind": "number", "role": "channel"} for i in range(9)]
    >>> column_table([{"name": "who", "kind": "text", "role": "group"}, *x])[1:]
    ['who            text    group', 'x0 ... x8 (9)  number  channel']
    """
    rows = [_HEADINGS]
    for (kind, role), those in groupby(columns, key=itemgetter("kind", "role")):
        alike = list(those)
        if len(alike) > _SHOWN:
            name = f"{alike[0]['name']} ... {alike[-1]['name']} ({len(alike):,})"
            rows.append((name, kind, role, ""))
        else:
            for one in alike:
                rows.append((one["name"], kind, role, ", ".join(map(str, one.get("examples", ())))))
    shown = [cells for cells in zip(*rows, strict=True) if any(cells[1:])]  # column by column
    return text_table(zip(*shown, strict=True), "<").splitlines()
