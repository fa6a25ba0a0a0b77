"""The recording of one call: begun, paused, resumed, and kept even when the process died."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from channels.voice import messages as msg
from channels.voice.recordings import rescued
from channels.voice.scene import Scene
from routing.events import RecordingMade

log = structlog.get_logger()


class Keeping:
    """``path`` is '' while nothing is being recorded."""

    def __init__(self, scene: Scene) -> None:
        self.path = ""
        self._scene = scene

    async def begin(self) -> None:
        scene = self._scene
        path = scene.settings.voice.recordings_dir / f"{scene.reference}-{scene.call.id}.wav"
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        if await scene.do(msg.Record(str(path))):
            self.path = str(path)

    def made(self, recorded: msg.Recorded) -> None:
        self.path = ""
        self._scene.tell(RecordingMade(self._scene.reference, recorded.path, recorded.sha256, recorded.seconds))

    async def rescue(self) -> None:
        """Where the process died before it could close the file."""
        if self.path:
            await rescue(self._scene, self.path)


async def rescue(scene: Scene, path: str) -> None:
    try:
        sha256, seconds = await asyncio.to_thread(rescued, Path(path))
    except OSError as error:
        log.error("recording_lost", contact=scene.reference, why=str(error))
        return
    scene.tell(RecordingMade(scene.reference, path, sha256, seconds))
