"""Waiting until a recorder has written its file, then its hash: a little at a time, in a call process's one loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from channels.voice import message_files
from channels.voice.messages import Recorded
from channels.voice.recordings import is_closed
from channels.voice.timers import Timers

CLOSING_SECONDS = 1.0
CLOSING_STEP = 0.01


class Closing:
    """``busy`` until every file has been told to ``on_recorded``."""

    def __init__(self, timers: Timers, on_recorded: Callable[[Recorded], None]) -> None:
        self._timers = timers
        self._on_recorded = on_recorded
        self._files = 0

    @property
    def busy(self) -> bool:
        return self._files > 0

    def close(self, path: Path) -> None:
        """After the recorder was let go of: it closes the file at a tick of the audio."""
        self._files += 1
        self._await(path, time.monotonic() + CLOSING_SECONDS)

    def _await(self, path: Path, deadline: float) -> None:
        if is_closed(path) or time.monotonic() > deadline:
            message_files.repair(path)
            self._hash(path, message_files.sha256_steps(path))
        else:
            self._timers.after(CLOSING_STEP, partial(self._await, path, deadline))

    def _hash(self, path: Path, steps: message_files.HashSteps) -> None:
        """A megabyte at a time, so that a long recording does not hold up another leg."""
        digest = next(steps)
        if digest:
            self._files -= 1
            self._on_recorded(Recorded(str(path), digest, message_files.seconds(path)))
        else:
            self._timers.after(CLOSING_STEP, partial(self._hash, path, steps))
