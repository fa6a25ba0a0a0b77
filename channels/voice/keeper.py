"""Keeping one slot: adopt or start a process, offer it while idle, wait for its end, release after a crash."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import structlog

from channels.voice import framing
from channels.voice.call import Call
from channels.voice.messages import Leg, Snapshot
from channels.voice.slot import Slot, read_occupant
from channels.voice.spawn import Spawner
from channels.voice.watch import ExitWatch

log = structlog.get_logger()

HELLO_SECONDS = 5.0
ADOPTION_SECONDS = 2.0
# The edge forgets which slots are open when it restarts, so an idle slot is announced again and again.
ANNOUNCE_SECONDS = 10.0
FIRST_BACKOFF, LONGEST_BACKOFF = 0.1, 10.0
EDGE_SECONDS = 2.0
RELEASE_DELAYS = (0.0, 0.5, 2.0, 5.0)
LAST_WORDS_BYTES = 1500


class SlotBoard(Protocol):
    """The SIP edge's list of slots."""

    async def set_slot(self, port: int, *, open: bool) -> None:  # noqa: A002 -- the edge's own word
        """Lets new calls in to the slot at this SIP port, or not; raises when the edge does not do it."""

    async def release(self, call_id: str, local_tag: str, remote_tag: str) -> object:
        """Ends the dialog at the peer of a process that died; raises when the edge does not do it."""


