"""The warm pool: one call process in each slot, a successor as soon as one has ended, nobody's call dropped.

Each slot is kept by a ``SlotKeeper``. Processes outlive the gateway; the next gateway's pool adopts them.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import ValidationError

from channels.voice import framing
from channels.voice.call import Call, CallGone, CommandRefused, NoSlot, NotAcknowledged, Told, VoiceError
from channels.voice.keeper import SlotBoard, SlotKeeper
from channels.voice.messages import EVENT, Begin, FallBack, Snapshot
from channels.voice.slot import Slot, occupied_slots, slots_dir, socket_path
from channels.voice.spawn import Spawner
from config.voice import Voice

__all__ = ["CallPool", "PoolStats", "SlotBoard"]

log = structlog.get_logger()

# RFC 5626 section 3.5.1; pjsip answers nothing, but its event loop wakes at once and looks at the socket.
SIP_KEEP_ALIVE = b"\r\n\r\n"
FIRST_EVENT_SECONDS = 5.0
PRESENT_SECONDS = 1.0
STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PoolStats:
    """``left_alone``: living calls whose story failed, so that they carry out their fallback plan."""

    slots: int
    idle: int
    busy: int
    starting: int
    left_alone: int


OnCall = Callable[[Call], Awaitable[None]]


class CallPool:
    """``on_call`` tells the story of a new caller, ``on_resumed`` that of a call which outlived a gateway.

    ``outbound_proxy``: the edge as a SIP URI with an IPv4 address, for example ``sip:127.0.0.1:5060;lr``.
    """

    def __init__(
        self,
        voice: Voice,
        edge_slots: SlotBoard,
        run_dir: Path,
        on_call: OnCall,
        on_resumed: OnCall,
        *,
        outbound_proxy: str,
    ) -> None:
        self._voice = voice
        self._board = edge_slots
        self._run_dir = run_dir.absolute()
        self._on_call = on_call
        self._on_resumed = on_resumed
        self._outbound_proxy = outbound_proxy
        self._group = asyncio.TaskGroup()
        self.draining = self._stopping = False
        self._keepers: dict[int, SlotKeeper] = {}
        self._kept: dict[int, asyncio.Task[None]] = {}
        self._left_alone: dict[str, Call] = {}
        self._poker: socket.socket | None = None
        self._started = asyncio.Event()

    async def run(self) -> None:
        """Works until cancelled; then idle processes are ended and busy ones left to the next gateway."""
        slots_dir(self._run_dir).mkdir(parents=True, exist_ok=True, mode=0o700)
        spawner = Spawner()
        for number in {*range(self._voice.slots), *occupied_slots(self._run_dir)}:
            self._keepers[number] = self._new_keeper(number, spawner)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as self._poker:
            self._poker.setblocking(False)
            server = await asyncio.start_unix_server(self._on_connection, socket_path(self._run_dir))
            try:
                async with self._group:
                    try:
                        self._started.set()
                        for number in self._keepers:
                            self._keep(number)
                        await self._say_present()
                    finally:  # before the group ends: whoever connects now is the next gateway's
                        self._stopping = True
                        server.close()
            finally:
                await self._stop()

    async def outbound(self) -> Call:
        """Takes an idle process for a call of our own; raises NoSlot."""
        while keeper := next((k for k in self._keepers.values() if k.idle and k.refill), None):
            call = keeper.claim()
            await keeper.mark(open=False)
            try:
                await call.do(Begin(), deadline=self._voice.start_deadline_seconds)
            except VoiceError as error:
                log.warning("call_process_evicted", slot=call.slot, why=str(error))
                call.signal(signal.SIGKILL)
                continue
            if call.arrived is None:
                return call
            self._tell(call, resumed=False)  # its own caller came in the same moment
        raise NoSlot("no idle call process")

    async def reopen(self) -> None:
        """The edge was restarted and has forgotten which slots are open."""
        for keeper in self._keepers.values():
            if keeper.idle:
                await keeper.mark(open=True)

    async def adopted(self) -> None:
        """Returns when every call that outlived an earlier gateway is found, and has told what it went through."""
        await self._started.wait()
        for keeper in self._keepers.values():
            await keeper.adopted.wait()
            if keeper.call is not None and keeper.call.snapshot.begun:
                await keeper.call.caught_up.wait()

    def stats(self) -> PoolStats:
        keepers = self._keepers.values()
        idle = sum(keeper.idle for keeper in keepers)
        busy = sum(keeper.busy for keeper in keepers)
        starting = sum(keeper.call is None and keeper.refill for keeper in keepers)
        return PoolStats(self._voice.slots, idle, busy, starting, len(self._alone()))

    def healthy(self) -> str:
        """What is wrong now, in words for a person; '' when nothing is."""
        troubles = Counter(keeper.trouble for keeper in self._keepers.values() if keeper.trouble)
        problems = [f"{count} of {self._voice.slots} slots: {trouble}" for trouble, count in troubles.items()]
        if self.draining:
            problems.append("drained: new callers go to the overflow target; contact-gateway drain --undo ends it")
        elif not any(keeper.idle for keeper in self._keepers.values()):
            problems.append("no call process is free")
        if alone := len(self._alone()):
            problems.append(f"{alone} calls are on their fallback plan because their story failed")
        return "; ".join(problems)

    async def drain(self) -> None:
        """Takes no more calls: the edge sends them on, idle processes end, calls under way go on to their end."""
        self.draining = True
        for keeper in self._keepers.values():
            keeper.refill = False
        await self._end_idle()

    def refill(self) -> None:
        """Takes calls again, each slot with a fresh process as soon as it is free."""
        self.draining = False
        for number, keeper in self._keepers.items():
            keeper.refill = number < self._voice.slots
            if keeper.refill and self._kept[number].done():
                self._keep(number)

    async def _say_present(self) -> None:
        """Until cancelled: calls carry out their fallback plan when we do not."""
        while True:
            for keeper in self._keepers.values():
                if keeper.call is not None and keeper.busy:
                    keeper.call.say_present()
            await asyncio.sleep(PRESENT_SECONDS)

    def _keep(self, number: int) -> None:
        self._kept[number] = self._group.create_task(self._keepers[number].run(), name=f"slot-{number}")

    # --- connections ---

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopping:  # accepted before the door was shut
            writer.close()
            return
        self._group.create_task(self._welcome(reader, writer), name="call-connection")

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        payloads = framing.frames(reader)
        try:
            async with asyncio.timeout(FIRST_EVENT_SECONDS):
                first = EVENT.validate_json(await anext(payloads))
        except (OSError, TimeoutError, StopAsyncIteration, ValidationError, framing.FrameTooLong) as error:
            log.warning("call_connection_without_snapshot", error=type(error).__name__)
            writer.close()
            return
        keeper = self._keepers.get(first.slot) if isinstance(first, Snapshot) else None
        if keeper is None or not isinstance(first, Snapshot):
            writer.close()
            return
        await keeper.welcome(first, payloads, writer)

    def _new_keeper(self, number: int, spawner: Spawner) -> SlotKeeper:
        voice = self._voice
        slot = Slot(
            number=number,
            address=voice.address,
            sip_port=voice.sip_port_base + number,
            rtp_port=voice.rtp_port_base + 16 * number,
            outbound_proxy=self._outbound_proxy,
            run_dir=self._run_dir,
            start_deadline=voice.start_deadline_seconds,
            media_lost=voice.media_lost_seconds,
        )
        keeper = SlotKeeper(slot, self._board, spawner, self._group, self._new_call, self._tell, self._tell_again)
        keeper.refill = number < voice.slots
        return keeper

    def _new_call(self, snapshot: Snapshot) -> Call:
        return Call(snapshot, command_deadline=self._voice.command_deadline_seconds, poke=self._poke)

    def _poke(self, port: int) -> None:
        """Wakes the process's loop. A poke that is lost costs its 50 ms wait, no more."""
        with suppress(BlockingIOError):
            if self._poker is not None:
                self._poker.sendto(SIP_KEEP_ALIVE, (self._voice.address, port))

    # --- stories ---

    def _tell(self, call: Call, resumed: bool) -> None:
        story = self._on_resumed if resumed else self._on_call
        self._group.create_task(self._tell_story(call, story), name=f"call-{call.id}")

    def _tell_again(self, call: Call) -> None:
        self._group.create_task(self._go_on(call, call.story), name=f"call-{call.id}-again")

    async def _go_on(self, call: Call, before: Told | None) -> None:
        """We hung for a while. The story goes on from what the process holds, as after a restart; without one yet (the
        call is being written down, or placed) it is only taken charge of."""
        log.warning("call_missed_us", call=call.id)
        if before is None:
            await self._begin(call)
            return
        await before.ended()
        await self._tell_story(call, self._on_resumed)

    async def _tell_story(self, call: Call, story: OnCall) -> None:
        failure = ""
        try:
            if await self._begin(call):
                await story(call)
                failure = "" if call.gone or call.ended else "the story ended before the call"
        except Exception as error:
            log.exception("call_story_failed", call=call.id)
            failure = repr(error)
        call.caught_up.set()
        if failure and not call.gone:
            await self._leave_alone(call, failure)

    async def _begin(self, call: Call) -> bool:
        """Until the process has taken note: a caller whom it began for must never be without a story.

        False when the caller has hung up before anybody took charge: then there is no story to tell.
        """
        try:
            await _persist(call, Begin())
        except CommandRefused as refused:
            log.info("caller_gone_at_once", call=call.id, why=str(refused))
            return False
        except CallGone:
            log.info("call_gone_at_once", call=call.id)
        return True

    async def _leave_alone(self, call: Call, failure: str) -> None:
        """The caller is never hung up on: the process passes them to its fallback targets by itself."""
        log.critical("call_left_alone", call=call.id, slot=call.slot, failure=failure)
        self._left_alone[call.id] = call
        try:
            await _persist(call, FallBack())
        except VoiceError as error:
            log.error("fall_back_refused", call=call.id, why=str(error))

    def _alone(self) -> list[Call]:
        self._left_alone = {key: call for key, call in self._left_alone.items() if not call.gone}
        return list(self._left_alone.values())

    # --- stopping ---

    async def _end_idle(self) -> None:
        for keeper in self._keepers.values():
            if keeper.idle:
                call = keeper.claim(dismiss=True)
                await keeper.mark(open=False)
                call.signal(signal.SIGTERM)

    async def _stop(self) -> None:
        idle = [keeper.call for keeper in self._keepers.values() if keeper.call and keeper.idle]
        await self._end_idle()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                for call in idle:
                    await call.finished()
        for keeper in self._keepers.values():
            if keeper.call is not None:
                keeper.call.release()


async def _persist(call: Call, command: Begin | FallBack) -> None:
    """Gives the command again and again until it is acknowledged; raises CommandRefused and CallGone."""
    while True:
        try:
            await call.do(command)
        except NotAcknowledged:
            log.warning("command_not_acknowledged", call=call.id, command=command.type)
        else:
            return
