"""The story of one call, from arrival to the end: answer, greet, queue, ring, bridge, hand over, hang up.

The caller's leg is released only when the caller hangs up or a handler ends the conversation. Pressing the
emergency digits, or a handler's word, brings the control room in at any moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.call import Call, CallGone, VoiceError
from channels.voice.control_room import ControlRoomCall
from channels.voice.recordings import rescued
from channels.voice.reporting import Report, Reporter
from channels.voice.sounds import Sounds
from config.settings import Settings
from routing import events as ev
from routing.model import Offer

log = structlog.get_logger()

DECLINED_CODES = (486, 600, 603)
RANG_OUT_CODES = (408, 487)
RING_GRACE_SECONDS = 1.0
CLOSING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ContactView:
    """What a story needs to know of its contact. ``place``: 1 for the first in line, 0 when not waiting."""

    offers: tuple[Offer, ...]
    handler: str
    handing_over: bool
    place: int
    party: str


class Desk(Protocol):
    """What a story asks the gateway; answered at once, from memory."""

    def view(self, reference: str) -> ContactView | None: ...

    def extension(self, handler: str) -> str: ...


class Story:
    """One call. ``joined``: the legs that are up and hear each other; the caller alone hears music."""

    def __init__(self, call: Call, reference: str, settings: Settings, desk: Desk, report: Report) -> None:
        self.call, self.reference = call, reference
        self.inbox: asyncio.Queue[msg.Event | tell_to.Instruction] = asyncio.Queue()
        self.joined: set[msg.LegName] = set()
        self.handler = ""
        self._settings, self._desk, self._sounds = settings, desk, Sounds(settings.voice)
        self._reporter = Reporter(report, lambda event: self.inbox.put_nowait(tell_to.TooLate(event)))
        self._control_room = ControlRoomCall(call, settings.control_room, self._tell)
        self._getting_control_room: asyncio.Task[None] | None = None
        self._legs: dict[msg.LegName, msg.LegState] = {}
        self._ringing: Offer | None = None
        self._next_ring: tell_to.Ring | None = None
        self._greeting = False
        self._over = False
        self._digits = ""
        self._background: tuple[str, ...] = ()
        self._recording = ""

    # --- the chapters --------------------------------------------------------------------------------

    async def inbound(self) -> None:
        """A new caller, who has heard 180 so far; their contact is on disk."""
        await self._run(self._new_caller)

    async def outbound(self, handler: str) -> None:
        """A call we made: the handler and the person are both on the line."""
        self.joined, self.handler = {"caller", "handler"}, handler
        self._legs = {"caller": "answered", "handler": "answered"}
        self._background = self._sounds.calling()
        await self._run(self._both_there)

    async def resumed(self) -> None:
        """A call that outlived a gateway, at the stage it was in."""
        await self._run(self._picked_up)

    async def _new_caller(self) -> None:
        await self._plan_for_nobody()
        await self._do(msg.Answer())
        self.joined.add("caller")
        await self._record()
        await self._remember()
        await self._greet()
        self._tell(ev.CallQueued(self.reference))
        await self._settle_sound()
        await self._attend()

    async def _both_there(self) -> None:
        await self._plan_for_nobody()
        await self._settle_sound()
        await self._do(msg.Play("announcement", (self._sounds.prompt("recording_notice"),), ("caller", "handler")))
        await self._record()
        await self._remember()
        await self._attend()

    async def _picked_up(self) -> None:
        """What the process still holds is true; what the gateway decided meanwhile is caught up with."""
        snapshot, view = self.call.snapshot, self._desk.view(self.reference)
        self._legs = {leg.name: leg.state for leg in snapshot.legs}
        self._recording = snapshot.recording
        self.joined = {name for name, state in self._legs.items() if state == "answered"}
        if "caller" not in self.joined or view is None:
            self._tell(ev.CallerLeft(self.reference))
            return
        if not snapshot.recording:
            await self._record()
        await self._resume_handler(view)
        if view.handing_over and "control_room" not in self.joined:
            self._get_control_room()
        elif "control_room" in self.joined:
            self._tell(ev.ControlRoomJoined(self.reference, "control room"))
        if not (self.handler or view.offers or view.place):
            self._tell(ev.CallQueued(self.reference))
        await self._settle_sound()
        await self._attend()

    async def _resume_handler(self, view: ContactView) -> None:
        there = "handler" in self.joined
        if view.handler and there:
            self.handler = view.handler
        elif view.handler:
            self._tell(ev.HandlerLost(self.reference, view.handler, "gone when the gateway came back"))
        for offer in view.offers:
            if there:
                self.handler = offer.handler
                self._tell(ev.OfferAccepted(offer.id, self.reference, offer.handler))
            elif self._legs.get("handler") in ("dialling", "ringing"):
                self._ringing = offer
            else:
                await self._ring(tell_to.Ring(offer, self._desk.extension(offer.handler)))
        if there and not self.handler:
            await self._drop_handler()

    # --- the whole and its end -----------------------------------------------------------------------

    async def _run(self, chapter: Callable[[], Awaitable[None]]) -> None:
        """Tell the chapter; everything that was told on the way is reported, however it ends."""
        reporting = asyncio.create_task(self._reporter.run(), name=f"report {self.reference}")
        pump = asyncio.create_task(self._pump(), name=f"events {self.reference}")
        try:
            try:
                await chapter()
            except CallGone as gone:
                self._tell(ev.CallLost(self.reference, str(gone)))
            await self._close()
        finally:
            pump.cancel()
            self._stop_getting_control_room()
            self._reporter.finish()
            await reporting

    async def _pump(self) -> None:
        """Everything the call process says goes into the one inbox."""
        try:
            while True:
                self.inbox.put_nowait(await self.call.next(None))
        except CallGone:
            self.inbox.put_nowait(tell_to.Gone())

    async def _close(self) -> None:
        """End the call and wait for the last word: the recording's."""
        self._stop_getting_control_room()
        try:
            await self._do(msg.End())
            async with asyncio.timeout(CLOSING_SECONDS):
                while True:
                    item = await self.inbox.get()
                    if isinstance(item, msg.Recorded):
                        self._recorded(item)
                    if isinstance(item, tell_to.Gone):
                        break
        except TimeoutError:
            log.error("call_does_not_end", contact=self.reference, slot=self.call.slot)
        except CallGone:
            log.debug("call_already_gone", contact=self.reference)
        if self._recording:
            await self._rescue_recording()

    async def _attend(self) -> None:
        """Take what comes, one thing at a time, until the call is over."""
        loop = asyncio.get_running_loop()
        every = self._settings.voice.position_every_seconds
        position_due = loop.time() + every
        while not self._over:
            try:
                async with asyncio.timeout_at(position_due):
                    item = await self.inbox.get()
            except TimeoutError:
                position_due = loop.time() + every
                await self._say_position()
            else:
                await self._take(item)

    async def _greet(self) -> None:
        self._greeting = await self._do(msg.Play("announcement", self._sounds.welcome()))
        while self._greeting and not self._over:
            await self._take(await self.inbox.get())

    # --- one thing that happened -----------------------------------------------------------------------

    async def _take(self, item: msg.Event | tell_to.Instruction) -> None:
        match item:
            case msg.LegChanged(leg="caller"):
                self._caller_changed(item)
            case msg.LegChanged(leg="handler"):
                await self._handler_changed(item)
            case msg.LegChanged(leg="control_room"):
                await self._control_room_changed(item)
            case msg.Digit(leg="caller"):
                await self._digit(item.digit)
            case msg.Played(name="announcement"):
                self._greeting = False
                await self._settle_sound()
            case msg.MediaLost():
                await self._media_lost(item.leg)
            case msg.Recorded():
                self._recorded(item)
            case msg.FallbackStarted():
                self._fallback_started(pressed=item.pressed)
            case tell_to.Gone():
                raise CallGone("the call process died")
            case _:
                await self._obey(item)

    async def _obey(self, item: msg.Event | tell_to.Instruction) -> None:
        match item:
            case tell_to.Ring():
                await self._ring(item)
            case tell_to.StopRinging() if self._ringing and self._ringing.id == item.offer:
                self._ringing = None
                await self._do(msg.Drop("handler"))
            case tell_to.StopRinging() if self._next_ring and self._next_ring.offer.id == item.offer:
                self._next_ring = None
            case tell_to.GetControlRoom():
                self._get_control_room()
                await self._settle_sound()
            case tell_to.ControlRoomAnswered():
                await self._control_room_answered(item.target)
            case tell_to.Leave():
                await self._do(msg.Drop("handler"))
            case tell_to.HangUp():
                self._tell(ev.CallEnded(self.reference, item.by))
                self._over = True
            case tell_to.TooLate(event=ev.OfferAccepted(handler=handler)) if handler == self.handler:
                await self._drop_handler()

    def _fallback_started(self, *, pressed: bool) -> None:
        log.error("fallback_started", contact=self.reference, pressed=pressed)
        if pressed:
            how = "the caller pressed the emergency digits while no gateway was there"
            self._tell(ev.EmergencyRaised(self.reference, "caller", how))

    def _caller_changed(self, leg: msg.LegChanged) -> None:
        self._legs["caller"] = leg.state
        if leg.state in ("ended", "failed") and not self._over:
            self._tell(ev.CallerLeft(self.reference))
            self._over = True

    async def _digit(self, digit: str) -> None:
        self._tell(ev.DigitPressed(self.reference, digit))
        wanted = self._settings.voice.emergency_digits
        self._digits = (self._digits + digit)[-len(wanted) :]
        if self._digits == wanted:
            self._digits = ""
            self._get_control_room()
            self._tell(ev.EmergencyRaised(self.reference, "caller", f"the caller pressed {' '.join(wanted)}"))
            self._greeting = False
            await self._settle_sound()

    async def _media_lost(self, leg: msg.LegName) -> None:
        """A silent caller is never let go; a handler's phone that is dead gives the caller back to the queue."""
        if leg == "handler" and self.handler:
            self._tell(ev.HandlerLost(self.reference, self.handler, "no sound came from the phone"))
            await self._drop_handler()
        else:
            self._tell(ev.Recorded(f"no sound from the {leg}", "system", reference=self.reference))

    # --- the handler -----------------------------------------------------------------------------------

    async def _ring(self, ring: tell_to.Ring) -> None:
        if self._legs.get("handler") in ("dialling", "ringing", "answered"):
            self._next_ring = ring
            return
        offer, domain = ring.offer, self._settings.edge.domain
        self._ringing = offer
        seconds = offer.expires_at - offer.made_at + RING_GRACE_SECONDS
        headers = (("X-Contact-Reference", self.reference),)
        dial = msg.Dial("handler", f"sip:{ring.extension}@{domain}", seconds, self._from_uri(), headers)
        if await self._do(dial):
            self._legs["handler"] = "dialling"
            await self._remember()
        else:
            self._ringing = None
            self._tell(ev.OfferFailed(offer.id, self.reference, offer.handler, "the phone could not be rung"))

    async def _handler_changed(self, leg: msg.LegChanged) -> None:
        self._legs["handler"] = leg.state
        if leg.state == "answered":
            await self._handler_answered()
        elif leg.state == "failed" and self._ringing:
            self._not_answered(self._ringing, leg)
        elif leg.state == "ended" and "handler" in self.joined:
            await self._handler_hung_up()
        if leg.state in ("failed", "ended") and self._next_ring and not self._over:
            ring, self._next_ring = self._next_ring, None
            await self._ring(ring)

    async def _handler_answered(self) -> None:
        offer, self._ringing = self._ringing, None
        if offer is None:
            await self._do(msg.Drop("handler"))
            return
        self.joined.add("handler")
        self.handler = offer.handler
        await self._settle_sound()
        self._tell(ev.OfferAccepted(offer.id, self.reference, offer.handler))
        await self._remember()

    def _not_answered(self, offer: Offer, leg: msg.LegChanged) -> None:
        self._ringing = None
        if leg.code in DECLINED_CODES:
            self._tell(ev.OfferDeclined(offer.id, self.reference, offer.handler))
        elif leg.code in RANG_OUT_CODES:
            self._tell(ev.OfferMissed(offer.id, self.reference, offer.handler))
        else:
            why = f"the phone could not be rung (SIP {leg.code})"
            self._tell(ev.OfferFailed(offer.id, self.reference, offer.handler, why))

    async def _handler_hung_up(self) -> None:
        """The end of the conversation, unless it is an emergency: then the caller stays."""
        handler, self.handler = self.handler, ""
        self.joined.discard("handler")
        if "control_room" in self.joined or self._calling_control_room:
            self._tell(ev.HandlerLeft(self.reference, handler))
            if self._calling_control_room:
                self._tell(ev.CallQueued(self.reference))
            await self._settle_sound()
            await self._remember()
        else:
            self._tell(ev.CallEnded(self.reference, f"handler:{handler}"))
            self._over = True

    async def _drop_handler(self) -> None:
        self.handler = ""
        self.joined.discard("handler")
        await self._settle_sound()
        await self._do(msg.Drop("handler"))

    # --- the control room ------------------------------------------------------------------------------

    @property
    def _calling_control_room(self) -> bool:
        return self._getting_control_room is not None

    def _get_control_room(self) -> None:
        if self._calling_control_room or "control_room" in self.joined:
            return
        self._getting_control_room = asyncio.create_task(self._reach_control_room(), name=f"999 {self.reference}")

    async def _reach_control_room(self) -> None:
        try:
            target = await self._control_room.reach(self.reference, self._from_uri())
        except CallGone:
            return
        self.inbox.put_nowait(tell_to.ControlRoomAnswered(target.name))

    def _stop_getting_control_room(self) -> None:
        if self._getting_control_room:
            self._getting_control_room.cancel()
            self._getting_control_room = None

    async def _control_room_changed(self, leg: msg.LegChanged) -> None:
        self._legs["control_room"] = leg.state
        if self._calling_control_room:
            self._control_room.leg_changed(leg)
        elif leg.state == "ended" and "control_room" in self.joined:
            self.joined.discard("control_room")
            self._tell(ev.ControlRoomLeft(self.reference, "control room"))
            await self._settle_sound()

    async def _control_room_answered(self, target: str) -> None:
        self._getting_control_room = None
        if self._legs.get("control_room") != "answered":
            self._get_control_room()
            return
        self.joined.add("control_room")
        await self._settle_sound()
        self._tell(ev.ControlRoomJoined(self.reference, target))
        await self._remember()

    # --- sound and record ------------------------------------------------------------------------------

    async def _settle_sound(self) -> None:
        """Those who are joined hear each other; a caller alone hears music, or that help is being fetched."""
        if self._greeting or self._over:
            return
        if len(self.joined) > 1:
            await self._do(msg.Bridge(msg.mesh(*sorted(self.joined))))
            await self._play_background(())
            return
        calling = self._calling_control_room
        await self._do(msg.Bridge(()))
        await self._play_background((self._sounds.prompt("control_room"),) if calling else self._sounds.music())

    async def _play_background(self, files: tuple[str, ...]) -> None:
        if files == self._background:
            return
        self._background = files
        await self._do(msg.Play("background", files, loop=True) if files else msg.StopPlaying("background"))

    async def _say_position(self) -> None:
        view = self._desk.view(self.reference)
        alone = self.joined == {"caller"} and not self._calling_control_room
        if alone and view and view.place:
            await self._play_background(())
            if not await self._do(msg.Play("announcement", self._sounds.position(view.place))):
                await self._settle_sound()

    async def _record(self) -> None:
        path = self._settings.voice.recordings_dir / f"{self.reference}-{self.call.id}.wav"
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        if await self._do(msg.Record(str(path))):
            self._recording = str(path)

    def _recorded(self, recorded: msg.Recorded) -> None:
        self._recording = ""
        self._tell(ev.RecordingMade(self.reference, recorded.path, recorded.sha256, recorded.seconds))

    async def _rescue_recording(self) -> None:
        """The process died before it could close the file."""
        try:
            sha256, seconds = await asyncio.to_thread(rescued, Path(self._recording))
        except OSError as error:
            log.error("recording_lost", contact=self.reference, why=str(error))
            return
        self._tell(ev.RecordingMade(self.reference, self._recording, sha256, seconds))

    # --- parts -----------------------------------------------------------------------------------------

    def _tell(self, event: ev.Event) -> None:
        self._reporter.tell(event)

    async def _do(self, command: msg.Command) -> bool:
        """Whether the process carried it out. A leg may vanish at any time: its end is told as an event."""
        try:
            await self.call.do(command)
        except VoiceError as error:
            if self.call.gone:
                raise CallGone(str(error)) from error
            log.warning("command_not_carried_out", contact=self.reference, command=command.type, why=str(error))
            return False
        return True

    async def _remember(self) -> None:
        await self._do(msg.Remember({"reference": self.reference, "handler": self.handler}))

    async def _plan_for_nobody(self) -> None:
        targets = tuple(msg.FallbackTarget(t.uri, t.ring_seconds) for t in self._settings.control_room.targets)
        voice = self._settings.voice
        await self._do(msg.Plan(voice.fallback_seconds, targets, self._from_uri(), voice.emergency_digits))

    def _from_uri(self) -> str:
        """The caller, as the handler's phone and the control room see them."""
        view = self._desk.view(self.reference)
        user = view.party if view and view.party else "anonymous"
        return f"<sip:{user}@{self._settings.edge.domain}>"
