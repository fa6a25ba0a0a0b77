"""A message that the caller leaves: what they alone say, until they have finished, into a file of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pjsua2 as pj

from channels.voice.closing import Closing
from channels.voice.control import Refusal
from channels.voice.engine import Engine
from channels.voice.hearing import CALLER, LOOK_SECONDS, LOUD_LOOKS, Ear
from channels.voice.messages import Event, MessageHeard, Recorded, RecordMessage
from channels.voice.mixer import Mixer
from channels.voice.timers import Timers

MESSAGE = "(message)"


class MessageRecorder:
    """``path`` is '' while no message is being left, or closed. A message ends by itself, also when no gateway is
    there."""

    def __init__(
        self,
        engine: Engine,
        timers: Timers,
        mixer: Mixer,
        ear: Ear,
        on_recorded: Callable[[Recorded], None],
        tell: Callable[[Event], None],
    ) -> None:
        self.path = ""
        self._on_recorded, self._tell = on_recorded, tell
        self._loud = 0
        self._engine, self._timers, self._mixer, self._ear = engine, timers, mixer, ear
        self._closing = Closing(timers, self._closed)
        self._recorder: Any = None
        self._silence = self._longest = self._began = self._heard_at = 0.0

    @property
    def closing(self) -> bool:
        return self._closing.busy

    def begin(self, command: RecordMessage) -> None:
        """Raises Refusal, and pj.Error for a file that cannot be written."""
        if self.path:
            raise Refusal("a message is being recorded")
        self._engine.start_media()
        recorder = pj.AudioMediaRecorder()
        recorder.createRecorder(command.path)
        self._recorder, self.path = recorder, command.path
        self._silence, self._longest = command.silence_seconds, command.longest_seconds
        self._began = self._heard_at = time.monotonic()
        self._loud = 0
        self._mixer.tap(CALLER, MESSAGE, recorder)
        self._timers.after(LOOK_SECONDS, lambda: self._look(command.path))

    def stop(self) -> None:
        """``on_recorded`` follows when the file is closed and hashed."""
        if self._recorder is None:
            return
        self._mixer.untap(MESSAGE)
        self._recorder = None
        self._closing.close(Path(self.path))

    def _closed(self, recorded: Recorded) -> None:
        self.path = ""
        self._on_recorded(replace(recorded, heard=self._loud >= LOUD_LOOKS))

    def _look(self, path: str) -> None:
        if self._recorder is None or self.path != path:
            return
        now = time.monotonic()
        if self._ear.hears():
            self._heard_at = now
            self._loud += 1
            if self._loud == LOUD_LOOKS:
                self._tell(MessageHeard(path))
        if now - self._heard_at >= self._silence or now - self._began >= self._longest:
            self.stop()
        else:
            self._timers.after(LOOK_SECONDS, lambda: self._look(path))
