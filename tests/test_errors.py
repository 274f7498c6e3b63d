"""One tree of errors; each can be caught as what it is and says where it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segue import errors

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, Exception)
]


def test_everything_descends_from_one_root() -> None:
    assert all(issubclass(error, errors.SegueError) for error in CLASSES)


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (errors.DataError, ValueError),
        (errors.FileError, errors.DataError),
        (errors.ModelFileError, errors.FileError),
        (errors.DataNotFoundError, errors.FileError),
        (errors.SpecError, ValueError),
        (errors.OptionError, ValueError),
        (errors.NotFittedError, AttributeError),
        (errors.NotCausalError, ValueError),
        (errors.TrainingError, ArithmeticError),
        (errors.WriteError, OSError),
        (errors.MissingPackageError, ImportError),
    ],
)
def test_each_is_also_of_the_family_that_python_users_catch(
    error: type[Exception], family: type[Exception]
) -> None:
    assert issubclass(error, family)


def test_the_drawing_shows_every_error_at_its_depth() -> None:
    drawn = re.findall(r"^ {4}([│ ├└─]*)(\w+Error)", errors.__doc__ or "", re.MULTILINE)
    depths = {name: len(branch) // 4 for branch, name in drawn}
    assert depths == {error.__name__: depth(error) for error in CLASSES}


def depth(error: type) -> int:
    return sum(issubclass(base, errors.SegueError) for base in error.__mro__) - 1


def test_a_file_error_names_the_file_and_the_line() -> None:
    error = errors.FileError("3 values, expected 4.", path="data/x.csv", line=7)
    assert str(error) == "data/x.csv, line 7: 3 values, expected 4."
    assert (error.path, error.line) == (Path("data/x.csv"), 7)
    assert str(errors.FileError("is empty.", path="x.csv")) == "x.csv: is empty."
    assert str(errors.FileError("nothing came.")) == "nothing came."


def test_a_spec_error_marks_the_place() -> None:
    error = errors.SpecError('Unknown layer "lstmm".', text="conv(8) lstmm(9)", position=8)
    assert str(error).splitlines() == [
        'Unknown layer "lstmm".',
        "  conv(8) lstmm(9)",
        "          ^",
    ]


def test_near_words_are_suggested_and_far_ones_listed() -> None:
    assert errors.did_you_mean("BiLSTM", ["bilstm", "lstm"]) == ' Did you mean "bilstm"?'
    assert errors.did_you_mean("zzz", ["b", "a"]) == " Known: a, b."
