"""Helpers of several commands: reading a source, printing, writing files.

Standard output may be ASCII or cp1252: segue's own symbols are then written in ASCII, data as
escapes. `main` puts one error handler behind both streams, so that no command needs to know. Files
are always UTF-8.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json as json_
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from segue.errors import FileError, OptionError, WriteError
from segue.text_table import folded, text_table, visible

if TYPE_CHECKING:
    from segue.data.dataset import Dataset


_HANDLER = "segue.ascii"
# The symbols of sparklines, shades, bars, plots and reports.
_ASCII: dict[str, str] = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True)),
    **dict(zip("░▒▓", ".=%", strict=True)),
    **dict(zip("▏▎▍▌▋▊▉▐", "|||||###", strict=True)),
    **dict(zip("▀▖▗▘▝▚▞▙▛▜▟", "\".,`'\\/####", strict=True)),
    **dict(zip("─│┌┐└┘├┤┬┴┼", "-|+++++++++", strict=True)),
    **dict(zip("…–²·↵", ("...", "--", "^2", ".", "\\n"), strict=True)),
}


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """The handler of an encoding's errors."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_ASCII.get(c) or _escaped(c) for c in text), error.end


def _escaped(text: str, encoding: str = "ascii") -> str:
    return text.encode(encoding, "backslashreplace").decode(encoding)


codecs.register_error(_HANDLER, _replaced)


@contextlib.contextmanager
def encodable_output() -> Iterator[None]:
    """Let standard output and standard error take every character, for as long as it lasts."""
    before = [(s, s.errors) for s in (sys.stdout, sys.stderr) if isinstance(s, io.TextIOWrapper)]
    for stream, _ in before:
        stream.reconfigure(errors=_HANDLER)
    try:
        yield
    finally:
        for stream, errors in before:
            with contextlib.suppress(OSError, ValueError):  # a reader that went away, or closed
                stream.reconfigure(errors=errors)


def print_data(text: str) -> None:
    """Print values for another program: what cannot be encoded is escaped, with a warning.

    On a terminal control characters are escaped too; a file or a program gets them as they are.
    """
    encoding = sys.stdout.encoding or "utf-8"
    written = _escaped(text, encoding)
    print(visible(written) if sys.stdout.isatty() else written, end="", flush=True)
    if written != text:
        print(
            f"warning: standard output is {encoding}; characters that it does not have are written "
            "as escapes, such as \\u03b1. --out FILE.csv writes them as they are.",
            file=sys.stderr,
        )


def is_read() -> bool:
    """Write what is still waiting for standard output; False if it cannot be written.

    Where its reader went away, nothing is said; a full disk is.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        # Nothing more can be written, also not at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"error: {unwritten(error)}", file=sys.stderr)
        return False
    return True


def unwritten(error: OSError) -> str:
    """The message of an error that names no file: what could not be written, and why."""
    return f"standard output could not be written ({error.strerror})."


Columns = dict[str, Any] | None


def read_source(source: str, columns: Columns = None, **options: Any) -> Dataset:
    """Read a source, and print its notes on standard error.

    Args:
        source: a named data set, a file or a folder.
        columns: options of its reader.
        options: further arguments of `segue.read`.
    """
    announce(source)
    from segue.readers import read_spread

    data = read_spread(source, **options, **(columns or {}))
    tell(data.notes)
    return data


def announce(source: str) -> None:
    """Say on a terminal that a source is read; called before what is slow to import.

    Raises:
        OptionError: the source is a run or a model, with the commands that take one.
    """
    path = Path(source)
    run = path.parent if path.name == "model.safetensors" else path
    if (run / "run.json").is_file():
        raise OptionError(
            f"{source} is a run, and no data: `segue evaluate {run}` scores its model, `segue "
            f"predict {run} SOURCE` uses it, and `segue fit --resume {run}` goes on with it."
        )
    if sys.stderr.isatty():
        print(f"reading {visible(source)}", file=sys.stderr, flush=True)
    leave_pandas_out()


def leave_pandas_out() -> None:
    """Keep pyarrow from importing pandas, which takes longer than a prediction.

    It does so, where pandas is installed, with the first array that it makes, to know its objects:
    on the command line there are none.
    """
    import pyarrow as pa

    nowhere: Any = _NoPandas
    sys.meta_path.insert(0, nowhere)
    try:
        pa.array([])  # it asks once
    finally:
        sys.meta_path.remove(nowhere)


class _NoPandas:
    """A finder of modules, of a place where no pandas is installed."""

    @staticmethod
    def find_spec(name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def tell(notes: Iterable[str], what: str = "read as") -> None:
    """Print notes on standard error: on how a source was read, or on something else."""
    for number, note in enumerate(notes):
        line = f"{what if number == 0 else '':7} {visible(in_flags(note))}"
        print(folded(line, sys.stderr, 10), file=sys.stderr, flush=True)


# -- the words of the command line ----------------------------------------------------------------

# The options of the command at hand, by the arguments that they fill.
OPTIONS: ContextVar[Mapping[str, Any]] = ContextVar("OPTIONS", default=MappingProxyType({}))

_INSIDE = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\))*"  # of parentheses
_IN_PYTHON = re.compile(rf" \(in Python {_INSIDE}\)")
_ARGUMENT = re.compile(
    rf"""--[\w-]+(?:\ \w+=\S*)? | [\w.]+\({_INSIDE}\)  # a flag, or a call: both stay
    | `(?P<quoted>\w+)`
    | (?P<joint>,\ )?\b(?P<name>\w+)=
      (?P<value>'[^']*' | "[^"]*" | \([^()]*\) | \[[^]]*\] | [\w.-]*\w)(?![\w(])
      (?:\ of\ TrainingOptions)? (?P<others>(?:(?:,|\ or)\ '[^']*')*)""",
    re.VERBOSE,
)


