"""The options of a training: each with its default, its description and what it may be."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from segue.arguments import ESTIMATORS, declaration, described, kind_of
from segue.errors import OptionError, did_you_mean
from segue.estimators.loading import BY_TASK
from segue.estimators.splitting import check_arguments
from segue.training import TrainingOptions

# The arguments of the estimators and of a run that are options here; the network and its
# preparation are designed, and what only Python can say is left out.
ARGUMENTS = "epochs batch_size learning_rate validation class_weight seed device".split()
WINDOWS = "size horizon strategy".split()  # of a forecast
RUN = ["test"]
LEFT_OUT = ("objective", "metric", "progress")
FIRST = "epochs batch_size learning_rate validation test optimizer schedule patience seed".split()


class Setting(NamedTuple):
    """An option of a training.

    Attributes:
        kind: "number" (whole), "share" (any number), "flag", "choice" or "text".
        choices: words that it may be.
        takes_none: whether it may be without a value.
        about: its description.
        is_first: whether it is among those that are looked at most.
    """

    name: str
    kind: str
    choices: tuple[str, ...]
    takes_none: bool
    default: Any
    about: str
    is_first: bool


def settings(task: str) -> tuple[Setting, ...]:
    """The options of a training of a task: those that are looked at most come first.

    Raises:
        OptionError: there is no such task.

    >>> found = {setting.name: setting for setting in settings("classify")}
    >>> found["epochs"].default, found["schedule"].choices
    ('auto', ('one-cycle', 'cosine', 'plateau', 'constant'))
    """
    if task not in ESTIMATORS:
        raise OptionError(f"There is no task {task!r}.{did_you_mean(task, ESTIMATORS)}")
    estimator, run = declaration(*ESTIMATORS[task]), declaration("runs/__init__.py", "fit_run")
    names = [*ARGUMENTS, *(WINDOWS if task == "forecast" else ())]
    found = [*_of(estimator, names), *_of(run, RUN)]
    known = list(inspect.signature(TrainingOptions).parameters)
    found += _of(TrainingOptions, [name for name in known if name not in LEFT_OUT])
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    return tuple(sorted(found, key=lambda each: ranks.get(each.name, len(ranks))))


def _of(target: Any, names: list[str]) -> Iterator[Setting]:
    """The settings of some arguments of a function or a class, of those that it has."""
    words = {int: "number", float: "share", bool: "flag"}
    texts = described(target)
    for name, parameter in inspect.signature(target).parameters.items():
        if name not in names:
            continue
        hint = _hint(target, parameter)
        kind, choices = kind_of(hint)
        called = "choice" if choices and kind is str else words.get(kind, "text")
        if choices and _has_numbers(hint):
            called = "text"  # a word or a number
        about = re.sub(r"\s*In Python [^.]*\.", "", texts[name].text) if name in texts else ""
        none = "None" in str(hint)
        yield Setting(name, called, choices, none, parameter.default, about, name in FIRST)


def _hint(target: Any, parameter: inspect.Parameter) -> Any:
    if isinstance(parameter.annotation, str):
        return inspect.get_annotations(target, eval_str=True)[parameter.name]
    return parameter.annotation


def _has_numbers(hint: Any) -> bool:
    return any(one in str(hint) for one in ("int", "float"))


@dataclass(frozen=True)
class Chosen:
    """The options of a training that differ from their defaults; they are right together.

    Attributes:
        task: classify, label, regress, forecast or language.
        values: by name.

    Raises:
        OptionError: an option that there is not, or a value that means nothing.

    >>> Chosen("classify", {"epochs": 3, "optimizer": "rmsprop"}).training
    {'optimizer': 'rmsprop'}
    """

    task: str
    values: Mapping[str, Any]

    def __post_init__(self) -> None:
        known = {setting.name: setting for setting in settings(self.task)}
        for name in self.values:
            if name not in known:
                raise OptionError(f"A training has no option {name!r}.{did_you_mean(name, known)}")
        kept = {n: v for n, v in self.values.items() if v != known[n].default}
        object.__setattr__(self, "values", kept)
        options = TrainingOptions(**self.training)
        kind: Any = BY_TASK[self.task]
        check_arguments(kind(**self.arguments, options=options))
        test = kept.get("test", 0.2)
        if test is not None and not (isinstance(test, float) and 0 < test < 1):
            raise OptionError(f"`test` is {test!r}; expected a number between 0 and 1, or None.")

    @property
    def arguments(self) -> dict[str, Any]:
        """Those that are arguments of the estimator."""
        names = (*ARGUMENTS, *WINDOWS)
        return {name: value for name, value in self.values.items() if name in names}

    @property
    def training(self) -> dict[str, Any]:
        """Those that are fields of `TrainingOptions`."""
        names = inspect.signature(TrainingOptions).parameters
        return {name: value for name, value in self.values.items() if name in names}

    def having(self, name: str, value: Any) -> Chosen:
        """The same with another value; a text is read as a number or a word first.

        Raises:
            OptionError: an option that there is not, or a value that means nothing.

        >>> Chosen("classify", {}).having("learning_rate", "0.01").values
        {'learning_rate': 0.01}
        """
        known = {setting.name: setting for setting in settings(self.task)}
        if isinstance(value, str) and name in known:
            value = _read(value.strip(), known[name])
        return Chosen(self.task, {**self.values, name: value})


def _read(text: str, setting: Setting) -> Any:
    """The value that a text stands for; where it stands for none, the text, which is refused."""
    if text == "" or text.lower() == str(setting.default).lower():
        return setting.default
    if text.lower() == "none" and setting.takes_none:
        return None
    if setting.kind == "flag":
        return {"true": True, "false": False}.get(text.lower(), text)
    if setting.kind == "choice" or text in setting.choices:
        return text
    if setting.name == "frozen":
        return tuple(word.strip() for word in text.split(","))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
