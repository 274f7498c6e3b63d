"""Every error that segue raises on purpose, as one tree.

    SegueError
    ├── DataError (ValueError)               sequences, targets or data sets that cannot be used
    │   ├── NotNumbersError (TypeError)      objects of another type where there should be numbers
    │   └── FileError                        a file or folder that is not what it should be
    │       ├── ModelFileError               a model file that is damaged, foreign or too new
    │       └── DataNotFoundError            a named data set, file or folder that is not there
    ├── SpecError (ValueError)               a network or preparation text that does not parse
    ├── OptionError (ValueError)             an option with a value that means nothing
    │   └── UnknownArgumentError (TypeError)  an argument that a class does not have
    ├── NotFittedError (ValueError, AttributeError)   used before `fit`
    ├── NotCausalError (ValueError)          a stream through a layer that needs the whole sequence
    ├── NoInferenceError (ValueError)        a layer that cannot predict without PyTorch
    ├── TrainingError (ArithmeticError)      training that cannot go on
    │   └── OutOfTimeError                   a training that had to end before it was done
    ├── WriteError (OSError)                 a full or read-only disk
    └── MissingPackageError (ImportError)    an extra that is not installed

A message says what came, what was expected and how to mend it. The command line prints the
message and nothing else; anything that is not a `SegueError` is a bug in segue.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from pathlib import Path
from types import ModuleType
from typing import Any, Never, Self, TypeVar

_LFS, _POINTER = b"version https://git-lfs", 1024  # how a pointer begins; its bytes, at most
_SHOWN = 100  # characters of a text on either side of the position of an error


class SegueError(Exception):
    """The root of the tree: catch this to catch everything that segue raises on purpose."""


class DataError(SegueError, ValueError):
    """Sequences, targets or a data set that cannot be used as they are."""


class NotNumbersError(DataError, TypeError):
    """Objects of another type where there should be numbers."""


class FileError(DataError):
    """A file or folder that is not what it should be; `path` and `line` say where.

    Args:
        message: what came, what was expected, how to mend it.
        path: the file or folder.
        line: the line or record number, counted from 1, where there is one.
    """

    def __init__(
        self, message: str, *, path: str | Path | None = None, line: int | None = None
    ) -> None:
        self.path = None if path is None else Path(path)
        self.line = line
        where = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        super().__init__(where + message)


class ModelFileError(FileError):
    """A model file that is damaged, foreign, or written by a newer segue."""


class DataNotFoundError(FileError):
    """A named data set, a file or a folder that is not there."""


class SpecError(SegueError, ValueError):
    """A network or preparation text that does not parse, or does not fit the data.

    Args:
        message: what is wrong and how to mend it.
        text: the whole text, shown with a mark under the position.
        position: index into `text` of the first wrong character.
    """

    def __init__(
        self, message: str, *, text: str | None = None, position: int | None = None
    ) -> None:
        self.text = text
        self.position = position
        if text is not None and position is not None:
            first = max(0, position - _SHOWN)
            shown = text[first : position + _SHOWN]
            message = f"{message}\n  {shown}\n  {' ' * (position - first)}^"
        super().__init__(message)


class OptionError(SegueError, ValueError):
    """An option or argument with a value that means nothing."""


class UnknownArgumentError(OptionError, TypeError):
    """An argument that a class does not have."""


class NotFittedError(SegueError, ValueError, AttributeError):
    """A fitted estimator is needed: call `fit` first, or load one with `segue.load`.

    Where scikit-learn is imported, what is raised is one of its `NotFittedError` too.
    """

    def __new__(cls, *args: Any) -> Self:
        theirs = getattr(sys.modules.get("sklearn.exceptions"), "NotFittedError", None)
        if cls is not NotFittedError or theirs is None:
            return super().__new__(cls, *args)
        both = type("NotFittedError", (NotFittedError, theirs), {"__module__": cls.__module__})
        return super().__new__(both, *args)

    def __reduce__(self) -> tuple[Any, ...]:
        return NotFittedError, self.args


class NotCausalError(SegueError, ValueError):
    """A stream through a layer that needs the whole sequence."""


class NoInferenceError(SegueError, ValueError):
    """A layer that cannot predict without PyTorch, such as a module of the user's own."""


class TrainingError(SegueError, ArithmeticError):
    """Training that cannot go on, such as a loss that is not finite."""


class OutOfTimeError(TrainingError):
    """A training, or a part of it, that had to end before it was done."""


class WriteError(SegueError, OSError):
    """A file that cannot be written: the disk is full or read-only."""


class MissingPackageError(SegueError, ImportError):
    """A package of an optional extra that is not installed; the message has the install line."""


