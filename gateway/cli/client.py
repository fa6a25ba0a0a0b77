"""Talks to the gateway through its control socket; when none runs, to the same API on the store alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import click

from config.settings import Settings
from gateway.control import control_path, is_served

ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Client:
    """``running``: a gateway answers; otherwise the store alone does."""

    session: aiohttp.ClientSession
    running: bool

    async def get(self, path: str, **query: str) -> Any:
        return await self._ask("GET", path, params=query)

    async def get_text(self, path: str, **query: str) -> str:
        """An answer that is no JSON. Raises ClickException."""
        async with self.session.get(f"http://gateway/api/v1{path}", params=query) as answer:
            if answer.status >= 400:
                raise click.ClickException(_in_words(await answer.json(content_type=None)))
            return await answer.text()

    async def post(self, path: str, body: Any) -> Any:
        return await self._ask("POST", path, json=body)

    async def post_csv(self, path: str, content: bytes, **query: str) -> Any:
        return await self._ask("POST", path, data=content, headers={"Content-Type": "text/csv"}, params=query)

    async def delete(self, path: str) -> Any:
        return await self._ask("DELETE", path)

    async def ready(self) -> Any:
        """What is wrong now; see ``/readyz``."""
        async with self.session.get("http://gateway/readyz") as answer:
            return await answer.json()

    async def _ask(self, method: str, path: str, **options: Any) -> Any:
        """The answer's JSON. Raises ClickException with what the gateway said against it."""
        async with self.session.request(method, f"http://gateway/api/v1{path}", **options) as answer:
            content = await answer.json(content_type=None) if answer.status != 204 else None
        if answer.status >= 400:
            raise click.ClickException(_in_words(content))
        return content


def _in_words(problem: Any) -> str:
    errors = [f"\n  {e['field']}: {e['why']}" for e in problem.get("errors", [])]
    return str(problem.get("detail") or problem.get("title")) + "".join(errors)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Client]:
    """Raises NoDatabase, StoreError, OSError."""
    path = control_path(settings.gateway.run_dir)
    if await asyncio.to_thread(is_served, path):
        async with _client(path, running=True) as client:
            yield client
        return
    from gateway.cli.clerk import open_office  # the whole API, which a running gateway spares us

    with TemporaryDirectory(prefix="contact-gateway-") as folder:
        own = Path(folder) / "control.sock"
        async with open_office(settings, own), _client(own, running=False) as client:
            yield client


@asynccontextmanager
async def _client(path: Path, *, running: bool) -> AsyncIterator[Client]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)), timeout=timeout) as session:
        yield Client(session, running)
