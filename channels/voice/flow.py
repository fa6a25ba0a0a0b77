"""The story of one call, from arrival to the end: answer, greet, queue, ring, bridge, hand over, hang up.

The caller's leg is released only when the caller hangs up or a handler ends the conversation. Pressing the
emergency digits, or a handler's word, brings the control room in at any moment.

The story's parts stand in files of their own: what the caller alone hears and presses (``reception``), the handler's
phone (``handler_leg``) and what they do at it (``handler_phone``), the third party (``third_party``), the supervisor
(``supervision``), the control room (``control_room``), the recording (``keeping``), legs without sound
(``sound_watch``), a call that outlived a gateway (``resumption``). All work on one ``Scene``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.call import Call, CallGone
from channels.voice.control_room import ControlRoomLeg
from channels.voice.handler_leg import TONE, HandlerLeg
from channels.voice.handler_phone import HandlerPhone
from channels.voice.keeping import Keeping
from channels.voice.line import line_broke
from channels.voice.objections import objection
from channels.voice.reception import Reception
from channels.voice.reporting import Report, Reporter
from channels.voice.resumption import Resumption
from channels.voice.scene import ContactView, Desk, Scene
from channels.voice.sound_watch import SoundWatch
from channels.voice.supervision import SupervisorLeg
from channels.voice.third_party import ThirdParty
from channels.voice.unwritten import REQUEUED
from channels.voice.voicemail import voicemail_of
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
        self._reporter = Reporter(report, lambda event: self.inbox.put_nowait(tell_to.TooLate(event)))
        self._settings = settings

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
        await self._plan_for_nobody()
        await self._reception.expect(leads_to)
        await self._do(msg.Answer())
        self.scene.line.joined.add("caller")
        await self.keeping.begin()
        await self.scene.remember()
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
            await self._led(reception.walk.led)

    async def _led(self, led: Destination | None) -> None:
        scene = self.scene
        scene.quiet = bool(led and led.voicemail)
        if not scene.quiet:
            await scene.at()
        if scene.calling_control_room or (led and led.queue):
            self._tell(ev.CallQueued(self.reference, (led and led.queue) or "", scene.sounds.language))
        elif led and (led.extension or led.number):
            number = led.extension or led.number or ""
            self._tell(ev.Recorded(f"the menu led the caller to {number}", "system", reference=self.reference))
            await self.third.lead_out(number)
        elif led and led.voicemail:
            await self._reception.voicemail.begin(led.voicemail, self._settings.voice.default_queue)
        else:
            self._tell(ev.CallEnded(self.reference, "system"))
            scene.over = True

    async def _both_there(self) -> None:
        await self._plan_for_nobody()
        await self._do(msg.StopPlaying("background"))  # what the handler heard while the person was called
        await self.scene.settle()
        await self.scene.announce(self.scene.sounds.prompt("recording_notice"), to=("caller", "handler"))
        await self.keeping.begin()
        await self.scene.remember()
        await self._attend()

    async def _picked_up(self) -> None:
        scene = self.scene
        parts = (self._handler, self.third, self.supervision, self._control_room, self.keeping, self._reception)
        if await Resumption(scene, *parts, self._sound).begin():
            if self._reception.receiving:
                await self._receive()
            await scene.settle()
            await self._attend()

    # --- the whole and its end -----------------------------------------------------------------------

    async def _run(self, chapter: Callable[[], Awaitable[None]]) -> None:
        """Tell the chapter; everything that was told on the way is reported, however it ends."""
        reporting = asyncio.create_task(self._reporter.run(), name=f"report {self.reference}")
        pump = asyncio.create_task(self._pump(), name=f"events {self.reference}")
        try:
            try:
                await chapter()
            except CallGone as gone:
                self._reception.voicemail.keep()
                self._tell(ev.CallLost(self.reference, str(gone)))
            await self._close()
        except asyncio.CancelledError:
            reporting.cancel()  # the gateway stops and writes nothing more: the next one makes up for it
            raise
        finally:
            pump.cancel()
            self._control_room.stop()
            self._reception.stop()
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
                    await self._handler_changed(leg)
                case "third":
                    await self._third_changed(leg)
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
                await self._get_control_room()
            case tell_to.ControlRoomAnswered():
                await self._control_room.answered(item.target)
            case tell_to.Leave():
                await self._do(msg.Drop("handler"))
            case tell_to.HangUp():
                self._tell(ev.CallEnded(self.reference, item.by))
                self.scene.over = True
            case tell_to.TooLate(event=ev.OfferAccepted(handler=handler)) if handler == self.scene.handler:
                self.scene.handler = ""
                await self.scene.part("handler")
            case tell_to.TooLate(event=ev.PartyRung(by="system")):
                await self.third.drop("is not free")
            case tell_to.TooLate(event=ev.PartyRung()):
                await self.third.drop("the contact has moved on")
            case tell_to.TooLate(event=ev.CallTakenOver() as refused):
                await self._not_taken_over(refused)
            case tell_to.TooLate(event=ev.Requeued(handler=handler)) if not self.scene.handler:
                self._left_alone(handler)
            case tell_to.TooLate(event=ev.CallbackAsked()):
                await self._reception.keep_place.refused()
            case tell_to.LeadOn():
                await self._lead_on(item)
            case _:
                await self._converse(item)

    async def _converse(self, item: msg.Event | tell_to.Instruction) -> None:
        """What was possible when it was asked for may not be any more."""
        match item:
            case tell_to.Hold() if not objection(self, item):
                await self._hold(item)
            case tell_to.Mute() if not objection(self, item):
                await self._mute(item)
            case tell_to.SendDigits():
                await self._send_digits(item)
            case tell_to.PauseRecording(by=by, why=why) if not self.control_room_has_caller:
                await self.keeping.pause(by, why)
            case tell_to.ResumeRecording(by=by):
                await self.keeping.resume(by)
            case tell_to.Bring():
                await self.third.bring(item)
            case tell_to.CompleteTransfer() if "third" in self.scene.line.joined:
                await self.third.pass_caller()
            case tell_to.DropThird(why=why):
                await self.third.drop(why)
            case tell_to.Requeue() if not objection(self, item):
                await self._requeue(item)
            case tell_to.ToVoicemail(of=of) if not objection(self, item):
                await self._to_voicemail(of)
            case tell_to.Supervise():
                await self.supervision.supervise(item)
            case tell_to.StopSupervising(why=why):
                await self.supervision.stop(why)
            case tell_to.TakeOver(why=why) if not objection(self, item):
                await self._take_over(why)

    def _fallback_started(self, *, pressed: bool) -> None:
        log.error("fallback_started", contact=self.reference, pressed=pressed)
        if pressed:
            how = "the caller pressed the emergency digits while no gateway was there"
            self._tell(ev.EmergencyRaised(self.reference, "caller", how))

    def _caller_changed(self, leg: msg.LegChanged) -> None:
        if leg.state in OVER and not self.scene.over:
            self._reception.caller_gone()
            self._tell(ev.CallerLeft(self.reference, cut_off=line_broke(leg.state, leg.code)))
            self.scene.over = True

    async def _digit(self, digit: str) -> None:
        self._tell(ev.DigitPressed(self.reference, digit))
        if not self._reception.is_emergency(digit):
            await self._reception.pressed(digit)
            return
        self._control_room.get()
        keys = " ".join(self._settings.voice.emergency_digits)
        self._tell(ev.EmergencyRaised(self.reference, "caller", f"the caller pressed {keys}"))
        await self._leave_voicemail()
        await self._reception.leave()
        await self.third.give_up_leading_out()
        await self._make_room()
        await self.scene.settle()
        await self.keeping.resume("system")

    # --- the handler -----------------------------------------------------------------------------------

    async def _handler_changed(self, leg: msg.LegChanged) -> None:
        if leg.state == "answered":
            await self._handler.answered()
            await self._reception.leave()
        elif leg.state == "failed":
            self._handler.not_answered(leg)
        elif leg.state == "ended" and "handler" in self.scene.line.joined:
            await self._handler_hung_up()
        elif leg.state == "ended":
            self._handler.hung_up_at_the_tone()

    async def _handler_hung_up(self) -> None:
        """The end of the conversation, unless the caller is being passed on or it is an emergency: then they stay."""
        scene = self.scene
        scene.line.leave("handler")
        if "third" in scene.line.joined and self.third.wanted_by_caller:
            await self.third.pass_caller()
        elif self.third.wanted_by_caller:
            await scene.settle()  # passed on as soon as the other answers
        elif self._control_room.has_caller:
            handler, scene.handler = scene.handler, ""
            self._tell(ev.HandlerLeft(self.reference, handler))
            if scene.calling_control_room:
                self._tell(ev.CallQueued(self.reference))
            await scene.settle()
            await scene.remember()
        else:
            self._tell(ev.CallEnded(self.reference, f"handler:{scene.handler}"))
            scene.over = True

    async def _third_changed(self, leg: msg.LegChanged) -> None:
        if leg.state == "answered":
            await self.third.answered()
        elif leg.state == "ended" and self.third.passed and not self._control_room.has_caller:
            self._tell(ev.CallEnded(self.reference, self.third.wish.target.words))
            self.scene.over = True
        elif leg.state in OVER:
            await self.third.gone(leg)

    async def _hold(self, wish: tell_to.Hold) -> None:
        self.scene.line.held = wish.held
        self._tell(ev.HeldChanged(self.reference, wish.by, wish.held))
        await self.scene.settle()
        await self.scene.remember()

    async def _mute(self, wish: tell_to.Mute) -> None:
        self.scene.line.muted = wish.muted
        self._tell(ev.MutedChanged(self.reference, wish.by, wish.muted))
        await self.scene.settle()
        await self.scene.remember()

    async def _send_digits(self, wish: tell_to.SendDigits) -> None:
        """To whoever the handler talks with: a menu at the other end of a transfer, or the caller's."""
        to: msg.LegName = "third" if "third" in self.scene.line.joined else "caller"
        if await self._do(msg.SendDigits(to, wish.digits)):
            self._tell(ev.DigitsSent(self.reference, wish.by, len(wish.digits)))

    async def _requeue(self, wish: tell_to.Requeue) -> None:
        handler, self.scene.handler = self.scene.handler, ""
        self._tell(ev.Requeued(self.reference, handler, wish.queue, wish.why))
        await self.scene.at(REQUEUED, queue=wish.queue, why=wish.why)  # should it not be written before we die
        await self.scene.part("handler")

    async def _leave_voicemail(self) -> None:
        """Whom a handler had passed to a voicemail waits for a handler again."""
        view = self.scene.view()
        if view and self._reception.voicemail.part and view.passed_to:
            self._tell(ev.PartyLeft(self.reference, view.passed_to, "the caller pressed the emergency digits"))

    async def _to_voicemail(self, of: str) -> None:
        """The handler is released; the caller leaves a message, and 5 5 brings them back among those who wait."""
        scene = self.scene
        handler, scene.handler = scene.handler, ""
        self._tell(ev.CallPassed(self.reference, handler, voicemail_of(of)))
        scene.quiet = True
        await scene.part("handler")
        await self.keeping.resume("system")
        await self._reception.voicemail.begin(of, self._settings.voice.default_queue)

    async def _take_over(self, why: str) -> None:
        handler = self.scene.handler
        self._handler.forget()
        await self._reception.leave()
        if not await self.supervision.take_over(why):
            await self._offered_again(handler)

    async def _not_taken_over(self, refused: ev.CallTakenOver) -> None:
        if await self.supervision.give_back(refused):
            self._handler.forget()
            await self._offered_again(refused.handler)

    async def _offered_again(self, handler: str) -> None:
        """Whose phone was hung up for the supervisor is rung again."""
        self._left_alone(handler)
        view = self.scene.view()
        for offer in view.offers if view else ():
            await self._handler.ring(tell_to.Ring(offer, self.scene.extension(offer.handler)))

    def _left_alone(self, handler: str) -> None:
        """Nobody has the caller; on the board it may still be ``handler`` who has left."""
        if handler:
            self._tell(ev.HandlerLeft(self.reference, handler))
        self._tell(ev.CallQueued(self.reference))

    # --- the queue's overflow ---------------------------------------------------------------------------

    async def _lead_on(self, wish: tell_to.LeadOn) -> None:
        """What the queue does with a caller whom it cannot serve; who is not alone any more waits where they were."""
        scene = self.scene
        served = scene.calling_control_room or self.third.busy or self._reception.keep_place.done
        if served or scene.line.joined != {"caller"}:
            self._tell(ev.NotLedOn(self.reference, "somebody else is on the line, or on the way"))
            return
        self._reception.keep_place.forget()
        match wish.kind:
            case "callback":
                await self._reception.keep_place.ask("overflow_callback")
            case "number":
                await self.third.lead_out(wish.target)
            case "voicemail":
                scene.quiet = True
                await scene.settle()
                await self._reception.voicemail.begin(wish.target, self._settings.voice.default_queue)
            case "stay" if wish.target:
                await scene.announce(*map(scene.sounds.prompt, (wish.target, "emergency_reminder")))

    # --- the control room ------------------------------------------------------------------------------

    async def _get_control_room(self) -> None:
        self._control_room.get()
        await self._make_room()
        await self.scene.settle()
        await self.keeping.resume("system")

    async def _make_room(self) -> None:
        """The media stack holds four legs, and the control room needs one of them."""
        line = self.scene.line
        if not line.has_room(kept_for_control_room=False) and not line.under_way("control_room"):
            await self.supervision.stop("the control room needs the line")

    # --- parts -----------------------------------------------------------------------------------------

    def _tell(self, event: ev.Event) -> None:
        self._reporter.tell(event)

    async def _do(self, command: msg.Command) -> bool:
        return await self.scene.do(command)

    async def _plan_for_nobody(self) -> None:
        targets = tuple(msg.FallbackTarget(t.uri, t.ring_seconds) for t in self._settings.control_room.targets)
        voice = self._settings.voice
        await self._do(msg.Plan(voice.fallback_seconds, targets, self.scene.from_uri(), voice.emergency_digits))
