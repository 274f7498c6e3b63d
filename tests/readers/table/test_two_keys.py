"""Tables with two columns that say which rows belong together, nested or crossed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from segue.errors import FileError
from segue.readers import read

WAVE = [round(float(np.sin(1.7 * i)), 3) for i in range(2000)]
WORDS = ("left", "right")


def table(head: str, rows: Iterable[Iterable[Any]]) -> str:
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


def crossed(first: Iterable[Any], second: Iterable[Any], more: int = 0) -> Iterator[list[Any]]:
    """Six rows, or more for each further one of the second, of each pair; a value; a label."""
    number = 0
    for a, (place, b) in product(first, enumerate(second)):
        for _ in range(6 + more * place):
            number += 1
            yield [a, b, WAVE[number], WORDS[(sum(map(ord, f"{a}{b}"))) % 2]]


def options_of(message: str) -> list[dict[str, str]]:
    """The options of a message, as they are pasted: parted by `or`, those of each by commas."""
    said = re.search(r"Say (.+?)\.(?: |$)", message)
    assert said is not None
    return [dict(re.findall(r"(\w+)='([^']*)'", one)) for one in said[1].split(" or ")]


MACHINES = ("press", "saw", "lathe", "mill")
# A table that everybody reads in one way: how many sequences and groups, and the label.
READ: dict[str, tuple[str, int, int, str]] = {
    "yes and no of each run": (
        table(
            "machine,run,load,ok",
            ([*r[:3], ("no", "yes")[(len(r[0]) + r[1]) % 2]] for r in crossed(MACHINES, range(10))),
        ),
        *(40, 4, "ok"),
    ),
    "runs with other numbers in each": (
        table(
            "machine,run,load,ok",
            ([m, f"{m}-{r}", *rest] for m, r, *rest in crossed(MACHINES, range(10))),
        ),
        *(40, 4, "ok"),
    ),
    "runs first": (
        table(
            "run,machine,load,ok",
            ([r, m, x, WORDS[(len(m) + r) % 2]] for r, m, x, _ in crossed(range(10), MACHINES)),
        ),
        *(40, 4, "ok"),
    ),
    "visits": (table("patient,visit,hr,outcome", crossed("abcd", range(3), 2)), 12, 4, "outcome"),
    "trips": (table("driver,trip,speed,style", crossed("abcd", range(5), 1)), 20, 4, "style"),
    "rats by number": (table("rat,trial,x,choice", crossed(range(4), range(5))), 20, 4, "choice"),
    "sessions": (table("user,session,clicks,churn", crossed("abc", range(3))), 9, 3, "churn"),
    "sessions of drivers": (
        table("driver,session,speed,style", crossed("abc", range(3))),
        *(9, 3, "style"),
    ),
    "sweeps": (table("animal,sweep,mV,kind", crossed("abc", ("s1", "s2"))), 6, 3, "kind"),
    "laps": (table("player,lap,speed,tyre", crossed("abc", range(1, 5), 1)), 12, 3, "tyre"),
    "rides": (table("customer_id,ride,x,kind", crossed(range(5), range(3), 1)), 15, 5, "kind"),
}


@pytest.mark.parametrize("name", READ)
def test_a_column_that_is_constant_in_each_sequence_is_no_label(tmp_path: Path, name: str) -> None:
    """It is the group, and both make a sequence."""
    text, sequences, groups, label = READ[name]
    path = tmp_path / "data.csv"
    path.write_text(text)
    data = read(path)
    assert len(data) == sequences
    assert data.groups is not None
    assert len(set(data.groups.tolist())) == groups
    assert f"label {label!r}" in data.notes[0]
    assert isinstance(data.y, np.ndarray)


DAYS = pd.date_range("2024-01-01", periods=12).strftime("%Y-%m-%d")


@pytest.mark.parametrize("names", ["store,product", "site,probe", "kiln,shelf"])
def test_two_columns_that_all_times_have(tmp_path: Path, names: str) -> None:
    """Neither tells the sequences apart, both do, in whatever order the rows are."""
    rows = [[d, f"a{a}", b, WAVE[7 * a + b]] for d in DAYS for a in range(4) for b in range(3)]
    for number, order in enumerate((rows, sorted(rows, key=lambda row: (row[1], row[2], row[0])))):
        path = tmp_path / f"{number}.csv"
        path.write_text(table(f"date,{names},x", order))
        data = read(path)
        assert data.x.lengths.tolist() == [12] * 12
        assert data.channels == ("x",)


KILNS = [f"k{i}" for i in range(4)]
# A table with two readings: what is shown, and what each option, pasted, reads to: the number of
# sequences, and how many different classes (0: none); ...: it leads to the next question.
ASKED: dict[str, tuple[str, str, list[Any]]] = {
    "rows of a run stand apart": (
        table("kiln,run,load,ok", crossed(KILNS, range(10))),
        "does each 'kiln' of a 'run' make a sequence, or are all rows of a 'run' one?",
        [(40, 2), ...],
    ),
    "rows of a run stand together": (
        table("run,kiln,load,label", crossed(range(10), KILNS)),
        "does each 'kiln' of a 'run' make a sequence",
        [(40, 2), (10, 2)],
    ),
    "numbers for both": (
        table("kid,trial,x,choice", crossed(range(4), range(5), 1)),
        "does each 'kid' of a 'trial' make a sequence",
        [(20, 2), (5, 2)],
    ),
    "sensors": (
        table("sensor,run,temp,label", crossed("abc", range(4))),
        "Say group='sensor' or group='none'",
        [(12, 2), (4, 2)],
    ),
    "leaves by number": (
        table("patient,leaf,x,label", crossed("abcd", range(5), 1)),
        "Say id='leaf' or id='patient'",
        [(20, 2), (4, 2)],
    ),
    "leaves by name": (
        table("patient,leaf,x,label", crossed("abcd", ("l1", "l2", "l3"))),
        "Say id='leaf' or id='patient'",
        [(12, 2), (4, 2)],
    ),
    "leaves that have names of their own": (
        table("subject,leaf,x", ([a, f"{a}{b}", x] for a, b, x, _ in crossed("abcd", range(5), 2))),
        "does each 'leaf' of a 'subject' make a sequence",
        [(20, 0), (4, 20)],
    ),
    "no id": (
        table("store,product,sales,promo", crossed("abcd", ("tea", "oil", "rye"))),
        "are they the steps of a sequence, or is each row a sequence? Say id='product', "
        "group='store' or layout='rows'",
        [(12, 2), ...],
    ),
    "no id, nested": (
        table("batch,line,temp,quality", ([f"{a}{b}", a, *r] for a, b, *r in crossed("ab", "cde"))),
        "Say id='batch', group='line' or layout='rows'",
        [(6, 2), ...],
    ),
    "no id, numbers": (
        table("tree,leaf,green,label", crossed(range(4), range(5), 1)),
        "Say id='leaf', group='tree' or layout='rows'",
        [(20, 2), (160, 2)],
    ),
    "a game of players": (
        table("player,game,x,won", crossed("abcd", range(4))),
        "Say id='game', group='player'",
        [(16, 2), ...],
    ),
    "an id and a trial": (
        table("id,trial,x,label", crossed(range(4), range(5))),
        "Say id='trial', group='id' or id='id'",
        [(20, 2), (4, 2)],
    ),
    "probes by number, with a time": (
        table(
            "id,probe,time,x,label",
            (
                [i, p, t, WAVE[i + p + t], "ab"[i % 2]]
                for i, p, t in product(range(4), (1, 2), range(12))
            ),
        ),
        "'probe' tells them apart",
        [(8, 2), (4, 2)],
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked(tmp_path: Path, name: str) -> None:
    """The message shows both readings, and each option, pasted, is that reading."""
    text, shown, expected = ASKED[name]
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=re.escape(shown)) as caught:
        read(path)
    for options, right in zip(options_of(str(caught.value)), expected, strict=True):
        if right is not ...:
            data = read(path, **options)
            assert (len(data), len(data.classes or ())) == right


@pytest.mark.parametrize(
    ("head", "shown"),
    [("user,session,trial", "'user', 'session', 'trial'"), ("country,store,item", "'item'] = ")],
)
def test_three_columns(tmp_path: Path, head: str, shown: str) -> None:
    """There are two roles for them; what the message says makes two of the three."""
    keys = list(product("abcd", (1, 2, 3), (1, 2)))
    rows = ([*key, WAVE[i + 5 * j], "ab"[i % 2]] for i, key in enumerate(keys) for j in range(6))
    path = tmp_path / "data.csv"
    path.write_text(table(f"{head},x,label", rows))
    message = "has rows that belong together where they are the same in .*: there are an id and a "
    with pytest.raises(FileError, match=message + "group, no more. Make one of two") as caught:
        read(path)
    assert shown in str(caught.value)
    said = re.search(r"frame\['(\w+)'\] = frame\['(\w+)'\]", str(caught.value))
    assert said is not None
    frame = pd.read_csv(path)
    frame[said[1]] = frame[said[2]].astype(str) + "/" + frame[said[1]].astype(str)
    assert len(read(frame, id=said[1], group=head.partition(",")[0])) == len(keys)


def test_labels_of_steps_that_last_as_long_as_they_like(tmp_path: Path) -> None:
    """Runs of unequal lengths with the same few words are labels of steps, as they always were."""
    rows = (
        [i, phase, WAVE[9 * i + j]]
        for i in range(6)
        for phase, steps in (("rest", 4 + i), ("run", 9))
        for j in range(steps)
    )
    path = tmp_path / "data.csv"
    path.write_text(table("id,phase,hr", rows))
    data = read(path)
    assert len(data) == 6
    assert data.task == "label"


def test_coarse_times_are_no_sequences(tmp_path: Path) -> None:
    """A minute, or a year, is not asked about."""
    path = tmp_path / "data.csv"
    path.write_text(table("id,minute,hr,label", crossed(range(4), range(5))))
    assert read(path).channels == ("minute", "hr")
