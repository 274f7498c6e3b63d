r"""Weka's `.arff` files as the UEA and UCR archives have them, flat and relational.

    @relation Waves                         @relation Movements
    @attribute att0 numeric                 @attribute movement relational
    @attribute att1 numeric                   @attribute t0 numeric
    @attribute target {slow,fast}             @attribute t1 numeric
    @data                                   @end movement
    0.5,1,slow                              @attribute class {walk,run}
    2,?,fast                                @data
                                            "0.5,1\n2,3",walk

Flat: a series in each row, and its class. Relational: the channels of a series in quotes, with `\n`
between them. `?` is a missing value, or at the end of a series no step at all. Attributes that do
not count (`x`, `y`) are channels and no steps: then a row of the relation is a step.

Source: Weka's manual, chapter "ARFF"; "Data formats", www.timeseriesclassification.com.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

from segue.errors import DataError, counted
from segue.readers.blocks import Blocks
from segue.readers.cases import (
    Case,
    CaseFormat,
    LabelKind,
    read_cases,
    short,
    values_of,
    without_padding,
)

_QUOTED = r"""'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*\""""
_FIELD = re.compile(rf"(?:^|,)\s*({_QUOTED}|[^,'\"]*?)\s*(?=,|$)")
_ATTRIBUTE = re.compile(rf"@attribute\s+({_QUOTED}|[^\s{{'\"]+)(?:\s+|(?={{))(\S.*)", re.IGNORECASE)
_LABEL = re.compile(r"class|target|label|y", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?)([0-9]+)\D?")
_NUMBERS = ("numeric", "real", "integer")
_EXPECTED = (
    "expected a series in each row, as in the UEA and UCR archives: attributes of numbers that "
    "count, such as att0, att1, ..., or one that is relational; and the class"
)
Layout = Literal["ct", "tc"]


class _Attribute(NamedTuple):
    """A column: its type in one word, and what it is as a label."""

    name: str
    kind: str
    labels: LabelKind


def blocks(
    path: Path,
    *,
    values: int | None = None,
    limit: int | None = None,
    layout: Layout | None = None,
    encoding: str | None = None,
) -> Blocks:
    """Read one `.arff` file.

    Args:
        path: the file.
        values: about so many values at a time; `None`: everything at once.
        limit: read only the first so many rows; the lines after them are not looked at.
        layout: "ct" if the attributes are the steps of each channel, "tc" if those in a relational
            attribute are the channels of each step; inferred from their names if left out.
        encoding: such as "cp1252"; inferred from the file if left out.

    Yields:
        Data sets. The label is the attribute called class, target, label or y, else the last
        nominal one. `notes` name it.

    Raises:
        OptionError: a layout that there is not.
        FileError: what is wrong, with the number of the line; a table of other things.
    """
    yield from read_cases(path, _Arff(layout), values=values, limit=limit, encoding=encoding)


