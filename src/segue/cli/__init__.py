"""The command line: `segue fit`, `evaluate`, `predict`, `view`, `listen`, `generate` and so on.

Each command is one thin file beside this one: it reads its options, calls what Python users call,
and prints. Whatever is slow to import is imported inside the commands, so that `--help` is quick.

`main` turns every mistake into one message and an exit code: 0 done, 1 failed, 2 wrong use,
130 interrupted.
"""

from __future__ import annotations

import errno
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from segue._version import __version__
from segue.cli import data, fit, listen, predict, study, view
from segue.cli.options import add_command
from segue.cli.shared import encodable_output, is_read, unwritten
from segue.errors import OptionError, SegueError, SpecError, nearest
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
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time, and can be copied
)
add_command(app, fit.fit, fit.options)
for command in (
    predict.evaluate,
    predict.predict,
    view.view,
    listen.listen,
    view.network,
):
    add_command(app, command)
add_command(app, data.generate, data.options)
add_command(app, data.info)
app.add_typer(study.app)
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
            text = visible(f"warning: {fit.in_flags(str(message))}")
            print(folded(text, sys.stderr, 2), file=sys.stderr)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = show
            code = _command()(arguments, prog_name="segue", standalone_mode=False)
        if code == INTERRUPTED:  # before a command had begun
            return _interrupted("")
        return code if isinstance(code, int) else DONE
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except (KeyboardInterrupt, _InterruptedError) as error:
        return _interrupted(str(error))
    except Exception as error:
        if was_interrupted():  # what was interrupted made another error of it
            return _interrupted("")
        return _failed(error, debug="--debug" in arguments)


def _interrupted(text: str) -> int:
    """Say so on standard error, and what was kept; the exit code."""
    print(f"interrupted: {text}" if text else "interrupted", file=sys.stderr)
    return INTERRUPTED


def _failed(error: Any, *, debug: bool) -> int:
    """Say on standard error what went wrong; the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.ctx.get_help(), file=sys.stderr)
    elif debug:
        traceback.print_exc()
    else:
        print(folded(visible(f"error: {_message(error)}"), sys.stderr, 2), file=sys.stderr)
    wrong_words = hasattr(error, "format_message")  # an error of the parser
    return WRONG_USE if wrong_words or isinstance(error, SpecError | OptionError) else FAILED


def _message(error: Any) -> str:
    if isinstance(error, SegueError):
        return fit.in_flags(str(error))
    if hasattr(error, "format_message"):
        return _misused(error)
    if isinstance(error, OSError) and error.strerror:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) and not error.filename:
            return unwritten(error)
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return (
        f"{type(error).__name__}: {error}\n"
        "This should not happen: it is a bug in segue. Add --debug to see where it comes from."
    )


def _misused(error: Any) -> str:
    """What is wrong with the words of the command line, what was probably meant, where to look."""
    context, text = error.ctx, f"{error.format_message().rstrip('.')}."
    if context is None:
        return text
    if hasattr(error, "option_name") and hasattr(error, "possibilities"):
        known = [flag for one in context.command.params for flag in one.opts]
        plain = {flag.lstrip("-"): flag for flag in known}
        near = nearest(error.option_name.lstrip("-"), plain)
        text = f"there is no option {error.option_name}."
        text += "" if near is None else f" Did you mean {plain[near]}?"
    elif text.startswith("No such command"):
        word = context.args[0] if context.args else text.split("'")[1]
        near = nearest(word, context.command.commands)
        text = f"there is no command {word!r}."
        text += "" if near is None else f" Did you mean `{context.command_path} {near}`?"
    return f"{text}\n`{context.command_path} --help` shows what there is."
