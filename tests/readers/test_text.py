"""Texts from files: folders, units, encodings, and what cannot be read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from segue.errors import DataError, FileError, OptionError
from segue.readers import read
from segue.readers.text import split_sentences

LETTER = "Dear Sir,\n\nI did. It rained\nin the U.S. “Why?” he asked.\n\n\nYours, A. Hill\n"


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_folders_are_classes_and_parts(tmp_path: Path) -> None:
    """A file is a text; its folder is its class, and notes about the data are no texts."""
    put(
        tmp_path / "mail",
        {
            "README.txt": "about",
            "train/ann/1.txt": "a\r\nb",
            "train/ben/1.txt": "c",
            "train/ben/LICENSE.txt": "free",
            "test/ann/1.txt": "\ufeffd",
        },
    )
    data = read(tmp_path / "mail")
    assert data.x.texts() == ["a\nb", "c", "d"]
    assert data.y.tolist() == ["ann", "ben", "ann"]
    assert data.parts.tolist() == ["train", "train", "test"]
    assert data.ids.tolist() == ["ann/1.txt", "ben/1.txt", "ann/1.txt"]
    assert (data.name, data.groups) == ("mail", None)


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({}, [LETTER]),
        (
            {"unit": "paragraph"},
            ["Dear Sir,", "I did. It rained in the U.S. “Why?” he asked.", "Yours, A. Hill"],
        ),
        (
            {"unit": "sentence"},
            [
                *("Dear Sir,", "I did.", "It rained in the U.S. “Why?” he asked."),
                "Yours, A. Hill",
            ],
        ),
        (
            {"unit": "line"},
            [
                *("Dear Sir,", "I did. It rained", "in the U.S. “Why?” he asked."),
                "Yours, A. Hill",
            ],
        ),
        (
            {"chunk": 6},
            ["Dear Sir, I did. It rained", "in the U.S. “Why?” he asked.", "Yours, A. Hill"],
        ),
        (
            {"unit": "characters", "chunk": 30},
            [LETTER[:30], LETTER[30:60], LETTER[60:]],
        ),
    ],
)
def test_units(tmp_path: Path, options: dict[str, object], texts: list[str]) -> None:
    """What is cut from one file is one group, and its ids count from 1."""
    put(tmp_path, {"a.txt": LETTER})
    data = read(tmp_path / "a.txt", **options)
    assert data.x.texts() == texts
    if options:
        assert data.ids.tolist() == [f"a.txt:{n}" for n in range(1, len(texts) + 1)]
        assert set(data.groups.tolist()) == {"a.txt"}


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("unit", ["file", "line", "sentence"])
def test_blocks_do_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, unit: str
) -> None:
    """A character, a line end or a mark may be cut in two by a block."""
    text = "Ärger über Öl.\r\nSo läuft’s 😀\rEnde"
    put(tmp_path, {"a.txt": text, "b.txt": b"\xff\xfe" + text.encode("utf-16-le")})
    monkeypatch.setattr("segue.readers.decoding.BLOCK_BYTES", block)
    first, second = (read(tmp_path / name, unit=unit).x.texts() for name in ("a.txt", "b.txt"))
    assert first == second
    assert "\n".join(first).splitlines()[-1].endswith("Ende")


def test_no_split_parts_a_file(tmp_path: Path) -> None:
    """Sentences of one file stay together; files of one name in two parts are two groups."""
    files = {f"{c}/{n}.txt": "One. Two. Three." for c in "ab" for n in range(5)}
    train, test = read(put(tmp_path / "x", files), unit="sentence").split(0.4, seed=1)
    assert not set(train.groups) & set(test.groups)
    both = put(
        tmp_path / "y", {f"{p}/{c}/1.txt": "One. Two." for p in ("train", "test") for c in "ab"}
    )
    data = read(both, unit="sentence")
    assert sorted(set(data.groups)) == [
        "test/a/1.txt",
        "test/b/1.txt",
        "train/a/1.txt",
        "train/b/1.txt",
    ]
    assert data.summary().groups_across_parts == 0


@pytest.mark.parametrize(
    ("encoding", "given"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("utf-32", None),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
        ("koi8-r", "koi8-r"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, given: str | None) -> None:
    """A mark at the beginning is understood and left out; other encodings are named."""
    text = {"koi8-r": "Привет", "shift_jis": "こんにちは"}.get(encoding, "déjà – vu")
    put(tmp_path, {"a.txt": text.encode(encoding)})
    assert read(tmp_path / "a.txt", encoding=given).x.texts() == [text]


def test_a_limit_reads_no_further_than_it_must(tmp_path: Path) -> None:
    """The first sentences of 40 MB are there at once and in little memory, of each class some."""
    sentence = "This is a sentence of some length, and one like the other. "
    put(
        tmp_path,
        {"a/big.txt": sentence * 350_000 + "\n\n", "b/big.txt": (sentence + "\n\n") * 350_000},
    )
    (tmp_path / "a" / "big.txt").write_text((sentence + "\n\n") * 350_000)
    tracemalloc.start()
    data = read(tmp_path, unit="sentence", limit=6)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert data.y.tolist() == ["a", "a", "a", "b", "b", "b"]


def test_notes_beside_data_are_no_data(tmp_path: Path) -> None:
    """A text beside files of another format is left alone, wherever it lies."""
    put(tmp_path, {"X_TRAIN.tsv": "1\t0.5\n", "hints.txt": "hm"})
    assert len(read(tmp_path)) == 1
    put(tmp_path / "p", {"train/a.tsv": "1\t0.5\n", "test/a.tsv": "1\t1\n", "doc/hints.txt": "hm"})
    assert read(tmp_path / "p").part_names == ("train", "test")


def test_a_table_of_labels(tmp_path: Path) -> None:
    table = "filename,label,group\na.txt,glad,ann\nb.txt,sad,ben\n"
    put(tmp_path, {"a.txt": "Ha! Ho!", "b.txt": "Oh.", "labels.csv": table})
    data = read(tmp_path, unit="sentence")
    assert data.y.tolist() == ["glad", "glad", "sad"]
    assert data.groups.tolist() == ["ann", "ann", "ben"]


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"one\ntwo caf\xe9 x\n", {}, r"a.txt, line 2: is not UTF-8 at byte 11 \(e9: .*'cp1252'\."),
        (b"ok \xc3", {}, r"line 1: is not UTF-8 at byte 3 .*, or the file is cut off\."),
        (b"\xed\xa0\x80", {}, "is not UTF-8 at byte 0"),
        ("no mark".encode("utf-16-le"), {}, "zero byte at 1, .*: encoding='utf-16-le'"),
        (PNG, {}, "line 1: is not UTF-8|zero byte .* It looks like a PNG image"),
        (b"text\0more", {}, "zero byte at 4"),
        (b"\xff\xfea\0b", {}, "is not UTF-16.* at byte 4"),
        (b"", {}, "a.txt: is empty: remove it"),
        (b" \n\t\n", {"unit": "sentence"}, "is empty: remove it"),
        (b"\xef\xbb\xbf", {}, "is empty"),
        ("é".encode(), {"encoding": "ascii"}, r"is not ASCII at byte 0 .*\. Is it in another enc"),
        (b"\x81", {"encoding": "cp1252"}, "is not CHARMAP|is not CP1252"),
    ],
)
def test_one_message_says_what_is_wrong(
    tmp_path: Path, content: bytes, options: dict[str, str], said: str
) -> None:
    """With the file, the byte and the line; and never anything but a FileError."""
    put(tmp_path, {"a.txt": content})
    with pytest.raises(FileError, match=said):
        read(tmp_path / "a.txt", **options)


def test_all_files_of_a_folder_are_told_together(tmp_path: Path) -> None:
    put(tmp_path, {"a/1.txt": b"\xff", "a/2.txt": "ok", "b/1.txt": "", "b/2.txt": b"x\n\xe9 y"})
    (tmp_path / "b" / "3.txt").symlink_to(tmp_path / "nowhere.txt")
    with pytest.raises(FileError) as caught:
        read(tmp_path)
    told = str(caught.value)
    assert "4 of 5 texts cannot be used:" in told
    for said in ("  a/1.txt, line 1: is not", "b/1.txt: is empty", "b/2.txt, line 2: is not UTF-8"):
        assert said in told
    assert "b/3.txt: cannot be read (No such file or directory)." in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"unit": "sentense"}, 'unit=.sentense.*Did you mean "sentence"'),
        ({"unit": "words"}, "unit='words' needs how many, such as chunk=50; got None"),
        ({"chunk": 0}, "needs how many, such as chunk=50; got 0"),
        ({"chunk": 5, "unit": "line"}, "chunk=5 is for unit='words' or 'characters', not 'line'"),
        ({"encoding": "utf-9"}, 'there is no such encoding. Did you mean "utf-8"'),
        ({"encoding": "hex"}, "there is no such encoding"),
        ({"units": "line"}, 'has no option .units.*Did you mean "unit"'),
    ],
)
def test_options_that_mean_nothing(tmp_path: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        read(put(tmp_path, {"a.txt": "x"}), **options)


def test_texts_on_two_levels(tmp_path: Path) -> None:
    """The files side by side are the data set then, as for sounds."""
    put(tmp_path, {"a.txt": "x", "b/c.txt": "y"})
    with pytest.raises(DataError, match="beside folders of texts"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Mr. Hill left. He ran.", ["Mr. Hill left.", "He ran."]),
        ("Thomas A. Hendricks died. So did I. They wept.", 3),
        ("The U.S. Navy won. It was in the U.S. The war ended.", 3),
        ("See No. 5 and Nos. 6. He said no. We left.", 3),
        ("It cost 3.50 dollars. In 1885. The end.", 3),
        ("1. The tariff. 2. The navy.", ["1. The tariff.", "2. The navy."]),
        ("“Why?” he said. “Stop!” She ran.", ["“Why?” he said.", "“Stop!”", "She ran."]),
        ('He said "Go." Then (it says.) he ran.', ['He said "Go."', "Then (it says.) he ran."]),
        ("Well ... maybe. Hm… Yes?! No.", ["Well ... maybe.", "Hm…", "Yes?!", "No."]),
        ("Cats, dogs, etc. are here. Cats, dogs, etc. The rest ran.", 3),
        ("At 3 p.m. Monday we met. At 3 p.m. He came.", 3),
        ("今日は。元気ですか？はい", ["今日は。", "元気ですか？", "はい"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("¿Qué? ¡Sí! Está bien.", ["¿Qué?", "¡Sí!", "Está bien."]),
        ("Das ist z.B. gut. Herr Dr. Meier kam.", ["Das ist z.B. gut.", "Herr Dr. Meier kam."]),
        ("no end", ["no end"]),
        ("   ", []),
        ("", []),
    ],
)  # fmt: skip
def test_sentences(text: str, sentences: list[str] | int) -> None:
    found = split_sentences(text)
    assert (len(found) if isinstance(sentences, int) else found) == sentences
    assert "".join(found).replace(" ", "") == "".join(text.split())


def test_sentences_take_time_in_proportion(tmp_path: Path) -> None:
    """What looks like an end again and again is read in a moment."""
    import time

    began = time.perf_counter()
    for piece in (". ", "a.b.", "!\"')", "Mr. ", "((((", "“"):
        split_sentences(piece * 20_000)
    assert time.perf_counter() - began < 20
