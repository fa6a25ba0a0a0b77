"""What a handler does with the caller they have: hold, keys, passing on; and what becomes of the caller when a handler,
or whom they were passed to, has gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.parts import Parts
from channels.voice.unwritten import REQUEUED
from channels.voice.voicemail import voicemail_of
from routing import events as ev

OVER = ("failed", "ended")


@dataclass(frozen=True, slots=True)
class Conversation(Parts):
    """``objection`` says why a wish cannot be carried out now, '' when it can."""

    objection: Callable[[tell_to.Instruction], str]

    async def heed(self, item: msg.Event | tell_to.Instruction) -> None:
        """What was possible when it was asked for may not be any more."""
        match item:
            case tell_to.Hold() if not self.objection(item):
                await self._hold(item)
            case tell_to.Mute() if not self.objection(item):
                await self._mute(item)
            case tell_to.SendDigits():
                await self._send_digits(item)
            case tell_to.PauseRecording(by=by, why=why) if not self.control_room.has_caller:
                await self.keeping.pause(by, why)
            case tell_to.ResumeRecording(by=by):
                await self.keeping.resume(by)
            case tell_to.Bring():
                await self.third.bring(item)
            case tell_to.CompleteTransfer() if "third" in self.scene.line.joined:
                await self.third.pass_caller()
            case tell_to.DropThird(why=why):
                await self.third.drop(why)
            case tell_to.Requeue() if not self.objection(item):
                await self._requeue(item)
            case tell_to.ToVoicemail(of=of) if not self.objection(item):
                await self._to_voicemail(of)
            case tell_to.Supervise():
                await self.supervision.supervise(item)
            case tell_to.StopSupervising(why=why):
                await self.supervision.stop(why)
            case tell_to.TakeOver(why=why) if not self.objection(item):
                await self._take_over(why)

    # --- who comes and goes ------------------------------------------------------------------------------

    async def handler_changed(self, leg: msg.LegChanged) -> None:
        if leg.state == "answered":
            await self.handler.answered()
            await self.reception.leave()
        elif leg.state == "failed":
            self.handler.not_answered(leg)
        elif leg.state == "ended" and "handler" in self.scene.line.joined:
            await self._handler_hung_up()
        elif leg.state == "ended":
            self.handler.hung_up_at_the_tone()

    async def _handler_hung_up(self) -> None:
        """The end of the conversation, unless the caller is being passed on or it is an emergency: then they stay."""
        scene = self.scene
        scene.line.leave("handler")
        if "third" in scene.line.joined and self.third.wanted_by_caller:
            await self.third.pass_caller()
        elif self.third.wanted_by_caller:
            await scene.settle()  # passed on as soon as the other answers
        elif self.control_room.has_caller:
            handler, scene.handler = scene.handler, ""
            scene.tell(ev.HandlerLeft(scene.reference, handler))
            if scene.calling_control_room:
                scene.tell(ev.CallQueued(scene.reference))
            await scene.settle()
            scene.remember()
        else:
            scene.tell(ev.CallEnded(scene.reference, f"handler:{scene.handler}"))
            scene.over = True

    async def third_changed(self, leg: msg.LegChanged) -> None:
        scene = self.scene
        if leg.state == "answered":
            await self.third.answered()
        elif leg.state == "ended" and self.third.passed and not self.control_room.has_caller:
            scene.tell(ev.CallEnded(scene.reference, self.third.wish.target.words))
            scene.over = True
        elif leg.state in OVER:
            await self.third.gone(leg)

    # --- within the conversation -------------------------------------------------------------------------

    async def _hold(self, wish: tell_to.Hold) -> None:
        scene = self.scene
        scene.line.held = wish.held
        scene.tell(ev.HeldChanged(scene.reference, wish.by, wish.held))
        await scene.settle()
        scene.remember()

    async def _mute(self, wish: tell_to.Mute) -> None:
        scene = self.scene
        scene.line.muted = wish.muted
        scene.tell(ev.MutedChanged(scene.reference, wish.by, wish.muted))
        await scene.settle()
        scene.remember()

    async def _send_digits(self, wish: tell_to.SendDigits) -> None:
        """To whoever the handler talks with: a menu at the other end of a transfer, or the caller's."""
        to: msg.LegName = "third" if "third" in self.scene.line.joined else "caller"
        if await self.scene.do(msg.SendDigits(to, wish.digits)):
            self.scene.tell(ev.DigitsSent(self.scene.reference, wish.by, len(wish.digits)))

    # --- away from the handler ---------------------------------------------------------------------------

    async def _requeue(self, wish: tell_to.Requeue) -> None:
        scene = self.scene
        handler, scene.handler = scene.handler, ""
        scene.tell(ev.Requeued(scene.reference, handler, wish.queue, wish.why))
        scene.at(REQUEUED, queue=wish.queue, why=wish.why)  # should it not be written before we die
        await scene.part("handler")

    async def _to_voicemail(self, of: str) -> None:
        """The handler is released; the caller leaves a message, and 5 5 brings them back among those who wait."""
        scene = self.scene
        handler, scene.handler = scene.handler, ""
        scene.tell(ev.CallPassed(scene.reference, handler, voicemail_of(of)))
        scene.quiet = True
        await scene.part("handler")
        await self.keeping.resume("system")
        await self.reception.voicemail.begin(of, scene.settings.voice.default_queue)

    async def _take_over(self, why: str) -> None:
        handler = self.scene.handler
        self.handler.forget()
        await self.reception.leave()
        if not await self.supervision.take_over(why):
            await self._offered_again(handler)

    # --- what came too late ------------------------------------------------------------------------------

    async def refused(self, event: ev.Event) -> None:
        """The board has refused what we had done already: it is undone."""
        match event:
            case ev.OfferAccepted(handler=handler) if handler == self.scene.handler:
                self.scene.handler = ""
                await self.scene.part("handler")
            case ev.PartyRung(by="system"):
                await self.third.drop("is not free")
            case ev.PartyRung():
                await self.third.drop("the contact has moved on")
            case ev.CallTakenOver():
                await self._not_taken_over(event)
            case ev.Requeued(handler=handler) if not self.scene.handler:
                self._left_alone(handler)
            case ev.CallbackAsked():
                await self.reception.keep_place.refused()

    async def _not_taken_over(self, refused: ev.CallTakenOver) -> None:
        if await self.supervision.give_back(refused):
            self.handler.forget()
            await self._offered_again(refused.handler)

    async def _offered_again(self, handler: str) -> None:
        """Whose phone was hung up for the supervisor is rung again."""
        self._left_alone(handler)
        view = self.scene.view()
        for offer in view.offers if view else ():
            await self.handler.ring(tell_to.Ring(offer, self.scene.extension(offer.handler)))

    def _left_alone(self, handler: str) -> None:
        """Nobody has the caller; on the board it may still be ``handler`` who has left."""
        scene = self.scene
        if handler:
            scene.tell(ev.HandlerLeft(scene.reference, handler))
        scene.tell(ev.CallQueued(scene.reference))
