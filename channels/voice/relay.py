"""The media relay (rtpengine) beside the edge: nobody who comes by a trunk that encrypts gets through without it."""

from __future__ import annotations

import asyncio
import secrets
import socket

import structlog

from config.edge import Edge

log = structlog.get_logger()

HOST = "127.0.0.1"
LOOK_SECONDS = 2.0
ANSWER_SECONDS = 1.0


async def relay_answers(port: int, deadline: float) -> bool:
    """By its control protocol: a cookie, a space, a bencoded dictionary."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((HOST, port))
        try:
            async with asyncio.timeout(deadline):
                await loop.sock_sendall(sock, secrets.token_hex(4).encode() + b" d7:command4:pinge")
                return (await loop.sock_recv(sock, 1000)).endswith(b"d6:result4:ponge")
        except (TimeoutError, OSError):
            return False


class RelayWatch:
    """``down`` says in words what is wrong, '' when nothing is or no trunk needs the relay."""

    def __init__(self, edge: Edge) -> None:
        self._port = edge.relay_control_port
        self._trunks = [trunk.name for trunk in edge.encrypting_trunks]
        self.down = ""

    async def run(self) -> None:
        while self._trunks:
            self._note(await relay_answers(self._port, ANSWER_SECONDS))
            await asyncio.sleep(LOOK_SECONDS)

    def _note(self, answers: bool) -> None:
        names = ", ".join(self._trunks)
        down = "" if answers else f"the media relay does not answer: calls by trunk {names} are refused or silent"
        if down and not self.down:
            log.error("relay_down", trunks=names)
        elif self.down and not down:
            log.warning("relay_up")
        self.down = down
