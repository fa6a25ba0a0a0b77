"""The supervisor on a call: listening, whispering to the handler, heard by all, or taking the caller over."""

from __future__ import annotations

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.reasons import unanswered
from channels.voice.scene import Scene
from routing import events as ev


class SupervisorLeg:
    """``supervisor``: the handler id of who listens or is rung; '' for nobody."""

    def __init__(self, scene: Scene) -> None:
        self.supervisor = ""
        self._scene = scene

    async def supervise(self, wish: tell_to.Supervise) -> None:
        """Ring the supervisor's phone, or change the mode of the one who is there."""
        scene = self._scene
        scene.line.supervision = wish.mode
        if self.supervisor:
            await scene.settle()
            scene.remember()
            if self._there:
                self._tell_mode()
            return
        self.supervisor = wish.supervisor
        uri, seconds = f"sip:{wish.extension}@{scene.settings.edge.domain}", scene.settings.voice.transfer_ring_seconds
        if not await scene.dial("supervisor", uri, seconds):
            self._gone("their phone could not be rung")

    async def changed(self, leg: msg.LegChanged) -> None:
        if leg.state == "answered":
            answered = ev.PartyAnswered(self._scene.reference, self.supervisor, self.supervisor, "supervisor")
            self._scene.tell(answered)
            await self._scene.join("supervisor")
            self._tell_mode()
        elif leg.state in ("failed", "ended"):
            await self._leave("hung up" if leg.state == "ended" else unanswered(leg.code))

    async def stop(self, why: str) -> None:
        if self.supervisor:
            await self._leave(why)

    async def take_over(self, why: str) -> bool:
        """The supervisor becomes the caller's handler; who was that, or is being rung, is released. False when the
        supervisor has just gone: nobody has the caller then."""
        scene, supervisor, handler = self._scene, self.supervisor, self._scene.handler
        await scene.part("handler")
        scene.handler = ""
        if not await scene.do(msg.Rename("supervisor", "handler")):
            return False
        self.supervisor, scene.handler = "", supervisor
        scene.line.rename("supervisor", "handler")
        scene.tell(ev.CallTakenOver(scene.reference, supervisor, handler, why))
        await scene.settle()
        scene.remember()
        return True

    async def give_back(self, refused: ev.CallTakenOver) -> bool:
        """The board has refused it: they supervise again, and nobody has the caller. False when that is over."""
        scene = self._scene
        if scene.handler != refused.supervisor:
            return False
        scene.handler = ""
        if await scene.do(msg.Rename("handler", "supervisor")):
            self.supervisor = refused.supervisor
            scene.line.rename("handler", "supervisor")
            await scene.settle()
            scene.remember()
        else:
            await scene.part("handler")
        return True

    @property
    def _there(self) -> bool:
        return "supervisor" in self._scene.line.joined

    def _tell_mode(self) -> None:
        scene = self._scene
        scene.tell(ev.Supervised(scene.reference, self.supervisor, scene.line.supervision))

    async def _leave(self, why: str) -> None:
        if self.supervisor and self._there:
            self._scene.tell(ev.Supervised(self._scene.reference, self.supervisor, ""))
        await self._scene.part("supervisor")
        self._gone(why)

    def _gone(self, why: str) -> None:
        who, self.supervisor = self.supervisor, ""
        if who:
            self._scene.tell(ev.PartyLeft(self._scene.reference, who, why, who, "supervisor"))
