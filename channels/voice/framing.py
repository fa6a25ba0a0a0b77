"""Frames on the socket between gateway and call process: a 4-byte big-endian length, then that many bytes.

A stream that announces more than ``LONGEST`` bytes is broken, and ``FrameTooLong`` ends the connection: there
is no way to find the next frame in it.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

LONGEST = 1024 * 1024
CHUNK = 64 * 1024
_LENGTH = struct.Struct("!I")

Payloads = AsyncIterator[bytes]


class FrameTooLong(Exception):
    """The length of a frame is beyond ``LONGEST``."""


def pack(payload: bytes) -> bytes:
    """The frame that carries ``payload``; raises FrameTooLong."""
    if len(payload) > LONGEST:
        raise FrameTooLong(f"{len(payload)} bytes, at most {LONGEST}")
    return _LENGTH.pack(len(payload)) + payload


class Unpacker:
    """Cuts a stream that arrives in arbitrary pieces into the payloads of its frames."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete now, in order; raises FrameTooLong."""
        self._waiting += data
        payloads = []
        while (payload := self._take()) is not None:
            payloads.append(payload)
        return payloads

    def _take(self) -> bytes | None:
        if len(self._waiting) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._waiting)
        if length > LONGEST:
            raise FrameTooLong(f"{length} bytes, at most {LONGEST}")
        end = _LENGTH.size + length
        if len(self._waiting) < end:
            return None
        payload = bytes(self._waiting[_LENGTH.size : end])
        del self._waiting[:end]
        return payload


async def frames(reader: asyncio.StreamReader) -> Payloads:
    """The payloads from ``reader`` until its end; raises FrameTooLong, and OSError when the link breaks."""
    unpacker = Unpacker()
    while data := await reader.read(CHUNK):
        for payload in unpacker.feed(data):
            yield payload
