"""Callers, handlers' phones and the control room on raw sockets, with the time at which each packet came."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import struct
import time
from dataclasses import dataclass
from typing import Self

from tests.bench.load.mill import FRAME, FRAME_SECONDS, PCMA, TONE, cumulative_lost, port_pair
from tests.bench.load.site import Site
from tests.channels.voice.edge_peers import HOST, Message, Peer

EVENTS = 101
SILENT = b"\xd5" * FRAME
RECEIVE_BUFFER = 1 << 20
PEOPLE = itertools.count(700_900_000)


def sdp(rtp_port: int) -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
        f"m=audio {rtp_port} RTP/AVP {PCMA} {EVENTS}\r\na=rtpmap:{EVENTS} telephone-event/8000\r\n"
    )


class Rtp(asyncio.DatagramProtocol):
    """One RTP socket with its RTCP neighbour. ``heard_at``: when the last packet came that was not silent.

    ``received`` counts packets, ``silent`` those of pure silence, ``longest_gap`` is in seconds. ``lost_there``: how
    many of our packets the far end says it never got (RFC 3550 section 6.4.1), None before its first report.
    """

    transport: asyncio.DatagramTransport
    control: asyncio.DatagramTransport
    port: int

    def __init__(self) -> None:
        self.heard_at = self.last_at = self.longest_gap = 0.0
        self.received = self.silent = 0
        self.lost_there: int | None = None
        self.counting = False
        self._first = self._highest = 0
        self._sequence, self._stamp = secrets.randbelow(30000), 0
        self._source = secrets.token_bytes(4)
        self.target: tuple[str, int] | None = None

    @classmethod
    async def open(cls) -> Self:
        loop = asyncio.get_running_loop()
        rtp, (sock, control) = cls(), port_pair(RECEIVE_BUFFER)
        rtp.transport, _ = await loop.create_datagram_endpoint(lambda: rtp, sock=sock)
        rtp.control, _ = await loop.create_datagram_endpoint(lambda: _Reports(rtp), sock=control)
        rtp.port = sock.getsockname()[1]
        return rtp

    def close(self) -> None:
        self.transport.close()
        self.control.close()

    def talk_to(self, answer: Message) -> None:
        """The far end of the call that ``answer`` (a 2xx) accepted."""
        line = next(line for line in answer.body.split("\r\n") if line.startswith("m=audio "))
        self.target = (HOST, int(line.split()[1]))

    def count_from_now(self) -> None:
        self.received = self.silent = 0
        self.longest_gap = self.last_at = 0.0
        self.counting = True

    @property
    def missing(self) -> int:
        """Of the numbers between the first and the highest that came, how many did not."""
        return self._highest - self._first + 1 - self.received if self.received else 0

    @property
    def expected(self) -> int:
        return self._highest - self._first + 1 if self.received else 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        now = time.monotonic()
        silent = data[12:] == SILENT
        if not silent:
            self.heard_at = now
        if self.counting:
            self._count(int.from_bytes(data[2:4], "big"), now, silent)

    def _count(self, number: int, now: float, silent: bool) -> None:
        if not self.received:
            self._first = self._highest = number
        # RFC 3550 A.1: numbers are 16 bits long and wrap.
        ahead = (number - self._highest) & 0xFFFF
        self._highest += ahead if ahead < 0x8000 else 0
        if self.last_at:
            self.longest_gap = max(self.longest_gap, now - self.last_at)
        self.received, self.silent, self.last_at = self.received + 1, self.silent + silent, now

    # --- speaking --------------------------------------------------------------------------------------

    def say(self, payload: bytes = TONE) -> None:
        """One frame."""
        self._send(PCMA, payload, self._stamp)
        self._stamp += FRAME

    async def press(self, digit: str) -> float:
        """RFC 4733, 100 ms and three end packets; the time of the first packet."""
        event, stamp = "0123456789*#".index(digit), self._stamp
        began = time.monotonic()
        for n in range(8):
            end = 0x80 if n >= 5 else 0
            kind = EVENTS | (0x80 if n == 0 else 0)
            self._send(kind, struct.pack("!BBH", event, end | 10, min(n + 1, 6) * FRAME), stamp)
            await asyncio.sleep(max(0.0, began + (n + 1) * FRAME_SECONDS - time.monotonic()))
        self._stamp += 8 * FRAME
        return began

    def _send(self, kind: int, payload: bytes, stamp: int) -> None:
        if self.target is None:
            return
        head = struct.pack("!BBHI", 0x80, kind, self._sequence, stamp & 0xFFFFFFFF)
        self.transport.sendto(head + self._source + payload, self.target)
        self._sequence = (self._sequence + 1) & 0xFFFF


class _Reports(asyncio.DatagramProtocol):
    """The far end's RTCP."""

    def __init__(self, rtp: Rtp) -> None:
        self._rtp = rtp

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        lost = cumulative_lost(data)
        if lost is not None:
            self._rtp.lost_there = lost


async def speak(speakers: list[Rtp]) -> None:
    """All of them say a tone without a pause, until cancelled."""
    due = time.monotonic()
    while True:
        for rtp in speakers:
            rtp.say()
        due += FRAME_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))


class SelfWillingPhone(Peer):
    """Rings and answers by itself, with its sound at ``rtp_port``; or only rings, when that is 0."""

    rtp_port = 0
    calls = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = Message(data, time.monotonic())
        match message.what:
            case "INVITE":
                self.calls += 1
                self.reply(message, 180)
                if self.rtp_port:
                    self.reply(message, 200, body=sdp(self.rtp_port))
            case "BYE" | "CANCEL":
                self.reply(message, 200)
                if message.what == "CANCEL":
                    self.reply(self._invite(message), 487)
        super().datagram_received(data, addr)

    def _invite(self, cancel: Message) -> Message:
        call_id = cancel.header("Call-ID")
        return next(m for m in reversed(self.received) if m.what == "INVITE" and m.header("Call-ID") == call_id)


@dataclass(slots=True)
class Dialled:
    """A call as its caller sees it; times are time.monotonic()."""

    peer: Peer
    call_id: str
    invited_at: float
    ringing_at: float = 0.0
    answered_at: float = 0.0
    answer: Message | None = None

    @classmethod
    async def start(cls, site: Site, peer: Peer, rtp_port: int, within: float = 10.0) -> Dialled:
        """Returns when the call is answered. Raises TimeoutError; other final answers count as none."""
        call = cls(peer, "", time.monotonic())
        call.call_id = peer.request(
            "INVITE",
            f"sip:101@{HOST}:{site.settings.edge.port}",
            sender=f"sip:+447{next(PEOPLE)}@trunk.example",
            body=sdp(rtp_port),
        )
        call.answer = await peer.get("200", within=within)
        call.answered_at = call.answer.at
        # The edge has several workers: the 180 can come behind the 200.
        call.ringing_at = next((m.at for m in peer.received if m.what == "180"), 0.0)
        peer.in_dialog("ACK", call.answer)
        return call

    async def hang_up(self) -> None:
        """A call that has ended by itself answers 481."""
        assert self.answer is not None
        self.peer.in_dialog("BYE", self.answer)
        while not (await self.peer.get("200", "481")).header("CSeq").endswith("BYE"):
            continue
