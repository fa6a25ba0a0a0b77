"""The gateway's end of one call process: commands go in, events come out.

VoiceError
├── CommandRefused     the process understood and said no; ``str(error)`` says why
├── NotAcknowledged    no acknowledgement within the deadline; the process may be stopped or overloaded
├── CallGone           the process has ended, and the call with it
└── NoSlot             no idle call process is left
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import signal
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog
from pydantic import ValidationError

from channels.base import ChannelError
from channels.voice import framing
from channels.voice.messages import (
    ENVELOPE,
    EVENT,
    KEPT,
    POSTED,
    Ack,
    Arrived,
    Command,
    Digit,
    End,
    Envelope,
    Event,
    LegChanged,
    Present,
    Snapshot,
)
from channels.voice.watch import ExitWatch

log = structlog.get_logger()

# A caller who keeps pressing keys while nobody reads the events must not fill the memory.
MOST_WAITING_EVENTS = 1000


class VoiceError(ChannelError):
    """Something went wrong between the gateway and a call process."""


class CommandRefused(VoiceError):
    pass


class NotAcknowledged(VoiceError):
    retry = True


class CallGone(VoiceError):
    pass


class NoSlot(VoiceError):
    retry = True


class Told(Protocol):
    """A story that is being told."""

    def give_way(self) -> None:
        """Another one is to go on in its place, from what the process holds. Returns at once."""

    async def ended(self) -> None:
        """Returns when nothing more comes of it."""


class Call:
    """One call process, from when it is ready until it has exited.

    ``arrived`` is None for a call that we began ourselves. ``snapshot`` is the latest one the process sent: when
    it connected. ``ended`` tells that ``End`` was acknowledged. ``taken`` is set once the process is no longer idle,
    ``caught_up`` once it is reported what happened while no gateway was there.
    Must be made while an event loop runs; raises ProcessLookupError if the process is no more.
    """

    def __init__(self, snapshot: Snapshot, *, command_deadline: float, poke: Callable[[int], None]) -> None:
        self.id = f"{snapshot.slot}-{snapshot.pid}-{secrets.token_hex(4)}"
        self.slot = snapshot.slot
        self.pid = snapshot.pid
        self.port = snapshot.port
        self.arrived: Arrived | None = None
        self.snapshot = snapshot
        self.gone = False
        self.ended = False
        self.story: Told | None = None
        self._anew = snapshot.begun  # whoever tells its story begins from what the process holds
        self.taken = asyncio.Event()
        self.caught_up = asyncio.Event()
        self._deadline = command_deadline
        self._poke = poke
        self._numbers = itertools.count(1)
        self._unacknowledged: dict[int, asyncio.Future[Ack]] = {}
        self._posted: list[Envelope] = []
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._writer: asyncio.StreamWriter | None = None
        self._reachable = asyncio.Event()
        self._finished = asyncio.Event()
        self._exit = ExitWatch(snapshot.pid, self._on_exit)
        self._legs = {leg.name: leg.state for leg in snapshot.legs}
        self._look(snapshot)

    async def do(self, *commands: Command, deadline: float | None = None) -> None:
        """Sends commands and waits until the process has carried them out, in one turn of its loop.

        Raises CommandRefused when one was refused (the others are carried out), CallGone, or NotAcknowledged after
        ``deadline`` seconds (the configured command deadline unless given).
        """
        loop = asyncio.get_running_loop()
        numbered = {next(self._numbers): command for command in commands}
        answers: dict[int, asyncio.Future[Ack]] = {number: loop.create_future() for number in numbered}
        self._unacknowledged |= answers
        try:
            async with asyncio.timeout(self._deadline if deadline is None else deadline):
                await self._reachable.wait()
                self._send(*(Envelope(number, command) for number, command in numbered.items()))
                acks = [await answer for answer in answers.values()]
        except TimeoutError:
            late = ", ".join(command.type for number, command in numbered.items() if not answers[number].done())
            raise NotAcknowledged(f"{late}: no acknowledgement from slot {self.slot}") from None
        finally:
            for number in numbered:
                del self._unacknowledged[number]
        for command, ack in zip(commands, acks, strict=True):
            self._heed(command, ack)

    def say_present(self) -> None:
        """That we are there; a process that is out of reach is not told."""
        if self._writer is not None:
            self._writer.write(_packed([Envelope(POSTED, Present())]))

    def post(self, command: Command) -> None:
        """Gives a command of which no answer is needed. The process is not woken: it reads it before whatever comes
        next, also when what comes next is that we have died."""
        self._posted.append(Envelope(POSTED, command))
        self._send_posted()

    async def next(self, deadline: float | None = None) -> Event:
        """The next event, in order. Raises TimeoutError after ``deadline`` seconds (None: waits for ever), and
        CallGone when the process is dead and its last event was taken."""
        async with asyncio.timeout(deadline):
            event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)
            raise CallGone(f"the process of slot {self.slot} has ended")
        return event

    async def converse(self, snapshot: Snapshot, payloads: framing.Payloads, writer: asyncio.StreamWriter) -> None:
        """Serves one connection of the process until it ends; the pool calls this, also after a reconnection. Then what
        the process holds is true, and what it said before is not listened to any more."""
        if self.story is not None:
            self.story.give_way()
            self._anew = True
            self._look_anew(snapshot)
        else:
            self._look(snapshot)
        self._writer = writer
        self._send_posted()
        self._reachable.set()
        try:
            async for payload in payloads:
                if self._writer is not writer:
                    break
                self._take(EVENT.validate_json(payload))
        except (OSError, framing.FrameTooLong, ValidationError) as error:
            log.warning("call_connection_broken", call=self.id, error=type(error).__name__)
        finally:
            self._lose(writer)

    async def finished(self) -> None:
        """Returns when the process has exited and everything it said was read."""
        await self._finished.wait()

    def signal(self, number: signal.Signals) -> None:
        self._exit.signal(number)

    def release(self) -> None:
        """Stops watching: the process lives on without us (the gateway is stopping)."""
        self._exit.close()

    def _look(self, snapshot: Snapshot) -> None:
        """Takes over what the process holds; what we have not been told yet becomes an event."""
        self.snapshot = snapshot
        self.arrived = snapshot.arrived
        if snapshot.arrived or snapshot.begun:
            self.taken.set()
        for leg in snapshot.legs:
            if self._legs.get(leg.name) != leg.state:
                self._take(
                    LegChanged(
                        leg.name,
                        leg.state,
                        leg.code,
                        call_id=leg.call_id,
                        local_tag=leg.local_tag,
                        remote_tag=leg.remote_tag,
                    )
                )

    def _look_anew(self, snapshot: Snapshot) -> None:
        """For a story that begins from what the process holds: what led to it is not told again."""
        self._legs = {leg.name: leg.state for leg in snapshot.legs}
        before, self._events = self._events, asyncio.Queue()
        while not before.empty():
            if isinstance(event := before.get_nowait(), KEPT):
                self._events.put_nowait(event)
        self._look(snapshot)

    def _heed(self, command: Command, ack: Ack) -> None:
        if self.gone and not ack.ok:
            raise CallGone(ack.why)
        if not ack.ok:
            raise CommandRefused(f"{command.type}: {ack.why}")
        if isinstance(command, End):
            self.ended = True

    def _send(self, *envelopes: Envelope) -> None:
        if self.gone or self._writer is None:
            raise CallGone(f"the process of slot {self.slot} has ended")
        self._writer.write(_packed(envelopes))
        self._poke(self.port)

    def _send_posted(self) -> None:
        """What is posted while the process is out of reach follows when it is back."""
        if self._writer is not None:
            self._writer.write(_packed(self._posted))
            self._posted.clear()

    def _take(self, event: Event) -> None:
        match event:
            case Ack():
                answer = self._unacknowledged.get(event.number)
                if answer and not answer.done():
                    answer.set_result(event)
            case Snapshot():
                (self._look_anew if self._anew else self._look)(event)
            case Arrived():
                self.arrived = event
                self.taken.set()
            case Digit() if self._events.qsize() >= MOST_WAITING_EVENTS:
                log.warning("digit_dropped", call=self.id)
            case _:
                if isinstance(event, LegChanged):
                    self._legs[event.leg] = event.state
                self._events.put_nowait(event)

    def _lose(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        if self._writer is writer:
            self._writer = None
            self._reachable.clear()
            if self._exit.closed:
                self._finish()

    def _on_exit(self) -> None:
        if self._writer is None:
            self._finish()

    def _finish(self) -> None:
        self.gone = True
        for number, answer in self._unacknowledged.items():
            if not answer.done():
                answer.set_result(Ack(number, ok=False, why=f"the process of slot {self.slot} has ended"))
        self._reachable.set()
        self._events.put_nowait(None)
        self._finished.set()
        self.taken.set()


def _packed(envelopes: Iterable[Envelope]) -> bytes:
    return b"".join(framing.pack(ENVELOPE.dump_json(envelope)) for envelope in envelopes)
