"""Messages about tables that no other test contains; `bench/messages.py` lists such."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from segue.errors import DataError, SegueError
from segue.readers import read
from segue.readers.registry import reader_named
from segue.readers.table import read_frame

STEPS = "id,time,x,v\n1,0,1,0.5\n1,1,2,1.5\n2,0,3,0.5\n2,1,4,2.5\n"
LONG = "It rained all day long in the old town, and nobody came to see the river. " * 3


def stored(**columns: Any) -> Callable[[Path], None]:
    """A Parquet file."""
    return lambda path: parquet.write_table(pa.table(columns), path)


CASES: dict[str, tuple[str, str | Callable[[Path], None], dict[str, Any], str]] = {
    "no text": (
        "a.csv",
        'text,label\n"hello, my old friend of the sea",a\n,b\n"how are you today, my dear",b\n',
        {},
        "line 3: column 'text' has no text",
    ),
    "no list": (
        "a.parquet",
        stored(x=[[1.0, 2.0], None], label=["a", "b"]),
        {},
        "'x' is empty; expected a list of steps",
    ),
    "lists of texts": (
        "a.parquet",
        stored(x=[["p", "q"], ["r"]], label=["a", "b"]),
        {"channels": ["x"]},
        "'x' holds lists of string; expected numbers",
    ),
    "real numbers as labels of steps": (
        "a.csv",
        STEPS,
        {"label": "v"},
        "column 'v' varies from step to step and holds real numbers, which are no classes",
    ),
    "an empty column": (
        "a.csv",
        "label,other,t1,t2\na,,1,2\nb,,3,4\n",
        {"label": "other"},
        "label='other': this column holds no value",
    ),
    "a row of quotes": (
        "a.csv",
        'label,t1,t2\na,1,2\n""\nb,3,4\n',
        {},
        "has rows that cannot be read; are its quotes closed?",
    ),
    "comma": (
        "a.tsv",
        "x\ty\n1,234\t5\n7\t6\n2,345\t8\n9\t4\n",
        {},
        "holds numbers such as '1,234' beside '7': is the comma a decimal mark, or does it stand",
    ),
    "texts and numbers": (
        "a.csv",
        "story,height,width\n" + "".join(f'"{n} {LONG}",{n},{n * n}\n' for n in range(6)),
        {},
        "holds texts in 'story' and numbers in .* which of them are the sequences?",
    ),
    "names or values": (
        "a.csv",
        "1,2,3,4\n5,6,7,1\n3,4,9,2\n",
        {},
        "the first row holds 1, 2, 3, 4: are these names, such as positions, or the values of the",
    ),
    "a group of fractions": (
        "a.csv",
        STEPS.replace("v\n", "group\n"),
        {},
        r"column 'group' has '0\.5'; by its name it is the group, and expected are",
    ),
    "two labels": (
        "a.csv",
        "label,class,t1,t2\na,p,1,2\nb,p,3,4\na,q,5,6\nb,q,7,8\n",
        {},
        r"may have its label in 'label' \(2 values\) or 'class' \(2 values\)",
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_message(tmp_path: Path, kind: str) -> None:
    """What came, what was expected, and how to mend it."""
    name, content, options, message = CASES[kind]
    path = tmp_path / name
    if callable(content):
        content(path)
    else:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SegueError, match=message):
        read(path, **options)


def test_what_is_no_frame() -> None:
    """Neither a number, nor a frame that Arrow cannot take."""
    with pytest.raises(DataError, match="int is no source; expected a name, a path or a data fra"):
        read_frame(3)
    mixed = pd.DataFrame({"x": np.array([1, "a", (2, 3)], object)})
    with pytest.raises(DataError, match="The data frame cannot be read: "):
        read_frame(mixed)


def test_a_folder_without_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no tables with one sequence each"):
        reader_named("table").read(tmp_path)


def test_a_label_that_may_be_either(tmp_path: Path) -> None:
    """A table of labels beside one of steps, whose columns have no known names."""
    (tmp_path / "steps.csv").write_text("id,time,x\n1,0,1\n1,1,2\n2,0,3\n2,1,4\n")
    (tmp_path / "labels.csv").write_text("id,kind,sort\n1,x,p\n2,y,q\n")
    message = "has no column that is the label for certain, only 'kind', 'sort': name it label, or"
    with pytest.raises(DataError, match=message):
        read(tmp_path)
