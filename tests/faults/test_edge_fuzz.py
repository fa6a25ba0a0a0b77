"""A bounded fuzz run: mutated requests, answers and SDP through the real edge to real call processes.

Callers speak over UDP, TCP and TLS. It starts from every message that was ever seen to abort a call process and
mutates it. The seed is printed and can be given again by ``FUZZ_SEED``; ``FUZZ_SECONDS`` makes the run longer, for
example for a new media stack.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import secrets
import signal
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from channels.voice.call import Call, VoiceError
from channels.voice.edge import phone_password
from channels.voice.edge_files import Limits
from channels.voice.messages import Answer, Dial, End, TellTransfer, TransferAsked
from tests.channels.voice.edge_peers import DOMAIN, SDP, SECRET, Message, Peer
from tests.channels.voice.edge_site import AnsweringSite, answering_site
from tests.channels.voice.edge_streams import StreamPeer, client_tls, with_tls
from tests.channels.voice.test_edge_transfers import KEYED, NOT_KEYED
from tests.faults.test_edge_killers import DIGITS, HIDDEN, LONG_HOSTS, NO_SESSION_ADDRESS, SWALLOWING, TORTURE
from tests.support.wire import Wire

NUMBER = f"sip:+441234567890@{DOMAIN}"
EXTENSION = "101"
PHONE = f"sip:{EXTENSION}@{DOMAIN}"
# Every run of the tests plays the same; hunting is done with others: FUZZ_SEED=$RANDOM FUZZ_SECONDS=600.
KNOWN_SEED = "1"
SECONDS = float(os.environ.get("FUZZ_SECONDS", "20"))
CALLERS = ("UDP", "UDP", "TCP", "TCP", "TLS", "TLS")
IN_DIALOG = ("INFO", "UPDATE", "INVITE", "ACK", "PRACK", "BYE", "CANCEL", "REFER", "OPTIONS", "MESSAGE", "NOTIFY")
ANSWERS = (180, 183, 200, 202, 302, 401, 486, 488, 491, 500, 603)

_OFFERS = (*LONG_HOSTS.values(), *NO_SESSION_ADDRESS.values(), *SWALLOWING.values())
SDPS = (
    *(SDP, SDP, SDP, ""),
    *_OFFERS,
    SDP.replace("40000", "0"),
    SDP.replace("audio", "video"),
    SDP.replace("RTP/AVP 8", "RTP/AVP 3"),
    SDP.replace("RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short\r\n",
    SDP + "a=rtpmap:97 iLBC/8000\r\na=fmtp:97 mode=99\r\n",
    SDP + "a=ptime:0\r\na=sendonly\r\n",
    SDP + "m=audio 40002 RTP/AVP 8\r\n" * 20,
    SDP + "a=x:y\r\n" * 150,
)
BODIES = (
    *((body, "application/sdp") for body in SDPS),
    *((body, "application/dtmf-relay") for body in DIGITS.values()),
    *((hidden.format(sdp=sdp), "multipart/mixed;boundary=b") for hidden in HIDDEN.values() for sdp in _OFFERS[:3]),
    ("5", "application/dtmf"),
    ("<media_control/>", "application/media_control+xml"),
)
ODD = (
    "\0",
    "\r",
    "\n",
    "%s%n",
    "a" * 300,
    "é😀",
    "<",
    '"',
    ";lr",
    ",",
    "[::1]",
    "-1",
    "4294967296",
    "9" * 40,
    "*",
    "\\",
)
HEADERS = (
    *("Require: 100rel", "Supported: timer, 100rel, replaces", "Session-Expires: 1;refresher=uas", "Min-SE: 9999999"),
    *("Replaces: a;to-tag=b;from-tag=c", "RAck: 1 1 INVITE", "Refer-To: <sip:x@y>", "RSeq: 0", "Event: presence"),
    *("Privacy: id", "Authorization: Digest username=", "Accept: *", "Content-Encoding: gzip", "Expires: 0"),
)
REFERS = (
    *(f"Refer-To: {sent}" for sent, _ in KEYED.values()),
    *(f"Refer-To: {sent}" for sent in NOT_KEYED.values()),
    *(f"r: <sip:102@{DOMAIN}>", "X: no Refer-To", f"Refer-To: <sip:102@{DOMAIN}>\r\n" * 30 + "X: y"),
    *(f"Refer-To: <sip:102@{DOMAIN}?Replaces={odd}>" for odd in ("%3B%3B%3D", "%00", "*" * 300, "a%40b%3Bto-tag", "%")),
    *(f"Refer-To: <sip:102@{DOMAIN}>\r\n{more}" for more in ("Refer-Sub: false", "Replaces: a", "Event: refer;id=x")),
)


@dataclass
class Fuzz:
    """Chance with a seed, and what was sent."""

    rng: random.Random
    sent: Counter[str] = field(default_factory=Counter)
    last: deque[tuple[str, bytes]] = field(default_factory=lambda: deque(maxlen=100))

    def mutated(self, text: str) -> bytes:
        """The message with a few things wrong in it, or none."""
        for _ in range(self.rng.choice((0, 0, 1, 1, 2, 5))):
            text = self.rng.choice((self._odd, self._line, self._number, self._cut))(text)
        data = bytearray(text.encode("utf-8", "surrogateescape"))
        if data and self.rng.random() < 0.2:
            for _ in range(self.rng.randint(1, 6)):
                data[self.rng.randrange(len(data))] = self.rng.randrange(256)
        return bytes(data[:60000])

    def _odd(self, text: str) -> str:
        at = self.rng.randint(0, len(text))
        return text[:at] + self.rng.choice(ODD) + text[at:]

    def _line(self, text: str) -> str:
        lines = text.split("\r\n")
        one, other = self.rng.randrange(len(lines)), self.rng.randrange(len(lines))
        change = self.rng.randrange(3)
        if change == 0:
            lines.insert(one, lines[other])
        elif change == 1:
            del lines[one]
        else:
            lines[one], lines[other] = lines[other], lines[one]
        return "\r\n".join(lines)

    def _number(self, text: str) -> str:
        digits = [at for at, character in enumerate(text) if character.isdigit()]
        at = self.rng.choice(digits) if digits else 0
        return text[:at] + self.rng.choice(("", "0", "-1", "99999999999999999999")) + text[at + 1 :]

    def _cut(self, text: str) -> str:
        at = self.rng.randint(0, len(text))
        return text[:at] + text[at + self.rng.randint(1, 40) :]


class Fuzzer(Peer):
    """A peer whose messages are mutated while ``wild`` is set."""

    fuzz: Fuzz
    wild = False
    gone = False

    def send(self, message: str | bytes) -> None:
        if self.wild and isinstance(message, str):
            self.fuzz.sent["mutated UDP"] += 1
            message = self.fuzz.mutated(message)
            self.fuzz.last.append((self.over, message))
        super().send(message)


class StreamFuzzer(StreamPeer, Fuzzer):
    """A connection whose messages are mutated; most keep the length they say, or all behind them would be lost."""

    @property
    def gone(self) -> bool:  # type: ignore[override]
        """The edge ends a connection that it cannot read."""
        return self._writer.is_closing()

    def send(self, message: str | bytes) -> None:
        if self.wild and isinstance(message, str):
            self.fuzz.sent[f"mutated {self.over}"] += 1
            message = self.fuzz.mutated(message)
            if self.fuzz.rng.random() < 0.95:
                message = of_its_true_length(message)
            self.fuzz.last.append((self.over, message))
        super().send(message)


def of_its_true_length(message: bytes) -> bytes:
    head, end, body = message.partition(b"\r\n\r\n")
    return re.sub(rb"(?mi)^Content-Length:[^\r\n]*", b"Content-Length: %d" % len(body), head) + end + body


class FuzzedSite(AnsweringSite):
    """Each call also rings a handler's phone; it ends within a second, whatever its peers say.

    ``transfers`` counts the wishes of the phone that reached us; each is tried for a moment and refused.
    """

    tls: dict[str, Any]
    transfers = 0

    async def fuzzer(self, over: str, fuzz: Fuzz) -> Fuzzer:
        """A new peer of the edge over UDP, TCP or TLS."""
        caller: Fuzzer
        if over == "UDP":
            caller = await Fuzzer.open(self.edge_port)
        elif over == "TCP":
            caller = await StreamFuzzer.connect(self.edge_port, self.edge_port)
        else:
            tls = client_tls(self.tls["tls_certificate"])
            caller = await StreamFuzzer.connect(self.edge_port, self.tls["tls_port"], tls)
        caller.fuzz = fuzz
        return caller

    async def on_call(self, call: Call) -> None:
        with suppress(VoiceError):
            await call.do(Answer())
            await call.do(Dial("handler", PHONE, 5))
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._refuse_transfers(call)
            await call.do(End())
        await call.finished()

    async def _refuse_transfers(self, call: Call) -> None:
        while True:
            event = await call.next()
            if isinstance(event, TransferAsked):
                self.transfers += 1
                await call.do(TellTransfer(event.leg, 100, "Trying", final=False))
                await call.do(TellTransfer(event.leg, 486, "Nobody answered"))


async def a_wild_call(caller: Fuzzer, fuzz: Fuzz) -> None:
    """One call, perhaps odd from its start, with twenty odd messages in its dialog."""
    rng = fuzz.rng
    body, kind = rng.choice(BODIES)
    caller.wild = rng.random() < 0.3
    call_id = secrets.token_hex(8)
    odd = tuple(rng.sample(HEADERS, rng.randint(0, 3))) if caller.wild else ()
    plain = (SDP, "application/sdp")
    offer, offered = (body, kind) if caller.wild else plain
    caller.request("INVITE", NUMBER, body=offer, content_type=offered, call_id=call_id, headers=odd)
    caller.wild = False
    answer = await answer_to(caller, call_id)
    if answer is None:
        return
    fuzz.sent["answered"] += 1
    caller.in_dialog("ACK", answer)
    caller.wild = True
    for _ in range(20):
        if caller.gone:
            return
        body, kind = rng.choice(BODIES)
        caller.in_dialog(rng.choice(IN_DIALOG), answer, body=body, content_type=kind)
        await asyncio.sleep(0.01)
    caller.wild = False
    caller.in_dialog("BYE", answer)


async def answer_to(caller: Peer, call_id: str) -> Message | None:
    with suppress(TimeoutError):
        while True:
            answer = await caller.get("200", "400", "403", "481", "486", "488", "500", "503", "513", within=0.7)
            if answer.header("Call-ID") == call_id and answer.header("CSeq").endswith("INVITE"):
                return answer if answer.what == "200" else None
    return None


async def answer_wildly(site: FuzzedSite, fuzz: Fuzz) -> None:
    """A handler's phone after the other; the newest is the one that rings."""
    while True:
        phone = await site.fuzzer("UDP", fuzz)
        assert await phone.register(EXTENSION, phone_password(SECRET, EXTENSION)) == "200"
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                await be_a_wild_phone(phone, fuzz)
        phone.close()


