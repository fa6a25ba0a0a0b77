"""Leaving a message: the greeting, a tone, what the caller says, and listening back to it.

The message ends with #, silence or the longest time. The caller then keeps it (1, # or nothing), hears it (2) or says
it again (3). It is a recording of its own beside the whole call's; whoever hangs up leaves what they have said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog
from pydantic import TypeAdapter

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.message_files import message_path, rescued
from channels.voice.scene import Scene
from routing.events import CallEnded, RecordingMade, VoicemailLeft

log = structlog.get_logger()

SHORTEST_SECONDS = 1.5  # less is somebody who changed their mind
REVIEW_SECONDS = 6.0
STAGE = "voicemail"

Part = Literal["", "greeting", "recording", "review", "listening", "saved"]


@dataclass(frozen=True, slots=True)
class State:
    """``path``: the newest message; ``began``: when it did, on this machine's monotonic clock; ``kept``: the last one
    that is complete; ``heard``: something was, in the newest."""

    part: Part = ""
    queue: str = ""
    extension: str = ""
    path: str = ""
    began: float = 0.0
    takes: int = 0
    kept: msg.Recorded | None = None
    heard: bool = False


_STATE: TypeAdapter[State] = TypeAdapter(State)


def voicemail_of(whose: str) -> str:
    """In words for people."""
    return f"voicemail of {whose}"


def whose(remembered: str) -> str:
    """The extension or the queue of the voicemail that a call process remembers."""
    now = _STATE.validate_json(remembered)
    return now.extension or now.queue


class Voicemail:
    def __init__(self, scene: Scene, put: Callable[[tell_to.Instruction], None]) -> None:
        self._scene, self._put = scene, put
        self._now = State()
        self._left = ""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def part(self) -> Part:
        """'' while no message is being left."""
        return self._now.part

    async def begin(self, of: str, queue: str) -> None:
        """``of``: a queue or an extension; ``queue`` takes the message of an extension that nobody has."""
        own = of.isdigit()
        self._now = State(queue=queue if own else of, extension=of if own else "")
        await self._say("greeting", "voicemail_greeting", "beep")

    async def resume(self, remembered: str) -> None:
        """After another gateway: a message goes on by itself, what was being said begins again."""
        self.recall(remembered)
        match self.part:
            case "greeting":
                await self._say("greeting", "voicemail_greeting", "beep")
            case "recording" if self._now.path != self._scene.call.snapshot.message:
                await self._record()
            case "review" | "listening":
                await self._review()
            case "saved":
                self._end()

    def recall(self, remembered: str) -> None:
        now = _STATE.validate_json(remembered)
        ended = next((r for r in self._scene.call.snapshot.recorded if r.path == now.path), None)
        self._now = replace(now, part="review", kept=ended) if now.part == "recording" and ended else now

    # --- what happens ----------------------------------------------------------------------------------

    async def finished(self) -> None:
        """What was being said is at its end."""
        match self.part:
            case "greeting":
                await self._record()
            case "review":
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(REVIEW_SECONDS, self._put, tell_to.MessageReviewed())
            case "listening":
                await self._review()
            case "saved":
                self._end()

    async def pressed(self, digit: str) -> None:
        """A key pressed before they could say anything is nothing."""
        if self.part == "recording" and digit == "#" and self._seconds() >= SHORTEST_SECONDS:
            await self._scene.do(msg.StopMessage())
        elif self.part in ("review", "listening"):
            await self._choose(digit)

    def heard(self, message: msg.MessageHeard) -> None:
        """They say something."""
        if self.part == "recording" and message.path == self._now.path:
            self._become(replace(self._now, heard=True))

    async def recorded(self, message: msg.Recorded) -> None:
        """The file of a message was closed."""
        if self.part == "recording" and message.path == self._now.path:
            await self._take(message)
        elif message.path == self._left:
            self._made(message)

    async def reviewed(self) -> None:
        """Nothing was pressed: the message is kept."""
        if self.part == "review":
            await self._choose("1")

    def keep(self) -> None:
        """Also when the caller just hangs up; a new beginning that is too short does not replace what was said."""
        self._cancel()
        now, seconds = self._now, self._seconds()
        if now.part == "recording" and seconds >= SHORTEST_SECONDS:
            self._left = now.path
            self._tell(now.path, seconds, heard=now.heard)
        elif now.part not in ("", "saved") and now.kept:
            self._made(now.kept)
            self._tell(now.kept.path, now.kept.seconds, heard=now.kept.heard)
        self._now = replace(now, part="")

    async def leave(self) -> None:
        """The caller is needed elsewhere; what they have said stays on record."""
        self._cancel()
        if self.part == "recording":
            self._left = self._now.path
            await self._scene.do(msg.StopMessage())
        elif self.part not in ("", "saved") and self._now.kept:
            self._made(self._now.kept)
        self._now = State()

    async def rescue(self) -> None:
        """Where the process died before it could close the message."""
        if not self._left:
            return
        try:
            sha256, seconds = await asyncio.to_thread(rescued, Path(self._left))
        except OSError as error:
            log.error("message_lost", contact=self._scene.reference, why=str(error))
        else:
            self._scene.tell(RecordingMade(self._scene.reference, self._left, sha256, seconds))

    def stop(self) -> None:
        """The call is over."""
        self._cancel()

    # --- parts -----------------------------------------------------------------------------------------

    async def _record(self) -> None:
        scene, now, voice = self._scene, self._now, self._scene.settings.voice
        path = message_path(voice.recordings_dir, scene.reference, scene.call.id, now.takes + 1)
        began = asyncio.get_running_loop().time()
        self._become(replace(now, part="recording", path=str(path), began=began, takes=now.takes + 1, heard=False))
        await scene.do(msg.RecordMessage(str(path), voice.voicemail_silence_seconds, voice.voicemail_seconds))

    async def _take(self, message: msg.Recorded) -> None:
        """The new message replaces the one before it."""
        old, self._now = self._now.kept, replace(self._now, kept=message)
        await self._review()
        if old:
            await asyncio.to_thread(Path(old.path).unlink, missing_ok=True)

    async def _review(self) -> None:
        await self._say("review", "voicemail_review")

    async def _choose(self, digit: str) -> None:
        kept = self._now.kept
        if kept is None or digit not in ("1", "2", "3", "#"):
            return
        self._cancel()
        if digit == "2":
            self._become(replace(self._now, part="listening"))
            await self._scene.announce(kept.path)
        elif digit == "3":
            await self._say("greeting", "beep")
        else:
            self.keep()
            await self._say("saved", "voicemail_saved")

    async def _say(self, part: Part, *prompts: str) -> None:
        self._become(replace(self._now, part=part))
        await self._scene.announce(*map(self._scene.sounds.prompt, prompts))

    def _become(self, state: State) -> None:
        self._now = state
        self._scene.at(STAGE, state=_STATE.dump_json(state).decode())

    def _made(self, message: msg.Recorded) -> None:
        self._left = ""
        made = RecordingMade(self._scene.reference, message.path, message.sha256, message.seconds)
        self._scene.tell(made)

    def _tell(self, path: str, seconds: float, *, heard: bool) -> None:
        now = self._now
        left = VoicemailLeft(self._scene.reference, now.queue, now.extension, path, seconds, silent=not heard)
        self._scene.tell(left)

    def _end(self) -> None:
        self._scene.tell(CallEnded(self._scene.reference, "system"))
        self._scene.over = True

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._now.began

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
