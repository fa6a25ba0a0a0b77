"""A leg from which no sound packets come: it is shown, and ended only where the site's policy says so."""

from __future__ import annotations

from channels.voice import messages as msg
from channels.voice.scene import Scene
from channels.voice.supervision import SupervisorLeg
from channels.voice.third_party import ThirdParty
from routing import events as ev

WHY = "no sound came from the phone"


class SoundWatch:
    def __init__(self, scene: Scene, third: ThirdParty, supervision: SupervisorLeg) -> None:
        self._scene, self._third, self._supervision = scene, third, supervision
        self._lost: set[msg.LegName] = set()

    async def lost(self, leg: msg.LegName) -> None:
        self._lost.add(leg)
        self._scene.tell(ev.SoundChanged(self._scene.reference, leg, "lost"))
        if leg in self._scene.settings.voice.media_lost_ends:
            await self._end(leg)

    def back(self, leg: msg.LegName) -> None:
        self._lost.discard(leg)
        self._scene.tell(ev.SoundChanged(self._scene.reference, leg, "back"))

    def ended(self, leg: msg.LegName) -> None:
        """What is shown of a leg goes with it."""
        if leg in self._lost and not self._scene.over:
            self._lost.discard(leg)
            self._scene.tell(ev.SoundChanged(self._scene.reference, leg, "gone"))

    def recall(self, snapshot: msg.Snapshot) -> None:
        """What an earlier gateway was told."""
        self._lost = {leg.name for leg in snapshot.legs if leg.silent and leg.state == "answered"}

    async def _end(self, leg: msg.LegName) -> None:
        """The caller goes back to the queue when their handler, or whom they were passed to, is gone."""
        scene = self._scene
        match leg:
            case "handler" if scene.handler:
                scene.tell(ev.HandlerLost(scene.reference, scene.handler, WHY))
                scene.handler = ""
                await scene.part("handler")
            case "third":
                await self._third.drop(WHY)
            case "supervisor":
                await self._supervision.stop(WHY)
            case "control_room":
                await scene.do(msg.Drop("control_room"))
            case "caller":
                scene.tell(ev.CallerLeft(scene.reference, cut_off=True))
                scene.over = True