class SlotKeeper:
    """Keeps one slot until cancelled or closed. ``on_call(call, resumed)`` is called for each caller, once, and
    ``on_again(call)`` when its process has missed us (we hung) and comes back.

    ``trouble`` says in words why the slot has no process now; '' when all is well. ``adopted`` is set when it is
    known whether a process of an earlier gateway was still there.
    """

    def __init__(
        self,
        slot: Slot,
        board: SlotBoard,
        spawner: Spawner,
        group: asyncio.TaskGroup,
        new_call: Callable[[Snapshot], Call],
        on_call: Callable[[Call, bool], None],
        on_again: Callable[[Call], None],
    ) -> None:
        self.slot = slot
        self.call: Call | None = None
        self.trouble = ""
        self.refill = True
        self.adopted = asyncio.Event()
        self._board = board
        self._spawner = spawner
        self._group = group
        self._new_call = new_call
        self._on_call, self._on_again = on_call, on_again
        self._claimed = self._dismissed = False
        self._expecting = False
        self._heard = asyncio.Event()
        self._marking = asyncio.Lock()

    @property
    def idle(self) -> bool:
        return self.call is not None and not self.call.taken.is_set()

    async def run(self) -> None:
        delay = 0.0
        await self._adopt()
        self.adopted.set()
        while True:
            if self.call is not None:
                delay = 0.0 if await self._serve(self.call) else _longer(delay)
                self.call = None
            if not self.refill:
                return
            await asyncio.sleep(delay)
            if not await self._start():
                delay = _longer(delay)

    @property
    def busy(self) -> bool:
        """With a call, or about to have one; a process that was told to end is not."""
        return self.call is not None and not self.idle and not self._dismissed

    def claim(self, *, dismiss: bool = False) -> Call:
        """Takes the idle process out of the offer, for a call of our own or to ``dismiss`` it."""
        assert self.call is not None
        self._claimed, self._dismissed = True, dismiss
        self.call.taken.set()
        return self.call

    async def welcome(self, snapshot: Snapshot, payloads: framing.Payloads, writer: asyncio.StreamWriter) -> None:
        """Serves a connection of the slot's process until it ends; a process of no interest is turned away."""
        again = self.call is not None and snapshot.begun
        if self._expecting and self.call is None:
            with suppress(ProcessLookupError):
                self.call = self._new_call(snapshot)
                self._heard.set()
        if self.call is None or self.call.pid != snapshot.pid:
            writer.close()
            return
        if again:
            self._on_again(self.call)
        await self.call.converse(snapshot, payloads, writer)

    async def mark(self, *, open: bool) -> None:  # noqa: A002 -- the edge's own word
        """Opens or closes the slot at the edge. Its failure is logged: the next announcement mends it."""
        async with self._marking:
            if open and not self.idle:
                return
            try:
                async with asyncio.timeout(EDGE_SECONDS):
                    await self._board.set_slot(self._port(), open=open)
            except Exception as error:  # noqa: BLE001 -- whatever the edge's client does, calls go on
                self.trouble = "the SIP edge does not take our slots"
                log.error("slot_not_marked", slot=self.slot.number, open=open, error=repr(error))
            else:
                self.trouble = ""

    def _port(self) -> int:
        return self.call.port if self.call is not None else self.slot.sip_port

    # --- a process comes ---

    async def _adopt(self) -> None:
        occupant = read_occupant(self.slot.file)
        if occupant is None or not occupant.lives():
            self._bury()
            return
        log.info("call_process_found", slot=self.slot.number, pid=occupant.pid)
        if await self._hear_from(occupant.pid, ADOPTION_SECONDS):
            return
        # A silent process may hold a talking caller, so it is never killed: media flows without its Python.
        self.trouble = "its process from before does not speak"
        log.error("call_process_silent", slot=self.slot.number, pid=occupant.pid)
        self.adopted.set()
        if not await self._hear_from(occupant.pid, None):
            self._bury()

    async def _start(self) -> bool:
        self._expecting = True
        try:
            pid = await self._spawner.start(self.slot)
            ready = await self._hear_from(pid, HELLO_SECONDS, kill=True)
        except (OSError, EOFError) as error:
            log.error("call_process_not_started", slot=self.slot.number, error=repr(error))
            ready = False
        if not ready:
            self.trouble = "its call process does not start"
            log.error("call_process_not_ready", slot=self.slot.number, last_words=self._last_words())
            self._bury()
        return ready

    async def _hear_from(self, pid: int, deadline: float | None, *, kill: bool = False) -> bool:
        """Waits until the process has connected; False when it has exited or after ``deadline`` seconds.

        With ``kill`` one that has not connected by then, or when we stop, is killed.
        """
        self._expecting = True
        try:
            watch = ExitWatch(pid, self._heard.set)
        except ProcessLookupError:
            return False
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline):
                    await self._heard.wait()
        finally:
            if kill and self.call is None:
                watch.signal(signal.SIGKILL)
            watch.close()
            self._heard.clear()
            self._expecting = False
        return self.call is not None

    # --- a process serves and goes ---

    async def _serve(self, call: Call) -> bool:
        """From ready to dead; whether it was taken in between."""
        self.trouble = ""
        self._claimed = self._dismissed = False
        resumed = call.snapshot.begun
        await self._offer(call)
        taken = not call.gone
        if taken and not self._claimed:
            self._on_call(call, resumed)
        await call.finished()
        call.caught_up.set()
        if not taken:
            await self.mark(open=False)
        self._bury()
        return taken

    async def _offer(self, call: Call) -> None:
        if self.idle and not self.refill:
            call.signal(signal.SIGTERM)
            await call.finished()
        while not call.taken.is_set():
            await self.mark(open=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(ANNOUNCE_SECONDS):
                    await call.taken.wait()

    def _bury(self) -> None:
        """Removes what a dead process left; whoever it was talking to is released at the edge."""
        occupant = read_occupant(self.slot.file)
        self.slot.file.unlink(missing_ok=True)
        if occupant is None:
            return
        log.error("call_process_died", slot=self.slot.number, pid=occupant.pid, last_words=self._last_words())
        for leg in occupant.legs:
            self._group.create_task(self._release(leg), name=f"release-{self.slot.number}-{leg.name}")

    async def _release(self, leg: Leg) -> None:
        for delay in RELEASE_DELAYS:
            await asyncio.sleep(delay)
            try:
                async with asyncio.timeout(EDGE_SECONDS):
                    await self._board.release(leg.call_id, leg.local_tag, leg.remote_tag)
            except Exception as error:  # noqa: BLE001 -- whatever the edge's client does, calls go on
                log.error("leg_not_released", slot=self.slot.number, leg=leg.name, error=repr(error))
            else:
                log.info("leg_released", slot=self.slot.number, leg=leg.name)
                return

    def _last_words(self) -> str:
        """The end of the process's log: an assertion of the media stack stands there."""
        try:
            return self.slot.log_file.read_bytes()[-LAST_WORDS_BYTES:].decode(errors="replace")
        except FileNotFoundError:
            return ""


def _longer(delay: float) -> float:
    return min(max(FIRST_BACKOFF, 2 * delay), LONGEST_BACKOFF)