def in_flags(text: str) -> str:
    """Write the arguments of Python that a message names as options of the command at hand.

    Those that the command does not have stay as they are.

    >>> from types import SimpleNamespace as Option
    >>> flags = {"batch_size": "--batch-size", "refit": "--refit", "label": "--column-label"}
    >>> flags |= {"option": "--option", "read": "--read"}
    >>> made = {n: Option(opts=[flag], is_flag=n == "refit") for n, flag in flags.items()}
    >>> before = OPTIONS.set(made)
    >>> in_flags("pass layout='nct', or batch_size=5 (in Python fit(batch_size=5)), or refit=True")
    'pass --read layout=nct, or --batch-size 5, or --refit'
    >>> in_flags("`refit` needs label='the kind', time='t' or clip_norm=1.0 of TrainingOptions")
    '--refit needs --column-label "the kind" --read time=t or --option clip_norm=1.0'
    >>> before = OPTIONS.set({})
    >>> in_flags("conv(filters=3) and batch_size=5")
    'conv(filters=3) and batch_size=5'
    """
    options, end = OPTIONS.get(), -1

    def in_flag(match: re.Match[str]) -> str:
        nonlocal end
        if quoted := match["quoted"]:
            return options[quoted].opts[0] if quoted in options else match[0]
        written = match["name"] and _flag_with_value(match["name"], match["value"])
        if not written:
            return match[0]
        follows, end = match.start() == end, match.end()
        joint = " " if match["joint"] and follows else match["joint"] or ""  # nothing but a space
        return joint + written + match["others"].replace("'", "")

    return _ARGUMENT.sub(in_flag, _IN_PYTHON.sub("", text)) if options else text


def _flag_with_value(name: str, value: str) -> str | None:
    """An argument as an option of the command at hand; `None` where it has none for it."""
    from segue.readers.registry import option_names
    from segue.training import TrainingOptions

    options, several = OPTIONS.get(), value[0] in "(["
    by_flag = {one.opts[0].lstrip("-").replace("-", "_"): one for one in options.values()}
    words = [word.strip(" '\"") for word in value.strip("()[]").split(",")]
    plain = ",".join(words) if several else value.strip("'\"")
    plain = plain.lower() if plain in ("None", "True", "False") else plain
    if re.fullmatch(r"\W+|.*[^\w.,*-].*", plain):
        plain = f'"{plain}"'
    option = options.get(name, by_flag.get(name))
    if option is not None and option.is_flag:
        return str(option.opts[0]) if plain == "true" else None
    if option is not None and (name != "size" or not several):  # that of images has two sides
        return f"{option.opts[0]} {plain}"
    if "option" in options and name in {field.name for field in fields(TrainingOptions)}:
        return f"--option {name}={plain}"
    return f"--read {name}={plain}" if "read" in options and name in option_names() else None


@cache
def completion(name: str, metavar: str | None) -> Callable[[str], list[str]]:
    """What a shell offers for a value: choices, layers, named data sets; files where it is nothing.

    Args:
        name: of the argument that the option fills.
        metavar: the placeholder of its value.

    >>> completion("schedule", "one-cycle|cosine|constant")("co")
    ['cosine', 'constant']
    >>> completion("network", "SPEC")("lstm(8) bigr")
    ['lstm(8) bigru(']
    """

    def offered(incomplete: str) -> list[str]:
        before, word = "", incomplete
        if name in ("network", "spec"):
            from segue.layers import LAYERS

            known = [f"{kind}(" for kind in LAYERS]
            before, space, word = incomplete.rpartition(" ")
            before += space
        elif name in ("source", "on"):
            from segue.readers import names

            known = list(names())
        else:
            known = re.findall(r"\b[a-z][\w-]*", metavar or "") if "|" in (metavar or "") else []
        return [before + one for one in known if one.startswith(word)]

    return offered


