"""Each action as a line of Python and of the command line.

What the studio starts is the command that it shows, word by word.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segue.estimators.loading import BY_TASK
from segue.studio.settings import Chosen
from segue.training import TrainingOptions

# Options that are called otherwise on the command line.
FLAGS = {
    "time_limit_seconds": "--time-limit",
    "size": "--window",
    "label": "--column-label",
    "id": "--column-id",
    "time": "--column-time",
    "group": "--column-group",
    "parts": "--column-part",
    "channels": "--column-channels",
}
# Options of training that have a flag of their own; the others follow --option.
OF_TRAINING = """
    optimizer schedule patience monitor accumulate frozen refit truncate threads time_limit_seconds
    target_ms target_kb
    precision checkpoint_every
""".split()
# Options of a reader that have one; the others follow --read.
OF_READERS = "label id time group parts channels unit chunk encoding by drop_missing".split()
_LIMIT = "limit"
# What a run is read and trained with where nothing else is given, whatever its task.
_READING = {"task": None, "test": 0.2, "limit": None, "columns": None}
_SETTINGS = {"seed": 0, "device": "auto", "validation": "auto", "class_weight": None}
_SETTINGS |= {"head": "softmax", "classes": None, "layout": "ntc"}


@dataclass(frozen=True)
class Training:
    """A training that can be started: everything that its run depends on.

    Attributes:
        source: a named data set, or a path below the project's folder.
        reading: options of the reader, as for `segue.read`.
        network: its text; "": networks are compared, and the best is trained.
        prepare: the text of the preparation.
        chosen: the task and its options.
        fixed: arguments of the estimator that follow from the targets.
        names_task: whether the task is another than that of the targets, so that it is to be said.
        has_test: whether the source has a test part of its own.
        is_plain: whether a few lines of Python do what a run does with the source.
    """

    source: str
    reading: Mapping[str, Any]
    network: str
    prepare: str
    chosen: Chosen
    fixed: Mapping[str, Any] = field(default_factory=dict)
    names_task: bool = False
    has_test: bool = False
    is_plain: bool = False

    # -- the command line -------------------------------------------------------------------------

    def arguments(self, out: str | None = None) -> list[str]:
        """The words of the command line behind `segue`, as a shell would pass them."""
        words = ["fit", as_source(self.source)]
        if self.names_task:
            words += ["--task", self.chosen.task]
        if self.network:
            words += ["--network", self.network]
        if self.prepare != _prepare_of(self.chosen.task):
            words += ["--prepare", self.prepare]
        for name, value in self.chosen.values.items():
            is_option = name in TrainingOptions.__dataclass_fields__
            if is_option and (value is None or name not in OF_TRAINING):
                words += ["--option", f"{name}={_word(value)}"]
            else:
                words += flag(name, value)
        words += reading_words(self.reading)
        return words if out is None else [*words, "--out", out]

    def command(self, out: str | None = None) -> str:
        """The line of the command line, quoted for a shell."""
        return command(self.arguments(out))

    # -- Python -----------------------------------------------------------------------------------

    def script(self) -> str:
        """A program that trains to the same bits, scores and saves the model.

        Where the network is chosen among several, or the source is cut by the task, it is a run.
        """
        if not (self.network and self.is_plain) or self.reading.get(_LIMIT):
            return self.run_script()
        values, kind = self.chosen.values, BY_TASK[self.chosen.task].__name__
        test, seed = values.get("test", 0.2), values.get("seed", 0)
        lines = ["import segue", "", read_line(self.source, self.reading)]
        if not self.has_test and test is not None:
            lines += [f"data = data.with_parts({test!r}, seed={seed!r})"]
        model = as_call(
            f"segue.{kind}", [self.network], {**self.fixed, **self.estimator_arguments()}
        )
        lines += ["", f"model = {model}", "model.fit(data)"]
        if self.has_test or test is not None:
            lines += ["print(segue.evaluate(model, data).report())"]
        return "\n".join([*lines, 'model.save("model.safetensors")', ""])

    def run_script(self, **more: Any) -> str:
        """A program that writes a run.

        Args:
            **more: further arguments of `segue.runs.fit_run`, such as `seeds`.
        """
        named: dict[str, Any] = {"task": self.chosen.task} if self.names_task else {}
        if "test" in self.chosen.values:
            named["test"] = self.chosen.values["test"]
        reading = dict(self.reading)
        if (limit := reading.pop(_LIMIT, None)) is not None:
            named["limit"] = limit
        if reading:
            named["columns"] = reading
        named |= {"network": self.network} if self.network else {"compare": "auto"}
        named |= {**self.estimator_arguments(), **more}
        run = as_call("fit_run", [as_source(self.source)], named)
        lines = ["import segue", "from segue.runs import fit_run", ""]
        lines += [f"run = {run}", "print(run.folder, run.metrics)", ""]
        return "\n".join(lines)

    def estimator_arguments(self) -> dict[str, Any]:
        """The arguments of the estimator besides the network."""
        chosen, named = self.chosen, dict(self.chosen.arguments)
        if self.prepare != _prepare_of(chosen.task):
            named["prepare"] = self.prepare
        if chosen.training:
            named["options"] = Code(as_call("segue.TrainingOptions", [], chosen.training))
        return named


def as_source(source: str) -> str:
    """A source as an argument: a name that would be an option, or a home, as a path.

    >>> as_source("japanese-vowels"), as_source("--out.csv"), as_source("~.csv")
    ('japanese-vowels', './--out.csv', './~.csv')
    """
    return f"./{source}" if source.startswith(("-", "~")) else source


def reading_words(reading: Mapping[str, Any]) -> list[str]:
    """The options of a reader as words of the command line.

    >>> reading_words({"label": "the kind", "rate": 8000, "channels": ["x", "y"]})
    ['--column-label', 'the kind', '--read', 'rate=8000', '--column-channels', 'x,y']
    """
    words: list[str] = []
    for name, value in reading.items():
        own = name in (*OF_READERS, _LIMIT, "window", "stride", "window_label")
        words += flag(name, value) if own else ["--read", f"{name}={_word(value)}"]
    return words


def command(arguments: Sequence[str]) -> str:
    """The line of the command line for some arguments, quoted for a shell.

    >>> command(["fit", "a b.csv", "--network", "lstm(8)"])
    "segue fit 'a b.csv' --network 'lstm(8)'"
    """
    return shlex.join(["segue", *arguments])


def read_line(source: str, reading: Mapping[str, Any]) -> str:
    """The line of Python that reads a source.

    >>> read_line("trips.csv", {"label": "mode"})
    "data = segue.read('trips.csv', label='mode')"
    """
    return f"data = {as_call('segue.read', [as_source(source)], reading)}"


def show_line(source: str, reading: Mapping[str, Any]) -> str:
    """The command that shows what a source holds."""
    return command(["data", "show", as_source(source), *reading_words(reading)])


def run_script(record: Mapping[str, Any]) -> str:
    """A program that trains what a run has trained, to the same bits.

    Args:
        record: of the run, its `run.json`.

    >>> record = {"source": "japanese-vowels", "reading": {"task": None, "test": 0.2}}
    >>> record |= {"settings": {"network": "gru(8)", "epochs": 3, "seed": 0}, "options": {}}
    >>> print(run_script(record).splitlines()[4])
    run = fit_run('japanese-vowels', network='gru(8)', epochs=3)
    """
    reading = {n: v for n, v in record["reading"].items() if v != _READING.get(n)}
    kept = {n: v for n, v in record["settings"].items() if v != _SETTINGS.get(n, Code)}
    named: dict[str, Any] = {**reading, **kept}
    named |= {name: record[name] for name in ("seeds", "initial") if record.get(name) is not None}
    usual = TrainingOptions().to_json()
    given = {n: v for n, v in record["options"].items() if v != usual.get(n) and n != "progress"}
    if given:
        given = {n: tuple(v) if isinstance(v, list) else v for n, v in given.items()}
        named["options"] = Code(as_call("segue.TrainingOptions", [], given))
    run = as_call("fit_run", [record["source"]], named)
    lines = ["import segue", "from segue.runs import fit_run", ""]
    lines += ["# A run like this one, with model, scores and report, in the folder `runs`."]
    return "\n".join([*lines, f"run = {run}", "print(run.folder, run.metrics)", ""])


def evaluate_lines(name: str) -> tuple[str, str]:
    """The lines of Python that score a run again, and the command that does.

    >>> evaluate_lines("vowels-1")[1]
    'segue evaluate runs/vowels-1'
    """
    folder = f"runs/{name}"
    lines = [
        "import segue",
        "from segue.runs import evaluate_again, open_run",
        "",
        f"run, model = open_run({folder!r}), segue.load({folder!r})",
        'source, options = run.record["source"], run.record["reading"].get("columns") or {}',
        "data = segue.read(source, like=model, **options)",
        "print(evaluate_again(run, model, data, source).report())",
        "",
    ]
    return "\n".join(lines), command(["evaluate", folder])


def flag(name: str, value: Any) -> list[str]:
    """An option with a flag of its own, as one word or two."""
    flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
    if isinstance(value, bool):
        return [flag] if value else []
    if name == "frozen":
        return [word for layer in value for word in (flag, layer)]
    text = _word(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _word(value: Any) -> str:
    """A value on the command line."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(_word, value))
    return str(value)


class Code(str):
    """An expression in a call, which stands there as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def as_call(function: str, positional: Sequence[Any], named: Mapping[str, Any]) -> str:
    """The text of a call; what is no name of an argument goes in as a dictionary."""
    words = [repr(value) for value in positional]
    words += [f"{name}={value!r}" for name, value in named.items() if name.isidentifier()]
    return f"{function}({', '.join(words)})"


def _prepare_of(task: str) -> str:
    """The preparation of a task where none is given."""
    return str(BY_TASK[task].prepare)
