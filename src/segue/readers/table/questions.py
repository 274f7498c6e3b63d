"""Questions about tables with two readings: each an error that shows both, and their options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, takewhile

import numpy as np

from segue.data.labels import MAX_CLASSES
from segue.data.sequences import Array
from segue.readers.table.columns import NUMBERS, Columns
from segue.readers.table.plan import describe_columns
from segue.readers.table.roles import Roles, are_runs, rows_apart, stays
from segue.readers.table.words import (
    LIKE_AN_ID,
    NONE,
    OWNERS,
    Layout,
    calendar_part,
    claims,
    plain,
    role_of,
    say,
)

MANY = 8  # columns of numbers in which one looks for a time axis, without any other sign
_NEARLY_ALL = 0.9  # of the sequences
_SINCE_1970 = (946_684_800, 4_102_444_800)  # seconds, from 2000 to 2100
_FEWEST = 8  # numbers in which one looks for a clock that counts seconds


def is_like_classes(columns: Columns, name: str) -> bool:
    """Whether a column holds few different whole numbers, and one in each row."""
    few = 2 <= columns.distinct(name) <= min(MAX_CLASSES, max(2, columns.rows // 3))
    return few and columns.is_whole(name) and not np.isnan(columns.floats(name)).any()


def ask_about_names(roles: Roles, values: list[str]) -> None:
    """Ask what columns without names are, where some are like a time or like an id.

    Raises:
        FileError: one rises, or has whole numbers that stay.
    """
    columns = roles.columns
    values = [] if columns.loaded.named else values
    rises = [n for n in values if (np.diff(columns.floats(n)) > 0).mean() > 0.9]
    whole = [n for n in values if n not in rises and columns.is_whole(n)]
    keys = [n for n in whole if 2 * stays(columns, n).sum() >= columns.rows]
    options = [f"time={rises[0]!r}"] if rises else []
    options += [f"group={keys[0]!r}"] if keys else []
    if options:
        raise columns.loaded.error(
            f"has no line of names, and {describe_columns([*rises[:1], *keys[:1]])} look like "
            f"{' and '.join(option.partition('=')[0] for option in options)}, or are channels. "
            f"{say(', '.join(options), 'channels=[...]')}"
        )


def ask_about_recordings(roles: Roles, values: list[str]) -> None:
    """Ask, where rows of few numbers look like the steps of one recording.

    Raises:
        FileError: the first column rises evenly, or the last has few values that stay.
    """
    columns = roles.columns
    if not 3 <= len(values) < MANY:
        return
    first, last = values[0], values[-1]
    steps = np.diff(columns.floats(first))
    option, what = "", ""
    other = ""
    is_axis = columns.loaded.named and any(map(str.isdigit, first))
    is_axis = is_axis or LIKE_AN_ID.search(first) is not None
    if (steps > 0).all() and np.ptp(steps) < 0.01 * steps.mean() and not is_axis:
        option, what = f"time={first!r}", f"{first!r} rises evenly"
        other = f", id={first!r}" if columns.is_whole(first) else ""
    elif roles.is_open("label") and is_like_classes(columns, last):
        changes = int((~stays(columns, last)).sum())
        if columns.distinct(last) < changes < 0.2 * columns.rows:
            option, what = f"label={last!r}", f"{last!r} seldom changes"
    if what:
        raise columns.loaded.error(
            f"has rows of {len(values)} numbers, and {what}: is each row a step of one "
            "recording, or a sequence? " + say(f"layout='steps', {option}", f"layout='rows'{other}")
        )


def ask_about_stamps(roles: Roles, values: Iterable[str]) -> None:
    """Ask about channels that count time since 1970, like a clock.

    Of milli-, micro- and nanoseconds the size tells; seconds must rise within each sequence, too.

    Raises:
        FileError: all numbers of a column are such times between 2000 and 2100.
    """
    columns = roles.columns
    key = roles.found.get("id", roles.found.get("group"))
    same = np.ones(max(0, columns.rows - 1), bool) if key is None else stays(columns, key)
    for name in values:
        numbers = columns.floats(name)
        low, high = np.nanmin(numbers), np.nanmax(numbers)
        for unit, size in (("milli", 1e3), ("micro", 1e6), ("nano", 1e9), ("", 1.0)):
            if low < _SINCE_1970[0] * size or high > _SINCE_1970[1] * size or low == high:
                continue
            steps = np.diff(numbers)[same]
            rises = len(steps) >= _FEWEST and (steps >= 0).all() and (steps > 0).mean() > 0.9
            if rises if size == 1 else columns.is_whole(name):
                raise columns.loaded.error(
                    f"has {unit}seconds since 1970 in {name!r}, by its values ({low:.0f} to "
                    f"{high:.0f}): is it the time of each step, or a channel? "
                    + say(f"time={name!r}", "channels=[...]")
                )


def ask_about_single_steps(
    roles: Roles, layout: Layout, channels: Sequence[str], names: Sequence[str] | None
) -> None:
    """Ask where nearly all sequences have one step, and a column that repeats may be their id.

    Raises:
        FileError: one step each, and a column of ids or groups whose values repeat.
    """
    columns, found = roles.columns, roles.found
    if layout not in ("rows", "steps") or {"id", "group", "time"} & roles.given.keys():
        return
    known = [name for role in ("group", "id") if (name := found.get(role)) is not None]
    more = [n for n, why in roles.left_out.items() if why in ("another group", "another id")]
    if layout == "rows" and len(channels) > len(names or [""]):
        return
    sequences = rows_apart(columns, known) if known else 1
    if layout == "steps" and sequences < _NEARLY_ALL * columns.rows:
        return
    keys = [n for n in (*known, *more) if 2 * columns.distinct(n) <= columns.rows]
    if not keys:
        return
    key = keys[0]
    others = [n for n in (*known, *more) if n != key]
    within = [n for n in others if columns.kinds[n] in NUMBERS]
    within = [n for n in within if rows_apart(columns, [n, key]) == columns.rows]
    by_group = found.get("group") == key and "id" not in found
    options = ["layout='steps'" if by_group else f"id={key!r}"]
    has_time = "time" in found or any("a time" in why for why in roles.left_out.values())
    if within and not has_time:
        options.append(f"time={within[0]!r}")
    elif not by_group and any(claims(name, "group") for name in others):
        options.append("group='none'")
    raise columns.loaded.error(
        f"has {columns.rows:,} rows, {columns.distinct(key):,} values in {key!r}, and "
        f"{describe_columns(channels)} as the values: is each row a step of the sequence of its "
        f"{key!r}, or a sequence of one step? " + say(", ".join(options), "layout='rows'")
    )


def ask_about_counters(roles: Roles) -> None:
    """Ask where rows are read as sequences, and one column counts them anew for each of another.

    Raises:
        FileError: there are two such columns, whose names do not tell what they are.
    """
    columns = roles.columns
    if columns.rows < _FEWEST or {"id", "time"} & roles.found.keys():
        return
    first = [n for n in columns.names[:MANY] if not claims(n, "label")]
    numbers = [n for n in first if columns.kinds[n] == "number"]
    keys = [n for n in first if columns.kinds[n] == "text" or columns.is_whole(n)]
    group = roles.found.get("group")
    if group and sum(not any(map(str.isdigit, n)) for n in roles.free(*NUMBERS)) < 2:
        return  # beside t0, t1, t2 it counts sequences
    for key in [group] if group else keys:
        codes, several = columns.codes(key), columns.distinct(key)
        is_run_each = several == columns.rows - int(stays(columns, key).sum())
        if not 2 <= several <= columns.rows // 3 or not (is_run_each or key == group):
            continue
        order = np.argsort(codes, kind="stable")
        same = np.diff(codes[order]) == 0
        for name in (n for n in numbers if n != key):
            counter = columns.floats(name)[order]
            steps, begins = np.diff(counter)[same], counter[np.concatenate([[True], ~same])]
            if steps.min() > 0 and np.ptp(steps) < 1e-6 * steps.mean() and np.ptp(begins) == 0:
                options = say(f"id={key!r}, time={name!r}", "layout='rows'")
                raise columns.loaded.error(
                    f"counts its rows in {name!r} anew for each {key!r}: is each row a step of the "
                    f"sequence of its {key!r}, or a sequence? {options}"
                )


def ask_about_keys(roles: Roles) -> None:
    """Ask where another column parts the rows of each sequence as an id or a group does.

    Raises:
        FileError: the rows that are the same in both stand together, and those of a sequence do
            not; or they are runs of equal lengths, are numbered, or have names of their own.
    """
    columns, found = roles.columns, roles.found
    keys = [found[role] for role in ("group", "id") if role in found]
    role = "group" if "id" in found else "id"
    is_said = "id" in roles.given or role in roles.given or role in roles.refused
    if not keys or "time" in found or is_said:
        return
    sequences, are_apart = rows_apart(columns, keys), not are_runs(columns, keys)
    others = [n for n, why in roles.left_out.items() if why == "another group"]
    for name in (*others, *_keys(roles)):
        both = [*keys, name]
        if not are_runs(columns, both) or rows_apart(columns, both) <= sequences:
            continue
        if not are_apart and not _are_like_sequences(roles, both):
            continue
        if len(keys) == 2:
            raise _three_keys(columns, [keys[0], name, keys[1]])
        is_label = role == "group" and columns.kinds[name] == "text" and roles.is_open("label")
        other = f"label={name!r}" if is_label else f"{role}={keys[0] if role == 'id' else NONE!r}"
        raise columns.loaded.error(
            f"has rows of each {keys[0]!r} for several {name!r}, which stand together: does each "
            f"{name!r} of a {keys[0]!r} make a sequence, or are all rows of a {keys[0]!r} one? "
            + say(f"{role}={name!r}", other)
        )


def _three_keys(columns: Columns, names: Sequence[str]) -> Exception:
    """An error that names three columns that say which rows belong together."""
    *_, coarser, finer = names
    return columns.loaded.error(
        f"has rows that belong together where they are the same in {describe_columns(names)}: "
        f"there are an id and a group, no more. Make one of two columns, by pandas: frame["
        f'{finer!r}] = frame[{coarser!r}].astype(str) + "/" + frame[{finer!r}].astype(str).'
    )


def _keys(roles: Roles) -> list[str]:
    """The columns that may say which rows belong together: names, or whole numbers."""
    columns = roles.columns
    first = {*columns.of_kind("text"), *columns.names[:MANY]}
    free = [n for n in roles.free("text", "number") if n in first and not role_of(n)]
    free = [n for n in free if not calendar_part(n)]
    whole = [n for n in free if columns.kinds[n] == "text" or columns.is_whole(n)]
    return [n for n in whole if 2 <= columns.distinct(n) <= columns.rows // 2]


def _are_like_sequences(roles: Roles, names: Sequence[str]) -> bool:
    """Whether the runs of a last column within those of others look like sequences, not labels."""
    columns, (*keys, last) = roles.columns, names
    begins = np.append(True, ~np.all([stays(columns, name) for name in names], axis=0))
    starts = np.flatnonzero(begins)
    if columns.distinct(last) == len(starts):
        return True  # each has a name of its own, which is no class
    same = np.all([np.diff(columns.codes(key)[starts]) == 0 for key in keys], axis=0)
    if columns.kinds[last] == "text":
        lengths = np.diff(np.append(starts, columns.rows))
        return same.mean() >= 0.5 and bool((np.diff(lengths)[same] == 0).all())
    numbers = columns.floats(last)[starts]
    firsts = numbers[np.append(True, ~same)]
    before = columns.names[: columns.names.index(last)]
    counts = (np.diff(numbers)[same] == 1).all() and firsts[0] in (0, 1) and np.ptp(firsts) == 0
    return bool(counts) and {*before} <= {*keys, *roles.left_out}


def ask_about_two_keys(roles: Roles) -> None:
    """Ask whether the first columns, which stay from row to row, say which rows are a sequence.

    Raises:
        FileError: the rows that are the same in two of them stand together.
    """
    columns = roles.columns
    keys, numbers = _keys(roles), roles.free(*NUMBERS)
    first = list(takewhile(lambda name: name in keys or name in roles.left_out, columns.names))
    first = [n for n in first if n in keys and 2 * stays(columns, n).sum() >= columns.rows]
    if len(first) < 2 or columns.rows < _FEWEST or not {*numbers} - {*first}:
        return
    every = rows_apart(columns, first)
    for group, key in combinations(first, 2):
        both, is_coarse = [group, key], columns.follows(key, group)
        same = is_coarse and columns.follows(group, key)
        if same or not are_runs(columns, both) or rows_apart(columns, both) < every:
            continue
        if is_coarse or plain(key) in OWNERS:
            group, key = key, group
        raise columns.loaded.error(
            f"has no id, and rows that are the same in {group!r} and {key!r} stand together: are "
            "they the steps of a sequence, or is each row a sequence? "
            + say(f"id={key!r}, group={group!r}", "layout='rows'")
        )
    if are_runs(columns, first):
        raise _three_keys(columns, first)


def ask_to_pivot(roles: Roles, key: str, names: Sequence[str], moments: Array) -> None:
    """Refuse a table with a row for each value, whose channel stands in a column.

    Raises:
        FileError: a column tells the rows of one time apart.
    """
    columns, time = roles.columns, roles.found["time"]
    role = "id" if roles.is_open("id") else "group"
    for name in names:
        each = columns.distinct(name) * rows_apart(columns, [key], moments)
        is_key = columns.kinds[name] == "text" or 10 * columns.rows > 9 * each
        if is_key and rows_apart(columns, [key, name], moments) == columns.rows:
            raise columns.loaded.error(
                f"has several rows for each {time!r} of a sequence, and {name!r} tells them apart: "
                "are these other sequences, or other channels, with one value a row? "
                f"{say(f'{role}={name!r}', 'layout=' + repr('steps'))} Channels are brought side "
                f"by side by frame.pivot(index=[{key!r}, {time!r}], columns={name!r}) of pandas."
            )
