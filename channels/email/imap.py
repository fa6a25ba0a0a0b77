"""One IMAP connection (RFC 3501, IDLE in RFC 2177) on top of aioimaplib; read only unless mail is filed.

aioimaplib 2.0 leaves four things to its user, and this file is where they are done: it has no STARTTLS;
it does not wake a waiting command when the connection is lost; it drops what the server says unasked outside IDLE,
so a message announced between two commands is only found by asking again; and a refused token is left half said.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import IO, Any

from aioimaplib import aioimaplib

from channels.base import NotLetIn, Refused, Unreachable
from channels.email.headlines import BRIEF, FULL, PAGE, Headline, Listing, headlines
from channels.email.oauth2 import Tokens, missing
from config.email import ImapServer

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
PIECE_BYTES = 1024 * 1024
UID_VALIDITY = re.compile(rb"\[UIDVALIDITY (\d+)\]")
NOT_AS_IT_IS = re.compile(r"&|[^\x20-\x7e]+")
UID_NEXT = re.compile(rb"\[UIDNEXT (\d+)\]")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server, in seconds.

    A link that is silent is noticed after ``command`` seconds at the end of each IDLE, which lasts at most
    ``idle`` (servers hang up after 30 minutes, RFC 2177). Trouble that lasts ``told_after`` is told to a person.
    """

    command: float = 30.0
    fetch: float = 600.0
    idle: float = 25 * 60.0
    first_retry: float = 1.0
    last_retry: float = 60.0
    told_after: float = 60.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a folder said of itself when it was opened."""

    uid_validity: int
    uid_next: int


class _Authenticate(aioimaplib.Command):  # type: ignore[misc]  # aioimaplib is not typed
    """SASL XOAUTH2. A refusal comes as a challenge first, which an empty line answers; then the server says no."""

    def __init__(self, protocol: Any, said: str) -> None:
        super().__init__("AUTHENTICATE", protocol.new_tag(), "XOAUTH2", said)
        self._protocol = protocol

    def append_to_resp(self, line: bytes, result: str = "Pending") -> None:
        super().append_to_resp(line, result)
        if line.startswith(b"+"):
            self._protocol.transport.write(b"\r\n")


class Imap:
    """A logged-in connection. Every method raises Unreachable when the link fails, Refused when the server says no."""

    def __init__(self, server: ImapServer, patience: Patience, tokens: Tokens | None = None) -> None:
        self._server = server
        self._tokens = tokens
        self.uid_validity = 0  # of the folder that is open
        self._opened = ""
        self._has_copied = False
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
        await self._sign_in()
        # What a server can do may change with the login, and not every server says so by itself.
        await self._wait(self._client.protocol.capability())

    async def _sign_in(self) -> None:
        if self._tokens is not None:
            await self._sign_in_with(self._tokens)
            return
        user, password = self._server.user, self._server.password.get_secret_value()
        try:
            await self._ask("login", self._client.login(aioimaplib.quoted(user), password))
        except Refused as error:
            raise NotLetIn(str(error), code=error.code) from error

    async def _sign_in_with(self, tokens: Tokens) -> None:
        protocol, token = self._client.protocol, await tokens.token()
        said = base64.b64encode(f"user={self._server.user}\x01auth=Bearer {token}\x01\x01".encode()).decode()
        signing_in = _Authenticate(protocol, said)
        try:
            await self._ask("login", protocol.execute(signing_in, scrub=said))
        except Refused as error:
            tokens.forget()
            raise NotLetIn(f"{error}: {missing(token, 'IMAP.AccessAsApp')}", code=error.code) from error
        protocol.state = aioimaplib.AUTH

    def close(self) -> None:
        """Let go at once; nothing is left running."""
        if self._client.has_pending_idle():
            self._client.idle_done()
        if self._client.protocol.transport is not None:
            self._client.protocol.transport.abort()
        for task in (*self._client.tasks, *self._client.protocol.tasks):
            task.cancel()

    async def open_folder(self, folder: str, *, to_change: bool = False) -> Snapshot:
        """Read only (EXAMINE), so that not even ``\\Recent`` changes, unless mail is to be moved out of it (SELECT)."""
        name = _name(folder)
        lines = await self._ask("SELECT", self._client.select(name) if to_change else self._client.examine(name))
        # aioimaplib only counts SELECT as opening a folder.
        self._client.protocol.state = aioimaplib.SELECTED
        said = b"\n".join(lines)
        validity, uid_next = UID_VALIDITY.search(said), UID_NEXT.search(said)
        if validity is None or uid_next is None:
            raise Refused("the mail server names no UIDVALIDITY or UIDNEXT, so its mail cannot be followed")
        self.uid_validity, self._opened = int(validity[1]), folder
        return Snapshot(self.uid_validity, int(uid_next[1]))

    async def move(self, uids: Sequence[int], folder: str) -> None:
        """Out of the folder that is open to change, into that one, which is made if it is not there.

        What is not there any more is no error. Raises Refused."""
        try:
            await self._move(uids, folder)
        except Refused:
            with suppress(Refused):  # it may be there, and refuse us for another reason
                await self._ask("CREATE", self._client.create(_name(folder)))
            await self._move(uids, folder)

    async def _move(self, uids: Sequence[int], folder: str) -> None:
        name = _name(folder)
        if self._client.has_capability("MOVE"):
            await self._ask("MOVE", self._client.uid("move", _listed(uids), name))
            return
        copied = set() if self._has_copied else await self._copied_before(uids, folder)
        if left := [uid for uid in uids if uid not in copied]:
            await self._ask("COPY", self._client.uid("copy", _listed(left), name))
        self._has_copied = True
        await self._remove(_listed(uids))

    async def _copied_before(self, uids: Sequence[int], folder: str) -> set[int]:
        """Those that are there already: a connection before this one broke off between copying and removing. A message
        without a fingerprint is not known again, and copied once more."""
        mine = [headline for headline in await self.headlines(uids) if headline.fingerprint]
        if not mine:
            return set()
        since = min(headline.internal_date for headline in mine if headline.internal_date) - timedelta(days=1)
        here = self._opened
        try:
            await self.open_folder(folder)
            there = await self.uids_since(since.date())
            pages = [there[n : n + PAGE] for n in range(0, len(there), PAGE)]
            found = {headline.fingerprint for page in pages for headline in await self.headlines(page)}
        except Refused:  # there is no such folder yet
            found = set()
        await self.open_folder(here, to_change=True)
        return {headline.uid for headline in mine if headline.fingerprint in found}

    async def _remove(self, which: str) -> None:
        """What was copied. Without UIDPLUS (RFC 4315), EXPUNGE takes what others have marked too: then it only stays
        marked."""
        await self._ask("STORE", self._client.uid("store", which, r"+FLAGS.SILENT (\Deleted)"))
        if self._client.has_capability("UIDPLUS"):
            await self._ask("EXPUNGE", self._client.uid("expunge", which))

    async def refresh(self) -> None:
        """Have the server look whether anything has come into the folder."""
        await self._ask("NOOP", self._client.noop())

    async def uids(self, first: int, last: int | None = None) -> list[int]:
        """The UIDs from ``first`` to ``last``, or to the end, ascending."""
        until = "*" if last is None else last
        lines = await self._ask("SEARCH", self._client.uid_search(f"UID {first}:{until}", charset=None))
        found = {int(word) for line in lines[:-1] for word in line.split() if word.isdigit()}
        # 'n:*' always includes the last message, even when its UID is below n.
        return sorted(uid for uid in found if uid >= first)

    async def uids_since(self, day: date) -> list[int]:
        """The UIDs of what arrived on that day, by the server's calendar, or later."""
        wanted = f"SINCE {day.day}-{MONTHS[day.month - 1]}-{day.year}"
        lines = await self._ask("SEARCH", self._client.uid_search(wanted, charset=None))
        return sorted(int(word) for line in lines[:-1] for word in line.split() if word.isdigit())

    async def headlines(self, uids: Sequence[int], *, brief: bool = False) -> list[Headline]:
        """What can be known of these messages (at most ``PAGE``) before they are fetched, ascending; who is gone is
        left out. Briefly, the server need not open them, and they have no fingerprint."""
        protocol = self._client.protocol
        listing = Listing(protocol.new_tag(), ",".join(map(str, uids)), f"({BRIEF if brief else FULL})")
        lines = await self._ask("FETCH", protocol.execute(listing), self._patience.fetch)
        wanted = set(uids)
        return sorted((h for h in headlines(lines) if h.uid in wanted), key=lambda h: h.uid)

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
async def connected(server: ImapServer, patience: Patience, tokens: Tokens | None = None) -> AsyncIterator[Imap]:
    """A logged-in connection that is let go at the end, whatever happens. Raises NotLetIn too."""
    imap = Imap(server, patience, tokens)
    try:
        await imap.open()
        yield imap
    finally:
        imap.close()


def _listed(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))


def _name(folder: str) -> str:
    """As it is sent: in modified UTF-7 (RFC 3501 section 5.1.3), quoted."""
    encoded = NOT_AS_IT_IS.sub(lambda found: f"&{_modified_base64(found[0])}-", folder)
    return str(aioimaplib.quoted(encoded))


def _modified_base64(letters: str) -> str:
    coded = base64.b64encode(letters.encode("utf-16-be")).decode()
    return "" if letters == "&" else coded.rstrip("=").replace("/", ",")
