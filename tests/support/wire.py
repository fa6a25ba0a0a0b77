"""What goes over loopback, read from the wire itself: who debugs a dead call process wants its last messages."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

ALL_PACKETS = 0x0003
SO_RCVBUFFORCE = 33
UDP = 17
BUFFER_BYTES = 1 << 24
RTP_BYTES = 250  # shorter datagrams are sound, and no SIP message is so short


class Wire:
    """The last SIP messages by UDP, with the port each went to; none without the right to read the wire (root)."""

    def __init__(self, keep: int = 5000) -> None:
        self._messages: deque[tuple[int, bytes]] = deque(maxlen=keep)
        self._socket: socket.socket | None = None

    def of_call(self, call_id: str) -> list[str]:
        """The messages of one call in their order: the port each went to, and what it was."""
        wanted = call_id.encode()
        return [f"--> {port}\n{data!r}" for port, data in self._messages if wanted in data]

    def __enter__(self) -> Self:
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PACKETS))
        except PermissionError:
            return self
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self._socket.bind(("lo", 0))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        assert self._socket is not None
        with suppress(BlockingIOError):
            while True:
                self._take(*self._socket.recvfrom(65_536))

    def _take(self, packet: bytes, address: tuple[Any, ...]) -> None:
        if address[2] != socket.PACKET_HOST or packet[9] != UDP:  # each is seen when it leaves, too
            return
        datagram = packet[4 * (packet[0] & 15) :]
        if len(datagram) > RTP_BYTES:
            self._messages.append((int.from_bytes(datagram[2:4]), datagram[8:]))
