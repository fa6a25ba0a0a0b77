"""Leaving a message: the greeting, a tone, and what the caller says until they press #, hang up or time is over.

What is kept is the recording of the whole call; the message is at its end, and its length is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels.voice import instructions as tell_to
from channels.voice.scene import Scene
from routing.events import CallEnded, VoicemailLeft

SHORTEST_SECONDS = 1.5  # less is somebody who changed their mind
GREETING, LISTENING, SAVED = "greeting", "listening", "saved"


class Voicemail:
    """``part`` is '' while no message is being left."""

    def __init__(self, scene: Scene, put: Callable[[tell_to.Instruction], None]) -> None:
        self.part = ""
        self._scene, self._put = scene, put
        self._queue = self._extension = self._path = ""
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def begin(self, of: str, queue: str, path: str) -> None:
        """``of``: a queue or an extension; ``queue`` takes the message of an extension that nobody has."""
        own = of.isdigit()
        self._queue, self._extension, self._path = (queue if own else of), (of if own else ""), path
        self.part = GREETING
        sounds = self._scene.sounds
        await self._scene.announce(sounds.prompt("voicemail_greeting"), sounds.prompt("beep"))

    async def finished(self) -> None:
        """What was being said is at its end."""
        if self.part == GREETING:
            loop = asyncio.get_running_loop()
            self.part, self._began = LISTENING, loop.time()
            longest = self._scene.settings.voice.voicemail_seconds
            self._timer = loop.call_later(longest, self._put, tell_to.MessageLongEnough())
        elif self.part == SAVED:
            self._scene.tell(CallEnded(self._scene.reference, "system"))
            self._scene.over = True

    async def complete(self) -> None:
        """The caller has said what they wanted to; a key pressed before they could say anything is nothing."""
        if self.part == LISTENING and self._seconds() >= SHORTEST_SECONDS:
            self.keep()
            self.part = SAVED
            await self._scene.announce(self._scene.sounds.prompt("voicemail_saved"))

    def keep(self) -> None:
        """Also when the caller just hangs up."""
        self.stop()
        if self.part != LISTENING:
            return
        seconds = self._seconds()
        if seconds >= SHORTEST_SECONDS:
            left = VoicemailLeft(self._scene.reference, self._queue, self._extension, self._path, seconds)
            self._scene.tell(left)

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