def executor_for(given: dict[str, Any]) -> Callable[[Path], Any] | None:
    """Take the options of executors out of those that were given.

    Args:
        given: options by the names of their arguments.

    Returns:
        What makes the executor for a folder; `None` where no option of it was given.

    Raises:
        OptionError: another executor, or options of Slurm without it.
    """
    workers, kind = given.pop("workers", None), given.pop("executor", None)
    names = {"slurm_partition": "partition", "slurm_time": "minutes", "slurm_setup": "setup"}
    slurm = {names[name]: given.pop(name) for name in names if name in given}
    if kind not in (None, "local", "slurm"):
        raise OptionError(f"--executor is {kind!r}; expected local or slurm.")
    if slurm and kind != "slurm":
        raise OptionError("Options of Slurm are for --executor slurm: add it.")
    if kind is None and workers is None:
        return None
    from segue.executors import LocalProcesses, SlurmExecutor, minutes_of

    if kind != "slurm":
        return lambda _: LocalProcesses(workers)
    if "minutes" in slurm:
        slurm["minutes"] = minutes_of(slurm["minutes"])
    if workers is not None:
        slurm["workers"] = workers
    return lambda folder: SlurmExecutor(folder / "slurm", **slurm)


# -- printing -------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value as JSON has it: lists for arrays, null for NaN, which JSON does not know.

    >>> plain({"loss": float("nan"), "classes": ("a", "b"), "path": Path("run")})
    {'loss': None, 'classes': ['a', 'b'], 'path': 'run'}
    """
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


_NEEDS_QUOTES = {s: re.compile(rf'["{s}\r\n]|^\s|\s$') for s in ",|"}


def csv_row(cells: Iterable[Any], separator: Literal[",", "|"] = ",") -> str:
    """A line of CSV, quoted where that is needed.

    >>> print(csv_row(["007", "a,b", 0.5]), end="")
    007,"a,b",0.5
    """
    needs_quotes = _NEEDS_QUOTES[separator].search
    texts = map(str, cells)
    quoted = ('"' + t.replace('"', '""') + '"' if needs_quotes(t) else t for t in texts)
    return separator.join(quoted) + "\n"


def print_result(value: Any, text: str | Iterable[tuple[str, str]], *, json: bool) -> None:
    """Print what a command has come to.

    Args:
        value: for programs, as JSON; NumPy's numbers and paths as plain ones.
        text: for people; pairs of a heading and a text become two columns.
        json: whether JSON is wanted.
    """
    if json:
        print(json_.dumps(plain(value), indent=2, allow_nan=False))
    else:
        rows = [] if isinstance(text, str) else list(text)
        lines = visible(text) if isinstance(text, str) else text_table(rows, "<")
        print(folded(lines, sys.stdout, max((len(row[0]) for row in rows), default=0) + 2))


# -- files ----------------------------------------------------------------------------------------


def check_output(
    path: Path | None, *, overwrite: bool, option: str = "--out", endings: Sequence[str] = ()
) -> None:
    """Raise unless a file can be written there; called before the work is done.

    Args:
        path: the file; `None` where none is wanted.
        overwrite: whether a file that is there may be replaced.
        option: what the file was given to.
        endings: those that are known, such as `.csv`; empty: any.

    Raises:
        OptionError: another ending.
        FileError: a file of that name is there, and `overwrite` is not set; or a folder is.
        WriteError: the folder is not there, or closed.
    """
    if path is None:
        return
    if endings and path.suffix.lower() not in endings:
        listed = " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
        raise OptionError(f"{option} is {path}; expected a file ending in {listed}.")
    if path.is_dir():
        raise FileError(f"is a folder; {option} expects a file.", path=path)
    if os.path.lexists(path) and not overwrite:
        raise FileError(
            "exists already. Choose another name, or add --overwrite to replace it.", path=path
        )
    folder, refused = path.parent, ""
    if not folder.is_dir():
        refused = f"there is no folder {str(folder)!r}. Make it first, or choose another."
    elif not os.access(folder, os.W_OK | os.X_OK):
        refused = f"the folder {str(folder)!r} is read-only. Choose another."
    if refused:
        raise WriteError(f"{path} could not be written: {refused}")


def picture_endings() -> list[str]:
    """The endings of the files that a picture can be written to."""
    from matplotlib.backend_bases import FigureCanvasBase

    return [f".{name}" for name in FigureCanvasBase.get_supported_filetypes()]


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure in the format of the file's ending.

    Raises:
        WriteError: the disk is full or read-only.
    """
    from segue.atomic import replacing

    with replacing(path) as temporary:
        figure.savefig(temporary)
