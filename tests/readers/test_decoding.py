"""Which encoding a file is in: told from all of its bytes, and never with anything replaced."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from segue.errors import FileError, OptionError
from segue.readers.decoding import find_encoding, open_text

TEXT = "kind,x\ngrün,1\nß – €,2\n"


def text_of(path: Path, encoding: str | None = None) -> str:
    with open_text(path, find_encoding(path, encoding).name) as file:
        return file.read()


@pytest.mark.parametrize(
    ("encoding", "given", "note"),
    [
        ("utf-8", None, ""),
        ("utf-8-sig", None, ""),
        ("utf-16", None, ""),
        ("utf-32", None, ""),
        ("cp1252", None, "read as cp1252 (not UTF-8: byte 0xfc in line 2)"),
        ("cp1252", "cp1252", ""),
        ("utf-16-le", "utf-16-le", ""),
        ("utf-8-sig", "UTF8", ""),
        ("utf-16", "utf-16", ""),
    ],
)
def test_what_is_there_comes_back(
    tmp_path: Path, encoding: str, given: str | None, note: str
) -> None:
    """A mark, UTF-8, what is given, and cp1252 with a note; packed by gzip or not."""
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(TEXT.encode(encoding))
    packed.write_bytes(gzip.compress(TEXT.encode(encoding)))
    for path in (plain, packed):
        assert text_of(path, given) == TEXT
        assert find_encoding(path, given).note == note


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """A letter of UTF-8 may be cut in two by a block, and a wrong byte may begin one."""
    monkeypatch.setattr("segue.readers.decoding.BLOCK_BYTES", block)
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode())
    assert text_of(path) == TEXT
    path.write_bytes(b"ab\ncd\xe9\n")
    assert find_encoding(path).note.endswith("(not UTF-8: byte 0xe9 in line 2)")


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        (b"a\ngr\xc3\xbcn\ngr\xfcn\n", None, r"line 3: is not UTF-8 at byte 10 \(fc: "),
        (b"a\ncaf\xc3", None, r"line 2: is not UTF-8 at byte 5 .*, or the file is cut off\."),
        (b"a\n\x81\n", None, "line 2: is not UTF-8 at byte 2 .*encoding='cp1252'"),
        (b"\x1bq\xfc\n", None, "line 1: is not UTF-8 at byte 2"),
        (b"gr\xfcn", "utf-8", r"line 1: is not UTF-8 at byte 2 .*Is it in another encoding\?"),
        (b"a\n\x81", "cp1252", "line 2: is not C.* at byte 2"),
        (b"1\t2\n\0\0", None, "has a zero byte at 4, which no text has"),
        ("no mark".encode("utf-16-le"), None, "zero byte at 1, .*: encoding='utf-16-le'"),
    ],
)
def test_what_is_in_no_encoding_is_refused(
    tmp_path: Path, content: bytes, given: str | None, message: str
) -> None:
    """With byte and line: mixed encodings, a file cut inside a letter, control characters."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        find_encoding(path, given)


# Texts in other encodings, each byte of which is a character of cp1252, too.
OTHERS = {
    "cp1251": "кошка собака",
    "koi8-r": "кошка собака",
    "cp866": "кошка собака",
    "mac_cyrillic": "кошка собака",
    "cp1251 one letter": "м ж",
    "cp1251 with numbers": "класс1 класс2",
    "shift_jis": "犬 猫",
    "shift_jis hiragana": "はい いいえ",
    "shift_jis katakana": "イヌ ネコ",
    "shift_jis half width": "ｲﾇ ﾈｺ",
    "euc_jp": "犬 猫",
    "gbk": "走路 跑步",
    "gbk one character": "好 坏",
    "gb18030": "男 女",
    "big5": "走路 跑步",
    "big5 one character": "是 否",
    "cp949": "개 고양이",
    "cp949 one character": "남 여",
    "cp1253": "γάτα σκύλος",
    "cp1255": "חתול כלב",
    "cp1256": "قط كلب",
    "cp874": "แมว หมา",
    "cp1250": "cały mężczyzna",
    "mac_roman": "café été",
    "mac_roman capitals": "grün größe",
    "cp850": "café été",
    "cp437": "señor niño",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_look_like_cp1252_is_refused(tmp_path: Path, name: str) -> None:
    """With line, byte and option; what the option says is read."""
    path, (first, second) = tmp_path / "a.csv", OTHERS[name].split()
    encoding = name.partition(" ")[0]
    text = f"kind,x\n{first},1\n{second},2\n"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(FileError, match=r"line 2: is not UTF-8 at byte \d+ .*encoding='cp1252'"):
        find_encoding(path)
    assert text_of(path, encoding) == text


WESTERN = [
    "grün größe",
    "ÄRGER GRÖSSE",
    "où déjà à",
    "señor ¿qué? ¡Hola!",
    "rött blå å",
    "yö pää jäääär",
    "smørrebrød på ø",
    "Þór bæði",
    "col·lecció nº 1ª",
    "25°C µV m² W/m²K ±5 ½",
    "“quoted” it’s – … „Wort“ «oui»",
    "£5 €10 ©2020 Acme® 5‰",
    "coração é não",
]


@pytest.mark.parametrize("text", WESTERN)
def test_what_looks_like_cp1252(tmp_path: Path, text: str) -> None:
    """Words, units and signs of Western languages; each in a field of its own, or in a sentence."""
    for number, content in enumerate((text, text.replace(" ", "\n"))):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(f"kind\n{content}\n".encode("cp1252"))
        assert find_encoding(path).name == "cp1252"
        assert text_of(path) == f"kind\n{content}\n"


def test_a_slip_in_a_long_file(tmp_path: Path) -> None:
    """One strange word among many does not make a file unreadable; as many as there are do."""
    path = tmp_path / "a.csv"
    path.write_bytes(("grün\n" * 40 + "êîøêà\n").encode("cp1252"))
    assert find_encoding(path).name == "cp1252"
    path.write_bytes(("grün\n" * 4 + "êîøêà\n").encode("cp1252"))
    with pytest.raises(FileError, match="line 1: is not UTF-8 at byte 2"):
        find_encoding(path)


def test_an_encoding_that_there_is_not(tmp_path: Path) -> None:
    """A near one is suggested."""
    with pytest.raises(OptionError, match='Did you mean "utf-8"'):
        find_encoding(tmp_path / "a.csv", "utf-9")
