"""The command line: `segue fit`, `evaluate`, `predict`, `view`, `listen`, `generate` and so on.

Each command is one thin file beside this one: it reads its options, calls what Python users call,
and prints. Whatever is slow to import is imported inside the commands, so that `--help` is quick.

`main` turns every mistake into one message and an exit code: 0 done, 1 failed, 2 wrong use,
130 interrupted.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer
import typer.core

from segue._version import __version__
from segue.cli import data, fit, listen, predict, study, view
from segue.cli.options import add_command
from segue.cli.shared import encodable_output, is_read
from segue.errors import OptionError, SegueError, SpecError
from segue.text_table import visible

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


class _Commands(typer.core.TyperGroup):
    """Prints that a command was interrupted; typer alone would end silently."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time, and can be copied
)
add_command(app, fit.fit, fit.options)
for command in (predict.evaluate, predict.predict, view.view, listen.listen):
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: the words after `segue`; those of the process if left out.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with encodable_output():
        code = _run(arguments)
        return code if is_read() else FAILED


def _run(arguments: list[str]) -> int:
    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        """Warn a user without the line in the source; no other warning is shown."""
        if issubclass(category, UserWarning):
            print(visible(f"warning: {message}"), file=sys.stderr)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = show
            app(arguments, prog_name="segue")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        else:
            print(visible(f"error: {_message(error)}"), file=sys.stderr)
        return WRONG_USE if isinstance(error, SpecError | OptionError) else FAILED
    return DONE


def _message(error: Exception) -> str:
    if isinstance(error, SegueError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return (
        f"{type(error).__name__}: {error}\n"
        "This should not happen: it is a bug in segue. Add --debug to see where it comes from."
    )
