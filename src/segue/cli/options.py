"""Command-line options made from the arguments that they fill: names, types, defaults and help.

An argument of a dataclass or a function is described once, in the `Args` of its docstring (of a
command: its `Options`), and typed once, in its annotation; both become the option of a command.
What stands in parentheses behind the name is its metavar, as in "out (FILE.png): a picture". A
sentence that begins with "In Python" is left out. An option that is not given does not reach the
command, so that a default stands in one place too. What only the command line has, or in another
form, is in `options.toml`.
"""

from __future__ import annotations

import functools
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
import typer.core

from segue.arguments import Description, described, kind_of
from segue.cli.shared import OPTIONS, completion
from segue.errors import OptionError

Command = Callable[..., None]
Parameters = list[inspect.Parameter]


@dataclass(frozen=True)
class Form:
    """The form of an option, where it differs from the argument that it fills or fills none.

    Attributes:
        metavar: the placeholder of its value in the help, such as "SHARE|none".
        help: its description, where that of the argument has forms that only Python has.
        kind: its type, where the command reads a text itself; text where it fills no argument.
        flag: its name, where that is not the argument's.
        least: the smallest whole number that is allowed; `None`: any.
        is_argument: whether it is given by its position, without a flag.
        alone: its value where the flag stands alone; `None`: it needs one.
    """

    metavar: str | None = None
    help: str | None = None
    kind: type | None = None
    flag: str | None = None
    least: int | None = 1
    is_argument: bool = False
    alone: str | None = None


_TYPES = {"text": str, "path": Path, "list": list, "number": int, "flag": bool}


@functools.cache
def forms_of(command: str) -> dict[str, Form]:
    """The forms in `options.toml` of the options of a command, by argument.

    >>> forms_of("common")["part"].help
    'the part to take: train, validation, test'
    """
    return {
        name: Form(**{**row, "kind": _TYPES.get(row.get("kind"))})
        for name, row in _tables()[command].items()
    }


@functools.cache
def _tables() -> dict[str, Any]:
    """What `options.toml` holds."""
    return tomllib.loads(Path(__file__).with_name("options.toml").read_text("utf-8"))


def options_of(
    targets: Callable[..., Any] | Mapping[str, Callable[..., Any]],
    names: str | Iterable[str],
    **forms: Form,
) -> Parameters:
    """Make an option for each of some arguments.

    Args:
        targets: a dataclass or a function; or several by what they are for, of which the first that
            has an argument describes it. Other defaults of the others are listed. What no target
            has fills no argument, and its form describes it.
        names: the arguments.
        **forms: of options that differ from their arguments, by name; those of `common` in
            `options.toml` need not be given.

    Returns:
        Parameters for the signature of a command, in the order of the names.

    >>> from typing import Literal
    >>> def train(epochs: int = 10, rule: Literal["cosine", "constant"] = "constant") -> None:
    ...     '''Train.
    ...
    ...     Args:
    ...         epochs: passes over the data. In Python also "auto".
    ...         rule: of the learning rate.
    ...     '''
    >>> for option in options_of(train, "epochs rule"):
    ...     declared = option.annotation.__metadata__[0]
    ...     print(option.name, declared.metavar, declared.min, declared.help)
    epochs N 1 Passes over the data (default: 10).
    rule cosine|constant None Of the learning rate (default: constant).
    """
    named = targets if isinstance(targets, Mapping) else {"": targets}
    listed = names.split() if isinstance(names, str) else names
    return [_option(named, name, forms.get(name, Form())) for name in listed]


def _option(targets: Mapping[str, Callable[..., Any]], name: str, form: Form) -> inspect.Parameter:
    signatures = {who: inspect.signature(target).parameters for who, target in targets.items()}
    defaults = {who: known[name].default for who, known in signatures.items() if name in known}
    purpose, default = next(iter(defaults.items()), ("", None))
    common = forms_of("common").get(name, form)
    metavar, text, kind, choices = common.metavar, common.help or "", common.kind or str, None
    if defaults:
        metavar, text = described(targets[purpose]).get(name, Description(metavar, text))
        kind, words = kind_of(get_type_hints(targets[purpose])[name])
        choices = "|".join(words) or None
    kind = form.kind or kind
    metavar = form.metavar or choices or metavar or {int: "N", float: "X"}.get(kind)
    text = _help(form.help or text, defaults, kind)
    hint: Any = {bool: bool, list: list[str] | None}.get(kind, kind | None)
    start: Any = False if kind is bool else None
    shown: Any = {"metavar": metavar, "help": text, "autocompletion": completion(name, metavar)}
    if form.is_argument:
        declared = typer.Argument(**shown, show_default=False)
        if default is inspect.Parameter.empty:
            hint, start = kind, inspect.Parameter.empty
    else:
        is_count = kind is int and default != 0  # a seed may be 0, and below
        least = form.least if is_count else None
        declared = typer.Option(form.flag or flag_of(name), min=least, **shown)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=start, annotation=Annotated[hint, declared]
    )


