"""The live WebSocket: desks hear of what concerns them the moment it is on disk, and miss nothing.

A desk connects with the number of the last row it had; what it missed is read from the journal, then the
flow goes on without a gap or a double. A desk that cannot keep up is cut off and comes back the same way.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain

import orjson
import structlog
from aiohttp import WSMsgType, web

from gateway.discretion import Discretion
from gateway.dispatcher import Committed
from gateway.store.journal import Row
from gateway.store.store import Store, StoreError

log = structlog.get_logger()

ROOM, AT_ONCE = 2000, 100
HEARTBEAT_SECONDS = 20.0
SEND_SECONDS = 10.0
# A stop waits for it, and calls have no gateway meanwhile; a desk that is cut off misses nothing (see above).
CLOSE_SECONDS = 0.5
CHECK_SECONDS = 30.0

# Close codes 4000 to 4999 are for applications (RFC 6455, 7.4.2).
GOING_AWAY, STORE_DOWN, SIGNED_OUT, TOO_SLOW = 1001, 1011, 4001, 4008


class Over(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Subscription:
    """One desk's buffer. ``handler`` is whom it concerns, None for supervisors: everything concerns them."""

    def __init__(self, handler: str | None, room: int, discretion: Discretion) -> None:
        self.handler = handler
        self._discretion = discretion
        self.ended: asyncio.Future[Over] = asyncio.get_running_loop().create_future()
        self._rows: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(room)

    def wants(self, row: Row) -> bool:
        return self.handler is None or (row.handler == self.handler and self._discretion.shows(row))

    def put(self, seq: int, text: bytes) -> None:
        """A row that it wants, by its number, as it is sent."""
        try:
            self._rows.put_nowait((seq, text))
        except asyncio.QueueFull:
            self.end(Over(TOO_SLOW, "too slow: connect again with after="))

    def end(self, over: Over) -> None:
        if not self.ended.done():
            self.ended.set_result(over)

    async def next(self) -> list[tuple[int, bytes]]:
        """What has come since, some rows at a time."""
        rows = [await self._rows.get()]
        while len(rows) < AT_ONCE and not self._rows.empty():
            rows.append(self._rows.get_nowait())
        return rows


class LiveHub:
    """Spreads committed rows over the desks. ``room`` is how many rows a desk may be behind."""

    def __init__(self, discretion: Discretion, room: int = ROOM) -> None:
        self._discretion, self._room = discretion, room
        self._subscriptions: defaultdict[str | None, set[Subscription]] = defaultdict(set)

    def committed(self, committed: Committed) -> None:
        """Called after each commit; does not block."""
        for row in committed.rows:
            self._spread(row)

    def _spread(self, row: Row) -> None:
        """To everybody whom it concerns; it is made into text once."""
        concerned = (*self._subscriptions.get(None, ()), *self._subscriptions.get(row.handler, ()))
        wanting = [s for s in concerned if not s.ended.done() and s.wants(row)]
        if wanting:
            text = as_json(row)
            for subscription in wanting:
                subscription.put(row.seq, text)

    @contextmanager
    def subscribed(self, handler: str | None) -> Iterator[Subscription]:
        subscription = Subscription(handler, self._room, self._discretion)
        self._subscriptions[handler].add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions[handler].discard(subscription)

    def close(self) -> None:
        """The gateway stops: desks are sent away and find the next one."""
        for subscription in chain.from_iterable(self._subscriptions.values()):
            subscription.end(Over(GOING_AWAY, "the gateway stops"))

    @property
    def desks(self) -> int:
        return sum(map(len, self._subscriptions.values()))

    async def serve(
        self,
        store: Store,
        request: web.Request,
        handler: str | None,
        after: int | None,
        still_allowed: Callable[[], Awaitable[bool]],
    ) -> web.WebSocketResponse:
        """Serve one desk until it goes or is sent away; ``still_allowed`` is asked again and again."""
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_SECONDS, timeout=CLOSE_SECONDS, max_msg_size=4096, compress=False
        )
        await socket.prepare(request)
        over = Over(1000, "")
        with self.subscribed(handler) as subscription:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_send(socket, follow(subscription, store, after)), name="live send")
                    tasks.create_task(_receive(socket), name="live receive")
                    tasks.create_task(_watch(subscription), name="live watch")
                    tasks.create_task(_check(still_allowed), name="live check")
            except* Over as ended:
                over = next(e for e in ended.exceptions if isinstance(e, Over))
        await _close(socket, request, over)
        return socket


async def _send(socket: web.WebSocketResponse, texts: AsyncIterator[list[bytes]]) -> None:
    try:
        async for several in texts:
            async with asyncio.timeout(SEND_SECONDS):
                for text in several:
                    await socket.send_frame(text, WSMsgType.TEXT)
    except TimeoutError:
        raise Over(TOO_SLOW, "too slow: connect again with after=") from None
    except StoreError as error:
        raise Over(STORE_DOWN, "the database does not answer") from error
    except ConnectionError as error:
        raise Over(GOING_AWAY, "the connection broke") from error


async def follow(subscription: Subscription, store: Store, after: int | None) -> AsyncIterator[list[bytes]]:
    """The hello, what was missed since row ``after``, then everything as it happens; as JSON texts, some at a time.

    The subscription began before the head is read, so a row is on one side of the head or on the other.
    """
    head = (await store.head()).seq
    yield [orjson.dumps({"type": "hello", "seq": head})]
    if after is not None:
        async for row in store.journal(handler=subscription.handler or "", after=after):
            if row.seq > head:
                break
            if subscription.wants(row):
                yield [as_json(row)]
    while True:
        yield [text for seq, text in await subscription.next() if seq > head]


async def _receive(socket: web.WebSocketResponse) -> None:
    """Desks say nothing here; reading is what answers pings and sees the end."""
    async for _ in socket:
        continue
    raise Over(GOING_AWAY, "the desk went")


async def _watch(subscription: Subscription) -> None:
    raise await asyncio.shield(subscription.ended)


async def _check(still_allowed: Callable[[], Awaitable[bool]]) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            allowed = await still_allowed()
        except StoreError as error:
            log.warning("live_check_failed", why=str(error))
            continue
        if not allowed:
            raise Over(SIGNED_OUT, "signed out")


async def _close(socket: web.WebSocketResponse, request: web.Request, over: Over) -> None:
    """A desk that no longer reads cannot take the close either: then the connection is cut."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await socket.close(code=over.code, message=str(over).encode())
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def as_json(row: Row) -> bytes:
    """``at`` is RFC 3339; ``data`` is the journal's document, whose times are seconds since 1970."""
    return orjson.dumps(
        {
            "seq": row.seq,
            "at": datetime.fromtimestamp(row.at, UTC).isoformat(),
            "kind": row.kind,
            "entry": row.entry,
            "contact": row.reference,
            "handler": row.handler,
            "data": orjson.Fragment(row.document),
        }
    )