class _Arff(CaseFormat):
    """Parser of the lines of one `.arff` file."""

    def __init__(self, layout: Layout | None) -> None:
        self._layout = layout
        self._attributes: list[_Attribute] = []
        self._inside: list[_Attribute] = []  # the relational one
        self._is_inside = False
        self._label: _Attribute | None = None

    def known(self) -> dict[str, Any]:
        channels = tuple(a.name for a in self._inside) if self._layout == "tc" else None
        note = f"label {self._label.name!r}" if self._label else "no label"
        return {"channels": channels, "notes": (note,)}

    # -- the header -------------------------------------------------------------------------------

    def read_tag(self, line: str) -> bool:
        tag = line.split(maxsplit=1)[0].lower()
        match tag:
            case "@relation":
                self.name = _plain(line[len(tag) :].strip())
            case "@attribute":
                attribute = _attribute(line)
                (self._inside if self._is_inside else self._attributes).append(attribute)
                self._is_inside = self._is_inside or attribute.kind == "relational"
            case "@end":
                self._is_inside = False
            case "@data":
                self._decide()
            case _:
                raise DataError(f"{short(line)!r} stands before @data; expected @attribute.")
        return tag != "@data"

    def _decide(self) -> None:
        """Decide which attribute is the label, and the kinds of the others."""
        nominal = [a for a in self._attributes if a.kind == "nominal"]
        named = [a for a in self._attributes if _LABEL.fullmatch(a.name)]
        if nominal or named:
            self._label = [*nominal, *named][-1]
            self.labels = self._label.labels
        self.at_once = self.labels is float  # whether they are classes is inferred from all of them
        series = [a for a in self._attributes if a is not self._label]
        flat = all(a.kind != "relational" for a in series)
        steps = series if flat else self._inside
        strange = [a for a in (*series, *self._inside) if a.kind not in (*_NUMBERS, "relational")]
        if strange or not steps or (not flat and len(series) > 1):
            what = short(", ".join(f"{a.kind} ({a.name})" for a in strange or series), 120)
            raise DataError(f"has attributes of {what}; {_EXPECTED}.")
        count = _count(steps)
        if flat and not count and self._layout != "ct":
            names = short(", ".join(repr(a.name) for a in steps), 120)
            raise DataError(
                f"has the attributes {names}, which do not count; {_EXPECTED}. If each row is a "
                f"series of {len(steps)} steps all the same: layout='ct'. Else save it as CSV."
            )
        self._layout = self._layout or ("ct" if count else "tc")

    # -- the rows ---------------------------------------------------------------------------------

    def read_case(self, line: str) -> Case:
        if line.startswith("{"):
            raise DataError(
                f"{short(line)!r} is a sparse row, which is not read: save the file with all "
                "values (in Weka: the filter SparseToNonSparse)."
            )
        fields = _fields(line)
        if len(fields) != len(self._attributes):
            raise DataError(
                f"has {counted(len(fields), 'value')}; expected {len(self._attributes)}, one for "
                "each attribute."
            )
        label = "" if self._label is None else self._take_label(fields, self._label)
        rows = [",".join(fields)]
        if self._inside:
            rows = [row for row in _plain(fields[0], relation=True).split("\n") if row.strip()]
            self._check_rows(rows)
        values = values_of(rows)
        return Case(without_padding(values if self._layout == "ct" else values.T), label)

    def _take_label(self, fields: list[str], attribute: _Attribute) -> str:
        field = fields.pop(self._attributes.index(attribute))
        label = _plain(field)
        if field == "?" or not label:
            raise DataError(f"has no {attribute.name} ({field!r}): leave such rows out.")
        self.check_label(label, attribute.name)
        return label

    def _check_rows(self, rows: list[str]) -> None:
        if not rows:
            raise DataError("has a relation without a row; expected values.")
        for number, row in enumerate(rows, start=1):
            if row.count(",") + 1 != len(self._inside):
                raise DataError(
                    f"row {number} of the relation has {counted(row.count(',') + 1, 'value')}; "
                    f"expected {len(self._inside)}, one for each attribute inside it."
                )
        self.channels = self.channels or len(rows)
        if self._layout == "ct" and len(rows) != self.channels:
            raise DataError(
                f"has {counted(len(rows), 'row')} in its relation and the first case has "
                f"{self.channels}. Rows are channels here, and all cases have the same. If a row "
                "is a step and each attribute a channel: layout='tc'."
            )


def _attribute(line: str) -> _Attribute:
    match = _ATTRIBUTE.fullmatch(line)
    if match is None:
        raise DataError(f"is {short(line)!r}; expected @attribute, its name and its type.")
    name, kind = _plain(match[1]), match[2].strip()
    if kind.startswith("{") and kind.endswith("}"):
        return _Attribute(name, "nominal", tuple(map(_plain, _fields(kind[1:-1]))))
    kind = kind.split()[0].lower()
    return _Attribute(name, kind, float if kind in _NUMBERS else str)


def _fields(line: str) -> list[str]:
    """The fields between the commas, with their quotes."""
    if "'" not in line and '"' not in line:
        return [text.strip() for text in line.split(",")]
    matches = list(_FIELD.finditer(line))
    if sum(len(match[0]) for match in matches) != len(line):
        raise DataError(f"has a quote without an end, or something behind one: {short(line)!r}.")
    return [match[1] for match in matches]


def _plain(field: str, *, relation: bool = False) -> str:
    """A field without its quotes; in a relation a backslash and an n end a row."""
    if field[:1] not in ("'", '"'):
        return field
    inside = field[1:-1].replace("\\n", "\n") if relation else field[1:-1]
    return re.sub(r"\\(.)", r"\1", inside)


def _count(attributes: list[_Attribute]) -> bool:
    """Whether the names count one by one: att0, att1, att2."""
    matches = [_NUMBERED.fullmatch(attribute.name) for attribute in attributes]
    found = [(match[1], int(match[2])) for match in matches if match]
    steps = all(a == b and n - m == 1 for (a, m), (b, n) in pairwise(found))
    return len(found) == len(attributes) and steps
