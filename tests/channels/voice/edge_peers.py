"""Raw SIP peers on loopback, and a Kamailio between them: who calls, who answers and what is on the wire."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from channels.voice.edge import EdgeControl, phone_password
from channels.voice.edge_files import Limits
from config.edge import Edge
from config.settings import Routing, Settings
from config.voice import Voice
from gateway.sandbox.kamailio import Kamailio
from tests.support.ports import SINGLE, any_of

HOST = "127.0.0.1"
DOMAIN = "gateway.example"
NEVER_DIAL = ("999", "112", "911", "18000")
SHORT_CODES = ("111", "116123")
SECRET = 'a "secret" with $signs!'

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def free_ports(count: int = 1) -> int:
    """The first of ``count`` neighbouring ports that are free for UDP and TCP now."""
    for _ in range(100):
        first = any_of(SINGLE, count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    try:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as sock:
                sock.bind((HOST, port))
    except OSError:
        return False
    return True


async def until(condition: Callable[[], Awaitable[bool]], within: float = 3.0) -> None:
    """Wait for a condition that can only be asked for; TimeoutError when it does not come true."""
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP message as it came from the wire; ``at`` is time.monotonic()."""

    raw: bytes
    at: float

    @property
    def text(self) -> str:
        return self.raw.decode(errors="replace")

    @property
    def first_line(self) -> str:
        return self.text.split("\r\n", 1)[0]

    @property
    def body(self) -> str:
        return self.text.partition("\r\n\r\n")[2]

    @property
    def what(self) -> str:
        """The method of a request, the status of a reply: 'INVITE', '200'."""
        words = self.first_line.split(" ")
        return words[1] if words[0] == "SIP/2.0" else words[0]

    def all(self, name: str) -> list[str]:
        head = self.text.partition("\r\n\r\n")[0]
        return re.findall(rf"^{re.escape(name)}[ \t]*:[ \t]*([^\r\n]*)", head, re.MULTILINE | re.IGNORECASE)

    def header(self, name: str) -> str:
        return (self.all(name) or [""])[0].strip()

    @property
    def contact_uri(self) -> str:
        match = re.search(r"<([^>]+)>", self.header("Contact"))
        return match[1] if match else self.header("Contact")


