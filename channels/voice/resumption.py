"""Picking up a call that outlived a gateway: what the process still holds is true, and what was decided or happened
meanwhile is caught up with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from channels.voice import instructions as tell_to
from channels.voice.line import line_broke
from channels.voice.messages import Snapshot
from channels.voice.parts import Parts
from channels.voice.scene import ContactView
from channels.voice.sound_watch import SoundWatch
from channels.voice.unwritten import unwritten
from routing import events as ev


@dataclass(frozen=True, slots=True)
class Resumption(Parts):
    """The story that is picked up."""

    sound: SoundWatch

    async def begin(self) -> bool:
        """Whether there is still a caller, whose place is known again."""
        scene, snapshot, view = self.scene, self.scene.call.snapshot, self.scene.view()
        scene.recall(snapshot)
        self.third.recall(snapshot.story)
        self.sound.recall(snapshot)
        view = view and self._raised(view)
        if "caller" not in scene.line.joined or view is None:
            self.reception.caller_gone()
            self._talked(snapshot, view)
            broke = any(line_broke(leg.state, leg.code) for leg in snapshot.legs if leg.name == "caller")
            scene.tell(ev.CallerLeft(scene.reference, cut_off=broke))
            return False
        await self.keeping.recall(snapshot, paused=view.recording_paused)
        missing, view = unwritten(scene.reference, scene.line.joined, snapshot.story, view)
        for event in missing:
            scene.tell(event)
        if self.third.passes_on:  # they answered while no gateway was there
            scene.handler = view.handler
            await self.third.pass_caller()
        else:
            await self._handler(view)
        if not scene.handler:
            await self._offers(view)
        await self._guests(view)
        await self.control_room.resume(wanted=view.handing_over, joined=view.handed_over)
        if scene.line.joined == {"caller"} and not scene.calling_control_room and not self.third.busy:
            await self.reception.resume()
        else:
            await self.reception.leave()
        in_reception = self.reception.receiving or self.reception.voicemail.part
        led_out = self.third.busy and not self.third.interprets
        if not (in_reception or led_out or scene.handler or view.offers or view.place or view.passed_to):
            scene.tell(ev.CallQueued(scene.reference))
        return True

    def _raised(self, view: ContactView) -> ContactView:
        """The caller pressed the emergency digits, and the last gateway had no time to write it down."""
        scene = self.scene
        if not scene.raised or view.emergency:
            return view
        scene.raise_emergency("the caller pressed the emergency digits as the gateway stopped")
        return replace(view, handing_over=True)

    def _talked(self, snapshot: Snapshot, view: ContactView | None) -> None:
        """A handler whose phone rang when the gateway went may have answered, and talked with the caller to the end."""
        answered = any(leg.name == "handler" and leg.state in ("answered", "ended") for leg in snapshot.legs)
        if view and view.offers and answered:
            offer = view.offers[0]
            self.scene.tell(ev.OfferAccepted(offer.id, self.scene.reference, offer.handler))

    async def _handler(self, view: ContactView) -> None:
        scene = self.scene
        passed_on = self.third.wanted_by_caller and scene.line.under_way("third")  # the handler may go
        if "handler" in scene.line.joined or passed_on:
            scene.handler = view.handler
        elif view.handler:
            scene.tell(ev.HandlerLost(scene.reference, view.handler, "gone when the gateway came back"))

    async def _offers(self, view: ContactView) -> None:
        scene, there = self.scene, "handler" in self.scene.line.joined
        for offer in view.offers:
            if there:
                scene.handler = offer.handler
                scene.tell(ev.OfferAccepted(offer.id, scene.reference, offer.handler))
            elif scene.line.under_way("handler"):
                self.handler.ringing = offer
            else:
                await self.handler.ring(tell_to.Ring(offer, scene.extension(offer.handler)))
        if there and not scene.handler:
            await scene.part("handler")

    async def _guests(self, view: ContactView) -> None:
        """Those whom the board has on the call, and who answered or went while no gateway was there."""
        scene = self.scene
        if self.third.busy and not scene.line.under_way("third"):
            await self.third.drop("gone when the gateway came back")
        for guest in view.guests:
            if guest.role == "supervisor" and scene.line.under_way("supervisor"):
                self.supervision.supervisor = guest.handler
            elif guest.role == "supervisor":
                scene.tell(ev.PartyLeft(scene.reference, guest.handler, "gone", guest.handler, guest.role))
            elif guest.answered_at is None and guest.target == self.third.joined:
                scene.tell(ev.PartyAnswered(scene.reference, guest.target, guest.handler))