def refuse_pointer(path: Path, kind: type[FileError] = FileError) -> None:
    """Refuse a pointer of Git LFS that lies in place of a file.

    Raises:
        FileError: or `kind`: it is one.
    """
    if path.is_file() and path.stat().st_size < _POINTER:
        with path.open("rb") as file:
            if file.read(len(_LFS)) == _LFS:
                raise kind(
                    "is a pointer of Git LFS and not the file itself: fetch it with "
                    "`git lfs pull`.",
                    path=path,
                )


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside segue that led here, however many calls ago."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("segue."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


Target = TypeVar("Target", bound=Callable[..., Any])


def renamed_arguments(**names: str) -> Callable[[Target], Target]:
    """Let a function or a class accept former names of arguments, with a warning.

    Args:
        names: the present name of each former one.

    >>> @renamed_arguments(width="size")
    ... def area(size: float) -> float:
    ...     return size**2
    >>> with warnings.catch_warnings(action="ignore"):
    ...     area(width=3)
    9
    """

    def decorate(target: Any) -> Any:
        if isinstance(target, type):
            setattr(target, "__init__", decorate(vars(target)["__init__"]))  # noqa: B010  (mypy)
            return target

        @functools.wraps(target)
        def accepting(*args: Any, **kwargs: Any) -> Any:
            for former in names.keys() & kwargs.keys():
                name = target.__qualname__.removesuffix(".__init__")
                text = f"{name}: `{former}` is now called `{names[former]}`."
                warn_user(text, DeprecationWarning)
                kwargs[names[former]] = kwargs.pop(former)
            return target(*args, **kwargs)

        return accepting

    return decorate


def checked_arguments(**nested: type) -> Callable[[Target], Target]:
    """Let a class refuse unknown arguments with what was probably meant.

    Args:
        nested: of arguments that hold further ones, their classes.

    >>> @checked_arguments()
    ... class Point:
    ...     def __init__(self, across: float = 0, up: float = 0) -> None:
    ...         pass
    >>> @checked_arguments(start=Point)
    ... class Line:
    ...     def __init__(self, width: float, start: Point) -> None:
    ...         pass
    >>> Line(acros=1)
    Traceback (most recent call last):
    segue.errors.UnknownArgumentError: Line has no argument 'acros'. Write start=Point(across=...).
    """

    def decorate(target: Any) -> Any:
        make = vars(target)["__init__"]
        _, *known = inspect.signature(make).parameters
        inner = {
            name: f"{outer}={kind.__name__}({name}=...)"
            for outer, kind in nested.items()
            for name in inspect.signature(kind).parameters
        }

        @functools.wraps(make)
        def checked(self: Any, *args: Any, **kwargs: Any) -> None:
            for name in kwargs.keys() - set(known):
                advice = advice_on_argument(name, known, inner)
                raise UnknownArgumentError(f"{target.__name__} has no argument {name!r}.{advice}")
            make(self, *args, **kwargs)

        setattr(target, "__init__", checked)  # noqa: B010  (mypy)
        return target

    return decorate


def is_whole(value: Any, least: float = -math.inf) -> bool:
    """Whether a value is a whole number from `least` on; NumPy's too, and not True.

    >>> is_whole(3), is_whole(0, least=1), is_whole(3.0), is_whole(True)
    (True, False, False, False)
    """
    whole: bool = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and bool(value >= least)


def check_whole(name: str, value: Any, least: int = 1) -> None:
    """Raise unless the argument of that name is a whole number from `least` on.

    Raises:
        OptionError: it is not.

    >>> check_whole("workers", 0)
    Traceback (most recent call last):
    segue.errors.OptionError: `workers` is 0; expected a whole number from 1 on.
    """
    if not is_whole(value, least):
        raise OptionError(f"`{name}` is {value!r}; expected a whole number from {least} on.")


def fields_refused(error: Exception) -> str:
    """What a schema of pydantic refuses, the first five fields; of other errors their message.

    >>> fields_refused(ValueError("not a number"))
    'not a number'
    """
    if not callable(found := getattr(error, "errors", None)):
        return str(error)
    lines = [(".".join(map(str, one["loc"])), one["msg"]) for one in found(include_url=False)[:5]]
    return "; ".join(f"{name}: {text.lower()}" if name else text for name, text in lines)


def counted(count: int, what: str) -> str:
    """Return a number of things, in words.

    >>> counted(1, "sequence"), counted(1_000, "class"), counted(2, "epoch")
    ('1 sequence', '1,000 classes', '2 epochs')
    """
    hisses = what.endswith(("s", "x", "ch")) and not what.endswith("epoch")
    plural = f"{what}es" if hisses else f"{what}s"
    return f"{count:,} {what if count == 1 else plural}"


