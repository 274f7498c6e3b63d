"""`segue runs`: the runs below a folder, notes and stars, deleting with undo, comparing two."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import typer.core

from segue.cli.options import add_command
from segue.cli.shared import print_result
from segue.errors import OptionError, counted, did_you_mean, nearest
from segue.progress import duration
from segue.text_table import number, text_table, visible

if TYPE_CHECKING:
    from segue.runs import RunComparison, RunSummary


class _ListsRuns(typer.core.TyperGroup):
    """`segue runs FOLDER` is `segue runs list FOLDER`, and so is `segue runs`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        word = args[0] if args else ""
        is_command = word in self.commands or word in ctx.help_option_names
        is_new = not word.startswith("-") and not Path(word).exists()
        is_slip = is_new and nearest(word, self.commands) is not None
        if not (is_command or is_slip) and (args or not ctx.resilient_parsing):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Its commands, and the options of `list`."""
        context = self.commands["list"].make_context("list", [], ctx, resilient_parsing=True)
        found = context.command.shell_complete(context, incomplete)
        return [*super().shell_complete(ctx, incomplete), *found]


app = typer.Typer(
    name="runs", cls=_ListsRuns, help="What was trained and kept: list, compare, note, delete."
)


# -- list -----------------------------------------------------------------------------------------


def list_(
    folder: Path = Path(),
    *,
    sort: str = "date",
    filter_: str | None = None,
    json: bool = False,
) -> None:
    """List the runs below a folder, with their scores.

    Studies too, with each of their trials. `segue runs FOLDER` is the same, and `segue runs` lists
    what lies below the folder at hand. What has no room on the terminal is left out: --json has
    all.

    Example: segue runs list runs --sort score --filter "gru complete"

    Options:
        folder (FOLDER): where to look, however deep; the folder at hand if left out.
        sort (date|name|source|network|score|validation|epochs|seconds|state): what comes first: by
            date the newest, by score and validation the best, by epochs and seconds the most.
        filter_ (WORDS): only runs that have all of these words, in any case, in the name, source,
            network, task, state, note or problem; "starred" is one of those with a star.
    """
    from segue.runs import list_runs
    from segue.runs.ordering import SORTS, in_order, with_words

    if sort not in SORTS:
        raise OptionError(f"--sort is {sort!r}.{did_you_mean(sort, SORTS)}")
    every = list_runs(folder)
    found = in_order(with_words(every, filter_ or ""), sort)
    if found:
        text = "" if json else f"{_table(found)}\n\n{_remarks(found)}"
    elif every:
        text = f"No run of {len(every):,} has these words."
    else:
        text = "There is no run here: `segue fit SOURCE` makes one, in runs/."
    print_result([one.to_json() for one in found], text, json=json)


# Where there is no room: what is cut, and to how much; then what is left out, one after the other.
_CUT = {"note": 16, "network": 16, "source": 12}
_LEFT_OUT = "interval,epochs,baseline,time,source,validation,note,network,date".split(",")


def _table(found: Sequence[RunSummary]) -> str:
    """The columns that any run fills, as far as there is room on the terminal."""
    rows = [{name: visible(text, keep="") for name, text in _cells(one).items()} for one in found]
    for row, one, before in zip(rows[1:], found[1:], found, strict=False):
        if one.kind == "trial" and one.folder == before.folder:  # below its study
            row["run"] = f"  {row['run'].removeprefix(visible(f'{one.folder}: ', keep=''))}"
    columns = {name: [name, *(row[name] for row in rows)] for name in rows[0]}
    columns = {name: cells for name, cells in columns.items() if any(cells[1:])}
    if sys.stdout.isatty():
        columns = _fitted(columns, shutil.get_terminal_size().columns)
    align = "".join("<" if name in _TEXTS else ">" for name in columns)
    return text_table(zip(*columns.values(), strict=True), align)


_TEXTS = {"", "run", "date", "source", "network", "state", "note"}


def _cells(one: RunSummary) -> dict[str, str]:
    """The cells of a run, by the headings of the columns."""
    score = "" if one.score is None else f"{one.metric} {number(one.score)}"
    done, wanted = one.trials or (0, None)
    return {
        "": "*" if one.star else "",
        "run": one.name,
        "date": one.date[:16].replace("T", " "),
        "source": Path(one.source).name if one.source else "",
        "network": one.network or "",
        "score": f"{score} ({one.part})" if score and one.part not in ("test", None) else score,
        "interval": "" if one.interval is None else " to ".join(map(number, one.interval)),
        "baseline": "" if one.baseline is None else number(one.baseline),
        "validation": "" if one.validation is None else number(one.validation),
        "epochs": "" if one.epochs is None else f"{one.epochs:,}",
        "time": "" if one.seconds is None else duration(one.seconds),
        "state": one.state if one.trials is None else f"{one.state}, {done}/{wanted or '?'} trials",
        "note": one.note,
    }


def _fitted(columns: dict[str, list[str]], width: int) -> dict[str, list[str]]:
    """Columns that fit: texts are cut, columns are left out, at last names are cut.

    >>> columns = {"run": ["run", "runs/1"], "network": ["network", "bilstm(100) dense(32, relu)"]}
    >>> columns["epochs"] = ["epochs", "60"]
    >>> list(_fitted(columns, 32).values())
    [['run', 'runs/1'], ['network', 'bilstm(100) den…'], ['epochs', '60']]
    >>> list(_fitted(columns, 26)), list(_fitted(columns, 20))
    (['run', 'network'], ['run'])
    """

    def too_much() -> int:
        return sum(max(map(len, cells)) + 2 for cells in kept.values()) - 2 - width

    def cut(name: str, least: int) -> None:
        longest = max(map(len, kept[name]))
        room = max(least, longest - too_much())
        if room < longest:
            ends = name == "run"  # of a path the end tells more
            kept[name] = [_cut(cell, room, ends=ends) for cell in kept[name]]

    kept = dict(columns)
    for name, least in _CUT.items():
        if name in kept and too_much() > 0:
            cut(name, least)
    for name in _LEFT_OUT:
        if too_much() > 0:
            kept.pop(name, None)
    if too_much() > 0:
        cut("run", 12)
    return kept


def _cut(text: str, room: int, *, ends: bool) -> str:
    """A text of at most so many characters, without its end, or else its beginning."""
    if len(text) <= room:
        return text
    return f"…{text[1 - room :]}" if ends else f"{text[: room - 1]}…"


def _remarks(found: Sequence[RunSummary]) -> str:
    """How many there are, what is wrong with some, and how stopped ones go on."""
    counts = [(kind, sum(one.kind == kind for one in found)) for kind in ("run", "study", "trial")]
    words = {"study": "studies"}
    lines = [", ".join(_count(kind, n, words.get(kind)) for kind, n in counts if n)]
    wrong = [one for one in found if one.problem]
    lines += [f"{one.name}: {one.problem}" for one in wrong[:_MOST_PROBLEMS]]
    if len(wrong) > _MOST_PROBLEMS:
        lines.append(f"and {len(wrong) - _MOST_PROBLEMS} more with a problem: --filter failed")
    stopped = [one for one in found if one.state == "stopped" and one.kind == "run"]
    if stopped:
        lines.append(f"A run that was stopped goes on: `segue fit --resume {stopped[0].name}`.")
    return "\n".join(lines)


_MOST_PROBLEMS = 10


def _count(kind: str, count: int, several: str | None) -> str:
    return f"{count:,} {several}" if several and count != 1 else counted(count, kind)


# -- compare --------------------------------------------------------------------------------------


def compare(a: Path, b: Path, *, json: bool = False) -> None:
    """Compare two runs: what differs, and whether one is better.

    Both must have been tested on the same sequences. Their models predict these again, so the
    source must be there, as it was. Classes are compared with McNemar's exact test, everything else
    with a paired permutation test.

    Example: segue runs compare runs/waves-gru-16-1 runs/waves-lstm-16-1

    Options:
        a (A): the folder of a run.
        b (B): that of another one.
    """
    from segue.runs import compare as compare_runs

    found = compare_runs(a, b)
    print_result(found.to_json(), "" if json else _report(found), json=json)


def _report(found: RunComparison) -> str:
    """Both runs in a column each, then the test and what follows from it."""
    test = found.test
    rows: list[tuple[str, ...]] = [("", found.a.name, found.b.name)]
    rows += [(name, *map(_setting, pair)) for name, pair in found.settings.items()]
    rows.append((f"test {test.metric}", *map(number, test.scores)))
    if any(found.intervals):
        texts = ["" if i is None else " to ".join(map(number, i)) for i in found.intervals]
        rows.append(("95 % interval", *texts))
    low, high = test.interval
    lines = [("sequences", f"{found.sequences:,}")]
    if test.units != found.sequences:
        lines.append(("predictions", f"{test.units:,}"))
    lines.append(("difference", f"{test.difference:+.4g}, 95 % interval {low:+.4g} to {high:+.4g}"))
    if test.counts is not None:
        names = {"both": "both right", "only_a": "only the first", "only_b": "only the second"}
        names["neither"] = "both wrong"
        lines += [(names[name], f"{count:,}") for name, count in test.counts.items()]
    lines.append((test.test, f"p = {test.p_value:.2g}"))
    return f"{text_table(rows, '<')}\n\n{text_table(lines, '<')}\n\n{found.verdict}"


def _setting(value: Any) -> str:
    return "none" if value is None else str(value)


# -- notes, stars, the trash ----------------------------------------------------------------------


def note(run: Path, text: str, *, json: bool = False) -> None:
    """Note something about a run, or a study.

    It stands in `segue runs`, and lies in the run's folder as notes.json.

    Example: segue runs note runs/waves-gru-16-1 "the new microphones"

    Options:
        run (RUN): its folder.
        text (TEXT): in place of what was noted before; "" takes that away.
    """
    from segue.runs import note as note_run

    note_run(run, text)
    print_result({"run": run, "note": text}, f"{run}: {text or 'no note'}", json=json)


def star(run: Path, *, off: bool = False, json: bool = False) -> None:
    """Give a run a star, or a study.

    `segue runs --filter starred` lists those that have one.

    Example: segue runs star runs/waves-gru-16-1

    Options:
        run (RUN): its folder.
        off: whether to take the star away.
    """
    from segue.runs import star as star_run

    star_run(run, on=not off)
    text = f"{run} has {'no' if off else 'a'} star"
    print_result({"run": run, "star": not off}, text, json=json)


def delete(run: Path, *, even_running: bool = False, json: bool = False) -> None:
    """Delete a run, or a study; `segue runs undo` brings it back.

    It is moved into .trash beside it, and takes room until that folder is removed.

    Example: segue runs delete runs/waves-gru-16-1

    Options:
        run (RUN): its folder.
        even_running: also one that is trained right now; without it that is asked, on a terminal.
    """
    from segue.atomic import is_locked
    from segue.runs import delete as delete_run

    if is_locked(run) and not even_running and sys.stdin.isatty():
        question = f"{visible(str(run))} is trained right now, and will fail. Delete it? [y/N] "
        print(question, end="", file=sys.stderr, flush=True)
        even_running = sys.stdin.readline().strip().lower() in ("y", "yes")
    there = delete_run(run, even_running=even_running)
    text = f"moved to {there}; `segue runs undo` brings it back"
    print_result({"run": run, "moved_to": there}, text, json=json)


def undo(folder: Path = Path(), *, json: bool = False) -> None:
    """Bring back the run that was deleted last.

    Called again, the one before it.

    Example: segue runs undo runs

    Options:
        folder (FOLDER): where it was, or any above that; the folder at hand if left out.
    """
    from segue.runs import undo as undo_delete

    run = undo_delete(folder)
    print_result({"run": run}, f"{run} is there again", json=json)


add_command(app, list_, name="list")
for _command in (compare, note, star, delete, undo):
    add_command(app, _command)
