"""A telephone made of plain UDP sockets: enough SIP and RTP to call a slot, to be called by one, and to listen.

``Phone`` has one SIP socket for any number of dialogs; each ``Dialog`` has an RTP socket, speaks a tone of its
own all the time, and keeps the last second of what it hears.
"""

from __future__ import annotations

import asyncio
import audioop
import itertools
import math
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.ports import ROWS, any_of

RATE = 8000
FRAME = 160
SILENCE = b"\xd5" * FRAME  # of A-law
HOST = "127.0.0.1"


async def until(condition: Callable[[], object], deadline: float = 5.0, what: str = "") -> None:
    """Waits for a condition, looking every 10 ms; fails with TimeoutError naming ``what``."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"never happened within {deadline} s: {what or condition}")
        await asyncio.sleep(0.01)


@dataclass
class Message:
    start: str
    headers: list[tuple[str, str]]
    body: str

    def get(self, name: str) -> str:
        return next((v for k, v in self.headers if k == name), "")

    @property
    def code(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return self.get("cseq").split()[-1]


def parse(data: bytes) -> Message:
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    pairs = [line.partition(":") for line in lines]
    return Message(start, [(k.strip().lower(), v.strip()) for k, _, v in pairs], body)


def goertzel(samples: bytes, hertz: float) -> float:
    """The amplitude of one frequency in 16-bit samples, 0..32767."""
    values = struct.unpack(f"<{len(samples) // 2}h", samples)
    if not values:
        return 0.0
    k = 2 * math.cos(2 * math.pi * hertz / RATE)
    a = b = 0.0
    for value in values:
        a, b = value + k * a - b, a
    return 2 * math.sqrt(max(0.0, a * a + b * b - k * a * b)) / len(values)


def tone(hertz: float, seconds: float, amplitude: int = 8000) -> bytes:
    count = int(RATE * seconds)
    return struct.pack(f"<{count}h", *(int(amplitude * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(count)))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, on_datagram: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._on_datagram = on_datagram

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._on_datagram(data, addr)


@dataclass
class Dialog:
    """One call seen from the phone. ``muted``: no packets; ``hushed``: packets of silence; not ``still_there``: it has
    forgotten the call."""

    phone: Phone
    call_id: str
    local: str
    remote: str
    target: tuple[str, int]
    hertz: float
    uri: str = ""
    outgoing: bool = True
    codes: list[int] = field(default_factory=list)
    ended: bool = False
    confirmed: bool = False
    invite: Message | None = None
    heard: deque[bytes] = field(default_factory=lambda: deque(maxlen=25))
    frames: int = 0
    branch: str = ""
    cseq: int = 1
    muted: bool = False
    hushed: bool = False
    still_there: bool = True
    rtp: asyncio.DatagramTransport | None = None
    rtp_target: tuple[str, int] | None = None
    speaking: asyncio.Task[None] | None = None
    _queue: deque[bytes] = field(default_factory=deque)
    _sequence: int = 0
    _stamp: int = 0

    async def open_rtp(self) -> int:
        loop = asyncio.get_running_loop()
        ours = (self.phone.sound_host, 0)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._on_rtp), local_addr=ours)
        self.rtp = transport
        self.speaking = loop.create_task(self._speak())
        return int(transport.get_extra_info("sockname")[1])

    def sdp(self) -> str:
        assert self.rtp is not None
        host, port = self.rtp.get_extra_info("sockname")
        return (
            f"v=0\r\no=- 1 {self.cseq} IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
        )

    def learn_rtp(self, sdp: str) -> None:
        for line in sdp.split("\r\n"):
            if line.startswith("m=audio "):
                self.rtp_target = (HOST, int(line.split()[1]))

    def hears(self, hertz: float) -> bool:
        """Whether this tone is in the last 0.5 s and nowhere near silence."""
        return len(self.heard) == 25 and goertzel(b"".join(self.heard), hertz) > 1500

    def press(self, digits: str, pause: int = 3) -> None:
        """RFC 4733: each digit for 100 ms, then ``pause`` packets of 20 ms of tone again."""
        for digit in digits:
            event = "0123456789*#ABCD".index(digit)
            stamp = self._stamp
            for n in range(8):
                end = 0x80 if n >= 5 else 0
                payload = struct.pack("!BBH", event, end | 10, min(n + 1, 6) * FRAME)
                self._queue.append(struct.pack("!BBHI", 0x80, 101 | (0x80 if n == 0 else 0), 0, stamp) + payload)
            self._queue.extend([b""] * pause)

    def bye(self) -> None:
        self.cseq += 1
        self.phone.request(self, "BYE")
        self.ended = True

    def cancel(self) -> None:
        self.phone.request(self, "CANCEL", branch=self.branch, cseq=1)

    async def reinvite(self) -> None:
        """Moves the media to a new port: the far end rebuilds its audio."""
        await self.close_rtp()
        self.heard.clear()
        await self.open_rtp()
        self.cseq += 1
        self.phone.request(self, "INVITE", self.sdp())

    def hold(self, direction: str) -> None:
        """``sendonly`` or ``inactive`` holds, ``sendrecv`` takes the call back (RFC 3264 section 8.4)."""
        self.cseq += 1
        self.phone.request(self, "INVITE", self.sdp().replace("a=sendrecv", f"a={direction}"))

    async def close_rtp(self) -> None:
        if self.speaking is not None:
            self.speaking.cancel()
        if self.rtp is not None:
            self.rtp.close()

    def _on_rtp(self, data: bytes, addr: tuple[str, int]) -> None:
        if data[1] & 0x7F == 8:
            self.frames += 1
            self.heard.append(audioop.alaw2lin(data[12:], 2))

    async def _speak(self) -> None:
        sound = itertools.cycle([*self._frames_of(tone(self.hertz, 1.0))])
        at = time.monotonic()
        while True:
            if self.rtp_target and self.rtp and not self.muted:
                frame = SILENCE if self.hushed else next(sound)
                packet = self._queue.popleft() if self._queue else b""
                self._sequence = (self._sequence + 1) & 0xFFFF
                if packet:
                    packet = packet[:2] + struct.pack("!H", self._sequence) + packet[4:8] + b"tone" + packet[8:]
                else:
                    packet = struct.pack("!BBHI4s", 0x80, 8, self._sequence, self._stamp, b"tone") + frame
                self.rtp.sendto(packet, self.rtp_target)
                self._stamp = (self._stamp + FRAME) & 0xFFFFFFFF
            at += 0.02
            await asyncio.sleep(max(0.0, at - time.monotonic()))

    @staticmethod
    def _frames_of(samples: bytes) -> list[bytes]:
        return [audioop.lin2alaw(samples[n : n + 320], 2) for n in range(0, len(samples), 320)]


class Phone:
    """``on_invite(dialog)`` decides about calls that come in; the default leaves them unanswered.

    ``sound_host``: whence its sound comes; HOST as by a media relay beside the call processes.
    """

    def __init__(self) -> None:
        self.sound_host = HOST
        self.dialogs: dict[str, Dialog] = {}
        self.received: list[Message] = []
        self.on_invite: Callable[[Dialog], None] = lambda dialog: None
        self.hertz = 700.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Phone:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._on_sip), local_addr=(HOST, 0))
        self.port = int(self._sip.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *exc: object) -> None:
        for dialog in self.dialogs.values():
            if not dialog.ended and dialog.confirmed:
                dialog.bye()
            await dialog.close_rtp()
        self._sip.close()

    @property
    def uri(self) -> str:
        return f"sip:phone@{HOST}:{self.port}"

    async def call(self, port: int, *, hertz: float = 440.0, extra: str = "") -> Dialog:
        """Sends an INVITE to a slot and returns at once."""
        call_id = f"{secrets.token_hex(6)}@test"
        local = f'"Ann Example" <sip:+441632960001@{HOST}>;tag={secrets.token_hex(4)}'
        dialog = Dialog(self, call_id, local, f"<sip:101@{HOST}>", (HOST, port), hertz)
        dialog.uri = f"sip:101@{HOST}:{port}"
        self.dialogs[call_id] = dialog
        await dialog.open_rtp()
        self.request(dialog, "INVITE", dialog.sdp(), extra=extra)
        return dialog

    def request(
        self, dialog: Dialog, method: str, body: str = "", *, branch: str = "", cseq: int = 0, extra: str = ""
    ) -> None:
        branch = branch or "z9hG4bK" + secrets.token_hex(6)
        if method == "INVITE":
            dialog.branch = branch
        content = "Content-Type: application/sdp\r\n" if body else ""
        self._sip.sendto(
            (
                f"{method} {dialog.uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {HOST}:{self.port};branch={branch};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: {dialog.local}\r\nTo: {dialog.remote}\r\n"
                f"Call-ID: {dialog.call_id}\r\nCSeq: {cseq or dialog.cseq} {method}\r\n"
                f"Contact: <{self.uri}>\r\n{extra}{content}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode("utf-8", "surrogateescape"),
            dialog.target,
        )

    def respond(self, dialog: Dialog, code: int, request: Message | None = None, body: str = "") -> None:
        request = request or dialog.invite
        assert request is not None
        copied = [(k, v) for k, v in request.headers if k in ("via", "from", "call-id", "cseq", "record-route")]
        to = request.get("to") if "tag=" in request.get("to") else dialog.local
        lines = [f"SIP/2.0 {code} Test", *(f"{k}: {v}" for k, v in copied), f"to: {to}"]
        lines.append(f"contact: <{self.uri}>")
        if body:
            lines.append("content-type: application/sdp")
        lines += [f"content-length: {len(body)}", "", body]
        self._sip.sendto("\r\n".join(lines).encode(), dialog.target)

    def answer(self, dialog: Dialog) -> None:
        """180 and 200 to a call that came in."""

        async def accept() -> None:
            await dialog.open_rtp()
            self.respond(dialog, 200, body=dialog.sdp())

        self.respond(dialog, 180)
        task = asyncio.get_running_loop().create_task(accept())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def requests(self, method: str) -> list[Message]:
        return [m for m in self.received if m.start.startswith(method + " ")]

    def _on_sip(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data.strip():
            return
        message = parse(data)
        self.received.append(message)
        dialog = self.dialogs.get(message.get("call-id"))
        if message.code and dialog is not None:
            self._on_response(dialog, message)
        elif message.start.startswith("INVITE ") and dialog is None:
            self._on_new_call(message, addr)
        elif dialog is not None:
            self._on_request(dialog, message)

    def _on_response(self, dialog: Dialog, message: Message) -> None:
        if message.method != "INVITE":
            return
        dialog.codes.append(message.code)
        if message.code < 200:
            return
        dialog.remote = message.get("to")
        if message.code < 300:
            dialog.learn_rtp(message.body)
            dialog.confirmed = True
            self.request(dialog, "ACK", cseq=dialog.cseq)
        else:
            dialog.ended = True
            self.request(dialog, "ACK", branch=dialog.branch, cseq=1)

    def _on_new_call(self, message: Message, addr: tuple[str, int]) -> None:
        dialog = Dialog(
            self,
            message.get("call-id"),
            f"{message.get('to')};tag={secrets.token_hex(4)}",
            message.get("from"),
            addr,
            self.hertz,
            uri=message.get("contact").split("<")[1].split(">")[0],
            outgoing=False,
            invite=message,
        )
        dialog.learn_rtp(message.body)
        self.dialogs[dialog.call_id] = dialog
        self.on_invite(dialog)

    def _on_request(self, dialog: Dialog, message: Message) -> None:
        if message.method == "ACK":
            dialog.confirmed = True
        elif message.method == "BYE":
            dialog.ended = True
            self.respond(dialog, 200, message)
        elif message.method in ("OPTIONS", "INVITE") and not dialog.still_there:
            self.respond(dialog, 481, message)
        elif message.method == "OPTIONS":
            self.respond(dialog, 200, message)
        elif message.method == "INVITE":
            self.respond(dialog, 200, message, dialog.sdp())
        elif message.method == "CANCEL":
            self.respond(dialog, 200, message)
            self.respond(dialog, 487)
            dialog.ended = True


def free_port_range(count: int, step: int = 1) -> int:
    """The first of ``count * step`` UDP ports that are all free now, even-numbered."""
    for _ in range(200):
        base = any_of(ROWS, count * step)
        try:
            sockets = []
            for port in range(base, base + count * step):
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sockets[-1].bind((HOST, port))
        except OSError:
            continue
        else:
            return base
        finally:
            for one in sockets:
                one.close()
    raise RuntimeError("no free ports")