def first_few(things: Iterable[Any], at_most: int = 5, show: Callable[[Any], str] = str) -> str:
    """Return things in one line, those beyond `at_most` counted.

    >>> first_few("abcdefg", 3), first_few(["run", "walk"], show=repr)
    ('a, b, c, and 4 more', "'run', 'walk'")
    """
    shown = [show(thing) for thing in things]
    more = f", and {len(shown) - at_most:,} more" if len(shown) > at_most else ""
    return ", ".join(shown[:at_most]) + more


def advice_on_argument(name: str, known: Iterable[str], inner: Mapping[str, str]) -> str:
    """What to write in place of an argument that there is not.

    Args:
        name: the argument.
        known: those that there are.
        inner: those that stand elsewhere, each with how it is written there.

    >>> advice_on_argument("patience", ["seed"], {"patience": "options__patience=..."})
    ' Write options__patience=....'
    """
    name = name.removeprefix("options__")
    if name in _ELSEWHERE and name not in inner:
        return f" {_ELSEWHERE[name]}"
    near = nearest(name, [*inner, *known])
    return did_you_mean(name, known) if near is None or near in known else f" Write {inner[near]}."


# Arguments that stand elsewhere than most people look for them.
_ELSEWHERE = {
    **dict.fromkeys(("callbacks", "sample_weight", "validation_data"), "It is one of `fit`."),
    **dict.fromkeys(
        ("batch_size", "class_weight", "epochs", "learning_rate", "validation"),
        "It is one of the estimator, such as SequenceClassifier.",
    ),
    **dict.fromkeys(
        (
            "activation",
            "bidirectional",
            "dropout",
            "hidden_layer_sizes",
            "hidden_size",
            "num_layers",
            "return_sequences",
            "units",
        ),
        'It is of a layer: network="bilstm(100, dropout=0.2) dense(32, relu)".',
    ),
    "input_shape": "It is that of the sequences.",
    "shuffle": "Sequences are shuffled anew in every epoch.",
    "warm_start": "`fit(x, y, initial=estimator)` begins with the weights of a fitted one.",
}

# Words of other libraries and programs, each with those of segue that it may stand for.
SYNONYMS = {
    "arch": "network", "architecture": "network", "batch": "batch_size", "bs": "batch_size",
    "classify": "predict", "criterion": "objective", "cuda": "device", "early_stopping": "patience",
    "executionenvironment": "device", "gpu": "device", "gradient_clipping": "clip_norm",
    "gradient_threshold": "clip_norm", "gradientthreshold": "clip_norm", "infer": "predict",
    "label": "y", "labels": "y",
    "initial_learn_rate": "learning_rate", "initiallearnrate": "learning_rate",
    "iterations": "epochs", "l2regularization": "weight_decay", "layers": "network",
    "loss": "objective", "lr": "learning_rate",
    "max_epochs": "epochs", "max_iter": "epochs", "model": "network", "n_epochs": "epochs",
    "n_iter_no_change": "patience", "n_jobs": "threads workers", "optim": "optimizer",
    "output": "out", "play": "listen", "plot": "view", "preprocess": "prepare",
    "random_state": "seed", "save": "out",
    "scheduler": "schedule", "score": "evaluate", "show": "view", "solver": "optimizer",
    "test": "evaluate", "test_size": "test", "tol": "min_delta", "train": "fit",
    "validation_fraction": "validation", "validation_patience": "patience",
    "validation_split": "validation", "validationpatience": "patience", "verbose": "progress",
}  # fmt: skip


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, also by the word of another library.

    >>> nearest("lstmm", ["lstm", "gru"]), nearest("lr", ["epochs", "learning_rate"])
    ('lstm', 'learning_rate')
    >>> nearest("x", ["lstm", "gru"])
    """
    meant = {name.lower(): name for name in sorted(known)}
    plain = {name.replace("-", "_"): name for name in meant.values()}
    synonyms: dict[str, str] = {}
    for synonym, names in SYNONYMS.items():
        for name in names.split():
            if name in plain:
                synonyms.setdefault(synonym, plain[name])
    word = word.lower().replace("-", "_")
    if word in synonyms and word not in meant:
        return synonyms[word]
    for table, cutoff in ((meant, 0.6), (synonyms, 0.75)):
        if near := difflib.get_close_matches(word, table, n=1, cutoff=cutoff):
            return table[near[0]]
    return None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `' Did you mean "lstm"?'` when a known word is near, else the list of known words.

    >>> did_you_mean("lstmm", ["lstm", "gru"])
    ' Did you mean "lstm"?'
    >>> did_you_mean("x", ["lstm", "gru"])
    ' Known: gru, lstm.'
    """
    known = sorted(known)
    near = nearest(word, known)
    return f" Known: {', '.join(known)}." if near is None else f' Did you mean "{near}"?'