def _help(text: str, defaults: Mapping[str, Any], kind: type) -> str:
    """A description as a sentence for the command line, with the defaults."""
    text = re.sub(r"\s*In Python [^.]*\.", "", text.replace("`None`", "none").replace("`", ""))
    text = text.removeprefix("whether to ").rstrip(".")
    text = text[:1].upper() + text[1:]
    text += "; several times for more" if kind is list else ""
    unsaid = (None, False, (), inspect.Parameter.empty)
    usual = next(iter(defaults.values()), None)
    usual_text = ", ".join(usual) if isinstance(usual, tuple) else str(usual)
    shown = [] if any(usual is one for one in unsaid) else [usual_text]
    shown += [f"{other} for {purpose}" for purpose, other in defaults.items() if other != usual]
    return f"{text} (default: {', '.join(shown)})." if shown else f"{text}."


def flag_of(name: str) -> str:
    """The flag of an argument.

    >>> flag_of("batch_size"), flag_of("all_")
    ('--batch-size', '--all')
    """
    return f"--{name.strip('_').replace('_', '-')}"


# -- options of readers ---------------------------------------------------------------------------


READER = list(forms_of("read"))


def reader_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of readers that were given, by their names in Python.

    Raises:
        OptionError: an option that is given twice, or that no format has.

    >>> reader_options({"label": "y", "read": ["rate=8000"]})
    {'label': 'y', 'rate': 8000}
    """
    columns = {name: value for name, value in given.items() if value and name != "read"}
    for pair in given.get("read", ()):
        name, values = as_option(pair)
        if name in columns:
            raise OptionError(f"The option {name} of the reader is given twice.")
        if name in ("part", "limit", "format", "like"):
            raise OptionError(f"--read {pair}: {name} is no option of a format.")
        values = ["none" if value is None else value for value in values]
        columns[name] = values if len(values) > 1 else values[0]
    return columns


def as_option(pair: str, flag: str = "--read", example: str = "rate=8000") -> tuple[str, list[Any]]:
    """Return `name=value,...` as a name and its values; commas in parentheses are part of a value.

    Args:
        pair: what was given.
        flag: behind which it was given.
        example: of what is right there.

    Raises:
        OptionError: no such pair.

    >>> as_option("rate=8000"), as_option("size=28,28"), as_option("labels=../meta.csv")
    (('rate', [8000]), ('size', [28, 28]), ('labels', ['../meta.csv']))
    >>> as_option("prepare=none,logmel(64, frame=256) standardize")
    ('prepare', [None, 'logmel(64, frame=256) standardize'])
    """
    name, equals, text = pair.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not name.isidentifier() or not text.strip():
        raise OptionError(f"{flag} {pair}; expected name=value, such as {flag} {example}.")
    words, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    return name, [parse_value(word.strip()) for word in words]


def parse_value(text: str) -> Any:
    """A number, true, false, none, or a text.

    >>> parse_value("8"), parse_value("0.5"), parse_value("None"), parse_value("adam")
    (8, 0.5, None, 'adam')
    """
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


# -- commands -------------------------------------------------------------------------------------


class _Grouped(typer.core.TyperCommand):
    """A command whose help has its options under the headings of `options.toml`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups = {name: names.split() for name, names in _tables()["groups"].items()}
        rows: dict[str, list[Any]] = {"Arguments": []}
        parameters = self.get_params(ctx)
        for heading, names in groups.items():
            if not names or sum(one.name in names for one in parameters) > 1:
                rows[heading] = []
        for one in parameters:
            headings = (heading for heading in rows if one.name in groups.get(heading, ()))
            is_argument = one.param_type_name == "argument"
            heading = "Arguments" if is_argument else next(headings, "Options")
            if (row := one.get_help_record(ctx)) is not None:
                rows[heading].append(row)
        for heading, listed in rows.items():
            if listed:
                with formatter.section(heading):
                    formatter.write_dl(listed)