async def be_a_wild_phone(phone: Fuzzer, fuzz: Fuzz) -> None:
    """Whatever is asked is answered oddly, several times; some calls are answered well, and passed on oddly."""
    while True:
        asked = await phone.get("INVITE", "BYE", "CANCEL", "UPDATE", "NOTIFY", within=600)
        fuzz.sent[f"dialled {asked.what}"] += 1
        if asked.what == "INVITE" and fuzz.rng.random() < 0.5:
            phone.reply(asked, 200, body=SDP)
            await transfer_wildly(phone, asked, fuzz)
        for _ in range(fuzz.rng.randint(1, 5)):
            phone.wild = fuzz.rng.random() < 0.6
            body, kind = fuzz.rng.choice(BODIES)
            contact = fuzz.rng.choice(("", "", "Contact: <tel:+44123>", "Contact: *", "Contact: <sips:x@[::1]>"))
            phone.reply(asked, fuzz.rng.choice(ANSWERS), body=body, content_type=kind, contact=contact)
        phone.wild = False


async def transfer_wildly(phone: Fuzzer, invite: Message, fuzz: Fuzz) -> None:
    """REFER, within the call and beside it, some of them good."""
    for _ in range(5):
        await asyncio.sleep(0.01)
        phone.wild = fuzz.rng.random() < 0.5
        call_id, tag = fuzz.rng.choice((("", "t"), ("", "t"), ("", "t"), ("another", "t"), ("", "another")))
        body = fuzz.rng.choice(("", "", "rubbish", SDP))
        phone.in_called_dialog(
            "REFER", invite, fuzz.rng.choice(REFERS), sender=PHONE, call_id=call_id, tag=tag, body=body
        )
    phone.wild = False


