"""The media relay as a child of ours: it decrypts and encrypts what trunks with SRTP send."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from channels.voice.edge_files import RELAY_FILE
from gateway.sandbox.daemon import Daemon

_HOST = "127.0.0.1"


class Rtpengine(Daemon):
    """Started with the file that the edge's settings wrote into ``run_dir``."""

    program, package = "rtpengine", "rtpengine-daemon"

    def __init__(self, control_port: int, run_dir: Path) -> None:
        super().__init__(run_dir)
        self._control_port = control_port

    def _prepare(self) -> Sequence[str]:
        return ["--config-file", str(self._run_dir / RELAY_FILE)]

    async def _answers(self) -> bool:
        """Its control protocol: a cookie, a space, a bencoded dictionary."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((_HOST, self._control_port))
            try:
                async with asyncio.timeout(0.1):
                    await loop.sock_sendall(sock, secrets.token_hex(4).encode() + b" d7:command4:pinge")
                    return (await loop.sock_recv(sock, 1000)).endswith(b"d6:result4:ponge")
            except (TimeoutError, OSError):
                return False
