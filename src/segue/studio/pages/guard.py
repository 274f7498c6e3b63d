"""Who may talk to the studio: the browser that was opened with its address, and nobody else.

The address has a token, which becomes a cookie that scripts cannot read. Each request must name
this machine as its host, so that no other name that leads here works (DNS rebinding), and no page
from elsewhere as its origin; those of sockets too.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from segue.studio.uploads import LARGEST

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_AROUND = 100_000  # bytes around a file in a request
_HOSTS = ("127.0.0.1", "localhost", "[::1]")
# Nothing is loaded from elsewhere, whatever data may hold, and no other page can show this one.
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_FIRST = ("/", "/designer")  # pages whose address may bring the token
_CLOSED = (
    "This studio opens with the whole address that `segue studio` has printed, with its token. "
    "Copy it from there."
)
_LARGE = f"A request has at most {LARGEST:,} bytes, and says before how many."
_ELSEWHERE = "This studio answers to this machine alone, and to no page from elsewhere."


class Guard:
    """An ASGI application before another: it lets through what comes from the right browser.

    Args:
        application: behind it.
        token: of the address.
        port: that is listened on.
    """

    def __init__(self, application: Application, *, token: str, port: int) -> None:
        self.application = application
        self.token = token
        self.cookie = f"segue-studio-{port}"  # cookies know no ports
        self.hosts = {f"{host}:{port}" for host in _HOSTS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self.application(scope, receive, send)
            return
        headers = _headers(scope["headers"])
        if not self._is_from_here(scope, headers):
            await _refuse(scope, send, _ELSEWHERE)
        elif self._brings_token(scope):
            cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(send, 303, {"location": scope["path"], "set-cookie": cookie})
        elif not self._is_known(headers.get("cookie", [])):
            await _refuse(scope, send, _CLOSED)
        elif not _is_small(scope, headers):
            await _answer(send, 413, {"content-type": "text/plain; charset=utf-8"}, _LARGE)
        else:
            await self.application(scope, receive, _with_headers(send))

    def _is_from_here(self, scope: Scope, headers: dict[str, list[str]]) -> bool:
        """Whether this machine is named as the host, and a page of it as the origin, if any is.

        A browser names the origin of every socket.
        """
        host, origins = headers.get("host", []), headers.get("origin", [])
        if len(host) != 1 or host[0] not in self.hosts:
            return False
        if scope["type"] == "websocket" and not origins:
            return False
        return all(origin == f"http://{host[0]}" for origin in origins)

    def _brings_token(self, scope: Scope) -> bool:
        """Whether the address has the token, which it then shall not keep."""
        if scope["type"] != "http" or scope.get("method") not in ("GET", "HEAD"):
            return False
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
        return scope["path"] in _FIRST and any(map(self._is_token, given))

    def _is_known(self, cookies: Iterable[str]) -> bool:
        for text in cookies:
            try:
                found = SimpleCookie(text).get(self.cookie)
            except CookieError:
                continue
            if found is not None and self._is_token(found.value):
                return True
        return False

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.token.encode())


def _is_small(scope: Scope, headers: dict[str, list[str]]) -> bool:
    """Whether the body of a request is of a length that is said before, and not too large."""
    if scope["type"] != "http" or scope.get("method") in ("GET", "HEAD", "OPTIONS"):
        return True
    length = headers.get("content-length", [])
    return (
        len(length) == 1
        and length[0].isdecimal()
        and len(length[0]) < 16
        and int(length[0]) <= LARGEST + _AROUND
    )


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _with_headers(send: Send) -> Send:
    """Add the headers that keep a page to itself."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", ()), *own]}
        await send(message)

    return sending


async def _refuse(scope: Scope, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await _answer(send, 403, {"content-type": "text/plain; charset=utf-8"}, reason)


async def _answer(send: Send, status: int, headers: dict[str, str], text: str = "") -> None:
    headers = {**_HEADERS, "cache-control": "no-store", **headers}
    pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": text.encode()})