async def for_some_time(over: str, site: FuzzedSite, fuzz: Fuzz, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not site.board.released:
        caller = await site.fuzzer(over, fuzz)
        if over == "UDP" or fuzz.rng.random() < 0.1:  # after most of these a connection is closed
            caller.send(fuzz.rng.choice(TORTURE))
        await a_wild_call(caller, fuzz)
        caller.close()


@asynccontextmanager
async def fuzzed_site(fuzz: Fuzz) -> AsyncIterator[tuple[FuzzedSite, Callable[[], object]]]:
    with tempfile.TemporaryDirectory(prefix="fuzz") as name:
        more = with_tls(Path(name))
        async with answering_site(Path(name), FuzzedSite, slots=10, limits=Limits(workers=2), more=more) as site:
            site.tls = more
            yield site, lambda: (Path(name) / "edge" / "kamailio.log").read_text(errors="replace")


def deaths(log: list[structlog.typing.EventDict]) -> list[str]:
    return [str(entry["last_words"]) for entry in log if entry["event"] == "call_process_died"]


@pytest.mark.timeout(SECONDS + 60)
async def test_what_passes_the_edge_mutated_makes_no_call_process_abort() -> None:
    seed = int(os.environ.get("FUZZ_SEED", KNOWN_SEED))
    print(f"FUZZ_SEED={seed}")
    fuzz = Fuzz(random.Random(seed))
    with structlog.testing.capture_logs() as log, Wire() as wire:
        async with fuzzed_site(fuzz) as (site, edge_log):
            answering = asyncio.create_task(answer_wildly(site, fuzz))
            try:
                async with asyncio.TaskGroup() as tasks:
                    for over in CALLERS:
                        tasks.create_task(for_some_time(over, site, fuzz, SECONDS))
            except* ConnectionError:
                print("THE EDGE IS GONE", str(edge_log())[-3000:], *fuzz.last, sep="\n")
                raise
            answering.cancel()
            print(dict(fuzz.sent))

            for call_id, *_ in site.board.released:
                print("A CALL PROCESS DIED. ITS MESSAGES:", *wire.of_call(call_id), sep="\n")
            print(deaths(log))
            assert not deaths(log)
            for over in ("UDP", "TCP", "TLS"):
                caller = await site.fuzzer(over, fuzz)
                await a_normal_call(caller)
                caller.close()
            assert "core was" not in str(edge_log())
    assert fuzz.sent["answered"] >= SECONDS / 2
    assert fuzz.sent["dialled INVITE"] >= SECONDS / 2
    assert site.transfers >= SECONDS / 4
    assert fuzz.sent["mutated UDP"] >= 20 * SECONDS
    assert min(fuzz.sent["mutated TCP"], fuzz.sent["mutated TLS"]) >= SECONDS


async def a_normal_call(caller: Fuzzer) -> None:
    async with asyncio.timeout(15):  # the processes of the last wild calls are still ending
        answer = None
        while answer is None:
            call_id = caller.request("INVITE", NUMBER, body=SDP)
            answer = await answer_to(caller, call_id)
    caller.in_dialog("ACK", answer)
    caller.in_dialog("BYE", answer)
    while not (await caller.get("200")).header("CSeq").endswith("BYE"):
        pass


async def test_a_call_process_that_aborts_would_be_seen() -> None:
    """What aborts one cannot be sent here: the edge stops it, and a call process answers nobody else."""
    with structlog.testing.capture_logs() as log:
        async with fuzzed_site(Fuzz(random.Random(1))) as (site, _):
            os.kill(min(site.pids()), signal.SIGABRT)
            async with asyncio.timeout(5):
                while not deaths(log):
                    await asyncio.sleep(0.02)
    assert len(deaths(log)) == 1