class Peer(asyncio.DatagramProtocol):
    """One UDP port that speaks SIP by hand."""

    over = "UDP"

    def __init__(self, edge_port: int) -> None:
        self.edge = (HOST, edge_port)
        self.received: list[Message] = []
        self._taken = 0
        self._news = asyncio.Event()
        self._cseq = itertools.count(1)
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, edge_port: int, port: int = 0) -> Self:
        loop = asyncio.get_running_loop()
        _, peer = await loop.create_datagram_endpoint(lambda: cls(edge_port), local_addr=(HOST, port))
        return peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.append(Message(data, time.monotonic()))
        self._news.set()

    def close(self) -> None:
        self._transport.close()

    @property
    def uri(self) -> str:
        return f"sip:peer@{HOST}:{self.port}" + ("" if self.over == "UDP" else f";transport={self.over.lower()}")

    async def get(self, *what: str, within: float = 3.0) -> Message:
        """The next message that is one of ``what``; others are passed over. TimeoutError when none comes."""
        try:
            async with asyncio.timeout(within):
                while True:
                    while self._taken < len(self.received):
                        self._taken += 1
                        if self.received[self._taken - 1].what in what:
                            return self.received[self._taken - 1]
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            seen = [message.first_line for message in self.received]
            raise TimeoutError(f"no {what} at port {self.port}; it got {seen}") from None

    def has(self, what: str) -> bool:
        return any(message.what == what for message in self.received)

    def send(self, message: str | bytes) -> None:
        self._transport.sendto(message.encode() if isinstance(message, str) else message, self.edge)

    def request(
        self,
        method: str,
        uri: str,
        *,
        to: str = "",
        sender: str = "",
        call_id: str = "",
        from_tag: str = "f",
        headers: tuple[str, ...] = (),
        body: str = "",
        content_type: str = "application/sdp",
        cseq: int = 0,
        branch: str = "",
    ) -> str:
        """Send a request to the edge; its Call-ID is returned."""
        call_id = call_id or secrets.token_hex(8)
        typed = (f"Content-Type: {content_type}",) if body else ()
        lines = (
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.over} {HOST}:{self.port};rport;branch=z9hG4bK{branch or secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: <{sender or f'sip:{self.port}@{HOST}'}>;tag={from_tag}",
            f"To: {to or f'<{uri}>'}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq or next(self._cseq)} {method}",
            f"Contact: <{self.uri}>",
            *headers,
            *typed,
            f"Content-Length: {len(body.encode())}",
        )
        self.send("\r\n".join(lines) + "\r\n\r\n" + body)
        return call_id

    def reply(
        self,
        request: Message,
        code: int,
        *,
        body: str = "",
        contact: str = "",
        content_type: str = "application/sdp",
        tag: str = "t",
    ) -> None:
        """Answer a request by the edge; the peer's own tag is put into To."""
        to = request.header("To")
        lines = (
            f"SIP/2.0 {code} Answer",
            *(f"Via: {via}" for via in request.all("Via")),
            *(f"Record-Route: {route}" for route in request.all("Record-Route")),
            f"From: {request.header('From')}",
            f"To: {to if ';tag=' in to else f'{to};tag={tag}'}",
            f"Call-ID: {request.header('Call-ID')}",
            f"CSeq: {request.header('CSeq')}",
            contact or f"Contact: <{self.uri}>",
            *((f"Content-Type: {content_type}",) if body else ()),
            f"Content-Length: {len(body.encode())}",
        )
        self.send("\r\n".join(lines) + "\r\n\r\n" + body)

    def in_dialog(
        self, method: str, answer: Message, *, body: str = "", content_type: str = "", number: int = 0
    ) -> None:
        """As the caller, a further request in the dialog that ``answer`` (a 2xx) made; ``number`` counts them."""
        cseq = int(answer.header("CSeq").split()[0])
        self.request(
            method,
            answer.contact_uri,
            to=answer.header("To"),
            sender=re.findall(r"<([^>]+)>", answer.header("From"))[0],
            from_tag=answer.header("From").rpartition("tag=")[2],
            call_id=answer.header("Call-ID"),
            headers=tuple(f"Route: {route}" for route in reversed(answer.all("Record-Route"))),
            body=body,
            content_type=content_type or "application/sdp",
            cseq=cseq if method == "ACK" else cseq + 10 + number,
        )

    def in_called_dialog(
        self,
        method: str,
        invite: Message,
        *headers: str,
        sender: str,
        call_id: str = "",
        tag: str = "t",
        body: str = "",
    ) -> None:
        """As the one who was called by ``invite``, a further request; another ``call_id`` or ``tag`` is no dialog's."""
        self.request(
            method,
            invite.contact_uri,
            to=invite.header("From"),
            sender=sender,
            from_tag=tag,
            call_id=call_id or invite.header("Call-ID"),
            headers=(*(f"Route: {route}" for route in invite.all("Record-Route")), *headers),
            body=body,
        )

    async def call(self, uri: str, sender: str, password: str, *, body: str) -> None:
        """INVITE with digest, as the phone ``sender``; what comes then is not waited for."""
        call_id = self.request("INVITE", uri, sender=sender, body=body, cseq=1)
        challenge = await self.get("407")
        user = sender.partition(":")[2].partition("@")[0]
        digest = digest_of(challenge.header("Proxy-Authenticate"), "INVITE", uri, user, password)
        headers = (f"Proxy-Authorization: {digest}",)
        self.request("INVITE", uri, sender=sender, body=body, call_id=call_id, cseq=2, headers=headers)

    async def register(self, extension: str, password: str, *, user: str = "", cseq: int = 1) -> str:
        """REGISTER with digest (RFC 3261 section 22); the final status."""
        uri, call_id, to = f"sip:{DOMAIN}", secrets.token_hex(8), f"<sip:{extension}@{DOMAIN}>"
        sender = f"sip:{extension}@{DOMAIN}"
        self.request("REGISTER", uri, to=to, sender=sender, call_id=call_id, cseq=cseq)
        challenge = await self.get("200", "401", "403")
        if challenge.what != "401":
            return challenge.what
        digest = "Authorization: " + digest_of(
            challenge.header("WWW-Authenticate"), "REGISTER", uri, user or extension, password
        )
        self.request(
            "REGISTER", uri, to=to, sender=sender, call_id=call_id, cseq=cseq + 1, headers=(digest, "Expires: 60")
        )
        return (await self.get("200", "401", "403")).what


