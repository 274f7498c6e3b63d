"""`segue stream`: a step per line comes in, the probabilities after it go out."""

from __future__ import annotations

import json as json_
import re
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from os import fstat
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, BinaryIO

from segue.cli.shared import check_output, csv_row, leave_pandas_out, plain, tell
from segue.cli.stream_state import StateFile
from segue.errors import DataError, NotCausalError, first_few, warn_user
from segue.text_table import visible

if TYPE_CHECKING:
    from segue.cli.step_lines import Step, StepLines, Wanted
    from segue.estimators.streams import Streams

LONGEST = 1_000_000  # bytes of a line
_AT_ONCE = 1 << 16  # bytes that are read
_DELAY = 0.005  # seconds
_ARGUMENT = re.compile(r"\b(network|prepare)='([^']*)'")  # of Python, in a message


def stream(
    model: Path,
    *,
    format_: str | None = None,
    key: str | None = None,
    reset_on: str = "blank",
    limit: int = 10_000,
    state: Path | None = None,
    json: bool = False,
) -> None:
    """Predict step by step, along with a pipe.

    A step per line comes in, the probabilities after it go out. Lines are CSV, with a header or
    without, or JSON: a list of the channels' values or an object with their names. What goes out
    has the same form. The network and its preparation must be causal; then each answer is what
    `segue predict --per-step` gives for the steps so far.

    Example: sensor | segue stream run

    Example: segue stream run --key machine --state machines.state < steps.csv > answers.csv

    Options:
        format_ (csv|csv-no-header|json): the form of the lines; left out, it is recognised.
        key (NAME): the column or field that names the stream a step belongs to, of many at once;
            without a header its number, from 1 on (default: that of the ids in training, or id,
            where there is one; none: all steps are one stream).
        reset_on (blank|NAME|NAME=VALUE|never): what begins a new sequence: a blank line; each
            change of a column or field; or a value of it.
        limit (N): the most streams that are kept; beyond, the one without a step for longest is
            forgotten.
        state (FILE): go on with the streams that the file has, where there is one, and write it
            about every ten seconds in which steps came, and at the end, also of Ctrl-C.
    """
    check_output(state, overwrite=True, option="--state")
    leave_pandas_out()
    from segue.estimators import load
    from segue.runs import find_model

    estimator = load(find_model(model))
    streams = _streams(estimator, limit)
    answers, held = Answers(estimator, as_json=json), Held()
    wanted, kept = _wanted(estimator, key, reset_on), StateFile(streams, state, held)
    kept.begin()
    try:
        with held.between_steps():
            try:
                _run(streams, wanted, format_, answers, kept, held, blank=reset_on == "blank")
            finally:
                kept.end()
    except BrokenPipeError:  # nobody reads any more: nothing is said
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        how = f"the same command goes on with {state}, and with the lines that follow"
        raise KeyboardInterrupt("" if state is None else how) from None


def _streams(estimator: Any, limit: int) -> Streams:
    """The streams of a model.

    Raises:
        NotCausalError: it cannot go step by step; what can is named, as options of `segue fit`.
    """
    from segue.estimators import Streams
    from segue.evaluation.members import members_of

    try:
        return Streams(estimator, limit)
    except NotCausalError as error:
        member = getattr(estimator, "members", (estimator,))[0]
        joined, text = members_of(member.training_summary_), str(error)
        if len(joined) > 1 and not text.startswith("the preparation"):
            text = (
                f"this model is {len(joined)} networks joined by --network auto "
                f"({first_few(joined)}), of which some need the whole sequence, so it cannot go "
                'step by step. Train with --network rocket or --network "lstm(64)", which can.'
            )
        raise NotCausalError(_ARGUMENT.sub(_as_option, text)) from None


def _as_option(argument: re.Match[str]) -> str:
    """An argument of Python as the option of `segue fit`."""
    value = argument[2] if re.fullmatch(r"\w+", argument[2]) else f'"{argument[2]}"'
    return f"--{argument[1]} {value}"


def _wanted(estimator: Any, key: str | None, reset_on: str) -> Wanted:
    from segue.cli.step_lines import Wanted

    member = getattr(estimator, "members", (estimator,))[0]
    preparation = member.preparation_
    usual = (getattr(member, "reading_", None) or {}).get("id")
    is_trained = isinstance(usual, str)
    reset = None if reset_on in ("blank", "never") else reset_on
    name, equals, value = (reset or "").partition("=")
    return Wanted(
        channels=None if member.channels_ is None else tuple(member.channels_),
        count=1 if preparation.kind == "texts" else preparation.channels_in,
        kind=preparation.kind,
        key=None if key == "none" else key or (usual if is_trained else "id"),
        is_usual=key is None,
        is_trained=is_trained,
        reset=name or None,
        value=value if equals else None,
    )


def _run(
    streams: Streams,
    wanted: Wanted,
    format_: str | None,
    answers: Answers,
    kept: StateFile,
    held: Held,
    *,
    blank: bool,
) -> None:
    """Answer each line; with `blank` an empty one begins new sequences."""
    from segue.cli.step_lines import lines_of

    lines: StepLines | None = None
    is_told = False
    output = _Output()
    source = sys.stdin.buffer

    def before_waiting() -> None:
        output.flush()
        kept.wait(source)

    for number, line in _lines(source, before_waiting):
        try:
            if not line or line.isspace():
                if blank:
                    streams.reset()
                    kept.changed()
                continue
            if lines is None:
                lines = lines_of(line, format_, wanted)
                tell([lines.note])
                if blank and (said := lines.without_key(line)):
                    warn_user(said)
                output.write(answers.begin(lines))
            step = lines.step(line)
            if step is None:
                continue
            with held:
                if step.begins:
                    streams.reset(step.name)
                probabilities = streams.push(step.values, step.name, step.sequence)
            kept.changed()
        except DataError as error:
            raise DataError(f"Standard input, line {number}: {error}") from error
        output.write(answers.line(step, streams.steps(step.name) - 1, probabilities))
        if streams.forgotten and not is_told:
            warn_user(_LIMIT.format(streams.limit))
            is_told = True


