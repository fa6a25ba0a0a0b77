"""Pictures that handlers send: kept under their hash, and shown to the carrier at an address that is signed and ends.

The carrier has no account with us, and needs none: only who was given the address can look, and only for a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from aiohttp import web

from channels.base import Refused
from config.settings import Settings
from gateway.clock import Clock
from gateway.emails.files import keep
from gateway.store.records import Attachment, Message
from gateway.store.store import Store, StoreError
from routing.board import Board
from routing.model import Channel
from routing.safety import unsent

log = structlog.get_logger()

KEY_FILE = "pictures.key"
KEY_BYTES = 32
# What a browser must not do with a file, even if somebody opens it in a tab.
FENCED = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


class Pictures:
    """``board`` is asked at each text: it is another one after every rebuilding."""

    def __init__(self, settings: Settings, store: Store, board: Callable[[], Board], clock: Clock) -> None:
        self._text, self._url = settings.text, settings.http.public_url
        self._key_file = settings.gateway.data_dir / KEY_FILE
        self._store, self._board, self._clock = store, board, clock

    async def links(self, message: Message) -> tuple[str, ...]:
        """Where the carrier finds what goes with a text. Raises Refused where that may not go to this person now."""
        attachments = await self._store.attachments(message.id)
        if not attachments:
            return ()
        board = self._board()
        contact = board.open_contact(message.reference)
        if why := unsent(board, contact, Channel.TEXT, message.sender, message.recipient, "", pictures=True):
            raise Refused(why)
        expires = int(self._clock() + self._text.picture_link_seconds)
        key = await asyncio.to_thread(_key, self._key_file)
        return tuple(f"{self._url}/pictures/{a.id}/{expires}/{_signature(key, a.id, expires)}" for a in attachments)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The picture, to whoever has its address while that lasts."""
        name, expires, signature = (request.match_info[part] for part in ("id", "expires", "signature"))
        key = await asyncio.to_thread(_key, self._key_file)
        genuine = hmac.compare_digest(signature.encode(), _signature(key, name, int(expires)).encode())
        if not genuine or int(expires) < self._clock():
            log.warning("picture_refused", attachment=name, why="expired" if genuine else "forged")
            raise web.HTTPForbidden(text="This address is not valid (any more).")
        try:
            attachments = await self._store.attachments(name.rpartition("-")[0])
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        found = next((a for a in attachments if a.id == name), None)
        if found is None or not await asyncio.to_thread(Path(found.path).is_file):
            raise web.HTTPNotFound(text="This picture is not here any more.")
        log.info("picture_shown", attachment=name)
        return web.FileResponse(found.path, headers={**FENCED, "Content-Type": found.content_type})


def kept(folder: Path, message: str, files: Sequence[tuple[str, str, bytes]]) -> list[Attachment]:
    """Each (name, kind, content) on disk before anybody is told that we have it. Raises OSError."""
    return [_kept(folder, f"{message}-{number}", message, *file) for number, file in enumerate(files)]


def _kept(folder: Path, name: str, message: str, filename: str, kind: str, content: bytes) -> Attachment:
    sha256 = hashlib.sha256(content).hexdigest()
    return Attachment(name, message, filename, kind, len(content), sha256, keep(folder, sha256, "", content))


def _signature(key: bytes, name: str, expires: int) -> str:
    return hmac.new(key, f"{name} {expires}".encode(), hashlib.sha256).hexdigest()


def _key(file: Path) -> bytes:
    """Made at random once, so that an address outlives a restart."""
    if not file.exists():
        part = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        part.touch(mode=0o600)
        part.write_bytes(secrets.token_bytes(KEY_BYTES))
        try:
            file.hardlink_to(part)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return file.read_bytes()
