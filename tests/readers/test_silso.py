"""The daily sunspot numbers: what can be wrong with the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from segue.errors import FileError
from segue.readers import read

DAY = "2023;12;30;2023.996; 101; 10.5;  30;1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected lines of year;month"),
        (
            DAY + "2023;12;31;2023.999;  -1\n",
            "line 2: is '2023;12;31;2023.999;  -1'; expected year",
        ),
        (DAY + "<html>\n", "line 2: is '<html>'; expected year;month;day"),
        (DAY + DAY, "line 2: is 2023-12-30, but the line before is 2023-12-30; expected the next"),
        (DAY + DAY.replace("12;30", "12;32"), "line 2: is '2023;12;32;.*; expected year;month;day"),
    ],
)
def test_lines_that_do_not_fit(tmp_path: Path, text: str, message: str) -> None:
    """Cut off, foreign or out of order: the line is named."""
    path = tmp_path / "SN_d_tot_V2.0.csv"
    path.write_text(text, encoding="ascii")
    with pytest.raises(FileError, match=message):
        read(path)
