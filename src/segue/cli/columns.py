"""The options of readers: which column of a table is what, what of a text or an image is a step.

And how sources are read with them.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.errors import OptionError

if TYPE_CHECKING:
    from segue.dataset import Dataset

# The argument of `segue.readers.table.read`, the word on the command line, and the help.
_OPTIONS = {
    "label": ("label", "Of a table: the column with the label; none: there is no label."),
    "id": ("id", "The column that says which sequence a row belongs to."),
    "time": ("time", "The column by which the steps of a sequence are sorted."),
    "group": ("group", "The column that says who or what a sequence comes from."),
    "parts": ("part", "The column that says train, validation or test."),
    "channels": ("channels", "The columns with values, separated by commas."),
}
# The argument of a reader, which is also the word on the command line; its type, name and help.
_OTHERS: dict[str, tuple[type, str, str]] = {
    "unit": (
        str,
        "NAME",
        "Of texts: one sequence is a file, paragraph, sentence, line, or so many words or "
        "characters (--chunk).",
    ),
    "chunk": (int, "N", "Of texts: so many words, or characters, are one sequence."),
    "encoding": (str, "NAME", "Of texts: such as cp1252 (default: utf-8)."),
    "by": (str, "rows|columns", "Of images: what one step is (default: rows)."),
}
_READ = (
    "Of any format: one of its options, such as rate=8000 of sounds or layout=nct of NumPy arrays; "
    "several times for more."
)
Command = Callable[..., None]
Columns = dict[str, Any] | None


def with_columns(command: Command) -> Command:
    """Give a command the options of readers, --column-label, --unit, ...; they come as `columns`.

    Args:
        command: a function with an argument `columns`: what was given, as options of the reader.
    """
    signature = inspect.signature(command, eval_str=True)
    shown = [
        p.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for p in signature.parameters.values()
        if p.name != "columns"
    ]
    place = next((i for i, p in enumerate(shown) if p.name in ("json", "debug")), len(shown))
    added = [_parameter(word, text) for word, text in _OPTIONS.values()]
    added += [_other(name, *how) for name, how in _OTHERS.items()]
    added += [_drop_missing(), _any()]

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        words = {name: given.pop(f"column_{word}") for name, (word, _) in _OPTIONS.items()}
        words |= {name: given.pop(name) for name in _OTHERS}
        words["drop_missing"] = given.pop("drop_missing") or None
        named = {name: value for name, value in words.items() if value is not None}
        command(**_without_twice(given.pop("read") or [], named, given))

    parameters = [*shown[:place], *added, *shown[place:]]
    wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
    del wrapped.__wrapped__  # its signature is another one
    return wrapped


def flag_of(option: str) -> str:
    """The flag that sets an option of a reader.

    >>> flag_of("parts"), flag_of("unit"), flag_of("rate")
    ('--column-part', '--unit', '--read rate=...')
    """
    if option in _OPTIONS:
        return f"--column-{_OPTIONS[option][0]}"
    if option in _OTHERS or option == "drop_missing":
        return f"--{option.replace('_', '-')}"
    return f"--read {option}=..."


def _without_twice(
    pairs: list[str], named: dict[str, Any], given: dict[str, Any]
) -> dict[str, Any]:
    """All that is given to the command, with the options of the reader as `columns`."""
    columns = dict(named)
    for pair in pairs:
        name, value = as_option(pair)
        if name in columns:
            raise OptionError(f"The option {name} of the reader is given twice.")
        if name in ("part", "limit", "format", "like"):
            raise OptionError(f"--read {pair}: {name} is no option of a format.")
        columns[name] = value
    return {**given, "columns": columns}


def as_option(pair: str, flag: str = "--read", example: str = "rate=8000") -> tuple[str, Any]:
    """Return `name=value` as name and value: a number, true or false, a list, or text.

    Args:
        pair: what was given.
        flag: behind which it was given.
        example: of what is right there.

    Raises:
        OptionError: no such pair.

    >>> as_option("rate=8000"), as_option("size=28,28"), as_option("labels=../meta.csv")
    (('rate', 8000), ('size', [28, 28]), ('labels', '../meta.csv'))
    """
    name, equals, text = pair.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not name.isidentifier() or not text.strip():
        raise OptionError(f"{flag} {pair}; expected name=value, such as {flag} {example}.")
    parts = [
        part if part.lower() == "none" else parse_value(part)
        for part in map(str.strip, text.split(","))
    ]
    return name, parts if len(parts) > 1 else parts[0]


def parse_value(text: str) -> Any:
    """A number, true, false, none, or a text.

    >>> parse_value("8"), parse_value("0.5"), parse_value("None"), parse_value("adam")
    (8, 0.5, None, 'adam')
    """
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def read_source(source: str, columns: Columns, **options: Any) -> Dataset:
    """Read a source, and say on standard error what was guessed about it."""
    from segue.readers import read

    data = read(source, **options, **(columns or {}))
    tell(data.notes)
    return data


def tell(notes: Iterable[str]) -> None:
    """Print what a reader guessed, and what is unusual, on standard error."""
    for number, note in enumerate(notes):
        print(f"{'read as' if number == 0 else '       '} {note}", file=sys.stderr, flush=True)


def _parameter(word: str, text: str) -> inspect.Parameter:
    metavar = "A,B,..." if word == "channels" else "NAME"
    kind = Annotated[str | None, typer.Option(f"--column-{word}", metavar=metavar, help=text)]
    return inspect.Parameter(
        f"column_{word}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind
    )


def _drop_missing() -> inspect.Parameter:
    text = "Leave out sequences that have no label or target."
    kind = Annotated[bool, typer.Option("--drop-missing", help=text)]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter("drop_missing", keyword, default=False, annotation=kind)


def _any() -> inspect.Parameter:
    given = Annotated[list[str] | None, typer.Option("--read", metavar="NAME=VALUE", help=_READ)]
    return inspect.Parameter("read", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=given)


def _other(name: str, kind: type, metavar: str, text: str) -> inspect.Parameter:
    given = Annotated[kind | None, typer.Option(f"--{name}", metavar=metavar, help=text)]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=given)
