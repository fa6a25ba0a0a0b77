"""The recording of one call: begun, paused and resumed. The archive makes the kept file of it when it is over."""

from __future__ import annotations

import asyncio
from pathlib import Path

from channels.voice import messages as msg
from channels.voice.archive import final
from channels.voice.recordings import Raw, raw_of
from channels.voice.scene import Scene
from routing.events import RecordingPaused, RecordingResumed


class Keeping:
    """``raw`` is None while nothing is being recorded. A pause is that of the handler who has the caller: it is over
    when they have left, for the next one does not know of it."""

    def __init__(self, scene: Scene) -> None:
        self.raw: Raw | None = None
        self.paused = False
        self._paused_for = ""
        self._scene = scene

    @property
    def path(self) -> str:
        """Where the recording will be kept; '' while there is none."""
        voice = self._scene.settings.voice
        return str(final(self.raw, voice.recordings_dir, voice.recording_format)) if self.raw else ""

    async def begin(self) -> None:
        scene = self._scene
        raw = raw_of(scene.settings.voice.recordings_dir, scene.reference, scene.call.id)
        if await scene.do(msg.Record(str(raw.stem))) or await self._begin_in_new_folder(raw):
            self.raw = raw

    async def _begin_in_new_folder(self, raw: Raw) -> bool:
        """Nobody has recorded anything here yet, or the folder was removed."""
        await asyncio.to_thread(raw.stem.parent.mkdir, parents=True, exist_ok=True)
        return await self._scene.do(msg.Record(str(raw.stem)))

    async def pause(self, by: str, why: str) -> None:
        scene = self._scene
        if await scene.do(msg.PauseRecording(scene.settings.voice.recording_pause_max_seconds)):
            self.paused, self._paused_for = True, scene.handler
            scene.tell(RecordingPaused(scene.reference, by, why))

    async def resume(self, by: str) -> None:
        if self.paused and await self._scene.do(msg.ResumeRecording()):
            self.went_on(by)

    async def end_pause_of_who_left(self) -> None:
        if self._scene.handler != self._paused_for and not self._scene.over:
            await self.resume("system")

    def went_on(self, by: str = "system") -> None:
        """It is recorded again, by itself or by somebody."""
        self.paused = False
        self._scene.tell(RecordingResumed(self._scene.reference, by))

    async def recall(self, snapshot: msg.Snapshot, *, paused: bool) -> None:
        """Take the recording as an earlier gateway left it. ``paused``: what was written down of it."""
        self.raw = Raw(Path(snapshot.recording)) if snapshot.recording else None
        self.paused = snapshot.recording_paused
        view = self._scene.view()
        self._paused_for = view.handler if view else ""
        if self.raw is None:
            await self.begin()
        if self.paused and not paused:  # nobody would know of this pause
            await self.resume("system")
        elif paused and not self.paused:
            self.went_on()
