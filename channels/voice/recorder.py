"""The two recorders of a call: the caller on one track, the police side on the other, begun in the same audio tick."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pjsua2 as pj

from channels.voice.audio import Link
from channels.voice.messages import LegName, Pair
from channels.voice.recordings import Raw

CALLER, POLICE = "(caller's track)", "(police's track)"
TRACKS = (CALLER, POLICE)
SILENCE = "(silence)"


class Recorder:
    """Raises OSError when the files cannot be made, BlockingIOError when they are being recorded, and pj.Error.

    ``paused``: silence is recorded, so that the recording's time stays the wall's.
    """

    def __init__(self, stem: str) -> None:
        self.path = stem
        self.paused = False
        self.raw = Raw(Path(stem))
        self._lock = self.raw.lock()
        try:
            self.ports = {POLICE: _recorder(self.raw.police), CALLER: _recorder(self.raw.caller)}
        except pj.Error:
            self.release()
            raise

    def release(self) -> None:
        """What is in the files is all that there will be."""
        os.close(self._lock)

    def links(self, legs: Iterable[LegName], bridged: Iterable[Pair], said: Iterable[str]) -> set[Link]:
        """What is recorded of ``legs``, and of the players in ``said`` that the caller hears once.

        A supervisor is recorded only while the caller hears them: listening and whispering leave no trace."""
        kept: set[Link] = {(SILENCE, track) for track in TRACKS}
        if self.paused:
            return kept
        in_private = () if ("supervisor", "caller") in bridged else ("supervisor",)
        tracks = ((leg, CALLER if leg == "caller" else POLICE) for leg in legs if leg not in in_private)
        return kept | set(tracks) | {(player, POLICE) for player in said}


def _recorder(path: Path) -> Any:
    recorder = pj.AudioMediaRecorder()
    recorder.createRecorder(str(path))
    return recorder
