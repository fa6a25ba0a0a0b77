"""The SIP edge as a child of ours, for the sandbox and the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from channels.voice.edge import EdgeControl
from channels.voice.edge_files import CONFIG_FILE, Limits, write_edge_files
from config.settings import Settings
from gateway.sandbox.daemon import Daemon


class Kamailio(Daemon):
    """Its files lie in ``run_dir``. Started again on the same ``run_dir`` it still knows where the phones are."""

    program = package = "kamailio"

    def __init__(self, settings: Settings, run_dir: Path, limits: Limits | None = None) -> None:
        super().__init__(run_dir)
        self._settings, self._limits = settings, limits or Limits(workers=2)
        self._control = EdgeControl(settings.edge, settings.voice.address, deadline=0.5)

    def _prepare(self) -> Sequence[str]:
        write_edge_files(self._settings, self._run_dir, self._limits)
        self._settings.edge.rpc_socket.parent.mkdir(parents=True, exist_ok=True)
        self._settings.edge.rpc_socket.unlink(missing_ok=True)
        here = str(self._run_dir)
        return ["-DD", "-E", "-f", str(self._run_dir / CONFIG_FILE), "-w", here, "-Y", here]

    async def _answers(self) -> bool:
        return await self._control.ping()
