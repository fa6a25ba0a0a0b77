"""RTP for hundreds of call legs from one small process: it counts every packet and speaks to everyone it hears.

Run with the number of ears. Each ear is an RTP port, with its RTCP port behind it, for any number of legs, which are
told apart by their SSRC. A leg that is heard is sent a tone until it falls silent: no signalling is needed here.
The ports are said as a line of JSON on the standard output; ``reset`` on the standard input begins a new
measurement, ``status`` is answered with a line of JSON for each ear, the end of the input stops it.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
PCMA, FRAME, FRAME_SECONDS = 8, 160, 0.02
TONE = bytes((0xD5 ^ 0x2A, 0x55 ^ 0x2A)) * (FRAME // 2)
RECEIVE_BUFFER = 8 << 20
# Real callers do not all speak in the same millisecond: each speaks in one of so many turns of a frame's time.
TURNS = 5
SILENT_SECONDS = 2.0


def cumulative_lost(report: bytes) -> int | None:
    """Of an RTCP SR or RR: how many packets its sender never got (RFC 3550 section 6.4.1); None without a block."""
    start = {200: 28, 201: 8}.get(report[1], 0)  # where the first report block begins
    if not start or not report[0] & 0x1F or len(report) < start + 24:
        return None
    return int.from_bytes(report[start + 5 : start + 8], "big", signed=True)


@dataclass(slots=True)
class Stream:
    """One leg. ``lost_there``: what the far end says that it never got; the first such word is the starting point."""

    source: bytes
    address: tuple[str, int]
    highest: int
    first: int
    heard_at: float
    received: int = 0
    told: int | None = None
    told_before: int | None = None
    sequence: int = field(default_factory=lambda: secrets.randbelow(30000))
    stamp: int = 0

    def heard(self, number: int, now: float) -> None:
        ahead = (number - self.highest) & 0xFFFF  # numbers are 16 bits long and wrap (RFC 3550 A.1)
        if ahead < 0x8000:
            self.highest += ahead
        self.received += 1
        self.heard_at = now

    def begin(self) -> None:
        self.first, self.received, self.told_before = self.highest + 1, 0, self.told

    @property
    def expected(self) -> int:
        return self.highest - self.first + 1

    @property
    def lost_there(self) -> int:
        return (self.told or 0) - (self.told_before or 0)


class Ear:
    """One RTP port and its legs."""

    def __init__(self) -> None:
        self.rtp, self.rtcp = port_pair(RECEIVE_BUFFER)
        self.streams: dict[bytes, Stream] = {}
        self._packet = bytearray(2048)

    @property
    def port(self) -> int:
        port: int = self.rtp.getsockname()[1]
        return port

    def listen(self, now: float) -> None:
        """Every packet that has come."""
        packet, streams = self._packet, self.streams
        while True:
            try:
                size, address = self.rtp.recvfrom_into(packet)
            except BlockingIOError:
                break
            if size < 12:
                continue
            source, number = bytes(packet[8:12]), packet[2] << 8 | packet[3]
            stream = streams.get(source)
            if stream is None:
                streams[source] = stream = Stream(secrets.token_bytes(4), address, number, number, now)
            stream.heard(number, now)

    def read_reports(self) -> None:
        while True:
            try:
                report = self.rtcp.recv(2048)
            except BlockingIOError:
                return
            stream = self.streams.get(report[4:8])
            lost = cumulative_lost(report)
            if stream is not None and lost is not None:
                stream.told = lost

    def speak(self, streams: list[Stream]) -> None:
        for stream in streams:
            head = struct.pack("!BBHI", 0x80, PCMA, stream.sequence, stream.stamp)
            # What cannot be sent now is missing at its far end, and told.
            with suppress(BlockingIOError, ConnectionRefusedError):
                self.rtp.sendto(head + stream.source + TONE, stream.address)
            stream.sequence = stream.sequence + 1 & 0xFFFF
            stream.stamp = stream.stamp + FRAME & 0xFFFFFFFF

    def status(self, now: float, since: float) -> dict[str, Any]:
        """Of the legs that are still heard. ``late``: packets fewer than fifty a second make, lost or not sent."""
        living = [s for s in self.streams.values() if now - s.heard_at < SILENT_SECONDS]
        due = round((now - since) / FRAME_SECONDS)
        return {
            "legs": len(living),
            "expected": sum(s.expected for s in living),
            "lost": sum(s.expected - s.received for s in living),
            "worst": max((100 * (s.expected - s.received) / max(1, s.expected) for s in living), default=0.0),
            "reports": sum(s.told is not None for s in living),
            "lost_there": sum(s.lost_there for s in living),
            "late": sum(max(0, due - s.received - 1) for s in living),
        }


def port_pair(buffer: int) -> tuple[socket.socket, socket.socket]:
    """An even RTP port and the RTCP port behind it."""
    while True:
        port = 40000 + 2 * secrets.randbelow(12000)
        pair = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            for offset, sock in enumerate(pair):
                sock.setsockopt(socket.SOL_SOCKET, _receive_buffer_option(), buffer)
                sock.setblocking(False)
                sock.bind((HOST, port + offset))
        except OSError:
            for sock in pair:
                sock.close()
        else:
            return pair


def _receive_buffer_option() -> int:
    """As root beyond the system's limit, so that a late turn of ours is not counted as a loss of theirs."""
    return 33 if os.geteuid() == 0 else socket.SO_RCVBUF  # SO_RCVBUFFORCE of asm-generic/socket.h


def grind(ears: list[Ear]) -> None:
    """Until the standard input ends."""
    began = due = time.monotonic()
    turn = 0
    turns: list[list[list[Stream]]] = [[[] for _ in ears] for _ in range(TURNS)]
    while True:
        now = time.monotonic()
        for ear in ears:
            ear.listen(now)
        if turn == 0:
            turns = _turns(ears, now)
            for ear in ears:
                ear.read_reports()
        for ear, streams in zip(ears, turns[turn], strict=True):
            ear.speak(streams)
        turn = (turn + 1) % TURNS
        due += FRAME_SECONDS / TURNS
        if not select.select([0], [], [], max(0.0, due - time.monotonic()))[0]:
            continue
        match os.read(0, 64).strip():
            case b"":
                return
            case b"reset":
                began = time.monotonic()
                for stream in (s for ear in ears for s in ear.streams.values()):
                    stream.begin()
        print(json.dumps([ear.status(time.monotonic(), began) for ear in ears]), flush=True)


def _turns(ears: list[Ear], now: float) -> list[list[list[Stream]]]:
    """Who is spoken to in which turn, by ear."""
    living = [[s for s in ear.streams.values() if now - s.heard_at < SILENT_SECONDS] for ear in ears]
    return [[streams[turn::TURNS] for streams in living] for turn in range(TURNS)]


if __name__ == "__main__":
    listening = [Ear() for _ in range(int(sys.argv[1]))]
    print(json.dumps([ear.port for ear in listening]), flush=True)
    grind(listening)
