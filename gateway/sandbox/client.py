"""Somebody at the gateway's API: signs in as a desk does, or comes in by the control socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

DEADLINE_SECONDS = 10.0
ROW_SECONDS = 10.0


class ApiError(Exception):
    """The gateway refused; ``status`` is HTTP's, the text is the gateway's own."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status, self.detail = status, detail


class Live:
    """The live WebSocket's rows, as they happen."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.rows: list[dict[str, Any]] = []

    async def next(self, deadline: float = ROW_SECONDS) -> dict[str, Any]:
        """The next row; TimeoutError after ``deadline`` seconds, ApiError when the gateway closes."""
        async with asyncio.timeout(deadline):
            message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ApiError(self._socket.close_code or 1006, "the gateway closed the live connection")
        row: dict[str, Any] = json.loads(message.data)
        self.rows.append(row)
        return row

    async def texts(self) -> AsyncIterator[str]:
        """The rows as they came, none kept, until the gateway closes: for those who read very many."""
        async for message in self._socket:
            yield message.data

    async def wait_for(self, kind: str, deadline: float = ROW_SECONDS, **fields: Any) -> dict[str, Any]:
        """The next row of this kind with these fields (``contact``, ``handler``); TimeoutError with what came."""
        try:
            async with asyncio.timeout(deadline):
                while True:
                    row = await self.next(deadline)
                    if row.get("kind") == kind and all(row.get(k) == v for k, v in fields.items()):
                        return row
        except TimeoutError:
            seen = [row.get("kind") for row in self.rows]
            raise TimeoutError(f"no {kind} {fields} within {deadline} s; there came {seen}") from None


class Client:
    """Made by ``Client.signed_in`` or ``Client.local``; an async context manager, or ended with ``close()``.

    A path without a leading slash is below ``/api/v1/``. Answers are parsed JSON, None for 204. Raises ApiError.
    """

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.name, self.csrf = url, "", ""
        self.session = session

    @classmethod
    async def signed_in(cls, url: str, name: str, password: str) -> Self:
        """With a session cookie, as a desk. ``url`` without a path."""
        timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
        client = cls(url, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=timeout))
        try:
            await client.sign_in(name, password)
        except BaseException:
            await client.close()
            raise
        return client

    @classmethod
    def local(cls, control_socket: Path) -> Self:
        """By the control socket, which makes this machine's user an administrator."""
        timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
        connector = aiohttp.UnixConnector(path=str(control_socket))
        return cls("http://localhost", aiohttp.ClientSession(connector=connector, timeout=timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def sign_in(self, name: str, password: str) -> None:
        session = await self.post("session", {"name": name, "password": password})
        self.name, self.csrf = session["name"], session["csrf"]

    async def close(self) -> None:
        await self.session.close()

    async def get(self, path: str, **query: str | int) -> Any:
        return await self.request("GET", path, query=query)

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """``headers`` by their names with ``_`` for ``-``, for example ``Idempotency_Key="1"``."""
        return await self.request("POST", path, body, headers=headers)

    async def put(self, path: str, body: Any = None) -> Any:
        return await self.request("PUT", path, body)

    async def delete(self, path: str, **query: str | int) -> Any:
        return await self.request("DELETE", path, query=query)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str | int] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()} | self.proof
        async with self.session.request(
            method, self.address(path), json=body, params=query or {}, headers=sent
        ) as answer:
            if answer.status == 204:
                return None
            content = await answer.read()
            parsed = json.loads(content) if content and "json" in answer.content_type else content
            if answer.status >= 400:
                raise ApiError(answer.status, _detail(parsed))
            return parsed

    @asynccontextmanager
    async def live(self, after: int | None = None) -> AsyncIterator[Live]:
        """The live WebSocket; its hello has come."""
        query = {} if after is None else {"after": str(after)}
        headers = {"Origin": self.url}
        async with self.session.ws_connect(self.address("live"), params=query, headers=headers) as socket:
            live = Live(socket)
            await live.next()
            yield live

    def address(self, path: str) -> str:
        return f"{self.url}{path}" if path.startswith("/") else f"{self.url}/api/v1/{path}"

    @property
    def proof(self) -> dict[str, str]:
        """What unsafe requests must carry beside the cookie."""
        return {"X-CSRF-Token": self.csrf} if self.csrf else {}


def _detail(parsed: Any) -> str:
    if not isinstance(parsed, dict):
        return str(parsed)[:300]
    fields = "; ".join(f"{e['field']}: {e['why']}" for e in parsed.get("errors", []))
    return " ".join(filter(None, (parsed.get("detail") or parsed.get("title", ""), fields)))
