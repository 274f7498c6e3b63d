"""Who may talk to the studio: one browser on this machine, and no page from elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from segue.studio.pages.guard import Guard

HOST, TOKEN = "127.0.0.1:8123", "right"
COOKIE = f"other=1; segue-studio-8123={TOKEN}"


def ask(
    *, kind: str = "http", path: str = "/", query: str = "", method: str = "GET", **headers: str
) -> tuple[list[dict[str, Any]], bool]:
    """What comes back, and whether the application behind was reached."""
    sent: list[dict[str, Any]] = []
    reached = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items() if value]
    scope = {
        "type": kind, "path": path, "query_string": query.encode(), "method": method,
        "headers": pairs,
    }  # fmt: skip
    guard = Guard(behind, token=TOKEN, port=8123)
    asyncio.run(guard(scope, None, send))  # type: ignore[arg-type]
    return sent, bool(reached)


def test_the_address_becomes_a_cookie_that_scripts_cannot_read() -> None:
    (start, _), reached = ask(host=HOST, query="token=right")
    headers = dict(start["headers"])
    assert (start["status"], headers[b"location"], reached) == (303, b"/", False)
    assert headers[b"set-cookie"] == b"segue-studio-8123=right; Path=/; HttpOnly; SameSite=Strict"


@pytest.mark.parametrize("host", [HOST, "localhost:8123", "[::1]:8123"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_browser_with_the_cookie_is_answered(host: str, kind: str) -> None:
    sent, reached = ask(kind=kind, host=host, cookie=COOKIE, origin=f"http://{host}")
    assert reached
    headers = dict(sent[0]["headers"])
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert headers[b"x-content-type-options"] == b"nosniff"


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"host": HOST},
        {"host": HOST, "cookie": "segue-studio-8123=wrong"},
        {"host": HOST, "cookie": "segue-studio-8124=right"},
        {"host": HOST, "cookie": "segue-studio-8123="},
        {"host": HOST, "query": "token=wrong"},
        {"host": HOST, "query": "token="},
        {"host": HOST, "query": "token=right", "path": "/training"},
        {"host": HOST, "query": "token=right", "method": "POST"},
        {"host": HOST, "query": "token=r\xefght"},
        {"host": "evil.example:8123", "cookie": COOKIE},
        {"host": "evil.example:8123", "query": "token=right"},
        {"host": "127.0.0.1:8124", "cookie": COOKIE},
        {"host": "127.0.0.1", "cookie": COOKIE},
        {"host": "127.0.0.1:8123.evil.example", "cookie": COOKIE},
        {"host": HOST, "cookie": COOKIE, "origin": "http://evil.example"},
        {"host": HOST, "cookie": COOKIE, "origin": "null"},
        {"host": HOST, "cookie": COOKIE, "origin": "https://127.0.0.1:8123"},
        {"host": HOST, "cookie": COOKIE, "origin": "http://localhost:8123"},
        {"host": HOST, "query": "token=right", "origin": "http://evil.example"},
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_everybody_else_is_refused(kind: str, request_: dict[str, str]) -> None:
    sent, reached = ask(kind=kind, **request_)
    assert not reached
    if kind == "websocket":
        assert sent == [{"type": "websocket.close", "code": 1008}]
    else:
        assert sent[0]["status"] == 403
        assert b"right" not in b"".join(value for _, value in sent[0]["headers"])
        assert sent[1]["body"].startswith(b"This studio")


def test_a_socket_without_an_origin_is_none_of_a_browser() -> None:
    assert not ask(kind="websocket", host=HOST, cookie=COOKIE)[1]
    assert ask(host=HOST, cookie=COOKIE)[1]


def test_what_is_no_request_passes() -> None:
    assert ask(kind="lifespan")[1]