def digest_of(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """The answer to a challenge (RFC 2617, MD5 without qop)."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    account = md5(f"{user}:{asked['realm']}:{password}")
    response = md5(f"{account}:{asked['nonce']}:{md5(f'{method}:{uri}')}")
    return (
        f'Digest username="{user}", realm="{asked["realm"]}", '
        f'nonce="{asked["nonce"]}", uri="{uri}", response="{response}"'
    )


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Scene:
    """A running edge and everybody around it; all ports are picked at run time."""

    settings: Settings
    kamailio: Kamailio
    control: EdgeControl
    trunk: Peer
    overflow: Peer
    slots: tuple[Peer, ...]
    stack: AsyncExitStack

    async def peer(self) -> Peer:
        peer = await Peer.open(self.settings.edge.port)
        self.stack.callback(peer.close)
        return peer

    def password(self, extension: str) -> str:
        return phone_password(SECRET, extension)

    async def open_slots(self, *indexes: int) -> None:
        for index in indexes:
            await self.control.set_slot(self.slots[index].port, open=True)

    async def answers(self) -> bool:
        """Does the edge still work? Asked by SIP, as a monitor would."""
        peer = await self.peer()
        peer.request("OPTIONS", f"sip:{DOMAIN}")
        return (await peer.get("200")).what == "200"


@asynccontextmanager
async def scene(
    run_dir: Path,
    *,
    slots: int = 3,
    trunk_sources: tuple[str, ...] = (HOST,),
    limits: Limits | None = None,
    never_dial: tuple[str, ...] = NEVER_DIAL,
    more: dict[str, Any] | None = None,
) -> AsyncIterator[Scene]:
    """Kamailio with a trunk, an overflow target and ``slots`` raw peers in the call processes' place.

    ``more`` are keys of the section ``edge``.
    """
    edge_port, slot_base = free_ports(), free_ports(slots)
    async with AsyncExitStack() as stack:
        trunk, overflow = await Peer.open(edge_port), await Peer.open(edge_port)
        peers = [await Peer.open(edge_port, slot_base + index) for index in range(slots)]
        for peer in (trunk, overflow, *peers):
            stack.callback(peer.close)
        settings = edge_settings(
            run_dir,
            edge_port=edge_port,
            slot_base=slot_base,
            slots=slots,
            trunk_port=trunk.port,
            overflow_port=overflow.port,
            trunk_sources=trunk_sources,
            never_dial=never_dial,
            more=more,
        )
        kamailio = Kamailio(settings, run_dir, limits)
        await stack.enter_async_context(kamailio)
        control = EdgeControl(settings.edge, HOST)
        yield Scene(settings, kamailio, control, trunk, overflow, tuple(peers), stack)


def edge_settings(
    run_dir: Path,
    *,
    edge_port: int,
    slot_base: int,
    slots: int,
    trunk_port: int,
    overflow_port: int,
    trunk_sources: tuple[str, ...] = (HOST,),
    never_dial: tuple[str, ...] = NEVER_DIAL,
    more: dict[str, Any] | None = None,
) -> Settings:
    """Settings with all that the edge reads, and no more; ``more`` are keys of its section."""
    trunk = {"name": "carrier", "host": HOST, "port": trunk_port, "sources": trunk_sources}
    edge = Edge.model_validate(
        {
            "address": HOST,
            "port": edge_port,
            "domain": DOMAIN,
            "rpc_socket": run_dir / "rpc.sock",
            "trunks": [trunk],
            "trunk_check_seconds": 300,
            "tls_port": 5061,
            "tls_certificate": "",
            "tls_key": "",
            "tls_ca": "",
            "relay_control_port": 2223,
            "relay_port_base": 40000,
            "relay_ports": 100,
            "overflow_uri": f"sip:overflow@{HOST}:{overflow_port}",
            "phone_secret": SECRET,
            **(more or {}),
        }
    )
    part_of: Any = Voice.model_construct
    part_of_routing: Any = Routing.model_construct
    voice = part_of(slots=slots, address=HOST, sip_port_base=slot_base)
    routing = part_of_routing(never_dial=never_dial, short_codes=SHORT_CODES)
    whole: Any = Settings.model_construct
    return cast(Settings, whole(edge=edge, voice=voice, routing=routing))
