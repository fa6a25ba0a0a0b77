"""The media relay as a child of ours: it decrypts and encrypts what trunks with SRTP send."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from channels.voice.edge_files import RELAY_FILE
from channels.voice.relay import relay_answers
from gateway.sandbox.daemon import Daemon


class Rtpengine(Daemon):
    """Started with the file that the edge's settings wrote into ``run_dir``."""

    program, package = "rtpengine", "rtpengine-daemon"

    def __init__(self, control_port: int, run_dir: Path) -> None:
        super().__init__(run_dir)
        self._control_port = control_port

    def _prepare(self) -> Sequence[str]:
        return ["--config-file", str(self._run_dir / RELAY_FILE)]

    async def _answers(self) -> bool:
        return await relay_answers(self._control_port, 0.1)