# Names of other libraries, and what there is in their place.
_INSTEAD = {
    "fit(x, y, initial=estimator) goes on with the weights of a fitted one": "partial_fit "
    "train_on_batch",
    "predict_proba(x) has the probabilities of the classes": "decision_function predict_log_proba",
    "predict(x) gives classes or numbers, predict_proba(x) probabilities": "classify forward "
    "minibatchpredict predict_classes predict_generator predict_on_batch",
    "segue.evaluate(estimator, x, y) has all scores, score(x, y) one": "accuracy_score "
    "classification_report confusion_matrix confusionchart evaluate evaluate_generator "
    "test_on_batch testnet",
    "once fitted, network_.summary() and network_.diagram() show it; before, `segue network SPEC "
    "--on SOURCE`": "analyzenetwork deepnetworkdesigner plot_model summary",
    "nothing is compiled; what it takes are arguments, SequenceClassifier(network, "
    'learning_rate=0.004, options=TrainingOptions(optimizer="adam"))': "build compile "
    "trainingoptions",
    "SequenceClassifier(network).fit(x, y) trains; SequenceRegressor and others likewise": "fit "
    "fit_generator train trainer trainnet trainnetwork",
    'a network is a text, as in SequenceClassifier("lstm(100) dense(32, relu)"), or a list of '
    "segue.layers": "bilstm classificationlayer conv1d dense dlnetwork dropout embedding gru input "
    "layergraph lstm model sequenceinputlayer sequential",
    "network_.get_weights() has them by name": "coef_ coefs_ get_layer get_weights parameters "
    "state_dict trainable_weights weights",
    "network_.to_torch() is the module of PyTorch, with copies of the weights": "buffers cpu cuda "
    "double eval half modules named_modules named_parameters register_forward_hook to",
    "save(path) keeps all of it in one file, which segue.load(path) reads": "dump save_model "
    "save_weights to_json",
    "segue.load(path) reads a whole model; fit(x, y, initial=path) takes its weights": "load_model "
    "load_state_dict load_weights set_weights",
    'sequences are scaled by what prepare="standardize" learns of the training part; embed(x, '
    "layer) has the activations of a layer": "fit_transform minmaxscaler normalization normalize "
    "standardscaler transform",
    "it is an option, TrainingOptions(patience=..., schedule=..., refit=True); the best weights "
    "are kept; others are a segue.Callback, given to fit(callbacks=[...])": "callbacks "
    "earlystopping learningratescheduler modelcheckpoint reducelronplateau tensorboard",
    "sequences of any length go in as a list: nothing is padded": "masking pad_sequence "
    "pad_sequences padsequences",
    "data.split(0.2), data.with_parts(0.2) do; fit takes a validation part itself": "cvpartition "
    "random_split train_test_split",
    "labels go in as they are": "categorical labelencoder onehotencode to_categorical",
    'device="cuda" is an argument': "cuda gpuarray to",
    "stream() takes a sequence step by step": "classifyandupdatestate predictandupdatestate "
    "reset_states resetstate",
    "history_ has a row for each epoch": "history loss_curve_ n_iter_ plot_history",
}


def no_attribute(owner: Any, name: str) -> Never:
    """Raise the error of an attribute that there is not; it names what is there in its place.

    Python itself adds names that are near, where the error ends a program.

    Raises:
        NotFittedError: what `fit` sets, before it; an AttributeError too.
        AttributeError: any other name.

    >>> try:
    ...     no_attribute(Path(), "partial_fit")
    ... except AttributeError as error:
    ...     print(str(error).partition(": ")[2])
    fit(x, y, initial=estimator) goes on with the weights of a fitted one.
    """
    kind, is_module = type(owner), isinstance(owner, ModuleType)
    what = f"module {owner.__name__!r}" if is_module else f"{kind.__name__!r} object"
    text = f"{what} has no attribute {name!r}"
    if name.endswith("_") and not name.startswith("_") and not is_module:
        declared = (name in vars(one).get("__annotations__", vars(one)) for one in kind.__mro__)
        if hasattr(kind, name) or any(declared):
            raise NotFittedError(f"{text}: it is not fitted yet: call `fit(X, y)` first.")
    instead = next((text for text, names in _INSTEAD.items() if name.lower() in names.split()), "")
    raise AttributeError(f"{text}: {instead}." if instead else text, name=name, obj=owner)
