"""The archives' ARFF files: the same as `.ts`, quotes and comments, and tables of other things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.data.dataset import Dataset
from segue.errors import OptionError
from segue.readers import read

FLAT = "@relation Waves\n@attribute att0 numeric\n@attribute att1 REAL\n@attribute target {a,b}\n"
NESTED = (
    "@relation 'Two words'\n@attribute bag relational\n@attribute t0 numeric\n"
    "@attribute t1 numeric\n@end bag\n@attribute class {walk,'run up'}\n"
)


def arff(folder: Path, text: str, name: str = "Waves_TRAIN.arff") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def steps(data: Dataset) -> list[list[list[float]]]:
    return [case.T.tolist() for case in data.x]


def as_archive(data: Dataset) -> str:
    """A data set as the archive writes it, with its own `?` at the end of shorter series."""
    longest = max(data.x.lengths)
    lines = [f"@relation {data.name}"]
    single = data.x.channels == 1
    lines += [] if single else ["@attribute relationalAtt relational"]
    lines += [f"@attribute att{i} numeric" for i in range(longest)]
    lines += [] if single else ["@end relationalAtt"]
    lines += [f"@attribute classAttribute {{{','.join(map(str, data.classes))}}}", "@data"]
    for case, label in zip(data.x, data.y, strict=True):
        texts = [[*map(str, channel), *["?"] * (longest - len(case))] for channel in case.T]
        rows = [",".join(row).replace("nan", "?") for row in texts]
        lines.append(f"{rows[0]},{label}" if single else '"' + "\\n".join(rows) + f'",{label}')
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", ["uea/JapaneseVowels", "uea/BasicMotions", "ucr/GunPoint"])
def test_parity_with_the_other_form(tmp_path: Path, data_folder, name: str) -> None:
    """Real sets, univariate and not, of equal and unequal lengths, read to the same as before."""
    expected = read(data_folder(name))
    for part in expected.part_names:
        own = expected.part(part)
        arff(tmp_path, as_archive(own), f"{expected.name}_{part.upper()}.arff")
    data = read(tmp_path)
    assert data.x == expected.x
    assert data.y.tolist() == expected.y.tolist()
    assert (data.classes, data.part_names) == (expected.classes, expected.part_names)
    assert data.notes == ("label 'classAttribute'",)


def test_a_flat_file(tmp_path: Path) -> None:
    """Comments, blanks, capitals, missing values within, and no steps at the end."""
    text = "% made by hand\n\n" + FLAT.replace("@attribute", "@ATTRIBUTE")
    data = read(arff(tmp_path, text + "@DATA\n% none\n1, 2, a\n?,3,b\n4,?,b\n?,?,a\n"))
    np.testing.assert_equal(steps(data), [[[1, 2]], [[np.nan, 3]], [[4]], [[np.nan, np.nan]]])
    assert data.y.tolist() == ["a", "b", "b", "a"]
    assert (data.name, data.notes) == ("Waves", ("label 'target'",))
    assert len(read(tmp_path / "Waves_TRAIN.arff", limit=2)) == 2


def test_a_relational_file(tmp_path: Path) -> None:
    """Channels between `\\n`, quotes of both kinds, labels and names with blanks."""
    rows = "\"1,2\\n3,4\",walk\n'5,?\\n6,?' , 'run up'\n"
    data = read(arff(tmp_path, NESTED + "@data\n" + rows))
    assert steps(data) == [[[1, 2], [3, 4]], [[5], [6]]]
    assert data.classes == ("run up", "walk")
    assert data.name == "Two words"


def test_rows_that_are_steps(tmp_path: Path) -> None:
    """Attributes that do not count are channels; the option says otherwise."""
    text = NESTED.replace("t0", "x").replace("t1", "y") + '@data\n"1,2\\n3,4\\n5,6",walk\n'
    data = read(arff(tmp_path, text))
    assert (data.channels, steps(data)) == (("x", "y"), [[[1, 3, 5], [2, 4, 6]]])
    data = read(arff(tmp_path, text), layout="ct")
    assert steps(data) == [[[1, 2], [3, 4], [5, 6]]]


@pytest.mark.parametrize(
    ("attribute", "labels", "expected", "task", "said"),
    [
        ("target {'1','2'}", ["1", "2"], [1, 2], "classify", None),
        ("target {01,2}", ["01", "2"], ["01", "2"], "classify", None),
        ("Class {'it\\'s',b}", ["'it\\'s'", "b"], ["it's", "b"], "classify", None),
        ("label string", ["'two words'", "b"], ["two words", "b"], "classify", None),
        ("target numeric", ["0.5", "2"], [0.5, 2.0], "regress", "numbers with fractions"),
        ("class numeric", ["1.0", "2"], [1, 2], "classify", "numbers with 2 values: taken as"),
        ("kind {a,b}", ["b", "a"], ["b", "a"], "classify", None),
    ],
)
def test_labels(  # noqa: PLR0917
    tmp_path: Path, attribute: str, labels: list[str], expected: list[object], task: str, said: Any
) -> None:
    """Nominal, text or numbers; by name, or the only nominal attribute; first or last."""
    lines = ["@relation r", "@attribute t0 real", "@attribute t1 real", "@data"]
    for place in (1, 3):
        head = [*lines[:place], f"@attribute {attribute}", *lines[place:]]
        rows = [f"{one},1,2" if place == 1 else f"1,2,{one}" for one in labels]
        data = read(arff(tmp_path, "\n".join([*head, *rows])))
        assert data.y.tolist() == expected
        assert data.task == task
        assert data.notes[1:] == () if said is None else data.notes[1].startswith(said)
        assert steps(data) == [[[1, 2]], [[1, 2]]]


def test_no_label(tmp_path: Path) -> None:
    """Numbers alone are series without labels, which a note says."""
    data = read(arff(tmp_path, FLAT.rpartition("@attribute")[0] + "@data\n1,2\n3,4\n"))
    assert (data.y, data.notes) == (None, ("no label",))


def test_beside_the_other_form(tmp_path: Path) -> None:
    """The archive's folders hold both: `.ts` is read then, and `.arff` if it is asked for."""
    arff(tmp_path, FLAT + "@data\n1,2,a\n")
    arff(tmp_path, FLAT + "@data\n1,2,a\n", "WavesDimension1_TRAIN.arff")
    (tmp_path / "Waves_TRAIN.ts").write_text("@univariate true\n@classLabel true a\n@data\n9:a\n")
    assert steps(read(tmp_path)) == [[[9]]]
    assert steps(read(tmp_path / "Waves", format="arff")) == [[[1, 2]]]


IRIS = "@relation i\n@attribute length real\n@attribute width real\n@attribute class {a,b}\n"


def test_each_row_a_series_all_the_same(tmp_path: Path) -> None:
    """The option that the message names makes it so; others are refused."""
    path = arff(tmp_path, IRIS + "@data\n1,2,a\n3,4,b\n")
    assert steps(read(path, layout="ct")) == [[[1, 2]], [[3, 4]]]
    with pytest.raises(OptionError, match="layout='rows'; expected 'ct' or 'tc'"):
        read(path, layout="rows")


def test_letters_beyond_ascii(tmp_path: Path) -> None:
    """Two classes stay two in an older encoding, and a note says which it is."""
    path = tmp_path / "a.arff"
    text = FLAT.replace("{a,b}", "{grün,grön}") + "@data\n1,2,grün\n1,2,grön\n"
    path.write_bytes(text.encode("latin-1"))
    data = read(path)
    assert data.classes == ("grön", "grün")
    assert data.notes[0] == "read as cp1252 (not UTF-8: byte 0xfc in line 4)"
