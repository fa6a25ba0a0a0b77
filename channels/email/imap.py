"""One IMAP connection (RFC 3501, IDLE in RFC 2177), read only, on top of aioimaplib.

aioimaplib 2.0 leaves three things to its user, and this file is where they are done: it has no STARTTLS;
it does not wake a waiting command when the connection is lost; and it drops what the server says unasked
outside IDLE, so a message announced between two commands is only found by asking again.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any

from aioimaplib import aioimaplib

from channels.base import Refused, Unreachable
from config.settings import ImapServer

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
PIECE_BYTES = 1024 * 1024
UID_VALIDITY = re.compile(rb"\[UIDVALIDITY (\d+)\]")
UID_NEXT = re.compile(rb"\[UIDNEXT (\d+)\]")
UID = re.compile(rb"\bUID (\d+)")
SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
INTERNAL_DATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server, in seconds.

    A link that is silent is noticed after ``command`` seconds at the end of each IDLE, which lasts at most
    ``idle`` (servers hang up after 30 minutes, RFC 2177).
    """

    command: float = 30.0
    fetch: float = 600.0
    idle: float = 25 * 60.0
    first_retry: float = 1.0
    last_retry: float = 60.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a folder said of itself when it was opened."""

    uid_validity: int
    uid_next: int


@dataclass(frozen=True, slots=True)
class Headline:
    """What is known of a message before its content is fetched; ``size`` in bytes."""

    size: int
    internal_date: datetime | None


class Imap:
    """A logged-in connection. Every method raises Unreachable when the link fails, Refused when the server says no."""

    def __init__(self, server: ImapServer, patience: Patience) -> None:
        self._server = server
        self._patience = patience
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client: Any = aioimaplib.IMAP4(
            server.host,
            server.port,
            timeout=patience.command,
            conn_lost_cb=self._on_lost,
            ssl_context=ssl.create_default_context() if server.security == "tls" else None,
        )

    async def open(self) -> None:
        await self._wait(self._client.wait_hello_from_server())
        if self._server.security == "starttls":
            await self._start_tls()
        user, password = self._server.user, self._server.password.get_secret_value()
        await self._ask("login", self._client.login(aioimaplib.quoted(user), password))
        # What a server can do may change with the login, and not every server says so by itself.
        await self._wait(self._client.protocol.capability())

    def close(self) -> None:
        """Let go at once; nothing is left running."""
        if self._client.has_pending_idle():
            self._client.idle_done()
        if self._client.protocol.transport is not None:
            self._client.protocol.transport.abort()
        for task in (*self._client.tasks, *self._client.protocol.tasks):
            task.cancel()

    async def examine(self, folder: str) -> Snapshot:
        """Open the folder read only (EXAMINE), so that not even ``\\Recent`` changes."""
        lines = await self._ask("EXAMINE", self._client.examine(aioimaplib.quoted(folder)))
        # aioimaplib only counts SELECT as opening a folder.
        self._client.protocol.state = aioimaplib.SELECTED
        said = b"\n".join(lines)
        validity, uid_next = UID_VALIDITY.search(said), UID_NEXT.search(said)
        if validity is None or uid_next is None:
            raise Refused("the mail server names no UIDVALIDITY or UIDNEXT, so its mail cannot be followed")
        return Snapshot(int(validity[1]), int(uid_next[1]))

    async def uids_from(self, first: int) -> list[int]:
        """The UIDs from ``first`` on, ascending."""
        lines = await self._ask("SEARCH", self._client.uid_search(f"UID {first}:*", charset=None))
        found = {int(word) for line in lines[:-1] for word in line.split() if word.isdigit()}
        # 'n:*' always includes the last message, even when its UID is below n.
        return sorted(uid for uid in found if uid >= first)

    async def uids_since(self, day: date) -> list[int]:
        """The UIDs of what arrived on that day, by the server's calendar, or later."""
        wanted = f"SINCE {day.day}-{MONTHS[day.month - 1]}-{day.year}"
        lines = await self._ask("SEARCH", self._client.uid_search(wanted, charset=None))
        return sorted(int(word) for line in lines[:-1] for word in line.split() if word.isdigit())

    async def headline(self, uid: int) -> Headline | None:
        """Size and date of one message; None when it is no longer there."""
        lines = await self._ask("FETCH", self._client.uid("fetch", str(uid), "(UID RFC822.SIZE INTERNALDATE)"))
        for line in lines:
            found = UID.search(line)
            size = SIZE.search(line)
            if found and size and int(found[1]) == uid:
                return Headline(int(size[1]), _internal_date(line))
        return None

    async def content(self, uid: int, first_bytes: int | None = None) -> bytes:
        """The message, or its first bytes, as it is; PEEK leaves ``\\Seen`` alone."""
        part = "BODY.PEEK[]" if first_bytes is None else f"BODY.PEEK[]<0.{first_bytes}>"
        request = self._client.uid("fetch", str(uid), f"(UID {part})")
        lines = await self._ask("FETCH", request, self._patience.fetch)
        # Literals come as bytearray, lines as bytes.
        literal = next((bytes(line) for line in lines if isinstance(line, bytearray)), None)
        if literal is None:
            raise Unreachable("the mail server listed a message and then did not give its content")
        return literal

    async def content_into(self, uid: int, file: IO[bytes]) -> None:
        """The whole message into the file, a piece at a time, so that a large one costs little memory."""
        offset = 0
        while piece := await self._piece(uid, offset):
            await asyncio.to_thread(file.write, piece)
            offset += len(piece)
            if len(piece) < PIECE_BYTES:
                return

    async def _piece(self, uid: int, offset: int) -> bytes:
        request = self._client.uid("fetch", str(uid), f"(UID BODY.PEEK[]<{offset}.{PIECE_BYTES}>)")
        lines = await self._ask("FETCH", request, self._patience.fetch)
        piece = next((bytes(line) for line in lines if isinstance(line, bytearray)), None)
        # Behind the last byte some servers send a quoted "" in the place of an empty literal.
        if piece is None and not offset:
            raise Unreachable("the mail server listed a message and then did not give its content")
        return piece or b""

    async def idle(self, seconds: float) -> None:
        """Return when the server announces a message, or after ``seconds``."""
        if not self._client.has_capability("IDLE"):
            await asyncio.wait({self._lost}, timeout=seconds)
            return
        idling = await self._wait(self._client.idle_start(timeout=seconds + self._patience.command))
        await self._announcement(seconds)
        self._client.idle_done()
        await self._wait(asyncio.shield(idling))

    async def _announcement(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                pushed: list[bytes] = []
                while not any(b"EXISTS" in line for line in pushed):
                    pushed = await self._wait(self._client.wait_server_push(timeout=2 * seconds), 2 * seconds)

    async def _start_tls(self) -> None:
        protocol = self._client.protocol
        await self._ask("STARTTLS", protocol.execute(aioimaplib.Command("STARTTLS", protocol.new_tag())))
        if protocol.incomplete_line:
            raise Refused("the mail server sent text between STARTTLS and TLS; somebody may be interfering")
        loop = asyncio.get_running_loop()
        context = ssl.create_default_context()
        upgrade = loop.start_tls(protocol.transport, protocol, context, server_hostname=self._server.host)
        protocol.transport = await self._wait(upgrade)

    async def _ask(self, what: str, request: Awaitable[Any], seconds: float | None = None) -> list[bytes]:
        response = await self._wait(request, seconds)
        if response.result != "OK":
            said = bytes(response.lines[-1]).decode(errors="replace") if response.lines else "nothing"
            raise Refused(f"the mail server refused {what}: {said}", code=response.result)
        lines: list[bytes] = response.lines
        return lines

    async def _wait(self, request: Awaitable[Any], seconds: float | None = None) -> Any:
        """The request's result, unless the connection is lost or the time is over first."""
        asking = asyncio.ensure_future(request)
        try:
            await asyncio.wait(
                {asking, self._lost},
                timeout=self._patience.command if seconds is None else seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if asking.done():
                return asking.result()
        except (aioimaplib.AioImapException, OSError) as error:
            raise Unreachable(f"the mail server broke off: {error or type(error).__name__}") from error
        finally:
            asking.cancel()
        raise Unreachable("the connection was lost" if self._lost.done() else "the mail server does not answer")

    def _on_lost(self, error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)


@asynccontextmanager
async def connected(server: ImapServer, patience: Patience) -> AsyncIterator[Imap]:
    """A logged-in connection that is let go at the end, whatever happens."""
    imap = Imap(server, patience)
    try:
        await imap.open()
        yield imap
    finally:
        imap.close()


def _internal_date(line: bytes) -> datetime | None:
    found = INTERNAL_DATE.search(line)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1].decode("ascii", "replace").strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None
