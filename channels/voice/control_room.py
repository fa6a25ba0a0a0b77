"""Getting the control room: the targets in order, each with its own ring time, again and again until one answers.

The caller's leg is not touched here: they go on talking with the handler, or hear the prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels.voice import instructions as tell_to
from channels.voice.call import Call, CallGone, VoiceError
from channels.voice.messages import Dial, Drop, LegChanged
from channels.voice.scene import Scene
from config.voice import ControlRoom, Target
from routing.events import ControlRoomExhausted, ControlRoomJoined, ControlRoomLeft, ControlRoomTried, Event, Recorded

ANSWERED = 200
NO_ANSWER = (408, 487)
BUSY = (486, 600, 603)
GRACE_SECONDS = 1.0


class ControlRoomCall:
    """Rings targets as leg ``control_room`` of ``call`` until one answers."""

    def __init__(self, call: Call, settings: ControlRoom, tell: Callable[[Event], None]) -> None:
        self._call, self._settings, self._tell = call, settings, tell
        self._legs: asyncio.Queue[LegChanged] = asyncio.Queue()
        self._rounds = 0

    def leg_changed(self, event: LegChanged) -> None:
        self._legs.put_nowait(event)

    async def reach(self, reference: str, from_uri: str, after: str = "") -> Target:
        """The target that has answered, of those that follow ``after`` first. Ends only with an answer, or when it is
        cancelled."""
        targets = self._following(after)
        while True:
            for target in targets:
                code = await self._ring(target, reference, from_uri)
                if code == 0:
                    return target
                self._tell(ControlRoomTried(reference, target.name, _outcome(code), code))
            self._rounds += 1
            self._tell(ControlRoomExhausted(reference, self._rounds))
            await asyncio.sleep(self._settings.retry_pause_seconds)
            targets = self._settings.targets

    def _following(self, after: str) -> tuple[Target, ...]:
        names = [target.name for target in self._settings.targets]
        return self._settings.targets[names.index(after) + 1 :] if after in names else self._settings.targets

    async def _ring(self, target: Target, reference: str, from_uri: str) -> int:
        """0 when the target answered, otherwise the SIP status it failed with."""
        while not self._legs.empty():
            self._legs.get_nowait()
        headers = (("X-Contact-Reference", reference),)
        try:
            await self._call.do(Dial("control_room", target.uri, target.ring_seconds, from_uri, headers))
            async with asyncio.timeout(target.ring_seconds + GRACE_SECONDS):
                return await self._answer()
        except TimeoutError:
            await self._call.do(Drop("control_room"))
            return 408
        except VoiceError:
            if self._call.gone:
                raise
            return 503

    async def _answer(self) -> int:
        while True:
            leg = await self._legs.get()
            if leg.state == "answered":
                return 0
            if leg.state in ("failed", "ended"):
                return leg.code or 503


class ControlRoomLeg:
    """The control room's part in a call's story; ``answered`` instructions go to ``put``."""

    def __init__(self, scene: Scene, put: Callable[[tell_to.Instruction], None]) -> None:
        self._scene, self._put = scene, put
        self._call = ControlRoomCall(scene.call, scene.settings.control_room, scene.tell)
        self._getting: asyncio.Task[None] | None = None

    @property
    def has_caller(self) -> bool:
        """It is on the line, or being called: the caller is not let go meanwhile."""
        return self._scene.calling_control_room or "control_room" in self._scene.line.joined

    def get(self, after: str = "") -> None:
        """``after``: the target that answered and hung up at once, '' for none."""
        if not self.has_caller:
            self._scene.calling_control_room = True
            self._getting = asyncio.create_task(self._reach(after), name=f"999 {self._scene.reference}")

    async def _reach(self, after: str) -> None:
        try:
            target = await self._call.reach(self._scene.reference, self._scene.from_uri(), after)
        except CallGone:
            return
        self._put(tell_to.ControlRoomAnswered(target.name))

    async def resume(self, *, wanted: bool, joined: bool) -> None:
        """After another gateway; what the process has begun to dial by itself is begun again, or not wanted.
        ``joined``: it was on the line."""
        if "control_room" in self._scene.line.joined:
            if not (wanted or joined):
                by_itself = "no gateway was there: the call fetched the control room by itself"
                self._scene.tell(Recorded(by_itself, "system", reference=self._scene.reference))
            self._scene.tell(ControlRoomJoined(self._scene.reference, "control room"))
            return
        if self._scene.line.under_way("control_room"):
            await self._scene.part("control_room")
        if wanted:
            self.get()
        elif joined:
            self._scene.tell(ControlRoomLeft(self._scene.reference, "control room"))

    async def changed(self, leg: LegChanged) -> None:
        scene = self._scene
        if scene.calling_control_room:
            self._call.leg_changed(leg)
        elif leg.state == "ended" and "control_room" in scene.line.joined:
            scene.tell(ControlRoomLeft(scene.reference, "control room"))
            await scene.part("control_room")

    async def answered(self, target: str) -> None:
        """The caller and whoever is with them hear the control room from now on."""
        scene, self._getting = self._scene, None
        scene.calling_control_room = False
        if scene.line.legs.get("control_room") != "answered":
            scene.tell(ControlRoomTried(scene.reference, target, "hung_up", ANSWERED))
            self.get(target)
            return
        scene.tell(ControlRoomJoined(scene.reference, target))
        await scene.join("control_room")

    def stop(self) -> None:
        """The call is over."""
        self._scene.calling_control_room = False
        if self._getting:
            self._getting.cancel()
            self._getting = None


def _outcome(code: int) -> str:
    if code in BUSY:
        return "busy"
    return "no_answer" if code in NO_ANSWER else "unreachable"
