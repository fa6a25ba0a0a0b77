"""The media relay as a child of ours: it decrypts and encrypts what trunks with SRTP send."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from channels.voice.edge_files import RELAY_FILE

_HOST = "127.0.0.1"
_START_SECONDS = 10.0
_STOP_SECONDS = 2.0


class RtpengineError(Exception):
    """rtpengine is not installed, or did not start; the text says what to do."""


class Rtpengine:
    """One rtpengine, with the file that the edge's settings wrote into ``run_dir``; its output lies there too."""

    def __init__(self, control_port: int, run_dir: Path) -> None:
        self._control_port = control_port
        self._run_dir = run_dir.absolute()
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until it answers; RtpengineError when it does not."""
        program = shutil.which("rtpengine")
        if program is None:
            raise RtpengineError("rtpengine is not installed; on Debian: apt install rtpengine-daemon")
        with (self._run_dir / "rtpengine.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                # setpriv: when we die without stopping it, it must not stay behind.
                *("setpriv", "--pdeathsig", "TERM", program, "--config-file", str(self._run_dir / RELAY_FILE)),
                stdout=output,
                stderr=output,
            )
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await self._answers():
                    if self._process.returncode is not None:
                        raise RtpengineError(f"rtpengine ended at once, see {self._run_dir}/rtpengine.log")
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

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
                await asyncio.sleep(0.02)
                return False
