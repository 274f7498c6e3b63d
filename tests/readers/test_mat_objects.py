"""Objects of MATLAB's classes: files that MATLAB saved, files that matio writes, damaged ones."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from segue.errors import FileError
from segue.readers import read
from segue.readers.matfiles import load
from segue.readers.matobjects import Categorical, Cell, Opaque, Table
from segue.testing import check_reader

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # matio sets an option of pandas that will go away
    import matio
    from matio.utils.matclass import MatlabOpaque

GOLDEN = Path(__file__).parents[1] / "golden" / "formats" / "mat"
X = [np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(2, 4) + 10, np.ones((2, 2))]
KINDS = pd.Categorical(["walk", "run", "walk"], categories=["walk", "sit", "run"])


def cell(items: list[Any]) -> np.ndarray:
    array = np.empty((len(items), 1), object)
    array[:, 0] = items
    return array


def strings(*texts: Any) -> np.ndarray:
    kind = np.dtypes.StringDType(na_object=np.nan)
    return np.array([[text] for text in texts], dtype=kind)


@pytest.fixture(params=["v7", "v7.3"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    def write(**values: Any) -> Path:
        path = tmp_path / "a.mat"
        made = {k: cell(v) if isinstance(v, list) else v for k, v in values.items()}
        matio.save_to_mat(path, made, version=request.param, do_compression=False)
        return path

    return write


# -- files that MATLAB saved ----------------------------------------------------------------------


@pytest.fixture(params=["v7", "v73"])
def matlab(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    packed = GOLDEN / f"objects_{request.param}.mat.gz"
    path = GOLDEN / f"objects_{request.param}.mat"
    if packed.exists():
        path = tmp_path / "objects.mat"
        path.write_bytes(gzip.decompress(packed.read_bytes()))
    return load(GOLDEN / f"strings_{request.param}.mat") | load(path)


def texts(value: Categorical) -> list[str]:
    return [("<undefined>", *value.names)[code] for code in value.codes.tolist()]


def test_categorical_arrays_of_matlab(matlab: dict[str, Any]) -> None:
    """As its script made them: also matrices, column by column, and what is undefined."""
    assert texts(matlab["cat_missing"]) == ["cat", "<undefined>", "dog", "mouse"]
    assert texts(matlab["cat_array"]) == ["low", "high", "medium", "low"]
    assert texts(matlab["cat_3D"]) == ["yes", "yes", "no", "no", "maybe", "maybe"] * 2
    assert matlab["cat_ordered"].names == ("small", "medium", "large")
    assert matlab["cat_mixed_case"].names == ("OFF", "ON", "On", "off", "on")
    assert texts(matlab["cat_from_numeric"]) == ["low", "medium", "high", "medium", "low"]
    assert texts(matlab["cat_empty"]) == []


def test_strings_and_tables_of_matlab(matlab: dict[str, Any]) -> None:
    """Strings column by column; tables with columns of numbers, strings and cells."""
    fruits = ["Apple", "Date", "Banana", "Fig", "Cherry", "Grapes"]
    assert matlab["string_array"] == fruits
    assert matlab["string_scalar"] == ["Hello"]
    assert matlab["string_empty"] == [""]
    table = matlab["table_nan"]
    assert table.columns["Var2"] == ["A", "", "C"]
    np.testing.assert_array_equal(table.columns["Var1"], [[1.1], [np.nan], [3.3]])
    assert list(matlab["table_var_names"].columns) == ["X", "Y"]
    assert matlab["table_empty"] == Table({})
    column = matlab["table_from_cell"].columns["Var1"]
    assert column.items[1:] == (["text"], Opaque("datetime"))
    assert matlab["timetable_datetime"] == Opaque("timetable")


# -- data sets as MATLAB users have them -----------------------------------------------------------


def test_categorical_labels(write: Any) -> None:
    """Classes have the order of the categories, without those that do not occur."""
    test = pd.Categorical(["run"] * 2, categories=KINDS.categories)
    path = write(XTrain=X, YTrain=KINDS, XTest=X[:2], YTest=test)
    data = read(path)
    assert data.y.tolist() == ["walk", "run", "walk", "run", "run"]
    assert data.classes == ("walk", "run")
    assert data.parts.tolist() == ["train"] * 3 + ["test"] * 2
    np.testing.assert_array_equal(data.x[1], X[1].T)
    check_reader(path)


def test_string_labels(write: Any) -> None:
    """Text of any script, that beyond 16 bits too."""
    assert read(write(X=X, Y=strings("é", "run 𝄞", "é"))).y.tolist() == ["é", "run 𝄞", "é"]


def test_categories_of_each_step(write: Any) -> None:
    """A categorical vector in each cell; undefined is no label; categories may differ."""
    steps = [["a", "b", "a"], ["a", None, "c", "c"], ["b", "b"]]
    data = read(write(XTrain=X, YTrain=[pd.Categorical(row) for row in steps]))
    assert data.classes == ("a", "b", "c")
    assert data.y.values.ravel().tolist() == [0, 1, 0, 0, -1, 2, 2, 1, 1]


def test_classes_of_steps_that_the_parts_do_not_share(write: Any) -> None:
    """They are joined, whichever the test part lacks."""
    train = [["a", "b", "d"], ["a", "b", "b", "a"], ["b", "b"]]
    test = [["d", "c"]]
    for made in (pd.Categorical, lambda row: strings(*row)):
        data = read(
            write(
                XTrain=X,
                YTrain=[made(row) for row in train],
                XTest=[X[2]],
                YTest=[made(row) for row in test],
            )
        )
        assert data.classes == ("a", "b", "c", "d")
        assert data.y[3].ravel().tolist() == [3, 2]


def test_tables(write: Any) -> None:
    """A column of sequences in cells and one of labels, in a table for each part."""
    table = pd.DataFrame({"Signal": X, "Kind": KINDS, "Age": [30.0, 40.0, 50.0]})
    data = read(write(tblTrain=table, tblTest=table[:2]))
    assert data.parts.tolist() == ["train"] * 3 + ["test"] * 2
    assert data.y.tolist() == ["walk", "run", "walk", "walk", "run"]
    assert data.notes[0] == "sequences 'tblTrain.Signal' (channel x time), labels 'tblTrain.Kind'"
    path = write(recordings=table)
    assert read(path).part_names == ()
    assert read(path, x="recordings.Signal", y="recordings.Age").y.tolist() == [30, 40, 50]


# -- what does not fit -----------------------------------------------------------------------------


def test_labels_that_are_none(write: Any) -> None:
    for y, message in {
        "undefined": (pd.Categorical(["a", None, "b"]), r"Y\(2\) is <undefined>: no label"),
        "missing": (strings("a", "b", np.nan), r"Y\(3\) is empty or <missing>: no label"),
        "few": (pd.Categorical(["a", "b"]), "Y is a categorical array of 2; expected one .* of 3"),
        "times": (np.array([["2025-01-01"]] * 3, "M8[ms]"), r"MATLAB datetime, .*cellstr\(Y\)"),
        "mixed": (
            [pd.Categorical(["a", "b", "a"]), strings("a", "b", "a", "b"), X[2]],
            r"labels of several kinds, a number \(1\) and text \('a'\)",
        ),
    }.values():
        with pytest.raises(FileError, match=message):
            read(write(X=X, Y=y))


def words(metadata: np.ndarray) -> tuple[np.ndarray, list[int]]:
    numbers = metadata.view("<i4")
    return numbers, (numbers[2:10] // 4).tolist()


DAMAGES: dict[str, tuple[Callable[[np.ndarray, list[int]], Any], str]] = {
    "version": (lambda n, at: n.__setitem__(0, 9), "version 9, which is not known"),
    "regions in disorder": (lambda n, at: n.__setitem__(4, 2), "list of its objects is damaged"),
    "regions outside": (lambda n, at: n.__setitem__(6, 10**8), "list of its objects is damaged"),
    "no objects": (lambda n, at: n.__setitem__(4, n[5]), "list of its objects is damaged"),
    "no classes": (lambda n, at: n.__setitem__(3, n[2]), "list of its objects is damaged"),
    "name": (lambda n, at: n.__setitem__(at[0] + 5, 10**6), "list of its objects is damaged"),
    "negative name": (lambda n, at: n.__setitem__(at[0] + 5, -7), "list of its objects is damaged"),
    "negative count": (lambda n, at: n.__setitem__(at[3] + 2, -1), "of its objects is damaged"),
    "long count": (lambda n, at: n.__setitem__(at[3] + 2, 10**8), "of its objects is damaged"),
    "block": (lambda n, at: n.__setitem__(at[2] + 10, 2**31 - 1), "list of its objects is damaged"),
    "value": (lambda n, at: n.__setitem__(at[3] + 5, 10**6), "list of its objects is damaged"),
    "negative value": (lambda n, at: n.__setitem__(at[3] + 5, -2), "of its objects is damaged"),
}


def damage(path: Path, how: Callable[[np.ndarray, list[int]], Any]) -> None:
    """Change the numbers that say which object has which properties, where they stand."""
    if h5py.is_hdf5(path):
        with h5py.File(path, "r+") as file:
            cell = file[file["#subsystem#/MCOS"][()].ravel()[0]]
            metadata = cell[()].reshape(-1).copy()
            how(*words(metadata))
            cell[...] = metadata.reshape(cell.shape)
        return
    content = bytearray(path.read_bytes())
    end = content.find(b"categoryNames\0")
    start = content.rfind(b"\x04\0\0\0", 0, end)  # the version, and the numbers behind it
    start = max(i for i in range(start - 8, start + 4) if content[i : i + 4] == b"\x04\0\0\0")
    size = int.from_bytes(content[start + 36 : start + 40], "little")
    metadata = np.frombuffer(bytes(content[start : start + size]), np.uint8).copy()
    how(*words(metadata))
    content[start : start + size] = metadata.tobytes()
    path.write_bytes(content)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_lists_of_objects(write: Any, kind: str) -> None:
    """Each gives one message with the variable, at once: numbers that lead nowhere, or round."""
    how, message = DAMAGES[kind]
    path = write(XTrain=X, YTrain=KINDS)
    assert read(path).classes == ("walk", "run")
    damage(path, how)
    with pytest.raises(FileError, match=rf"a\.mat: is not a whole MATLAB file \(.*{message}"):
        read(path)


def saved(*numbers: int) -> MatlabOpaque:
    return MatlabOpaque({"any": np.array([numbers], np.uint64)}, "string")


VALUES = {
    "code": (
        MatlabOpaque({"categoryNames": cell(["a"]), "codes": np.uint8([[2]])}, "categorical"),
        "it has codes 2 to 2 for 1 categories",
    ),
    "no categories": (
        MatlabOpaque({"categoryNames": np.ones((1, 1)), "codes": np.uint8([[1]])}, "categorical"),
        "it has no categories",
    ),
    "string of another version": (saved(2, 2, 1, 1, 1, 97), "its texts are saved in a way that"),
    "string without its text": (saved(1, 2, 1, 1, 9, 97), "it is cut off"),
    "string without lengths": (saved(1, 2, 10**9, 10**9, 1, 97), "it is cut off"),
    "string of many axes": (saved(1, 10**12, *[2**60] * 40), "it is cut off"),
    "table": (
        MatlabOpaque({"varnames": cell(["a", "b"]), "data": cell([X[0]])}, "table"),
        "it has 2 names for 1 columns",
    ),
    "table without names": (
        MatlabOpaque({"varnames": np.ones((1, 1)), "data": cell([X[0]])}, "table"),
        "it has no columns",
    ),
}  # fmt: skip


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", VALUES)
def test_objects_that_do_not_hold_together(write: Any, kind: str) -> None:
    value, message = VALUES[kind]
    with pytest.raises(FileError, match=rf"not a whole MATLAB file \(YTrain: {message}"):
        read(write(XTrain=X, YTrain=value))


def test_objects_inside_themselves(write: Any) -> None:
    """A table that is a column of itself is read once."""
    inner = MatlabOpaque({"varnames": cell(["a"]), "data": cell([KINDS])}, "table")
    path = write(T=MatlabOpaque({"varnames": cell(["b"]), "data": cell([inner])}, "table"))
    found = load(path)["T"].columns["b"]
    assert isinstance(found.columns["a"], Categorical)
    if h5py.is_hdf5(path):
        with h5py.File(path, "r+") as file:
            outer = file["T"][()]
            for item in file["#refs#"].values():
                if item.shape == outer.shape and item.dtype == outer.dtype:
                    item[...] = outer  # what stood for the inner table stands for the outer one
        assert load(path)["T"].columns["b"] == Opaque("table")


def test_values_that_are_referred_to_again_and_again(tmp_path: Path) -> None:
    """A small file of version 7.3 cannot become more than a file of its size holds."""
    path = tmp_path / "a.mat"
    matio.save_to_mat(path, {"X": cell([cell([np.ones((3, 500))] * 40)])}, version="v7.3")
    assert isinstance(load(path)["X"], Cell)
    with h5py.File(path, "r+") as file:
        inside = file[file["X"][()].ravel()[0]]
        many = file.create_dataset("Y", (1, 20_000), h5py.ref_dtype)
        many[...] = np.full((1, 20_000), inside.ref, object)
        many.attrs["MATLAB_class"] = np.bytes_("cell")
    with pytest.raises(FileError, match="Y: it refers to the same values again and again"):
        load(path)
