"""What the handler does at their own telephone: hold the caller, and pass them on (REFER).

A transfer that the phone asks for is the one that the desk asks for: the same objections, the same journal. The
phone has heard 202 from the edge; from here on it is told by NOTIFY how it goes.
"""

from __future__ import annotations

from collections.abc import Callable

from channels.base import Refused
from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.scene import Scene
from channels.voice.third_party import ThirdParty
from routing import events as ev

TRYING, FORBIDDEN = 100, 403
NOT_YOURS = "You do not have the caller."


class HandlerPhone:
    """``objection`` says why a wish cannot be carried out now, '' when it can."""

    def __init__(self, scene: Scene, third: ThirdParty, objection: Callable[[tell_to.Instruction], str]) -> None:
        self._scene, self._third, self._objection = scene, third, objection

    async def transfer(self, asked: msg.TransferAsked) -> None:
        """Ring whom the phone names; the caller hears music until they answer, and is back if they do not."""
        scene, by = self._scene, f"handler:{self._scene.handler}"
        try:
            wish = self._wish(asked)
        except Refused as refused:
            scene.tell(ev.TransferRefused(scene.reference, by, asked.target or "nobody", str(refused)))
            await scene.do(msg.TellTransfer(asked.leg, FORBIDDEN, str(refused)))
            return
        target = wish.target
        scene.tell(ev.PartyRung(scene.reference, by, wish.role, target.words, target.handler))
        await scene.do(msg.TellTransfer(asked.leg, TRYING, "Trying", final=False))
        await self._third.bring(wish)

    def _wish(self, asked: msg.TransferAsked) -> tell_to.Bring:
        if asked.leg != "handler" or "handler" not in self._scene.line.joined or not self._scene.handler:
            raise Refused(NOT_YOURS)
        wish = tell_to.Bring("transfer", self._scene.pass_to(asked.target, asked.replaces), by_phone=True)
        if why := self._objection(wish):
            raise Refused(why)
        return wish

    async def held(self, leg: msg.LegHeld) -> None:
        """The caller hears music while the phone holds them, whatever it plays itself."""
        scene = self._scene
        if leg.leg != "handler":
            return
        scene.line.held_at_phone = leg.held
        if scene.handler:
            scene.tell(ev.HeldChanged(scene.reference, f"handler:{scene.handler}", leg.held, "phone"))
        await scene.settle()