def add_command(
    app: typer.Typer,
    command: Command,
    options: Callable[[], Parameters] = list,
    name: str | None = None,
) -> None:
    """Add a command, with options made from its arguments.

    They are made when the command is called or prints its help, and not before: those of `fit` come
    from classes that the help of all commands shall not import. Every command gets `--debug`.

    Args:
        app: gets the command.
        command: its positional arguments become arguments, the others options; `columns` the
            options of readers, `reading` those and part and limit. `**given` takes further options
            by their names.
        options: makes these; they stand behind the arguments.
        name: the command's name; the function's if left out.
    """

    class Late(typer.core.TyperCommand):
        @functools.cached_property
        def complete(self) -> typer.core.TyperCommand:
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name, cls=_Grouped)(_with_options(command, options()))
            return typer.main.get_command(alone)  # type: ignore[return-value]

        def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
            args, parameters = _with_values(args), self.complete.params
            OPTIONS.set({p.name: p for p in parameters if p.param_type_name == "option"})
            return self.complete.make_context(info_name, args, parent, **extra)

    def stub() -> None:
        """For the list of commands."""

    stub.__doc__, stub.__name__ = _about(command), command.__name__
    app.command(name, cls=Late)(stub)


def _with_values(arguments: list[str]) -> list[str]:
    """The words of the command line, with the values of flags that may stand alone.

    >>> _with_values(["--report", "--json"]), _with_values(["--report", "a.html"])
    (['--report', '.', '--json'], ['--report', 'a.html'])
    >>> _with_values([])
    []
    """
    alone = {flag_of(name): form.alone for name, form in forms_of("common").items() if form.alone}
    found: list[str] = []
    for word, after in zip_longest(arguments, arguments[1:], fillvalue="--"):
        found.append(word)
        if word in alone and after.startswith("--"):
            found.append(alone[word])
    return found


def _about(command: Command) -> str:
    """The docstring without what becomes the help of options."""
    return inspect.cleandoc(command.__doc__ or "").partition("\n\nOptions:\n")[0]


def _with_options(command: Command, options: Parameters) -> Command:
    signature = inspect.signature(command).parameters
    named = [p for p in signature.values() if p.kind is not p.VAR_KEYWORD]
    first = [p.name for p in named if p.kind is not p.KEYWORD_ONLY]
    parameters = options_of(command, first, **dict.fromkeys(first, Form(is_argument=True)))
    parameters += options
    reading = {"columns": READER, "reading": ["part", "limit", *READER]}
    for argument in named[len(first) :]:
        if argument.name in reading:
            parameters += options_of({}, reading[argument.name], **forms_of("read"))
        else:
            parameters += options_of(command, [argument.name])
    parameters += options_of({}, "debug", **forms_of("common"))

    def complete(**values: Any) -> None:
        given = {n: v for n, v in values.items() if v is not None and v is not False and v != []}
        given.pop("debug", None)
        for name in signature.keys() & reading:
            given[name] = reader_options({n: given.pop(n) for n in reading[name] if n in given})
        command(**given)

    complete.__doc__, complete.__name__ = _about(command), command.__name__
    complete.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    complete.__annotations__ = {p.name: p.annotation for p in parameters}
    return complete


def check_resumed(
    source: str | None, resume: Path | None, given: Mapping[str, Any], forms: Mapping[str, Form]
) -> None:
    """Refuse a source and --resume together, neither, and options that would change what goes on.

    Args:
        source: to begin with.
        resume: the folder of what was begun.
        given: options by the names of their arguments. Those of readers are a mapping under
            "columns".
        forms: as for `options_of`.

    Raises:
        OptionError: some are given; all of them are named.

    >>> check_resumed(None, Path("run"), {"columns": {}}, {})
    >>> check_resumed(None, Path("run"), {"epochs": 3, "columns": {"label": "y", "rate": 8}}, {})
    Traceback (most recent call last):
    segue.errors.OptionError: --epochs and --column-label and --read rate=... would change what ...
    """
    if source is None and resume is None:
        raise OptionError("Give a SOURCE, or a run or study to go on with: --resume DIR.")
    if source is not None and resume is not None:
        raise OptionError(
            f"Give a SOURCE or --resume, not both: what {resume} was begun with is kept there. "
            f"Leave out {source}, or, to begin anew with it, leave out --resume."
        )
    if resume is not None and resume.is_file():
        raise OptionError(f"--resume is {resume}, a file; expected the folder of a run or study.")
    flags = [forms.get(name, Form()).flag or flag_of(name) for name in given if name != "columns"]
    for name in given.get("columns") or ():
        flag = forms_of("read").get(name, Form()).flag or flag_of(name)
        flags.append(flag if name in READER else f"--read {name}=...")
    if flags and resume is not None:
        raise OptionError(
            f"{' and '.join(flags)} would change what --resume continues: it goes on with the "
            f"options that it was begun with. Leave {'it' if len(flags) == 1 else 'them'} out, or "
            "start anew."
        )
