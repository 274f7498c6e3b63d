"""Tables that were read rightly before there were rules for strange ones read to the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.readers.registry import reader_named

TABLES = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "golden" / "tables" / "read.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
# What reads to something else on purpose, and why.
OTHERWISE: dict[str, dict[str, Any]] = {
    # Truth values are truth values from every source.
    "test_one_row_a_sequence[bool]": {
        "y": {"values": [True, False], "kind": "b"},
        "classes": [False, True],
    },
    # Milliseconds since 1970 were taken for seconds.
    **{
        f"steps ms {ids} {delimiter!r} {labels}": {"rate": 50.0}
        for ids in ("int", "text")
        for delimiter in ",;\t|"
        for labels in ("int", "text")
    },
}


def described(data: Dataset) -> dict[str, Any]:
    """What a data set is, without its notes."""
    y: Any = None
    if isinstance(data.y, Sequences):
        y = {"steps": [codes.ravel().tolist() for codes in data.y]}
    elif data.y is not None:
        y = {"values": data.y.tolist(), "kind": data.y.dtype.kind}

    def plain(column: Any) -> Any:
        return None if column is None else column.tolist()

    # Whole numbers of a single channel were floats.
    kind = np.float32 if data.x.values.dtype == np.int32 else data.x.values.dtype
    values = np.ascontiguousarray(data.x.values, kind)
    return {
        "n": len(data),
        "lengths": data.x.lengths.tolist(),
        "channels": data.x.channels,
        "names": None if data.channels is None else list(data.channels),
        "x": hashlib.sha256(values.tobytes()).hexdigest()[:16],
        "y": y,
        "classes": None if data.classes is None else list(data.classes),
        "rate": data.rate_hz,
        "groups": plain(data.groups),
        "parts": plain(data.parts),
        "ids": plain(data.ids),
    }


@pytest.mark.sampled(3)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table["name"]))
def test_reads_to_the_same(tmp_path: Path, table: dict[str, Any]) -> None:
    """Sequences, labels, classes, groups, parts, ids and rate, without an option more."""
    for name, text in table["files"].items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    wanted = {name: table["reads"][name] for name in table["reads"] if name != "notes"}
    wanted |= OTHERWISE.get(table["name"], {})
    data = reader_named("table").read(tmp_path / table["root"], **table["options"])
    assert described(data) == wanted
