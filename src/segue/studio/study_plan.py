"""Many trainings of what is on the screen, as a line of Python and of the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from segue.errors import OptionError
from segue.estimators.loading import BY_TASK
from segue.studio.lines import (
    Code,
    Training,
    as_call,
    as_source,
    command,
    flag,
    read_line,
    reading_words,
)
from segue.training import TrainingOptions

StudyKind = Literal["grid", "learning-curve", "seeds"]
KINDS: tuple[StudyKind, ...] = ("grid", "learning-curve", "seeds")
_FLAGS = "epochs batch_size learning_rate optimizer schedule".split()  # that all studies have
_NOT_THEIRS = ("seed", "test")  # they have several seeds, and parts of their own
_MOST = 1000  # networks, values


@dataclass(frozen=True)
class StudyPlan:
    """A study that can be started.

    Attributes:
        training: what is on the screen: source, network, options.
        kind: "grid" (every combination of networks and values), "learning-curve" (more and more
            sequences) or "seeds" (one network, several times).
        seeds: trainings of each.
        networks: of a grid.
        vary: of a grid, values of other arguments by their names.
        sizes: of a learning curve, numbers of sequences; none: up to six.

    Raises:
        OptionError: a plan that means nothing.
    """

    training: Training
    kind: StudyKind
    seeds: int = 3
    networks: tuple[str, ...] = ()
    vary: Mapping[str, tuple[Any, ...]] | None = None
    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise OptionError(f"`kind` is {self.kind!r}; expected one of {', '.join(KINDS)}.")
        if not 1 <= self.seeds <= _MOST:
            raise OptionError(f"`seeds` is {self.seeds}; expected a whole number from 1 on.")
        if self.kind == "grid" and not (self.networks or self.vary):
            raise OptionError("A grid needs networks, or values of an option: name=a,b.")
        if self.kind == "learning-curve" and self._others():
            raise OptionError(
                f"A learning curve cannot set {', '.join(self._others())}: leave it as it is."
            )

    @property
    def trials(self) -> int | None:
        """How many trainings a grid has; `None`: it is not known."""
        if self.kind != "grid":
            return self.seeds if self.kind == "seeds" else None
        count = max(1, len(self.networks)) * self.seeds
        for values in (self.vary or {}).values():
            count *= len(values)
        return count

    def _chosen(self) -> dict[str, Any]:
        return {n: v for n, v in self.training.chosen.values.items() if n not in _NOT_THEIRS}

    def _others(self) -> list[str]:
        """Options that only a grid can set, as a single value that is varied."""
        known = (*_FLAGS, *TrainingOptions.__dataclass_fields__, "validation")
        return [name for name in self._chosen() if name not in known]

    def arguments(self, out: str | None = None) -> list[str]:
        """The words of the command line behind `segue`."""
        training, seeds = self.training, ["--seeds", str(self.seeds)]
        if self.kind == "seeds":
            words = [*training.arguments(), *seeds]
            return words if out is None else [*words, "--out", out]
        words = ["study", self.kind, as_source(training.source)]
        if training.names_task:
            words += ["--task", training.chosen.task]
        if self.kind == "grid":
            for network in self.networks or (training.network,):
                words += ["--network", network]
            varied = {**{n: (self._chosen()[n],) for n in self._others()}, **(self.vary or {})}
            for name, values in varied.items():
                words += ["--set", f"{name}={','.join(map(_word, values))}"]
        else:
            words += ["--network", training.network]
            words += ["--sizes", ",".join(map(str, self.sizes))] if self.sizes else []
        words += [*seeds, *self._settings(), *reading_words(training.reading)]
        return words if out is None else [*words, "--out", out]

    def _settings(self) -> list[str]:
        words, training = [], self.training
        if training.prepare != str(BY_TASK[training.chosen.task].prepare):
            words += ["--prepare", training.prepare]
        for name, value in self._chosen().items():
            if name in (self.vary or {}) or name in self._others():
                continue
            if name in _FLAGS or (name == "validation" and self.kind == "learning-curve"):
                words += flag(name, value)
            elif name != "validation":
                words += ["--option", f"{name}={_word(value)}"]
        return words

    def command(self, out: str | None = None) -> str:
        """The line of the command line, quoted for a shell."""
        return command(self.arguments(out))

    def script(self) -> str:
        """The lines of Python that do the same, without files."""
        training = self.training
        if self.kind == "seeds":
            return training.run_script(seeds=self.seeds)
        named = {n: v for n, v in training.estimator_arguments().items() if n not in _NOT_THEIRS}
        named = {n: v for n, v in named.items() if n not in (self.vary or {})}
        kind = f"segue.{BY_TASK[training.chosen.task].__name__}"
        lines = ["import segue", "", read_line(training.source, training.reading)]
        networks = () if self.kind == "grid" else (training.network,)
        lines += [f"estimator = {as_call(kind, networks, named)}"]
        if self.kind == "grid":
            space = {"network": list(self.networks or (training.network,))}
            space |= {_nested(name): list(values) for name, values in (self.vary or {}).items()}
            study = as_call(
                "segue.studies.grid",
                [Code("estimator"), Code("data"), space],
                {"seeds": self.seeds},
            )
        else:
            sizes: dict[str, Any] = {"sizes": list(self.sizes)} if self.sizes else {}
            study = as_call(
                "segue.studies.learning_curve", [Code("estimator"), Code("data")],
                {**sizes, "seeds": self.seeds},
            )  # fmt: skip
        return "\n".join([*lines, f"found = {study}", "print(found.report())", ""])


def values_of(text: str) -> dict[str, tuple[Any, ...]]:
    r"""The values of arguments, a line `name=a,b` each; commas in brackets are part of a value.

    Raises:
        OptionError: a line that is none.

    >>> values_of("learning_rate = 0.001, 0.01\nprepare=none,frame(8, hop=4)")
    {'learning_rate': (0.001, 0.01), 'prepare': (None, 'frame(8, hop=4)')}
    """
    found: dict[str, tuple[Any, ...]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, values = line.partition("=")
        name = name.strip()
        words = [word.strip() for word in re.split(r",(?![^()]*\))", values)]
        if not equals or not name.isidentifier() or not all(words) or len(words) > _MOST:
            raise OptionError(f"{line[:60]!r}: expected name=a,b such as learning_rate=0.001,0.01.")
        if name in found:
            raise OptionError(f"{name} is given twice; write all its values in one line.")
        found[name] = tuple(map(_value, words))
    return found


def _value(word: str) -> Any:
    lower = {"none": None, "true": True, "false": False}
    if word.lower() in lower:
        return lower[word.lower()]
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _word(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _nested(name: str) -> str:
    return f"options__{name}" if name in TrainingOptions.__dataclass_fields__ else name
