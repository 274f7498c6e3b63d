"""The command line: `segue fit`, `evaluate`, `predict`, `view`, `listen`, `generate` and so on.

Each command is one thin file beside this one: it reads its options, calls what Python users call,
and prints. Whatever is slow to import is imported inside the commands, so that `--help` is quick.

`main` turns every mistake into one message and an exit code: 0 done, 1 failed, 2 wrong use,
130 interrupted.
"""

from __future__ import annotations

import errno
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from segue._version import __version__
from segue.cli import (
    data,
    export,
    fit,
    import_,
    listen,
    predict,
    runs,
    stream,
    studio,
    study,
    view,
)
from segue.cli.options import add_command
from segue.cli.shared import OPTIONS, encodable_output, in_flags, is_read, unwritten
from segue.errors import SYNONYMS, OptionError, SegueError, SpecError, first_few, nearest
from segue.extras import missing_package
from segue.text_table import folded, visible

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


class _InterruptedError(Exception):
    """A Ctrl-C; typer alone would end silently."""


class _Commands(typer.core.TyperGroup):
    """Lets an interrupt, and what it says, through typer."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _InterruptedError(str(error)) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time, and can be copied
)
add_command(app, fit.fit, fit.options)
add_command(app, predict.evaluate)
add_command(app, predict.predict, predict.predict_options)
add_command(app, stream.stream)
add_command(app, export.export)
for command in (
    view.view,
    listen.listen,
    view.network,
):
    add_command(app, command)
add_command(app, data.generate, data.options)
add_command(app, import_.import_, name="import")
add_command(app, studio.studio)
add_command(app, data.info)
app.add_typer(study.app)
app.add_typer(runs.app)
app.add_typer(data.app)  # typer lists groups last


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"segue {__version__}")
        raise typer.Exit


@app.callback()
def segue(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Sequence classification with deep learning: from files to a trained, evaluated model.

    Begin with:  segue fit japanese-vowels
    """


@cache
def _command() -> Any:
    """All commands with their options, which typer would find anew in each call."""
    return typer.main.get_command(app)


def main(
    arguments: Sequence[str] | None = None, *, was_interrupted: Callable[[], bool] = bool
) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: the words after `segue`; those of the process if left out.
        was_interrupted: whether an error may have come of a Ctrl-C.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with encodable_output():
        code = _run(arguments, was_interrupted)
        return code if is_read() else FAILED


def _run(arguments: list[str], was_interrupted: Callable[[], bool]) -> int:
    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        """Warn a user without the line in the source; no other warning is shown."""
        if issubclass(category, UserWarning):
            text = visible(f"warning: {in_flags(str(message))}")
            print(folded(text, sys.stderr, 2), file=sys.stderr)

    OPTIONS.set({})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = show
            code = _command()(arguments, prog_name="segue", standalone_mode=False)
        if code == INTERRUPTED:  # before a command had begun
            return _interrupted("", arguments)
        return code if isinstance(code, int) else DONE
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except (KeyboardInterrupt, _InterruptedError) as error:
        return _interrupted(str(error), arguments)
    except Exception as error:
        if was_interrupted():  # what was interrupted made another error of it
            return _interrupted("", arguments)
        return _failed(error, arguments)


def _interrupted(text: str, arguments: list[str]) -> int:
    """Say so on standard error, and what was kept; the exit code."""
    if not text and "--resume" in arguments:
        text = "the same command goes on"
    before = "\n" if sys.stderr.isatty() else ""  # the terminal has written ^C
    print(f"{before}interrupted: {text}" if text else f"{before}interrupted", file=sys.stderr)
    return INTERRUPTED


