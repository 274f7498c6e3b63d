"""Files that are dropped: nothing that a browser says decides where they lie."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from segue.errors import FileError
from segue.studio import Project, uploads

TABLE = b"kind,t0,t1\na,1,2\nb,3,4\n"


def test_a_table_is_kept_under_a_number_and_opened(project: Project) -> None:
    first, second = (project.keep(name, TABLE) for name in ("My trips.CSV", "my trips.csv"))
    assert (first, second) == ("uploads/1.csv", "uploads/2.csv")
    assert project.open(first, label="kind").summary.sequences == 2
    assert project.revision > 1


@pytest.mark.parametrize(
    "name",
    ["../../evil.csv", "/etc/passwd.csv", "..\\..\\x.csv", "a\0b.csv", "<b>x</b>.csv", ".csv",
     "%2e%2e/x.csv", "~/.ssh/x.csv", "x" * 5000 + ".csv"],
)  # fmt: skip
def test_whatever_a_file_is_called_it_lies_in_uploads(project: Project, name: str) -> None:
    before = sorted(path.name for path in project.folder.parent.rglob("*"))
    assert project.keep(name, TABLE) == "uploads/1.csv"
    after = sorted(path.name for path in project.folder.parent.rglob("*"))
    assert after == sorted([*before, "uploads", "1.csv"])


@pytest.mark.parametrize("name", ["x.exe", "x.html", "csv", "x.csv.", "x.csv/", "", "x.cs\0v"])
def test_what_no_reader_knows_is_refused(project: Project, name: str) -> None:
    with pytest.raises(FileError, match="is of no kind that can be dropped here"):
        project.keep(name, TABLE)
    assert list(project.folder.iterdir()) == []


def test_large_files_and_links_are_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LARGEST", 10)
    with pytest.raises(FileError, match="at most .* can be dropped"):
        project.keep("x.csv", TABLE)
    (project.folder / "uploads").symlink_to(project.folder.parent)
    with pytest.raises(FileError, match="is a link"):
        project.keep("x.csv", b"a,b\n1,2\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": "10"}, 200),
        ({"content-length": str(uploads.LARGEST * 2)}, 413),
        ({"content-length": "9" * 30}, 413),
        ({"content-length": "-1"}, 413),
        ({"transfer-encoding": "chunked"}, 413),
    ],
)
def test_a_request_says_how_long_it_is_and_is_not_too_long(
    headers: dict[str, str], status: int
) -> None:
    from segue.studio.pages.guard import Guard

    sent: list[Any] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    guard: Any = Guard(behind, token="secret", port=80)
    known = {"host": "127.0.0.1:80", "cookie": f"{guard.cookie}=secret", **headers}
    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"",
        "headers": [(n.encode(), v.encode()) for n, v in known.items()],
    }  # fmt: skip
    asyncio.run(guard(scope, None, send))
    assert sent[0]["status"] == status
