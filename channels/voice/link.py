"""The call process's end of the socket: it never waits, so a stalled gateway cannot hold up a call."""

from __future__ import annotations

import socket
from collections import deque
from pathlib import Path

import structlog

from channels.voice import framing

log = structlog.get_logger()

# A gateway that has not read so much is not there; it gets a fresh snapshot when it is back.
MOST_UNSENT_BYTES = 1024 * 1024
MOST_KEPT = 1000


class Link:
    """Sends what it can at once and the rest on ``flush``. What is sent with ``keep`` while nobody is known to listen
    (no connection, or none on which anything was heard) follows the greeting of the next connection."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket: socket.socket | None = None
        self._unpacker = framing.Unpacker()
        self._unsent = bytearray()
        self._kept: deque[bytes] = deque(maxlen=MOST_KEPT)
        self._heard = False

    @property
    def connected(self) -> bool:
        return self._socket is not None

    @property
    def heard(self) -> bool:
        """Somebody is there: one that hangs can be connected to, and says nothing."""
        return self.connected and self._heard

    def connect(self, greeting: bytes) -> bool:
        """Tries once; when it succeeds ``greeting`` goes out first."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            return False
        self._socket, self._heard = connection, False
        self._unpacker = framing.Unpacker()
        self._unsent = bytearray(b"".join(map(framing.pack, [greeting, *self._kept])))
        self.flush()
        return True

    def send(self, payload: bytes, *, keep: bool = False) -> None:
        if self._socket is not None:
            self._unsent += framing.pack(payload)
            self.flush()
        if keep and not self.heard:  # also when it broke in this moment
            self._kept.append(payload)

    def flush(self) -> None:
        try:
            while self._socket is not None and self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            if len(self._unsent) > MOST_UNSENT_BYTES:
                self.drop("the gateway does not read")
        except OSError as error:
            self.drop(error)

    def receive(self) -> list[bytes]:
        """What the gateway has sent since; nothing when the link broke or there is none."""
        payloads: list[bytes] = []
        try:
            while self._socket is not None:
                data = self._socket.recv(framing.CHUNK)
                if not data:
                    self.drop("closed by the gateway")
                payloads += self._unpacker.feed(data)
                if payloads and not self._heard:
                    self._heard = True
                    self._kept.clear()
        except BlockingIOError:
            pass  # everything was read
        except (OSError, framing.FrameTooLong) as error:
            self.drop(error)
        return payloads

    def drop(self, why: object) -> None:
        log.warning("gateway_link_lost", why=str(why))
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._unsent.clear()