def _failed(error: Any, arguments: list[str]) -> int:
    """Say on standard error what went wrong; the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.ctx.get_help(), file=sys.stderr)
    elif "--debug" in arguments:
        traceback.print_exc()
    else:
        print(
            folded(visible(f"error: {_message(error, arguments)}"), sys.stderr, 2), file=sys.stderr
        )
    wrong_words = hasattr(error, "format_message")  # an error of the parser
    return WRONG_USE if wrong_words or isinstance(error, SpecError | OptionError) else FAILED


def _message(error: Any, arguments: list[str]) -> str:
    if isinstance(error, ModuleNotFoundError):
        error = missing_package(error) or error
    if isinstance(error, SegueError):
        return in_flags(str(error))
    if hasattr(error, "format_message"):
        return _misused(error, arguments)
    if isinstance(error, OSError) and error.strerror:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) and not error.filename:
            return unwritten(error)
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return (
        f"{type(error).__name__}: {error}\n"
        "This should not happen: it is a bug in segue. Add --debug to see where it comes from."
    )


def _misused(error: Any, arguments: list[str]) -> str:
    """What is wrong with the words of the command line, what was probably meant, where to look."""
    context, text = error.ctx, f"{error.format_message().rstrip('.')}."
    name, option = getattr(error, "option_name", None), getattr(error, "param", None)
    if name is not None and not hasattr(error, "possibilities"):  # an option at the end
        option = next((one for one in OPTIONS.get().values() if name in one.opts), None)
        return text if option is None else f"{name} needs a value: {name} {option.metavar}."
    if context is None:
        return text
    if name is not None:
        text = _unknown_option(name, context, arguments)
    elif text.startswith("No such command"):
        word = context.args[0] if context.args else text.split("'")[1]
        near = nearest(word, context.command.commands)
        text = f"there is no command {word!r}."
        text += "" if near is None else f" Did you mean `{context.command_path} {near}`?"
    elif (extra := re.search(r"unexpected extra argument\S* \((.*)\)", text)) is not None:
        text = _unexpected(extra[1], context)
    elif text.startswith("Missing argument"):
        text = f"{text}\n{context.get_usage()}"
    elif option is not None and option.param_type_name == "option":
        text = _wrong_value(option, text, arguments)
    return f"{text}\n`{context.command_path} --help` shows what there is."


def _unknown_option(name: str, context: Any, arguments: list[str]) -> str:
    """The option that was probably meant, or the commands that have it."""
    if not name.startswith("--"):  # of -epochs the parser tells the first letter
        name = next((w for w in arguments if w.startswith(name)), name).partition("=")[0]
    text, word = f"there is no option {name}.", name.lstrip("-")
    plain = {flag.lstrip("-"): flag for one in context.command.params for flag in one.opts}
    with_it = [path for path, flags in _flags(_command()) if name in flags]
    near = [plain[one] for one in [nearest(word, plain)] if one is not None]
    if len(word) == 1:
        near = sorted(flag for stem, flag in plain.items() if stem.startswith(word))
    if with_it and word.replace("-", "_") not in SYNONYMS:
        return f"{text} {first_few((f'`{path}`' for path in with_it), 3)} has it."
    return f"{text} Did you mean {' or '.join(near)}?" if near else text


def _flags(command: Any, path: str = "segue") -> Iterator[tuple[str, list[str]]]:
    """The flags of each command, with the words that call it."""
    for name, one in getattr(command, "commands", {}).items():
        yield from _flags(one, f"{path} {name}")
    if hasattr(command, "complete"):
        yield path, [flag for one in command.complete.params for flag in one.opts]


def _unexpected(words: str, context: Any) -> str:
    """What to do about words that no argument takes."""
    text, first = f"unexpected {words!r}.", words.split(maxsplit=1)[0]
    if Path(first).is_file():  # of *.csv the shell made many words
        return f"{text} One SOURCE is read: for several files give the folder that holds them."
    if first[0] in "-–—−":  # noqa: RUF001  (the dashes that word processors put for hyphens)
        return f"{text} An option begins with two hyphens: --{first.lstrip('-–—−')}."  # noqa: RUF001
    return f"{text} A value with spaces stands in quotes.\n{context.get_usage()}"


def _wrong_value(option: Any, text: str, arguments: list[str]) -> str:
    """What came and what was expected, where an option is no number, or too small a one."""
    flag = option.opts[0]
    values = [after for word, after in pairwise(arguments) if word == flag]
    values += [word.partition("=")[2] for word in arguments if word.startswith(f"{flag}=")]
    least = re.search(r"(?:or equal to |>=)(-?\d+(?:\.\d+)?)", text)
    if not values or not ("valid" in text or least):
        return text
    is_whole = "integer" in text or least is not None
    expected = "a whole number" if is_whole else "a number, such as 0.01"
    return (
        f"{flag} is {values[-1]!r}; expected {expected}{f' from {least[1]} on' if least else ''}."
    )
