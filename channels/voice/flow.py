"""The story of one call, from arrival to the end: answer, greet, queue, ring, bridge, hand over, hang up.

The caller's leg is released only when the caller hangs up or a handler ends the conversation. Pressing the
emergency digits, or a handler's word, brings the control room in at any moment.

The story's parts stand in files of their own: what the caller alone hears and presses (``reception``) and where they
are led from there (``leading``), what a handler does with them (``conversation``), an emergency (``emergency``), a call
that outlived a gateway (``resumption``). These work with one part for each leg: the handler's phone (``handler_leg``)
and what is done at it (``handler_phone``), the third party (``third_party``), the supervisor (``supervision``), the
control room (``control_room``); with the recording (``keeping``) and legs without sound (``sound_watch``). All work on
one ``Scene``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.call import Call, CallGone
from channels.voice.control_room import ControlRoomLeg
from channels.voice.conversation import Conversation
from channels.voice.emergency import Emergency
from channels.voice.handler_leg import TONE, HandlerLeg
from channels.voice.handler_phone import HandlerPhone
from channels.voice.keeping import Keeping
from channels.voice.leading import Leading
from channels.voice.line import line_broke
from channels.voice.objections import objection
from channels.voice.reception import Reception
from channels.voice.reporting import Report, Reporter
from channels.voice.resumption import Resumption
from channels.voice.scene import ContactView, Desk, Scene
from channels.voice.sound_watch import SoundWatch
from channels.voice.supervision import SupervisorLeg
from channels.voice.third_party import ThirdParty
from config.menus import Destination
from config.settings import Settings
from routing import events as ev

__all__ = ["ContactView", "Desk", "Story"]

log = structlog.get_logger()

CLOSING_SECONDS = 10.0
OVER = ("failed", "ended")


class Story:
    """One call. ``inbox`` takes what the call process says and what the gateway wants, in order."""

    def __init__(self, call: Call, reference: str, settings: Settings, desk: Desk, report: Report) -> None:
        self.call, self.reference = call, reference
        self.inbox: asyncio.Queue[msg.Event | tell_to.Instruction] = asyncio.Queue()
        self.scene = Scene(call, reference, settings, desk, self._tell)
        self.third = ThirdParty(self.scene)
        self.supervision = SupervisorLeg(self.scene)
        self._handler = HandlerLeg(self.scene)
        self._phone = HandlerPhone(self.scene, self.third, lambda wish: objection(self, wish))
        self._sound = SoundWatch(self.scene, self.third, self.supervision)
        self._control_room = ControlRoomLeg(self.scene, self.inbox.put_nowait)
        self.keeping = Keeping(self.scene)
        self._reception = Reception(self.scene, self.inbox.put_nowait)
        self._parts = (
            *(self.scene, self._handler, self.third, self.supervision),
            *(self._control_room, self.keeping, self._reception),
        )
        self._conversation = Conversation(*self._parts, lambda wish: objection(self, wish))
        self._emergency, self._leading = Emergency(*self._parts), Leading(*self._parts)
        self._reporter = Reporter(report, lambda event: self.inbox.put_nowait(tell_to.TooLate(event)))
        self._settings = settings
        self._pressed = self._gives_way = False
        self._over = asyncio.Event()
        self._tasks: tuple[asyncio.Task[Any] | None, ...] = ()

    @property
    def control_room_has_caller(self) -> bool:
        return self._control_room.has_caller

    @property
    def at_reception(self) -> bool:
        """The caller is busy by themselves: they do not wait for anybody yet, or no more."""
        reception = self._reception
        return reception.receiving or bool(reception.voicemail.part) or reception.keep_place.done

    # --- the chapters --------------------------------------------------------------------------------

    async def inbound(self, leads_to: Destination) -> None:
        """A new caller, who has heard 180 so far; their contact is on disk. ``leads_to``: where the number leads."""
        await self._run(lambda: self._new_caller(leads_to))

    async def outbound(self, handler: str) -> None:
        """A call we made: the handler and the person are both on the line."""
        line = self.scene.line
        self.scene.handler = handler
        line.joined = {"caller", "handler"}
        line.legs = {"caller": "answered", "handler": "answered"}
        await self._run(self._both_there)

    async def resumed(self) -> None:
        """A call that outlived a gateway, at the stage it was in."""
        await self._run(self._picked_up)

    async def _new_caller(self, leads_to: Destination) -> None:
        self._reception.expect(leads_to)
        await self._do(self._plan_for_nobody(), msg.Answer())
        self.scene.line.joined.add("caller")
        await self.keeping.begin()
        self.scene.remember()
        view = self.scene.view()
        if view and view.handing_over:  # cut off before the control room had answered them
            self._control_room.get()
        else:
            await self._reception.greet(leads_to)
        await self._receive()
        await self.scene.settle()
        await self._attend()

    async def _receive(self) -> None:
        """Through the menus to where the caller wants to go; an emergency goes no further through them."""
        scene, reception = self.scene, self._reception
        await self._until(lambda: not reception.greeting)
        if not scene.calling_control_room:
            await reception.lead()
        await self._until(lambda: not reception.receiving)
        if not scene.over:
            await self._leading.by_menu(reception.walk.led)

    async def _both_there(self) -> None:
        # The background is what the handler heard while the person was called.
        await self._do(self._plan_for_nobody(), msg.StopPlaying("background"))
        await self.scene.settle()
        await self.scene.announce(self.scene.sounds.prompt("recording_notice"), to=("caller", "handler"))
        await self.keeping.begin()
        self.scene.remember()
        await self._attend()

    async def _picked_up(self) -> None:
        scene = self.scene
        there = await Resumption(*self._parts, self._sound).begin()
        self._reporter.then(self.scene.raised_and_written)
        self._reporter.then(self.call.caught_up.set)
        if there:
            if self._reception.receiving:
                await self._receive()
            await scene.settle()
            await self._attend()

    def give_way(self) -> None:
        """Nothing more is done here; what was told is still reported."""
        self._gives_way = True
        for task in self._tasks:
            if task is not None:
                task.cancel()

    async def ended(self) -> None:
        await self._over.wait()

    # --- the whole and its end -----------------------------------------------------------------------

    async def _run(self, chapter: Callable[[], Awaitable[None]]) -> None:
        """Tell the chapter; everything that was told on the way is reported, however it ends."""
        reporting = asyncio.create_task(self._reporter.run(), name=f"report {self.reference}")
        pump = asyncio.create_task(self._pump(), name=f"events {self.reference}")
        self._tasks = (pump, asyncio.current_task())
        self.call.story = self
        try:
            try:
                await chapter()
            except CallGone as gone:
                self._reception.voicemail.keep()
                self._tell(ev.CallLost(self.reference, str(gone)))
            await self._close()
        except asyncio.CancelledError:
            if not self._gives_way:
                reporting.cancel()  # the gateway stops and writes nothing more: the next one makes up for it
            raise
        finally:
            pump.cancel()
            self._control_room.stop()
            self._reception.stop()
            self._reporter.finish()
            try:
                await reporting
            finally:
                self._over.set()

    async def _pump(self) -> None:
        """Everything the call process says goes into the one inbox."""
        try:
            while True:
                self.inbox.put_nowait(await self.call.next(None))
        except CallGone:
            self.inbox.put_nowait(tell_to.Gone())

    async def _close(self) -> None:
        """End the call and wait until its process has gone."""
        self._control_room.stop()
        try:
            await self._do(msg.End())
            async with asyncio.timeout(CLOSING_SECONDS):
                while not isinstance(item := await self.inbox.get(), tell_to.Gone):
                    if isinstance(item, msg.Recorded):
                        await self._reception.voicemail.recorded(item)
        except TimeoutError:
            log.error("call_does_not_end", contact=self.reference, slot=self.call.slot)
        except CallGone:
            log.debug("call_already_gone", contact=self.reference)
        await self._reception.voicemail.rescue()

    async def _attend(self) -> None:
        """Take what comes, one thing at a time, until the call is over."""
        loop = asyncio.get_running_loop()
        every = self._settings.voice.position_every_seconds
        position_due = loop.time() + every
        while not self.scene.over:
            try:
                async with asyncio.timeout_at(position_due):
                    item = await self.inbox.get()
            except TimeoutError:
                position_due = loop.time() + every
                await self._reception.say_position()
            else:
                await self._take(item)

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done() and not self.scene.over:
            await self._take(await self.inbox.get())

    # --- one thing that happened -----------------------------------------------------------------------

    async def _take(self, item: msg.Event | tell_to.Instruction) -> None:
        await self._heed(item)
        await self.keeping.end_pause_of_who_left()

    async def _heed(self, item: msg.Event | tell_to.Instruction) -> None:
        match item:
            case msg.LegChanged():
                await self._leg_changed(item)
            case msg.Digit(leg="caller"):
                await self._digit(item.digit)
            case msg.Played(name="announcement"):
                await self._reception.finished()
            case tell_to.MenuTimedOut():
                await self._reception.walk.timed_out(item)
            case tell_to.MessageReviewed():
                await self._reception.voicemail.reviewed()
            case msg.Played(name=name) if name == TONE:
                await self._handler.warning_over()
            case msg.TransferAsked():
                await self._phone.transfer(item)
            case msg.LegHeld():
                await self._phone.held(item)
            case msg.MediaLost():
                await self._sound.lost(item.leg)
            case msg.MediaBack():
                self._sound.back(item.leg)
            case msg.Silent(seconds=seconds):
                self._tell(ev.CallerSilent(self.reference, seconds))
            case msg.Heard():
                self._tell(ev.CallerHeard(self.reference))
            case msg.MessageHeard():
                self._reception.voicemail.heard(item)
            case msg.Recorded():
                await self._reception.voicemail.recorded(item)
            case msg.RecordingWentOn():
                self.keeping.went_on()
            case msg.FallbackStarted():
                self._fallback_started(pressed=item.pressed)
            case tell_to.Gone():
                raise CallGone("the call process died")
            case _:
                await self._obey(item)

    async def _leg_changed(self, leg: msg.LegChanged) -> None:
        if leg.state in OVER:
            self._sound.ended(leg.leg)
        if self.scene.changed(leg):
            match leg.leg:
                case "caller":
                    self._caller_changed(leg)
                case "handler":
                    await self._conversation.handler_changed(leg)
                case "third":
                    await self._conversation.third_changed(leg)
                case "control_room":
                    await self._control_room.changed(leg)
                case "supervisor":
                    await self.supervision.changed(leg)
        if leg.leg == "handler" and leg.state in OVER:
            await self._handler.ring_next()

    async def _obey(self, item: msg.Event | tell_to.Instruction) -> None:
        """What concerns the call as a whole; the rest is for the conversation."""
        match item:
            case tell_to.Ring():
                await self._handler.ring(item)
            case tell_to.StopRinging(offer=offer):
                await self._handler.stop_ringing(offer)
            case tell_to.GetControlRoom():
                await self._emergency.wanted(item.after)
            case tell_to.ControlRoomAnswered():
                await self._control_room.answered(item.target)
            case tell_to.Leave():
                await self._do(msg.Drop("handler"))
            case tell_to.HangUp():
                self._tell(ev.CallEnded(self.reference, item.by))
                self.scene.over = True
            case tell_to.TooLate(event=event):
                await self._conversation.refused(event)
            case tell_to.LeadOn():
                await self._leading.by_queue(item)
            case _:
                await self._conversation.heed(item)

    def _fallback_started(self, *, pressed: bool) -> None:
        log.error("fallback_started", contact=self.reference, pressed=pressed)
        view = self.scene.view()
        known = self._pressed or self.scene.raised or (view is not None and view.emergency)
        if pressed and not known:  # else the keys were told of too, to this story or to the one before
            self.scene.raise_emergency("the caller pressed the emergency digits while no gateway was there")
            self._reporter.then(self.scene.raised_and_written)

    def _caller_changed(self, leg: msg.LegChanged) -> None:
        if leg.state in OVER and not self.scene.over:
            self._reception.caller_gone()
            self._tell(ev.CallerLeft(self.reference, cut_off=line_broke(leg.state, leg.code)))
            self.scene.over = True

    async def _digit(self, digit: str) -> None:
        self._tell(ev.DigitPressed(self.reference, digit))
        if self._reception.is_emergency(digit):
            self._pressed = True
            await self._emergency.pressed()
            self._reporter.then(self.scene.raised_and_written)
        else:
            await self._reception.pressed(digit)

    # --- parts -----------------------------------------------------------------------------------------

    def _tell(self, event: ev.Event) -> None:
        self._reporter.tell(event)

    async def _do(self, *commands: msg.Command) -> bool:
        return await self.scene.do(*commands)

    def _plan_for_nobody(self) -> msg.Plan:
        targets = tuple(msg.FallbackTarget(t.uri, t.ring_seconds) for t in self._settings.control_room.targets)
        voice = self._settings.voice
        return msg.Plan(voice.fallback_seconds, targets, self.scene.from_uri(), voice.emergency_digits)
