"""Getting the control room: the targets in order, each with its own ring time, again and again until one answers.

The caller's leg is not touched here: they go on talking with the handler, or hear the prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels.voice.call import Call, VoiceError
from channels.voice.messages import Dial, Drop, LegChanged
from config.settings import ControlRoom, Target
from routing.events import ControlRoomExhausted, ControlRoomTried, Event

NO_ANSWER = (408, 487)
BUSY = (486, 600, 603)
GRACE_SECONDS = 1.0


class ControlRoomCall:
    """Rings targets as leg ``control_room`` of ``call`` until one answers."""

    def __init__(self, call: Call, settings: ControlRoom, tell: Callable[[Event], None]) -> None:
        self._call, self._settings, self._tell = call, settings, tell
        self._legs: asyncio.Queue[LegChanged] = asyncio.Queue()

    def leg_changed(self, event: LegChanged) -> None:
        self._legs.put_nowait(event)

    async def reach(self, reference: str, from_uri: str) -> Target:
        """The target that has answered. Ends only with an answer, or when it is cancelled."""
        tried = 0
        while True:
            for target in self._settings.targets:
                code = await self._ring(target, reference, from_uri)
                if code == 0:
                    return target
                self._tell(ControlRoomTried(reference, target.name, _outcome(code), code))
            tried += 1
            self._tell(ControlRoomExhausted(reference, tried))
            await asyncio.sleep(self._settings.retry_pause_seconds)

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


def _outcome(code: int) -> str:
    if code in BUSY:
        return "busy"
    return "no_answer" if code in NO_ANSWER else "unreachable"
