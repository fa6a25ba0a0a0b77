"""Fetching what people attach to texts, without trusting it or giving our credentials away."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from channels.base import Refused
from channels.text.answers import failure, unreachable
from channels.text.port import FetchedMedia, MediaItem
from channels.text.scanning import scan
from config.text import Scanner

CHUNK_BYTES = 64 * 1024
MOST_REDIRECTS = 5
ACTIVE = frozenset({"image/svg+xml"})  # no picture to a browser, but a page that can run scripts
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# A compressed answer could swell far beyond its announced length.
PLAIN = {"Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class MediaFetcher:
    """Brings attachments from the carrier into ``directory``, at most ``limit_bytes`` each."""

    api_url: str
    credentials: Mapping[str, str]
    directory: Path
    limit_bytes: int
    types: tuple[str, ...]
    scanner: Scanner
    deadline_seconds: float

    async def fetch(self, connections: aiohttp.ClientSession, item: MediaItem) -> FetchedMedia:
        """Raises Unreachable, Throttled (try again), Refused (gone, too large), OSError (our disk)."""
        try:
            async with asyncio.timeout(self.deadline_seconds):
                answer = await self._open(connections, _address(item.url))
                async with answer:
                    return await self._keep(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(error) from error

    async def _open(self, connections: aiohttp.ClientSession, url: URL) -> aiohttp.ClientResponse:
        """Only the first hop, and only at the carrier's own address, sees our credentials."""
        credentials = self.credentials if self._is_carriers(url) else {}
        for _ in range(MOST_REDIRECTS + 1):
            headers = {**PLAIN, **credentials}
            answer = await connections.get(url, headers=headers, allow_redirects=False)
            if answer.status not in REDIRECTS:
                return answer
            answer.release()
            url, credentials = _next_hop(url, answer.headers.get("Location", "")), {}
        raise Refused("the attachment was not found: its address leads from one redirect to the next")

    def _is_carriers(self, url: URL) -> bool:
        own = URL(self.api_url)
        if url.origin() == own.origin():
            return True
        # A regional api_url still gets media links to the global one.
        return all(u.scheme == "https" and (u.host or "").endswith(".twilio.com") for u in (own, url))

    async def _keep(self, answer: aiohttp.ClientResponse) -> FetchedMedia:
        if not 200 <= answer.status < 300:
            raise failure(answer.status, answer.headers)
        if (answer.content_length or 0) > self.limit_bytes:
            raise self._too_large()
        if answer.content_type.lower() in ACTIVE:
            raise Refused("the attachment is an SVG file, which can carry a program; it was not kept")
        if not answer.content_type.lower().startswith(self.types):
            raise Refused(f"the attachment is of a kind that is not accepted here ({answer.content_type[:60]})")
        with await asyncio.to_thread(_Partial, self.directory) as partial:
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                await asyncio.to_thread(partial.write, chunk)
                if partial.size > self.limit_bytes:
                    raise self._too_large()
            await scan(self.scanner, await asyncio.to_thread(partial.written))
            path = await asyncio.to_thread(partial.keep)
        return FetchedMedia(answer.content_type.lower(), path, path.name, partial.size)

    def _too_large(self) -> Refused:
        return Refused(f"the attachment is larger than {self.limit_bytes:,} bytes and was not kept")


def _next_hop(url: URL, location: str) -> URL:
    target = _address(location, url)
    if url.scheme == "https" and target.scheme != "https":
        raise Refused("the attachment was not fetched: its address leads to an unencrypted connection")
    return target


def _address(text: str, base: URL | None = None) -> URL:
    try:
        url = base.join(URL(text)) if base else URL(text)
        if text and url.scheme in ("http", "https"):
            # A user name inside an address is nobody's that we know.
            return url.with_user(None)
    except ValueError as error:
        raise Refused("the attachment was not fetched: its address is not valid") from error
    raise Refused("the attachment was not fetched: its address leads nowhere on the web")


class _Partial:
    """A file that is thrown away unless it was kept; kept files are named after their content."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".partial-", dir=directory)
        self._file = os.fdopen(handle, "wb")
        self._path = Path(name)
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def written(self) -> Path:
        """The file as it lies on the disk, complete."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._path

    def keep(self) -> Path:
        return self._path.replace(self._path.with_name(self._hash.hexdigest()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