_LIMIT = (
    "There are more than {:,} streams: from now on those without a step for longest are forgotten, "
    "and begin anew when they come again. --limit keeps more."
)


# -- lines in, and out ----------------------------------------------------------------------------


def _lines(source: BinaryIO, before_waiting: Callable[[], None]) -> Iterator[tuple[int, str]]:
    """The number and the text of each line, as soon as it is there.

    Args:
        source: of bytes.
        before_waiting: called before more is read, which may not have come yet.

    Raises:
        DataError: a line that is no UTF-8, or of more than `LONGEST` bytes.
    """
    number, rest = 0, b""
    while chunk := source.read1(_AT_ONCE):  # type: ignore[attr-defined]
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST:
            raise DataError(
                f"Standard input, line {number + len(whole) + 1} has more than {LONGEST:,} bytes; "
                "expected the values of one step."
            )
        for content in whole:
            number += 1
            yield number, _text(content, number)
        before_waiting()
    if rest:
        yield number + 1, _text(rest, number + 1)


def _text(content: bytes, number: int) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        where = f"Standard input, line {number}: byte {error.start}"
        raise DataError(f"{where} is no UTF-8.") from None
    return (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r")


class _Output:
    """Standard output: what is written is not kept for longer than `_DELAY` seconds.

    Nor is it kept while more input is waited for. A file gets it when there is enough.
    """

    def __init__(self) -> None:
        self._out, self._encoding = sys.stdout, sys.stdout.encoding or "utf-8"
        self._to_screen, self._at_once = self._out.isatty(), True
        with suppress(OSError, ValueError):  # no file at all
            self._at_once = not stat.S_ISREG(fstat(self._out.fileno()).st_mode)
        self._flushed = 0.0

    def write(self, text: str) -> None:
        """Write a line."""
        if not text.isascii():
            text = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        self._out.write(visible(text) if self._to_screen else text)
        if self._at_once and time.monotonic() - self._flushed > _DELAY:
            self.flush()

    def flush(self) -> None:
        """Let go what is kept, unless it goes to a file."""
        if self._at_once:
            self._out.flush()
            self._flushed = time.monotonic()


class Answers:
    """The lines that go out: of the form of those that come in.

    Args:
        estimator: what answers.
        as_json: whether they are JSON in any case.
    """

    def __init__(self, estimator: Any, *, as_json: bool) -> None:
        task = estimator.task_
        self._json = as_json
        self._key: str | None = None
        self._classes = [str(name) for name in task.classes]
        self._values = [plain(name) for name in task.classes]
        self._several = task.labels_each == "several"
        self._next = task.targets_inside  # a language model, of very many classes

    def begin(self, lines: StepLines) -> str:
        """The header, of lines that are taken apart so."""
        self._json = self._json or lines.is_json
        self._key = lines.wanted.key if lines.has_key else None
        if self._json:
            return ""
        predicted, shares = ["prediction"], [f"probability_{name}" for name in self._classes]
        if self._several:
            predicted = [f"prediction_{name}" for name in self._classes]
        if self._next:
            shares = ["probability"]
        return csv_row([*([] if self._key is None else [self._key]), "step", *predicted, *shares])

    def line(self, step: Step, number: int, probabilities: Any) -> str:
        """The answer to a step, the `number`-th of its sequence, from 0 on."""
        best = int(probabilities.argmax())
        shares = probabilities.tolist()
        name: dict[str, Any] = {} if self._key is None else {self._key: step.name}
        found = self._predicted(best, shares)
        if self._json:
            row = {**name, "step": number, "prediction": found}
            if self._next:
                row["probability"] = shares[best]
            else:
                row["probabilities"] = dict(zip(self._classes, shares, strict=True))
            return json_.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
        predicted = list(found.values()) if isinstance(found, dict) else [found]
        shown = [f"{share:.6g}" for share in ([shares[best]] if self._next else shares)]
        return csv_row([*name.values(), number, *predicted, *shown])

    def _predicted(self, best: int, shares: list[float]) -> Any:
        if not self._several:
            return self._values[best]
        return {c: int(share > 0.5) for c, share in zip(self._classes, shares, strict=True)}


# -- interrupts -----------------------------------------------------------------------------------


class Held:
    """Keeps an interrupt waiting while a step is counted, so that the states stay whole.

    A Ctrl-C, and the request to end of other programs (SIGTERM), come through between two steps.
    """

    def __init__(self) -> None:
        self._busy = False
        self._waiting: Callable[[], None] | None = None

    def __enter__(self) -> None:
        self._busy = True

    def __exit__(self, *_: object) -> None:
        self._busy = False
        if self._waiting is not None:
            raise_now, self._waiting = self._waiting, None
            raise_now()

    @contextmanager
    def between_steps(self) -> Iterator[None]:
        """Take interrupts in this way, for as long as it lasts."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

        def interrupt(number: int, frame: FrameType | None) -> None:
            own = before[signal.Signals(number)]
            if self._busy:
                self._waiting = partial(interrupt, number, frame)
            elif number == signal.SIGINT and callable(own):
                own(number, frame)
            else:
                raise KeyboardInterrupt

        for one in before:
            signal.signal(one, interrupt)
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
